// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/log.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>

namespace base {
namespace {

void (*writer)(std::string_view) noexcept = &write_line;

}  // namespace

void log(std::string_view line) noexcept {
  writer(line);
}

void redirect_log(void (*to)(std::string_view line) noexcept) {
  writer = to;
}

void write_line(std::string_view line) noexcept {
  const std::array<iovec, 2> parts{
      {{const_cast<char*>(line.data()), line.size()}, {const_cast<char*>("\n"), 1}}};
  // A failure of stderr itself cannot be reported anywhere.
  [[maybe_unused]] const ssize_t written = ::writev(STDERR_FILENO, parts.data(), parts.size());
}

}  // namespace base
