// SPDX-License-Identifier: Apache-2.0
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "ipam/dhcp/daemon.h"
#include "libcni/base/file.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/json/object.h"

namespace ipam_dhcp {
namespace {

struct Options {
  Daemon::Settings settings = {};
  std::string pid_file = {};
};

/// Durations as the reference's flags: a number and a unit.
std::chrono::milliseconds parse_duration(const std::string& flag, const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double factor = unit == "ms"  ? 1
                        : unit == "s" ? 1e3
                        : unit == "m" ? 6e4
                        : unit == "h" ? 3.6e6
                                      : 0;
  if (failure != std::errc() || factor == 0 || number <= 0 || number > 1e6)
    throw std::runtime_error("flag -" + flag + " must be a duration such as 10s, not " +
                             json::quote(text));
  return std::chrono::milliseconds(static_cast<std::int64_t>(number * factor));
}

void set(Options& options, const std::string& flag, const std::string& value) {
  Timing& timing = options.settings.timing;
  if (flag == "socketpath")
    options.settings.socket = value;
  else if (flag == "hostprefix")
    options.settings.host_prefix = value;
  else if (flag == "pidfile")
    options.pid_file = value;
  else if (flag == "timeout")
    timing.timeout = parse_duration(flag, value);
  else if (flag == "resendmax")
    timing.resend_most = parse_duration(flag, value);
  else if (flag == "resendtimeout")
    timing.give_up = parse_duration(flag, value);
  else
    throw std::runtime_error("flag -" + flag +
                             " is not known; dhcp daemon takes -pidfile, -hostprefix, -socketpath, "
                             "-broadcast, -timeout, -resendmax and -resendtimeout");
}

/// Flags as Go reads them: one or two dashes, `=` or the next word before the value.
Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 2; i < argc; ++i) {
    std::string flag = argv[i];
    if (!flag.starts_with('-')) throw std::runtime_error("unexpected word " + json::quote(flag));
    flag.erase(0, flag.starts_with("--") ? 2 : 1);
    const auto equals = flag.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string value = has_value ? flag.substr(equals + 1) : "";
    flag = flag.substr(0, equals);
    if (flag == "broadcast") {
      options.settings.timing.broadcast = !has_value || value == "true" || value == "1";
      continue;
    }
    if (!has_value && i + 1 == argc) throw std::runtime_error("flag -" + flag + " needs a value");
    set(options, flag, has_value ? value : argv[++i]);
  }
  options.settings.socket = options.settings.host_prefix + options.settings.socket;
  if (!options.pid_file.empty() && !options.pid_file.starts_with('/'))
    throw std::runtime_error("flag -pidfile must be an absolute path, not " +
                             json::quote(options.pid_file));
  return options;
}

/// The socket of systemd, sd_listen_fds(3).
std::optional<base::UniqueFd> find_activated() {
  constexpr int kFirst = 3;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::to_string(::getpid()) != pid) return std::nullopt;
  if (std::string_view(count) != "1")
    throw std::runtime_error("systemd handed over " + std::string(count) +
                             " sockets, one is expected: see cni-dhcp.socket");
  return base::UniqueFd(kFirst);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("socket path " + path + " is longer than 107 bytes");
  path.copy(address.sun_path, path.size());
  return address;
}

/// Removes the socket of a daemon that is dead, never of one that listens.
void remove_stale(const std::string& path) {
  const sockaddr_un address = address_of(path);
  const base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    throw std::runtime_error("another daemon listens on " + path + "; stop it first");
  if (errno == ECONNREFUSED) base::remove_file(path);
}

base::UniqueFd listen_on(const std::string& path) {
  base::ensure_directory(path.substr(0, path.rfind('/')), 0700);
  remove_stale(path);
  const sockaddr_un address = address_of(path);
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) base::throw_errno("open a Unix socket");
  const mode_t mask = ::umask(0117);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(mask);
  if (bound != 0) base::throw_errno("listen on " + path);
  if (::listen(fd.get(), 128) != 0) base::throw_errno("listen on " + path);
  return fd;
}

base::UniqueFd watch_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return base::UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

void run(const Options& options) {
  base::Loop loop;
  const base::UniqueFd signals = watch_signals();
  auto activated = find_activated();
  const bool is_own = !activated;
  base::UniqueFd listener = activated ? std::move(*activated) : listen_on(options.settings.socket);
  if (!options.pid_file.empty())
    base::write_file_atomic(options.pid_file, std::to_string(::getpid()), 0644);
  Daemon daemon(loop, options.settings, std::move(listener));
  loop.watch(signals.get(), EPOLLIN, [&](base::Loop::Events) { loop.stop(); });
  loop.run();
  if (is_own) base::remove_file(options.settings.socket);
  if (!options.pid_file.empty()) base::remove_file(options.pid_file);
}

}  // namespace

int run_daemon(int argc, char** argv) {
  try {
    run(parse_options(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    base::log(std::string("dhcp daemon: ") + error.what());
    return 1;
  }
}

}  // namespace ipam_dhcp
