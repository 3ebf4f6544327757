// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

namespace agent::bird {
namespace {

using std::chrono::seconds;

constexpr seconds kRetry{1};
constexpr seconds kPatience{10};
constexpr std::size_t kCodeDigits = 4;
constexpr std::size_t kLongestLine = 65536;
/// `show protocols all` of 5000 sessions is 8 MB; a few lines of each are kept.
constexpr std::size_t kLongestAnswer = std::size_t{64} << 20;
constexpr std::size_t kMostKept = std::size_t{16} << 20;
constexpr const char* kNotBird = "not a control socket of BIRD";

std::string error_text(int errnum) {
  return std::generic_category().message(errnum);
}

}  // namespace

Control::Control(Loop& loop, std::string path, std::function<void()> on_change)
    : loop_(loop), path_(std::move(path)), on_change_(std::move(on_change)) {}

Control::~Control() {
  if (socket_) loop_.forget(socket_.get());
  loop_.cancel(reconnect_);
  loop_.cancel(deadline_);
}

void Control::start() {
  connect();
}

void Control::connect() {
  reconnect_ = 0;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path)) return drop("path is too long for a socket");
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  socket_ = base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A local connect succeeds or fails at once; a full backlog is EAGAIN.
  if (!socket_ ||
      ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return drop(error_text(errno));
  loop_.watch(socket_.get(), EPOLLIN, [this](Loop::Events) { receive(); });
  expect_answer();  // the greeting
}

void Control::drop(std::string problem) {
  if (socket_) loop_.forget(socket_.get());
  socket_ = base::UniqueFd();
  loop_.cancel(std::exchange(deadline_, 0));
  up_ = false;
  input_.clear();
  clear_reply();
  problem_ = "connect to \"" + path_ + "\": " + std::move(problem);
  if (reconnect_ == 0) reconnect_ = loop_.after(kRetry, [this] { connect(); });
  for (const Command& each : std::exchange(commands_, {})) each.answer({});
  on_change_();
}

void Control::command(std::string text, Answer answer, Wanted wanted) {
  if (!up_) return answer({});
  commands_.push_back({std::move(text), std::move(answer), wanted});
  if (commands_.size() == 1) send();
}

void Control::send() {
  const std::string line = commands_.front().text + "\n";
  // One line always fits into the empty buffer of a socket.
  const ssize_t sent = ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(line.size())) return drop(error_text(sent < 0 ? errno : EIO));
  expect_answer();
}

void Control::expect_answer() {
  loop_.cancel(deadline_);
  deadline_ = loop_.after(kPatience, [this] {
    deadline_ = 0;
    drop("no answer within " + std::to_string(kPatience.count()) + " s");
  });
}

void Control::receive() {
  std::array<char, 16384> buffer;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return drop(size < 0 ? error_text(errno) : "BIRD closed the connection");
  input_.append(buffer.data(), static_cast<std::size_t>(size));
  std::size_t start = 0;
  // A callback may send a new command or drop the connection, which clears the input.
  for (std::size_t end; (end = input_.find('\n', start)) != std::string::npos; start = end + 1) {
    const std::string line = input_.substr(start, end - start);
    take_line(line);
    if (!socket_) return;
  }
  input_.erase(0, start);
  if (input_.size() > kLongestLine) drop(kNotBird);
}

void Control::clear_reply() {
  reply_ = {};
  read_ = kept_ = 0;
  code_ = 0;
}

void Control::take_line(std::string_view line) {
  read_ += line.size() + 1;
  if (read_ > kLongestAnswer || kept_ > kMostKept)
    return drop("an answer of more than " +
                std::to_string((read_ > kLongestAnswer ? kLongestAnswer : kMostKept) >> 20) +
                " MiB");
  if (line.starts_with('+')) return;  // a message that does not belong to a command
  int code = code_;
  const bool coded = line.size() > kCodeDigits && line[0] >= '0' && line[0] <= '9';
  if (coded) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + kCodeDigits, code);
    if (error != std::errc() || end != line.data() + kCodeDigits) return drop(kNotBird);
    code_ = code;
  }
  const bool last = coded && line[kCodeDigits] == ' ';
  line.remove_prefix(coded ? kCodeDigits + 1 : (line.empty() ? 0 : 1));
  reply_.lines.push_back({code, std::string(line)});
  const Wanted wanted = commands_.empty() ? nullptr : commands_.front().wanted;
  if (!last && wanted != nullptr && !wanted(reply_.lines.back()))
    reply_.lines.pop_back();
  else
    kept_ += sizeof(Reply::Line) + line.size();
  if (last) finish();
}

void Control::finish() {
  loop_.cancel(std::exchange(deadline_, 0));
  const Reply reply = std::exchange(reply_, {});
  clear_reply();
  if (!up_) {
    up_ = true;
    problem_.clear();
    return on_change_();
  }
  if (commands_.empty()) return;
  const Command done = std::move(commands_.front());
  commands_.pop_front();
  if (!commands_.empty()) send();
  done.answer(reply);
}

}  // namespace agent::bird
