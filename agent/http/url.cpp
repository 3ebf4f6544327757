// SPDX-License-Identifier: Apache-2.0
#include "agent/http/url.h"

#include <algorithm>

#include "libcni/base/ip.h"

namespace agent {

std::string host_of(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

bool is_this_machine(std::string_view url) {
  const std::string host = host_of(url);
  if (host == "localhost") return true;
  const auto address = base::IpAddress::parse(host);
  return address && address->is_loopback();
}

}  // namespace agent
