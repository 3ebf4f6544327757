// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "libcni/base/unique_fd.h"

struct nlmsghdr;

namespace nft {

/// A NETLINK_NETFILTER socket: requests and dumps of nf_tables and conntrack, and nf_tables
/// batches.
class NetfilterSocket {
 public:
  NetfilterSocket();

  /// The cookie of the network namespace that it was opened in; nothing before kernel 5.14.
  std::optional<std::uint64_t> namespace_cookie() const;

  using OnMessage = std::function<void(const nlmsghdr&)>;

  /// Starts a request in the socket's own buffer: `type` is subsystem << 8 | message, `family` an
  /// NFPROTO_*.
  nlmsghdr* start(int type, int family, int flags);
  /// Sends the request that start() began and reads the answers. Returns the kernel's errno, 0 on
  /// success; EINTR when the listed objects changed during a dump.
  int ask(nlmsghdr* header, const std::string& attempted, const OnMessage& on_message);
  /// A consistent dump: when the objects change meanwhile (NLM_F_DUMP_INTR), it calls `restart` and
  /// starts over. ENOENT reads as empty.
  void dump(const std::function<nlmsghdr*()>& build, const std::string& attempted,
            const OnMessage& on_message, const std::function<void()>& restart);
  /// Sends `parts` as one datagram and reads all refusals of the kernel, without waiting.
  void send_batch(std::span<const iovec> parts, const std::string& attempted,
                  const OnMessage& on_message);

 private:
  void send(std::span<const iovec> parts, const std::string& attempted);
  std::size_t receive(int flags, const std::string& attempted);

  base::UniqueFd fd_;
  std::uint32_t sequence_ = 0;
  std::size_t send_room_ = 65536;  // below the default of every distribution
  alignas(8) char request_[1024] = {};
  alignas(8) char buffer_[32768];  // the kernel fills a dump message up to the reader's buffer, 32
                                   // KiB at most
};

}  // namespace nft
