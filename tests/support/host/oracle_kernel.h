// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

#include <netlink/attr.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "tests/support/host/oracle.h"

/// Helpers of the oracle's own files.
namespace test::oracle {

using Text = std::array<char, 128>;
using Socket = std::unique_ptr<nl_sock, decltype(&nl_socket_free)>;
using Cache = std::unique_ptr<nl_cache, decltype(&nl_cache_free)>;
using Take = std::function<void(nlmsghdr*)>;

/// Throws with libnl's text where `result` is an error.
void require(int result, const char* what);

/// A socket in the caller's namespace and the links there, which have the names.
class Kernel {
 public:
  Kernel();
  Cache cache_of(const std::function<int(nl_sock*, nl_cache**)>& fill);
  /// Asks for all objects of a type, with a family's header; calls `take` with each answer.
  template <typename Header>
  void dump(int type, Header header, const Take& take) {
    dump(type, &header, sizeof header, take);
  }
  nl_cache* links() const { return links_.get(); }
  std::string name_of(int index) const;

 private:
  void dump(int type, void* header, std::size_t size, const Take& take);
  Socket socket_{nl_socket_alloc(), &nl_socket_free};
  Cache links_{nullptr, &nl_cache_free};
};

/// The lines of a cache's objects, sorted.
template <typename Object>
Lines lines_of(nl_cache* cache, const std::function<std::string(Object*)>& line_of) {
  Lines lines;
  for (nl_object* each = nl_cache_get_first(cache); each != nullptr; each = nl_cache_get_next(each))
    lines.push_back(line_of(reinterpret_cast<Object*>(each)));
  std::ranges::sort(lines);
  return lines;
}

std::string text_of(nl_addr* address);
/// ` word address`; nothing where the object has none.
std::string part(const char* word, nl_addr* address);
/// The attribute at the end of a path of nested ones; null where one is missing.
nlattr* attribute_at(nlmsghdr* message, int header, std::initializer_list<int> path);

}  // namespace test::oracle
