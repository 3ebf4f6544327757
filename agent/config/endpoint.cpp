// SPDX-License-Identifier: Apache-2.0
#include "agent/config/endpoint.h"

#include <charconv>

#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {

bool is_socket_path(const std::string& listen) {
  return listen.starts_with('/');
}

Endpoint parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::parse(host);
  Endpoint endpoint;
  const char* const begin = text.data() + (colon == text.npos ? text.size() : colon + 1);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, endpoint.port);
  if (!address || error != std::errc() || stop != end)
    throw cni::Error(cni::Code::invalid_config,
                     "key \"listen\" must be ADDRESS:PORT such as 127.0.0.1:9474, or the path of a "
                     "socket, not " +
                         json::quote(text));
  endpoint.address = *address;
  return endpoint;
}

}  // namespace agent
