// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/listeners.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/config/endpoint.h"
#include "libcni/base/file.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kListenAgain(10);

}  // namespace

Listeners::Listeners(const Config& config, Loop& loop, Conditions& problems, Handlers handlers)
    : config_(config),
      loop_(loop),
      problems_(problems),
      socket_(config.run_dir + "/plumbd.sock"),
      handlers_(std::move(handlers)) {
  listen_to_commands();
  listen();
}

void Listeners::listen_to_commands() {
  control_ = std::make_unique<HttpServer>(loop_, listen_unix(socket_), handlers_.commands);
}

void Listeners::look() {
  std::error_code unknown;
  if (control_ && std::filesystem::is_socket(socket_, unknown)) return;
  control_.reset();
  try {
    base::ensure_directory(config_.run_dir, 0755);
    listen_to_commands();
    problems_.set("commands", {});
    log(LogLevel::warning, "made " + socket_ + " again: another program had removed it");
  } catch (const std::system_error& error) {
    problems_.set("commands", error.what());
  }
}

void Listeners::listen() {
  if (config_.listen.empty() || health_) return;
  try {
    const std::string& where = config_.listen;
    health_ = std::make_unique<HttpServer>(
        loop_, is_socket_path(where) ? listen_unix(where, true) : listen_tcp(where),
        handlers_.anyone);
    problems_.set("listen", {});
  } catch (const std::system_error& error) {
    problems_.set("listen", error.what());
    loop_.after(kListenAgain, [this] { listen(); });
  }
}

}  // namespace agent
