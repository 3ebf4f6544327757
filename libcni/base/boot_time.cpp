// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/boot_time.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <exception>
#include <string>

#include "libcni/base/file.h"

namespace base {

BootTime boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

BootTime process_start() {
  constexpr int kFieldsAfterName = 20;  // from the state, which is field 3, to field 22
  const BootTime now = boot_time();
  std::string text;
  try {
    text = read_file("/proc/self/stat");
  } catch (const std::exception&) {
    return now;
  }
  // The name of the program is in parentheses and can contain both spaces and parentheses.
  std::size_t at = text.rfind(')');
  for (int i = 0; i < kFieldsAfterName && at != std::string::npos; ++i) at = text.find(' ', at + 1);
  long long ticks = 0;
  if (at == std::string::npos ||
      std::from_chars(text.data() + at + 1, text.data() + text.size(), ticks).ec != std::errc{})
    return now;
  // The end of the tick, so that nothing that another process finished before this one began is
  // later.
  const BootTime tick = BootTime(std::chrono::seconds(1)) / ::sysconf(_SC_CLK_TCK);
  return std::min(now, BootTime((ticks + 1) * tick));
}

}  // namespace base
