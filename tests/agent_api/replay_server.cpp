// SPDX-License-Identifier: Apache-2.0
#include "tests/agent_api/replay_server.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

#include "libcni/base/file.h"
#include "libcni/base/subprocess.h"
#include "libcni/base/sys_error.h"

namespace test {
namespace {

const std::string kFolder = AGENT_API_DIR;

std::pair<base::UniqueFd, base::UniqueFd> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) base::throw_errno("make pipe");
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

}  // namespace

Certificates::Certificates() {
  const base::Outcome outcome = base::run({.path = kFolder + "/make_certificates",
                                           .argv = {"make_certificates", dir_.path()},
                                           .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                           .input = {},
                                           .timeout = std::nullopt,
                                           .on_stderr = {}});
  if (!outcome.ok()) throw std::runtime_error("make_certificates failed");
}

ReplayServer::ReplayServer(nlohmann::json where)
    : where_(std::move(where)), tls_(where_.contains("cert")) {
  auto [child_in, orders] = make_pipe();
  auto [answers, child_out] = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
  std::string program = kFolder + "/replay_server.py";
  std::array<char*, 2> argv{program.data(), nullptr};
  const int error = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) base::throw_errno("start " + program, error);
  orders_ = std::move(orders);
  answers_ = std::move(answers);
  child_in = {};
  child_out = {};
  port_ = command({{"listen", where_}}).at("port");
}

void ReplayServer::come_back() {
  where_["port"] = port_;
  command({{"listen", where_}});
}

ReplayServer::~ReplayServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string ReplayServer::url(std::string_view target) const {
  return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_) +
         std::string(target);
}

void ReplayServer::replay(const std::string& target, const std::string& fixture,
                          nlohmann::json more) {
  more["target"] = target;
  more["file"] = fixture_path(fixture);
  exchange(more);
}

void ReplayServer::respond(const std::string& target, const std::string& status,
                           const std::string& body, nlohmann::json more) {
  const std::string headers = more.value("headers", "");
  more.erase("headers");
  more["target"] = target;
  more["text"] = "HTTP/1.1 " + status + "\n" + headers +
                 "Content-Length: " + std::to_string(body.size()) + "\n\n" + body;
  exchange(more);
}

std::vector<nlohmann::json> ReplayServer::requests() {
  return command({{"requests", true}}).at("requests");
}

nlohmann::json ReplayServer::command(const nlohmann::json& order) {
  base::write_all(orders_.get(), order.dump() + "\n", "order to the replay server");
  std::string line;
  for (char c = 0; c != '\n'; line += c)
    if (::read(answers_.get(), &c, 1) != 1)
      throw std::runtime_error("the replay server ended at " + order.dump());
  return nlohmann::json::parse(line);
}

std::string fixture_path(const std::string& name) {
  return kFolder + "/fixtures/" + name;
}

std::string fixture_body(const std::string& name) {
  const std::string raw = base::read_file(fixture_path(name));
  const auto end = raw.find("\r\n\r\n");
  std::string rest = raw.substr(end + 4);
  if (raw.substr(0, end).find("Transfer-Encoding: chunked") == std::string::npos) return rest;
  std::string body;
  while (!rest.empty()) {
    const auto line = rest.find("\r\n");
    const std::size_t size = std::stoul(rest.substr(0, line), nullptr, 16);
    if (size == 0) break;
    body += rest.substr(line + 2, size);
    rest.erase(0, line + 2 + size + 2);
  }
  return body;
}

}  // namespace test
