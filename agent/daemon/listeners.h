// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "agent/config/config.h"
#include "agent/http/server.h"
#include "agent/loop/log.h"
#include "agent/loop/loop.h"

namespace agent {

/// The two places where plumbd answers: plumbd.sock in the run directory, for commands, and
/// `listen` of the configuration, for probes and metrics.
class Listeners {
 public:
  struct Handlers {
    HttpServer::Answer commands, anyone;
  };

  /// Throws std::system_error when plumbd.sock cannot be made. `listen` is tried again every 10 s.
  /// `problems` gets the addresses that cannot be listened on, and why; it outlives this object.
  Listeners(const Config& config, Loop& loop, Conditions& problems, Handlers handlers);

  /// Makes plumbd.sock again when another program has removed it.
  void look();

 private:
  void listen_to_commands();
  void listen();

  const Config& config_;
  Loop& loop_;
  Conditions& problems_;
  std::string socket_;
  Handlers handlers_;
  std::unique_ptr<HttpServer> control_;  ///< on plumbd.sock
  std::unique_ptr<HttpServer> health_;   ///< on config.listen
};

}  // namespace agent
