// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "libcni/base/permission_hint.h"
#include "libcni/base/stdio.h"
#include "libcni/log/log.h"
#include "libcni/runtime/conf_dir.h"
#include "libcni/runtime/errors.h"
#include "libcni/spec/version.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/table.h"

namespace cnitool {
namespace {

/// The contents of an error report, independent of its format.
struct Finding {
  int exit_code = kFailed;
  unsigned code = static_cast<unsigned>(cni::Code::internal);
  std::string line;  ///< for a person
  std::string msg;   ///< of the error object
  std::string details = {};
  std::string plugin = {};
  std::string verb = {};
};

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

int exit_code_of(const runtime::PluginError& error) {
  const auto code = static_cast<unsigned>(error.code());
  if (code == kTryAgain) return kTryAgain;
  const bool of_status =
      error.call().verb == "STATUS" && (code == kNotAvailable || code == kLimited);
  return of_status ? static_cast<int>(code) : static_cast<int>(kPluginFailed);
}

int exit_code_of(const cni::Error& error) {
  if (dynamic_cast<const runtime::Timeout*>(&error) != nullptr) return kTimedOut;
  if (const auto* plugin = dynamic_cast<const runtime::PluginError*>(&error))
    return exit_code_of(*plugin);
  if (dynamic_cast<const runtime::LockTimeout*>(&error) != nullptr) return kTryAgain;
  const bool missing = dynamic_cast<const runtime::NoConfigs*>(&error) != nullptr ||
                       dynamic_cast<const runtime::NetworkNotFound*>(&error) != nullptr ||
                       dynamic_cast<const runtime::PluginNotFound*>(&error) != nullptr ||
                       dynamic_cast<const runtime::NotAttached*>(&error) != nullptr;
  return missing ? kNotFound : kFailed;
}

/// Lists the existing networks, so that the user sees a typing mistake at once.
std::string known_networks(const std::string& dir) {
  std::string names;
  std::error_code ignored;
  if (!std::filesystem::is_directory(dir, ignored)) return "";
  for (const auto& file : runtime::load_all(dir)) {
    if (file.list) names += (names.empty() ? "" : ", ") + file.list->name;
  }
  return names.empty() ? "" : "; there are: " + names;
}

std::string hint_of(const std::exception& error, const Options& options) {
  if (dynamic_cast<const runtime::NoConfigs*>(&error) != nullptr) {
    return "; name the directory with --conf-dir or NETCONFPATH";
  }
  if (dynamic_cast<const runtime::NetworkNotFound*>(&error) != nullptr) {
    return known_networks(options.conf_dir);
  }
  if (dynamic_cast<const runtime::PluginNotFound*>(&error) != nullptr) {
    return "; name its directory with --plugin-path or CNI_PATH";
  }
  if (dynamic_cast<const runtime::AlreadyAttached*>(&error) != nullptr) {
    return "; run cnitool del, or use --force";
  }
  if (dynamic_cast<const runtime::NotOwner*>(&error) != nullptr) return " (--force)";
  return base::permission_hint(error.what());
}

Finding finding_of(const cni::Error& error) {
  Finding finding{exit_code_of(error), static_cast<unsigned>(error.code()),
                  runtime::error_text(error), error.what(), error.details()};
  if (const auto* plugin = dynamic_cast<const runtime::PluginError*>(&error)) {
    finding.line = error.what();  // holds the details already
    finding.msg = plugin->reason().what();
    finding.plugin = plugin->call().type;
    finding.verb = plugin->call().verb;
    if (finding.verb == "STATUS") {
      finding.line = "plugin " + finding.plugin + " is not ready, code " +
                     std::to_string(finding.code) + ": " + finding.line;
    }
  }
  return finding;
}

Finding finding_of(const std::exception& error) {
  if (const auto* known = dynamic_cast<const cni::Error*>(&error)) return finding_of(*known);
  Finding finding{kFailed, static_cast<unsigned>(cni::Code::internal), error.what(), error.what()};
  if (dynamic_cast<const UsageError*>(&error) != nullptr) finding.exit_code = kUsage;
  if (dynamic_cast<const NotFound*>(&error) != nullptr) finding.exit_code = kNotFound;
  if (const auto* failure = dynamic_cast<const std::system_error*>(&error)) {
    finding.code = static_cast<unsigned>(cni::Code::io_failure);
    if (failure->code().value() == ENOENT) finding.exit_code = kNotFound;
  }
  return finding;
}

void print_object(const Finding& finding) {
  nlohmann::ordered_json object{
      {"cniVersion", cni::kNewestVersion.text()}, {"code", finding.code}, {"msg", finding.msg}};
  if (!finding.details.empty()) object["details"] = finding.details;
  if (!finding.plugin.empty()) object["plugin"] = finding.plugin;
  if (!finding.verb.empty()) object["verb"] = finding.verb;
  object["exitCode"] = finding.exit_code;
  std::cout << object.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

/// Prints the error object; returns whether standard output accepted it.
bool is_written() {
  try {
    base::flush_stdout();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace

void begin_log() {
  logging::configure(
      {.command = "cnitool:",
       .command_in_errors = paint("cnitool:", Tone::bad, colour_wanted(STDERR_FILENO))});
}

int exit_code_for(const std::exception& error) {
  return finding_of(error).exit_code;
}

int report(const std::exception& error, const Options& options) {
  Finding finding = finding_of(error);
  const std::string hint = hint_of(error, options);
  if (options.json) {
    finding.msg = one_line(finding.msg + hint);
    print_object(finding);
    if (is_written()) return finding.exit_code;
  }
  logging::write(logging::Level::error, one_line(finding.line + hint));
  return finding.exit_code;
}

}  // namespace cnitool
