// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/context.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "libcni/base/subprocess.h"
#include "libcni/base/sys_error.h"
#include "libcni/spec/error.h"

namespace tap {
namespace {

constexpr const char* kVerb = "create-tap";
constexpr const char* kNone = "none";
constexpr int kArguments = 6;

/// The context in which the next program of this thread runs (selinux: proc(5), attr/exec).
class NextContext {
 public:
  explicit NextContext(const std::string& context)
      : file_(::open("/proc/thread-self/attr/exec", O_WRONLY | O_CLOEXEC)) {
    const std::string attempted = "set the SELinux context \"" + context + "\" for a program";
    if (!file_) base::throw_errno(attempted);
    if (::write(file_.get(), context.data(), context.size()) < 0) base::throw_errno(attempted);
  }
  /// The program of an IPAM plugin, which this thread may start later, runs in its usual context.
  ~NextContext() { [[maybe_unused]] const auto written = ::write(file_.get(), "\n", 1); }
  NextContext(const NextContext&) = delete;
  NextContext& operator=(const NextContext&) = delete;

 private:
  base::UniqueFd file_;
};

std::string text_of(const std::optional<std::uint32_t>& id) {
  return id ? std::to_string(*id) : kNone;
}

std::optional<std::uint32_t> id_of(const std::string& text) {
  if (text == kNone) return std::nullopt;
  return static_cast<std::uint32_t>(std::stoul(text));
}

}  // namespace

void create_in_context(const std::string& context, const base::Netns& sandbox,
                       const std::string& name, const net::Tap& tap) {
  std::string problem;
  base::Command command{.path = "/proc/self/exe",
                        .argv = {"tap", kVerb, name, tap.multi_queue ? "1" : "0",
                                 text_of(tap.owner), text_of(tap.group)},
                        .environment = {},
                        .input = {},
                        .timeout = {},
                        .on_stderr = [&](std::string_view text) { problem += text; }};
  base::Outcome outcome;
  sandbox.run([&] {
    const NextContext next(context);
    outcome = base::run(command);
  });
  if (!outcome.ok())
    throw cni::Error(cni::Code::internal,
                     "failed to create tap \"" + name + "\" in SELinux context \"" + context + "\"",
                     problem);
}

std::optional<int> create_if_asked(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() != kArguments || words[1] != kVerb) return std::nullopt;
  try {
    net::create_tap(
        words[2],
        {.multi_queue = words[3] == "1", .owner = id_of(words[4]), .group = id_of(words[5])});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace tap
