// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/conformance.h"

#include <filesystem>
#include <iostream>

#include "libcni/runtime/plugin_path.h"
#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/session.h"

namespace cnitool {
namespace {

/// A file, or the plugin of that type where plugins are.
std::string find_binary(const Options& options) {
  const std::string& word = options.words.front();
  if (std::filesystem::exists(word)) return word;
  if (word.find('/') != std::string::npos) throw NotFound("there is no binary \"" + word + "\"");
  return runtime::PluginPath(options.plugin_dirs).find(word);
}

}  // namespace

int run_conformance(const Options& options) {
  if (options.words.size() != 1)
    throw UsageError("conformance needs one binary. " + usage_of("conformance"));
  conformance::Options wanted;
  wanted.binary = find_binary(options);
  if (!options.conf.empty()) wanted.config = read_input(options.conf);
  wanted.rows = options.rows;
  const conformance::Report report = conformance::run(wanted);
  std::cout << (options.format == Format::json ? conformance::to_json(report)
                                               : conformance::to_text(report, options.verbose > 0));
  return report.passed() ? kOk : kFailed;
}

}  // namespace cnitool
