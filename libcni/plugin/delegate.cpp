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
#include "libcni/plugin/reserved.h"

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

/// The IPAM plugin that was found: a file to execute, or code in this executable.
struct Ipam::Target {
  std::string path;
  const Plugin* own = nullptr;
};

Ipam::Ipam(const Request& request)
    : request_(request), type_(request.config.get_object("ipam").get_string("type")) {
  if (type_.find('/') != std::string::npos || type_ == "." || type_ == "..")
    throw Error(Code::invalid_config, "invalid plugin name: " + json::quote(type_),
                "key \"ipam.type\" names a file in CNI_PATH");
}

Ipam::Target Ipam::find(Code when_missing) const {
  if (type_.empty())
    throw Error(Code::invalid_config, "no plugin name provided", "key \"ipam.type\" is missing");
  const auto path = find_executable(type_, request_.path);
  if (!path) throw not_found(type_, request_.path, when_missing);
  const auto delegates = in_process_delegates();
  const auto delegate = std::ranges::find(delegates, type_, &InProcessDelegate::type);
  if (delegate == delegates.end() || !is_own_build(*path)) return {*path};
  return {*path, &delegate->plugin()};
}

std::string Ipam::execute(const Target& target, Verb verb) const {
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
  if (!outcome.ok()) throw diagnose(outcome, errors, "IPAM plugin " + target.path);
  return std::move(outcome.output);
}

Result Ipam::read_answer(const Target& target, const std::string& text) const {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    throw Error(Code::decoding_failure, "IPAM plugin \"" + type_ + "\" printed no result");
  const auto answer = json::Object::parse(
      text, "IPAM plugin \"" + type_ + "\" printed " + quote_start(text), type_);
  Result result = json::parse_result(answer, request_.version);
  if (result.ips.empty()) {
    if (const auto error = json::find_error(answer)) throw *error;
    throw Error(Code::invalid_config, "IPAM plugin returned missing IP config",
                "IPAM plugin " + target.path + " gave no address");
  }
  return result;
}

void Ipam::run(const Target& target, Verb verb) const {
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

Result Ipam::add_in_process(const Target& target, const std::function<bool()>& is_alive) const {
  try {
    return target.own->add(request_);
  } catch (const StillReserved& reserved) {
    if (!is_alive || is_alive()) throw;
    base::log(std::string(reserved.what()) +
              "; released it: nothing of the attachment is left on this host");
  }
  run(target, Verb::del);
  return target.own->add(request_);
}

Result Ipam::add(const std::function<bool()>& is_alive) const {
  const Target target = find(Code::invalid_environment);
  base::Undo undo;
  const auto release_on_failure = [&] { undo.add("IPAM ADD", [&] { run(target, Verb::del); }); };
  std::string text;
  if (target.own == nullptr) {
    release_on_failure();
    text = execute(target, Verb::add);
  } else {
    // A failed ADD in this process has undone itself. A DEL would release more: if ADD was refused
    // because of an earlier attachment, the address of that attachment.
    const Result result = add_in_process(target, is_alive);
    release_on_failure();
    // Converted through text, as between processes, so that members that the version cannot express
    // are lost here too.
    text = json::print_result_compact(result, request_.version);
  }
  Result result = read_answer(target, text);
  undo.commit();
  return result;
}

void Ipam::del() const {
  if (configured()) run(find(Code::invalid_environment), Verb::del);
}
void Ipam::check() const {
  run(find(Code::invalid_environment), Verb::check);
}
void Ipam::gc() const {
  if (configured()) run(find(Code::invalid_environment), Verb::gc);
}
void Ipam::status() const {
  run(find(Code::not_available), Verb::status);
}

}  // namespace cni
