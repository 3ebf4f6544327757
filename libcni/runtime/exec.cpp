// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/exec.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include <nlohmann/json.hpp>

#include "libcni/json/result.h"
#include "libcni/runtime/errors.h"
#include "libcni/runtime/raw_json.h"

namespace runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 6> kVariables{"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS",
                                                     "CNI_ARGS",    "CNI_IFNAME",      "CNI_PATH"};

bool is_variable(std::string_view pair, std::string_view name) {
  return pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=';
}

std::string duration_text(milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + "s";
  return std::to_string(time.count()) + "ms";
}

/// Formats the outcome as `signal: killed` or `exit status 3`.
std::string ending(const PluginRun& plugin_run) {
  if (plugin_run.signal == 0) return "exit status " + std::to_string(plugin_run.exit_code);
  std::string name = ::strsignal(plugin_run.signal);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return "signal: " + name;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

Call call_of(const PluginRun& plugin_run) {
  return {plugin_run.type, plugin_run.plugin_name, plugin_run.verb};
}

[[noreturn]] void fail(const PluginRun& plugin_run, cni::Error reason) {
  throw PluginError(call_of(plugin_run), std::move(reason), plugin_run.errors);
}

/// The part of a plugin's output that a message quotes.
std::string quoted(const std::string& output) {
  constexpr std::size_t kEnough = 4096;
  return json::quote(output.size() <= kEnough ? output : output.substr(0, kEnough) + "...");
}

/// The error in the standard output of a failed plugin.
cni::Error read_diagnosis(const PluginRun& plugin_run) {
  const auto internal = [](const std::string& text) {
    return cni::Error(cni::Code::internal, text);
  };
  if (trimmed(plugin_run.output).empty()) {
    if (trimmed(plugin_run.errors).empty())
      return internal("netplugin failed with no error message: " + ending(plugin_run));
    return internal("netplugin failed: " + quoted(plugin_run.errors) + ": " + ending(plugin_run));
  }
  try {
    const auto object = parse_document(plugin_run.output, "", "error object");
    const auto& raw = object.raw();
    const bool has_code = raw.contains("code");
    const std::string message = object.get_string("msg");
    const std::string details = object.get_string("details");
    const auto code = has_code ? object.find_uint("code").value_or(0) : 999u;
    return cni::Error(static_cast<unsigned>(code),
                      message.empty() ? "plugin gave no error message: code " +
                                            std::to_string(code) + ", " + ending(plugin_run)
                                      : message,
                      details);
  } catch (const cni::Error& error) {
    return internal("netplugin failed but error parsing its diagnostic message " +
                    quoted(plugin_run.output) + ": " + error.what());
  }
}

/// An error object in the place of a result: the plugin exited with status 0 by mistake.
bool is_error_object(const nlohmann::json& object) {
  const auto has = [&](const char* key) { return object.contains(key); };
  return has("code") && has("msg") && !has("ips") && !has("ip4") && !has("ip6") &&
         !has("interfaces") && !has("routes");
}

std::string command_path(const PluginPath& path, const PluginCall& call) {
  return path.find(call.type, prefix_of({call.type, call.plugin_name, call.verb}));
}

}  // namespace

Deadline Deadline::after(std::optional<milliseconds> time) {
  if (!time) return {};
  return {std::chrono::steady_clock::now() + *time, *time};
}

std::optional<milliseconds> Deadline::left() const {
  if (!at) return std::nullopt;
  const auto left = std::chrono::ceil<milliseconds>(*at - std::chrono::steady_clock::now());
  return std::max(left, milliseconds(0));
}

Executor::Executor(ExecOptions options)
    : options_(std::move(options)), path_(options_.plugin_dirs) {}

std::vector<std::string> Executor::environment_of(const PluginCall& call) const {
  const bool version = call.verb == "VERSION";
  const std::string dummy = "dummy";
  const std::array<std::string, 6> values{call.verb,
                                          version ? "" : call.conf.container_id,
                                          version ? dummy : call.conf.netns,
                                          version ? "" : args_text(call.conf.args),
                                          version ? dummy : call.conf.ifname,
                                          version ? dummy : path_.text()};
  std::vector<std::pair<std::string_view, std::string>> ours;
  for (const auto& [name, value] : {std::pair("TRACEPARENT", &options_.trace.traceparent),
                                    std::pair("TRACESTATE", &options_.trace.tracestate),
                                    std::pair("BAGGAGE", &options_.trace.baggage)})
    if (!value->empty()) ours.emplace_back(name, *value);
  for (std::size_t i = 0; i < kVariables.size(); ++i) ours.emplace_back(kVariables[i], values[i]);
  std::vector<std::string> environment;
  for (char** pair = environ; *pair; ++pair)
    if (std::ranges::none_of(ours, [&](const auto& own) { return is_variable(*pair, own.first); }))
      environment.emplace_back(*pair);
  for (const auto& [name, value] : ours) environment.push_back(std::string(name) + "=" + value);
  return environment;
}

base::Outcome Executor::start(const base::Command& command, const PluginRun& plugin_run) const {
  try {
    return options_.run(command);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::interrupted) throw;
    fail(plugin_run, cni::Error(cni::Code::internal, error.what()));
  }
}

PluginRun Executor::run(const PluginCall& call) const {
  PluginRun plugin_run{.type = call.type,
                       .path = command_path(path_, call),
                       .verb = call.verb,
                       .plugin_name = call.plugin_name,
                       .environment = environment_of(call),
                       .input = call.input,
                       .allowed = call.deadline.allowed};
  const Observer& observer = options_.observer;
  base::Command command{.path = plugin_run.path,
                        .argv = {},
                        .environment = plugin_run.environment,
                        .input = plugin_run.input,
                        .timeout = call.deadline.left(),
                        .on_stderr =
                            [&](std::string_view chunk) {
                              plugin_run.errors += chunk;
                              if (observer.on_stderr) observer.on_stderr(plugin_run, chunk);
                            },
                        .die_with_parent = options_.die_with_parent};
  if (command.timeout == milliseconds(0)) {
    plugin_run.timed_out = true;
    return plugin_run;
  }
  if (observer.on_start) observer.on_start(plugin_run);
  const auto begun = std::chrono::steady_clock::now();
  base::Outcome outcome = start(command, plugin_run);
  plugin_run.duration = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begun);
  plugin_run.output = std::move(outcome.output);
  plugin_run.exit_code = outcome.exit_code;
  plugin_run.signal = outcome.signal;
  plugin_run.timed_out = outcome.timed_out;
  if (observer.on_finish) observer.on_finish(plugin_run);
  return plugin_run;
}

void require_success(const PluginRun& plugin_run) {
  if (plugin_run.timed_out)
    throw Timeout(
        call_of(plugin_run),
        cni::Error(cni::Code::internal, "netplugin failed with no error message: signal: killed",
                   "timed out after " + duration_text(plugin_run.allowed)),
        plugin_run.errors);
  if (plugin_run.exit_code != 0) fail(plugin_run, read_diagnosis(plugin_run));
}

PluginRun Executor::run_checked(const PluginCall& call) const {
  PluginRun plugin_run = run(call);
  require_success(plugin_run);
  return plugin_run;
}

cni::Result Executor::run_add(const PluginCall& call, const std::string& version) const {
  const PluginRun plugin_run = run_checked(call);
  if (trimmed(plugin_run.output) == "null") return {};
  const auto decoding = cni::Code::decoding_failure;
  std::optional<cni::Error> problem;
  try {
    const auto object = parse_document(plugin_run.output, "", "result");
    if (is_error_object(object.raw())) {
      problem = read_diagnosis(plugin_run);
    } else {
      std::string own = object.get_string("cniVersion");
      if (own.empty()) own = version;
      const auto shape = cni::find_supported(own);
      if (shape) return json::parse_result(object, *shape);
      problem.emplace(decoding, "unsupported CNI result version \"" + own + "\"");
    }
  } catch (const cni::Error& error) {
    problem.emplace(decoding, std::string("failed to unmarshal raw result: ") + error.what());
  }
  fail(plugin_run, *problem);
}

VersionInfo Executor::version_info(const std::string& type, Deadline deadline) const {
  const PluginCall call{.type = type,
                        .verb = "VERSION",
                        .input = "{\"cniVersion\":\"" + cni::kNewestVersion.text() + "\"}",
                        .deadline = deadline};
  const PluginRun plugin_run = run(call);
  if (!plugin_run.timed_out && plugin_run.exit_code != 0 &&
      std::string_view(read_diagnosis(plugin_run).what()) == "unknown CNI_COMMAND: VERSION")
    return {"0.1.0", {"0.1.0"}};
  require_success(plugin_run);
  const auto object = parse_document(plugin_run.output, "plugin " + type, "VERSION reply");
  VersionInfo info{object.get_string("cniVersion"), {}};
  const auto refuse = [&](const char* key) {
    fail(plugin_run, cni::Error(cni::Code::decoding_failure,
                                "plugin " + type + ": VERSION reply has no '" + key + "'"));
  };
  if (info.cni_version.empty()) refuse("cniVersion");
  if (const auto versions = object.find_strings("supportedVersions");
      versions && !versions->empty())
    info.supported = *versions;
  else if (info.cni_version == "0.2.0")
    info.supported = {"0.1.0", "0.2.0"};
  else
    refuse("supportedVersions");
  return info;
}

}  // namespace runtime
