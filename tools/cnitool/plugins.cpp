// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "libcni/base/subprocess.h"
#include "libcni/spec/version.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/join.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/table.h"

extern char** environ;  // NOLINT: POSIX

namespace cnitool {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};

/// One binary and the information that it prints about itself.
struct Binary {
  std::string type;
  std::string path;
  std::string about = {};
  std::vector<std::string> versions = {};
  std::string error = {};
};

std::vector<std::string> environment_without_cni() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "CNI_", 4) != 0) all.emplace_back(*entry);
  }
  return all;
}

/// The text that a plugin prints without CNI_COMMAND: the first line on standard error.
std::string about_of(const std::string& path, milliseconds patience) {
  std::string errors;
  base::Command command;
  command.path = path;
  command.environment = environment_without_cni();
  command.timeout = patience;
  command.on_stderr = [&errors](std::string_view chunk) { errors += chunk; };
  base::run(command);
  return errors.substr(0, errors.find('\n'));
}

Binary ask(const std::string& type, const Options& options) {
  runtime::RuntimeOptions behaviour = runtime_options(options);
  behaviour.timeout = options.timeout.value_or(kPatience);
  behaviour.exec.observer.on_stderr = {};
  const runtime::Cni cni(behaviour);
  Binary binary{type, cni.executor().path().find(type)};
  try {
    binary.versions = cni.version_info(type).supported;
    binary.about = about_of(binary.path, *behaviour.timeout);
  } catch (const std::exception& error) {
    binary.error = error.what();
  }
  return binary;
}

/// The highest version that every binary supports; empty when there is none.
std::string best_common(const std::vector<Binary>& binaries) {
  const auto all_have = [&](const std::string& version) {
    return std::all_of(binaries.begin(), binaries.end(), [&](const Binary& binary) {
      return !binary.error.empty() || std::find(binary.versions.begin(), binary.versions.end(),
                                                version) != binary.versions.end();
    });
  };
  for (auto version = cni::kVersions.rbegin(); version != cni::kVersions.rend(); ++version) {
    if (all_have(version->text())) return version->text();
  }
  return "";
}

void print_json(const std::vector<Binary>& binaries) {
  ordered_json list = ordered_json::array();
  for (const auto& binary : binaries) {
    ordered_json one{{"type", binary.type},
                     {"path", binary.path},
                     {"about", binary.about},
                     {"supportedVersions", binary.versions}};
    if (!binary.error.empty()) one["error"] = binary.error;
    list.push_back(one);
  }
  const ordered_json all{{"plugins", list}, {"bestCommonVersion", best_common(binaries)}};
  std::cout << all.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print_table(const std::vector<Binary>& binaries, bool wide) {
  std::vector<std::string> header{"PLUGIN", "VERSIONS", "ABOUT"};
  if (wide) header.emplace_back("BINARY");
  Table table(header);
  for (const auto& binary : binaries) {
    const bool sound = binary.error.empty();
    std::vector<Cell> row{
        binary.type, sound ? Cell(join(binary.versions, " ")) : Cell("not a plugin?", Tone::bad),
        sound ? Cell(binary.about) : Cell(binary.error, Tone::bad)};
    if (wide) row.emplace_back(binary.path);
    table.add(row);
  }
  print(table);
  const std::string best = best_common(binaries);
  std::cout << (best.empty() ? "no version is supported by all" : "best common version: " + best)
            << '\n';
}

/// Skips the other programs of this suite, which are in the same folder in a build and in an image.
std::vector<std::string> all_types(const runtime::PluginPath& path) {
  auto types = path.all_types();
  std::erase_if(types, [&](const std::string& type) {
    std::error_code ignored;
    return type == "cnitool" || type == "plumbd" ||
           std::filesystem::equivalent(path.find(type), "/proc/self/exe", ignored);
  });
  return types;
}

}  // namespace

int run_plugins(const Options& options) {
  const runtime::PluginPath path(options.plugin_dirs);
  const auto types = options.words.empty() ? all_types(path) : options.words;
  if (types.empty()) {
    throw NotFound("no plugin in " + path.text() +
                   "; name the directory with --plugin-path or CNI_PATH");
  }
  if (options.format == Format::name) {
    for (const auto& type : types) std::cout << type << '\n';
    return kOk;
  }
  std::vector<Binary> binaries;
  binaries.reserve(types.size());
  for (const auto& type : types) binaries.push_back(ask(type, options));
  if (options.format == Format::json) {
    print_json(binaries);
  } else {
    print_table(binaries, options.format == Format::wide);
  }
  return kOk;
}

}  // namespace cnitool
