// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "libcni/base/ip.h"

namespace agent {

/// Returns whether `listen` is the path of a Unix socket.
bool is_socket_path(const std::string& listen);

/// An address and a port to listen on.
struct Endpoint {
  base::IpAddress address;
  std::uint16_t port = 0;
};

/// `127.0.0.1:9474`, `[::1]:9474`. `text` is not a path. Throws cni::Error for other text.
Endpoint parse_endpoint(const std::string& text);

}  // namespace agent
