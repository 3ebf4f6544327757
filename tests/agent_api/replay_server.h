// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "libcni/base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace test {

/// Certificates of make_certificates, in a folder of their own.
class Certificates {
 public:
  Certificates();
  std::string operator/(std::string_view name) const { return dir_ / name; }

 private:
  TempDir dir_;
};

/// replay_server.py as a child: a double of an API server. Its comment documents the JSON.
class ReplayServer {
 public:
  /// `where`: the argument of the `listen` command.
  explicit ReplayServer(nlohmann::json where = nlohmann::json::object());
  ReplayServer(const ReplayServer&) = delete;
  ReplayServer& operator=(const ReplayServer&) = delete;
  ~ReplayServer();

  int port() const { return port_; }
  std::string url(std::string_view target = "") const;
  void exchange(const nlohmann::json& exchange) { command({{"exchange", exchange}}); }
  /// An exchange that answers GET of `target` (a regular expression) with a recorded response.
  void replay(const std::string& target, const std::string& fixture,
              nlohmann::json more = nlohmann::json::object());
  /// An exchange that answers with this status and body.
  void respond(const std::string& target, const std::string& status, const std::string& body,
               nlohmann::json more = nlohmann::json::object());
  std::vector<nlohmann::json> requests();
  void drop(const std::string& how = "close") { command({{"drop", how}}); }
  /// Refuses connections from now on, and ends the open ones.
  void leave() { command({{"away", "reset"}}); }
  void come_back();  ///< on the same port
  void push(const std::string& text) { command({{"push", text}}); }
  nlohmann::json command(const nlohmann::json& order);

 private:
  nlohmann::json where_;
  base::UniqueFd orders_, answers_;
  pid_t pid_ = -1;
  int port_ = 0;
  bool tls_ = false;
};

/// Path of a recorded response in tests/agent_api/fixtures.
std::string fixture_path(const std::string& name);
/// The recorded response without its header, chunked encoding undone.
std::string fixture_body(const std::string& name);

}  // namespace test
