// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/delegate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "libcni/base/file.h"
#include "libcni/base/log.h"
#include "libcni/base/subprocess.h"
#include "libcni/base/undo.h"
#include "libcni/json/result.h"
#include "libcni/plugin/environment.h"
#include "libcni/plugin/own_build.h"

namespace cni {
namespace {

constexpr std::size_t kMaxQuoted = 60;      // bytes of standard output that a message quotes
constexpr std::size_t kMaxDiagnosis = 200;  // bytes of standard error

std::string quote_start(std::string_view text) {
  return json::quote(text.substr(0, kMaxQuoted));
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> folders;
  while (!path.empty()) {
    const auto colon = path.find(':');
    folders.emplace_back(path.substr(0, colon));
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
  }
  return folders;
}

/// The first executable regular file called `type`. Empty and relative folders are skipped, because
/// they would depend on the runtime's working directory.
std::optional<std::string> find_executable(const std::string& type, std::string_view path) {
  for (const auto& folder : split_path(path)) {
    if (!folder.starts_with('/')) continue;
    const std::string candidate = folder + "/" + type;
    struct stat status {};
    if (::stat(candidate.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    base::log(candidate + " is not executable, skipped");
  }
  return std::nullopt;
}

Error not_found(const std::string& type, std::string_view path, Code code) {
  std::string folders(path);
  std::ranges::replace(folders, ':', ' ');
  return {code, "failed to find plugin \"" + type + "\" in path [" + folders + "]",
          "CNI_PATH has no executable file of that name"};
}

/// The environment of this process with CNI_COMMAND replaced: a roll-back runs DEL in the
/// environment of ADD.
std::vector<std::string> environment_for(Verb verb) {
  constexpr std::string_view kCommand = "CNI_COMMAND=";
  std::vector<std::string> environment;
  for (char** pair = environ; *pair != nullptr; ++pair)
    if (!std::string_view(*pair).starts_with(kCommand)) environment.emplace_back(*pair);
  environment.push_back(std::string(kCommand) + std::string(verb_name(verb)));
  return environment;
}

/// The inherited descriptor of the namespace if CNI_NETNS is such a path (/proc/self/fd/N); the
/// delegate must inherit it too. -1 for any other path.
int find_handed_down(std::string_view netns) {
  constexpr std::string_view kFolder = "/proc/self/fd/";
  int descriptor = -1;
  if (netns.starts_with(kFolder))
    std::from_chars(netns.data() + kFolder.size(), netns.data() + netns.size(), descriptor);
  return descriptor;
}

std::string ending(const base::Outcome& outcome) {
  if (outcome.signal == 0) return "exit status " + std::to_string(outcome.exit_code);
  const char* name = ::sigabbrev_np(outcome.signal);
  return "killed by " +
         (name == nullptr ? "signal " + std::to_string(outcome.signal) : "SIG" + std::string(name));
}

/// The error for a failed delegate: the error object that it printed, if any.
Error diagnose(const base::Outcome& outcome, const std::string& errors,
               const std::string& details) {
  if (outcome.signal != 0 || outcome.output.find_first_not_of(" \t\r\n") == std::string::npos) {
    if (errors.empty())
      return {Code::internal, "netplugin failed with no error message: " + ending(outcome),
              details};
    return {Code::internal, "netplugin failed: " + quote_start(errors) + ": " + ending(outcome),
            details + ": " + errors};
  }
  const auto answer = json::Object::parse(
      outcome.output,
      "netplugin failed but error parsing its diagnostic message " + quote_start(outcome.output));
  const auto error = json::find_error(answer);
  if (!error)
    return {Code::internal, "netplugin failed without an error code: " + ending(outcome),
            details + ": " + quote_start(outcome.output)};
  const std::string message = *error->what() == '\0'
                                  ? "netplugin failed with no error message: " + ending(outcome)
                                  : error->what();
  // Code 0 would look like success to a caller that checks only the number.
  const Code code = error->code() == Code{} ? Code::internal : error->code();
  return {code, message, error->details()};
}

const InProcessDelegate* find_own(const std::string& type) {
  for (const auto& table : {in_process_delegates(), used_plugins()})
    for (const InProcessDelegate& each : table)
      if (each.type == type) return &each;
  return nullptr;
}

}  // namespace

// Weak: executables that link the generated table use that instead.
[[gnu::weak]] std::span<const InProcessDelegate> in_process_delegates() {
  return {};
}

[[gnu::weak]] std::span<const InProcessDelegate> used_plugins() {
  return {};
}

const Plugin& get_used_plugin(const std::string& key, const std::string& type) {
  std::string known;
  for (const InProcessDelegate& each : used_plugins()) {
    if (each.type == type) return each.plugin();
    known += (known.empty() ? "" : " or ") + std::string(each.type);
  }
  throw Error(Code::invalid_config,
              "key \"" + key + "\" must be " + known + ", not " + json::quote(type));
}

/// The plugin that was found: a file to execute, or code in this executable.
struct Delegate::Target {
  std::string path;
  const Plugin* own = nullptr;
};

Delegate::Delegate(const Request& request, std::string type, DelegateRole role)
    : request_(request), type_(std::move(type)), role_(role) {
  if (type_.find('/') != std::string::npos || type_ == "." || type_ == "..")
    throw Error(Code::invalid_config, "invalid plugin name: " + json::quote(type_),
                "key \"" + std::string(role_.key) + "\" names a file in CNI_PATH");
}

bool Delegate::is_present() const {
  return find_executable(type_, request_.path).has_value();
}

Delegate::Target Delegate::find(Code when_missing) const {
  if (type_.empty())
    throw Error(Code::invalid_config, "no plugin name provided",
                "key \"" + std::string(role_.key) + "\" is missing");
  const auto path = find_executable(type_, request_.path);
  if (!path) throw not_found(type_, request_.path, when_missing);
  const InProcessDelegate* const own = find_own(type_);
  if (own == nullptr || !is_own_build(*path)) return {*path};
  return {*path, &own->plugin()};
}

std::string Delegate::execute(const Target& target, Verb verb) const {
  std::string errors;
  base::Command command;
  command.path = target.path;
  command.environment = environment_for(verb);
  command.input = request_.stdin_text;
  command.descriptor = find_handed_down(request_.netns);
  command.on_stderr = [&](std::string_view text) {
    base::write_all(STDERR_FILENO, text, "standard error");
    errors.append(text.substr(0, kMaxDiagnosis - std::min(kMaxDiagnosis, errors.size())));
  };
  base::Outcome outcome = base::run(command);
  if (!outcome.ok()) throw diagnose(outcome, errors, std::string(role_.what) + " " + target.path);
  return std::move(outcome.output);
}

Result Delegate::read_answer(const std::string& text, const AddHooks& hooks) const {
  const std::string name = std::string(role_.what) + " " + json::quote(type_);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    throw Error(Code::decoding_failure, name + " printed no result");
  const auto answer = json::Object::parse(text, name + " printed " + quote_start(text), type_);
  Result result = json::parse_result(answer, request_.version);
  if (hooks.accept) hooks.accept(answer, result);
  return result;
}

void Delegate::run(Verb verb) const {
  run(find(verb == Verb::status ? Code::not_available : Code::invalid_environment), verb);
}

void Delegate::run(const Target& target, Verb verb) const {
  if (target.own == nullptr) {
    execute(target, verb);
    return;
  }
  const Plugin& plugin = *target.own;
  const auto& function = verb == Verb::del     ? plugin.del
                         : verb == Verb::check ? plugin.check
                         : verb == Verb::gc    ? plugin.gc
                                               : plugin.status;
  if (!function) return;
  if (verb == request_.verb) return function(request_);
  // Rolls ADD back by DEL. DEL needs no sandbox and gets none, because the handle belongs to the
  // request.
  function({.verb = verb,
            .container_id = request_.container_id,
            .ifname = request_.ifname,
            .netns = request_.netns,
            .args = request_.args,
            .path = request_.path,
            .stdin_text = request_.stdin_text,
            .config = request_.config,
            .network = request_.network,
            .version = request_.version,
            .prev_result = request_.prev_result});
}

Result Delegate::add(const AddHooks& hooks) const {
  const Target target = find(Code::invalid_environment);
  base::Undo undo;
  const auto remove_on_failure = [&] {
    undo.add(std::string(role_.what) + " ADD", [&] { run(target, Verb::del); });
  };
  std::string text;
  if (target.own == nullptr) {
    remove_on_failure();
    text = execute(target, Verb::add);
  } else {
    // A failed ADD in this process has undone itself. A DEL would release more: if ADD was refused
    // because of an earlier attachment, the address of that attachment.
    const Result result =
        hooks.in_process ? hooks.in_process(*target.own) : target.own->add(request_);
    remove_on_failure();
    // Converted through text, as between processes, so that members that the version cannot express
    // are lost here too.
    text = json::print_result_compact(result, request_.version);
  }
  Result result = read_answer(text, hooks);
  undo.commit();
  return result;
}

}  // namespace cni
