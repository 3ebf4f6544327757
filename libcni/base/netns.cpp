// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/netns.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <utility>

#include "libcni/base/gone.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"

namespace base {
namespace {

constexpr const char* kOwn = "/proc/thread-self/ns/net";

UniqueFd open_ns(const char* path) {
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) throw_errno(std::string("open network namespace \"") + path + "\"");
  return fd;
}

/// The namespace of a new socket is that of the calling thread (kernel 4.10; needs CAP_NET_ADMIN).
/// The same file below /proc takes ten times as long: its folders are made when they are read.
UniqueFd open_own_ns() {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  UniqueFd own(socket ? ::ioctl(socket.get(), SIOCGSKNS) : -1);
  return own ? std::move(own) : open_ns(kOwn);
}

void enter(int fd, const char* what) {
  if (::setns(fd, CLONE_NEWNET) != 0) throw_errno(what);
}

/// Checks the type of `fd`: returns 0 for a network namespace, EINVAL for anything else.
/// NS_GET_NSTYPE (kernel 4.11) fails with ENOTTY on anything that is not a namespace.
int ask_type(int fd) {
  const int type = ::ioctl(fd, NS_GET_NSTYPE);
  if (type == CLONE_NEWNET) return 0;
  return type < 0 && errno != ENOTTY ? errno : EINVAL;
}

/// Enters another namespace and returns to the original one at the end of its life. If entering
/// fails, as for root of a user namespace, the process has not left its namespace and there is
/// nothing to restore.
class Stay {
 public:
  template <typename Leave>
  explicit Stay(const Leave& leave, std::shared_ptr<const UniqueFd> home = {})
      : home_(home ? std::move(home) : std::make_shared<const UniqueFd>(open_own_ns())) {
    leave();
  }
  Stay(const Stay&) = delete;
  Stay& operator=(const Stay&) = delete;
  ~Stay() {
    for (int i = 0; i < kTries;
         ++i)  // setns() allocates memory in the kernel and can fail with ENOMEM
      if (::setns(home_->get(), CLONE_NEWNET) == 0) return;
    log("cannot return to the host network namespace");
    std::abort();
  }

 private:
  static constexpr int kTries = 3;
  std::shared_ptr<const UniqueFd> home_;
};

}  // namespace

Netns Netns::open(const std::string& path) {
  Netns netns(open_ns(path.c_str()));
  if (const int errnum = ask_type(netns.fd()); errnum != 0)
    throw_errno("open network namespace \"" + path + "\"", errnum);
  return netns;
}

std::optional<Netns> Netns::find(const std::string& path) {
  if (path.empty()) return std::nullopt;
  Netns netns(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)));
  const int errnum = netns.fd_ ? ask_type(netns.fd()) : errno;
  if (errnum == 0) return netns;
  if (is_gone(errnum, Object::netns)) return std::nullopt;
  throw_errno("open network namespace \"" + path + "\"", errnum);
}

Netns Netns::current() {
  return Netns(open_own_ns());
}

Netns Netns::create() {
  const Stay inside([] {
    if (::unshare(CLONE_NEWNET) != 0) throw_errno("create a network namespace");
  });
  return current();
}

Netns Netns::duplicate() const {
  const int fd = ::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) throw_errno("duplicate the handle of a network namespace");
  Netns copy{UniqueFd(fd)};
  copy.home_ = home_;
  return copy;
}

void Netns::run(const std::function<void()>& body) const {
  const Stay inside([this] { enter(fd_.get(), "enter the sandbox's network namespace"); }, home_);
  body();
}

bool Netns::is_current() {
  Netns caller = current();
  const bool same = *this == caller;
  home_ = std::make_shared<const UniqueFd>(std::move(caller.fd_));
  return same;
}

bool Netns::operator==(const Netns& other) const {
  struct stat mine {};
  struct stat theirs {};
  if (::fstat(fd(), &mine) != 0 || ::fstat(other.fd(), &theirs) != 0)
    throw_errno("compare network namespaces");
  return mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino;
}

}  // namespace base
