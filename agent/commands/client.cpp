// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>

#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"

namespace agent {
namespace {

constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

std::optional<base::UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) base::throw_errno("connect to " + path, ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) base::throw_errno("open socket");
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fd;
  if (base::is_gone(errno, base::Object::file) || errno == ECONNREFUSED) return std::nullopt;
  base::throw_errno("connect to " + path);
}

}  // namespace

std::optional<Answer> ask_agent(const Config& config, const std::string& method,
                                const std::string& path) {
  const std::string where = config.run_dir + "/plumbd.sock";
  const auto fd = connect_to(where);
  if (!fd) return std::nullopt;
  // HTTP/1.0: the end of the connection ends the body.
  base::write_all(fd->get(), method + " " + path + " HTTP/1.0\r\n\r\n", where);
  const std::string text = base::read_all(fd->get(), where);
  const auto space = text.find(' ');
  const auto body = text.find("\r\n\r\n");
  Answer answer;
  if (space == text.npos || body == text.npos ||
      std::from_chars(text.data() + space + 1, text.data() + text.size(), answer.status).ec !=
          std::errc())
    base::throw_errno("read the answer of " + where, EPROTO);
  answer.body = text.substr(body + 4);
  return answer;
}

json::Object read_for_people(const std::string& text, const std::string& what, bool lines) {
  std::string harmless;
  harmless.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    harmless += text[at];
    if (text[at] != '\\' || ++at == text.size()) continue;
    // The writer escapes control characters, and no other ones, as \n and \uXXXX.
    if (text[at] == 'u' || (text[at] == 'n' && !lines)) harmless += '\\';
    harmless += text[at];
  }
  return json::Object::parse(harmless, what);
}

}  // namespace agent
