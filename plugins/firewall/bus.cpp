// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/bus.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"
#include "libcni/json/object.h"
#include "plugins/firewall/bus_message.h"

namespace firewall_plugin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kUsualAddress = "unix:path=/var/run/dbus/system_bus_socket";
constexpr const char* kBus = "org.freedesktop.DBus";
constexpr std::chrono::seconds kPatience{25};  // as in every D-Bus library
constexpr std::size_t kChunk = 4096;

/// The socket of one part of an address; its length is 0 when it is not a local socket.
struct SocketAddress {
  sockaddr_un raw{};
  socklen_t length = 0;
};

SocketAddress parse_part(std::string_view part) {
  constexpr std::string_view kUnix = "unix:";
  SocketAddress made;
  if (!part.starts_with(kUnix)) return made;
  part.remove_prefix(kUnix.size());
  while (!part.empty()) {
    const std::string_view option = part.substr(0, part.find(','));
    part.remove_prefix(std::min(option.size() + 1, part.size()));
    const bool abstract = option.starts_with("abstract=");
    if (!abstract && !option.starts_with("path=")) continue;
    const std::string_view name = option.substr(option.find('=') + 1);
    // The name of an abstract socket begins with a zero; that of a file ends with one.
    if (name.size() + 1 >= sizeof made.raw.sun_path) return made;
    made.raw.sun_family = AF_UNIX;
    name.copy(made.raw.sun_path + (abstract ? 1 : 0), name.size());
    made.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return made;
  }
  return made;
}

[[noreturn]] void fail_late() {
  base::throw_errno("use the system's message bus, which did not answer within 25 s", ETIMEDOUT);
}

/// Lets the next call on `fd` block until `deadline` at most; `option` is its direction.
void limit(const base::UniqueFd& fd, int option, Clock::time_point deadline) {
  using std::chrono::microseconds;
  const auto left = std::chrono::duration_cast<microseconds>(deadline - Clock::now()).count();
  if (left <= 0) fail_late();  // the kernel takes 0 as no limit
  const timeval value{left / 1'000'000, left % 1'000'000};
  ::setsockopt(fd.get(), SOL_SOCKET, option, &value, sizeof value);
}

/// Returns whether the connection was made; false when nothing listens there.
bool connect_to(const base::UniqueFd& fd, const SocketAddress& to, Clock::time_point deadline) {
  limit(fd, SO_SNDTIMEO, deadline);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.raw), to.length) == 0) return true;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) return false;
  if (errno == EAGAIN) fail_late();
  base::throw_errno("connect to the system's message bus");
}

std::string hex(const std::string& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const char c : text) {
    digits += kDigits[static_cast<unsigned char>(c) >> 4];
    digits += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return digits;
}

}  // namespace

std::optional<Bus> Bus::find() {
  const char* given = ::getenv("DBUS_SYSTEM_BUS_ADDRESS");
  std::string_view address = given != nullptr && *given != '\0' ? given : kUsualAddress;
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!address.empty()) {
    const std::string_view part = address.substr(0, address.find(';'));
    address.remove_prefix(std::min(part.size() + 1, address.size()));
    const SocketAddress to = parse_part(part);
    if (to.length == 0) continue;
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) base::throw_errno("open a socket for the system's message bus");
    if (connect_to(fd, to, deadline)) return Bus(std::move(fd), deadline);
  }
  return std::nullopt;
}

Bus::Bus(base::UniqueFd fd, Clock::time_point deadline) : fd_(std::move(fd)), deadline_(deadline) {
  log_in();
}

/// The kernel passes the identity of this process to the bus along with the first byte.
void Bus::log_in() {
  std::string text(1, '\0');
  text += "AUTH EXTERNAL " + hex(std::to_string(::geteuid())) + "\r\nBEGIN\r\n";
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  const auto hello = bus_message(++serial_, {kBus, "/org/freedesktop/DBus", kBus, "Hello"});
  bytes.insert(bytes.end(), hello.begin(), hello.end());
  send(bytes);
  const std::string answer = read_line();
  if (!answer.starts_with("OK"))
    base::throw_errno(
        "log in to the system's message bus (it answers " + json::excerpt(answer) + ")", EACCES);
}

void Bus::send(const std::vector<std::uint8_t>& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    limit(fd_, SO_SNDTIMEO, deadline_);
    const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EAGAIN) fail_late();
    if (errno != EINTR) base::throw_errno("send to the system's message bus");
    base::throw_if_interrupted();
  }
}

void Bus::receive() {
  std::array<std::uint8_t, kChunk> chunk;
  for (;;) {
    limit(fd_, SO_RCVTIMEO, deadline_);
    const ssize_t n = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (n > 0) {
      input_.insert(input_.end(), chunk.begin(), chunk.begin() + n);
      return;
    }
    if (n == 0)
      base::throw_errno("read from the system's message bus, which ended the connection",
                        ECONNRESET);
    if (errno == EAGAIN) fail_late();
    if (errno != EINTR) base::throw_errno("read from the system's message bus");
    base::throw_if_interrupted();
  }
}

std::string Bus::read_line() {
  constexpr std::size_t kLongest = 4096;
  for (;;) {
    const auto end = std::ranges::find(input_, '\n');
    if (end != input_.end()) {
      std::string line(input_.begin(), end);
      input_.erase(input_.begin(), end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    if (input_.size() > kLongest)
      base::throw_errno("read a line from the system's message bus", EMSGSIZE);
    receive();
  }
}

ReceivedMessage Bus::read_message() {
  for (;;) {
    if (const auto size = bus_message_size(input_); size && input_.size() >= *size) {
      ReceivedMessage message = read_bus_message(std::span(input_).first(*size));
      input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(*size));
      return message;
    }
    receive();
  }
}

std::vector<BusAnswer> Bus::call(std::span<const BusCall> calls) {
  deadline_ = Clock::now() + kPatience;
  const std::uint32_t first = serial_ + 1;
  std::vector<std::uint8_t> bytes;
  for (const BusCall& each : calls) {
    const auto message = bus_message(++serial_, each);
    bytes.insert(bytes.end(), message.begin(), message.end());
  }
  send(bytes);
  std::vector<BusAnswer> answers(calls.size());
  for (std::size_t missing = calls.size(); missing > 0;) {
    ReceivedMessage message = read_message();
    // Signals, and the answer to Hello, are for other readers.
    if (message.answers < first || message.answers > serial_) continue;
    answers[message.answers - first] = std::move(message.answer);
    --missing;
  }
  return answers;
}

}  // namespace firewall_plugin
