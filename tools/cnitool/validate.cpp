// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "libcni/base/unique_fd.h"
#include "libcni/runtime/conf_dir.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/table.h"

namespace cnitool {
namespace {

namespace fs = std::filesystem;

enum class Severity { ok, warning, error };

struct Finding {
  std::string file;
  std::string network;
  Severity severity = Severity::ok;
  std::string message = {};
};

const char* name_of(Severity severity) {
  if (severity == Severity::ok) return "ok";
  return severity == Severity::warning ? "warning" : "error";
}

Tone tone_of(Severity severity) {
  if (severity == Severity::ok) return Tone::good;
  return severity == Severity::warning ? Tone::warning : Tone::bad;
}

/// The message of a broken file; the table names the file already.
std::string without_path(const runtime::ConfFile& file) {
  const std::string prefix = file.path + ": ";
  return file.error.starts_with(prefix) ? file.error.substr(prefix.size()) : file.error;
}

void check_file(const runtime::ConfFile& file, const Options& options,
                std::vector<Finding>& findings) {
  const std::string network = file.list ? file.list->name : "";
  const std::size_t before = findings.size();
  const auto add = [&](Severity severity, const std::string& message) {
    findings.push_back({file.path, network, severity, message});
  };
  if (!file.list) return add(Severity::error, without_path(file));
  const auto report = runtime::Cni(runtime_options(options)).validate(*file.list);
  for (const auto& message : report.errors) add(Severity::error, message);
  std::vector<std::string> warnings = file.list->warnings;
  for (const auto& message : report.warnings) {
    if (std::find(warnings.begin(), warnings.end(), message) == warnings.end())
      warnings.push_back(message);
  }
  for (const auto& message : warnings) add(Severity::warning, message);
  if (findings.size() == before) add(Severity::ok, "");
}

/// Returns whether a file begins like a configuration; lock files and files of other programs do
/// not.
bool looks_like_json(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 512> head{};
  const ssize_t size = file ? ::read(file.get(), head.data(), head.size()) : 0;
  const std::string_view text(head.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

/// Files that look like configurations but that no runtime reads, because of their names.
void check_strays(const std::string& dir, std::vector<Finding>& findings) {
  const auto known = runtime::find_conf_files(dir);
  std::vector<std::string> strays;
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string path = entry.path().string();
    const bool temporary = entry.path().filename().string().starts_with(".") || path.ends_with("~");
    const bool read = std::find(known.begin(), known.end(), path) != known.end();
    if (entry.is_regular_file() && !temporary && !read && looks_like_json(path))
      strays.push_back(path);
  }
  std::sort(strays.begin(), strays.end());
  for (const auto& path : strays) {
    findings.push_back({path, "", Severity::warning,
                        "never read: rename it to end in .conflist if it should be used"});
  }
}

runtime::ConfFile read_file(const std::string& path) {
  runtime::ConfFile file{path};
  try {
    file.list = runtime::load_file(path);
  } catch (const cni::Error& error) {
    file.error = runtime::error_text(error);
  }
  return file;
}

/// A word with a `/` or the name of an existing file is a file, any other the name of a network.
void check_word(const std::string& word, const Options& options, std::vector<Finding>& findings) {
  if (word.find('/') != std::string::npos || fs::is_regular_file(word)) {
    if (!fs::exists(word)) throw NotFound("file not found: \"" + word + "\"");
    return check_file(read_file(word), options, findings);
  }
  const auto list = runtime::load_network(options.conf_dir, word);
  check_file({list.file, list}, options, findings);
}

void print_findings(const std::vector<Finding>& findings, const Options& options) {
  if (options.format == Format::json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const auto& finding : findings) {
      nlohmann::ordered_json one{{"file", finding.file}, {"severity", name_of(finding.severity)}};
      if (!finding.network.empty()) one["network"] = finding.network;
      if (!finding.message.empty()) one["msg"] = finding.message;
      all.push_back(one);
    }
    std::cout << all.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return;
  }
  Table table({"FILE", "NETWORK", "RESULT", "MESSAGE"});
  for (const auto& finding : findings) {
    table.add({finding.file,
               finding.network,
               {name_of(finding.severity), tone_of(finding.severity)},
               finding.message});
  }
  print(table);
}

}  // namespace

int run_validate(const Options& options) {
  std::vector<Finding> findings;
  if (options.words.empty()) {
    const auto files = runtime::load_all(options.conf_dir);
    if (!fs::is_directory(options.conf_dir)) throw runtime::NoConfigs(options.conf_dir);
    for (const auto& file : files) check_file(file, options, findings);
    check_strays(options.conf_dir, findings);
    if (findings.empty()) throw runtime::NoConfigs(options.conf_dir);
  }
  for (const auto& word : options.words) check_word(word, options, findings);
  print_findings(findings, options);
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::error;
  });
  return failed ? kFailed : kOk;
}

}  // namespace cnitool
