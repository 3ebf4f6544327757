// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "libcni/base/sys_error.h"
#include "libcni/runtime/plugin_path.h"
#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"

namespace cnitool {
namespace {

/// Finds the binary: a file, or the plugin of that type in the plugin directories.
std::string find_binary(const Options& options) {
  const std::string& word = options.words.front();
  if (std::filesystem::exists(word)) return word;
  if (word.find('/') != std::string::npos) throw NotFound("binary not found: \"" + word + "\"");
  return runtime::PluginPath(options.plugin_dirs).find(word);
}

}  // namespace

int run_conformance(const Options& options) {
  if (options.words.size() != 1)
    throw UsageError("conformance needs one binary. " + usage_of("conformance"));
  const std::string program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "cnitool-conformance";
  const char* format = options.json                     ? kJsonErrors
                       : options.format == Format::json ? "json"
                       : options.verbose > 0            ? "verbose"
                                                        : "text";
  std::vector<std::string> words{program, find_binary(options), format, options.conf};
  words.insert(words.end(), options.rows.begin(), options.rows.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  if (errno == ENOENT)
    throw NotFound("\"" + program +
                   "\" is missing: install it beside cnitool, from the same build");
  base::throw_errno("run \"" + program + "\"");
}

}  // namespace cnitool
