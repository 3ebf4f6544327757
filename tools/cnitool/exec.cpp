// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "libcni/json/object.h"
#include "libcni/runtime/conf_dir.h"
#include "libcni/runtime/request.h"
#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/result_view.h"
#include "tools/cnitool/sandbox.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/trace.h"

namespace cnitool {
namespace {

using nlohmann::ordered_json;

constexpr const char* kVerbs[] = {"ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"};

std::string read_verb(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (std::find(std::begin(kVerbs), std::end(kVerbs), word) == std::end(kVerbs)) {
    throw UsageError("exec: \"" + word +
                     "\" is not a verb; must be ADD, DEL, CHECK, GC, STATUS or VERSION");
  }
  return word;
}

const runtime::PluginConf& find_plugin(const runtime::NetworkList& list, const std::string& type) {
  for (const auto& plugin : list.plugins) {
    if (plugin.type == type) return plugin;
  }
  throw NotFound("network \"" + list.name + "\" has no plugin \"" + type + "\"");
}

/// The attachments of this network in the cache, which a GC by hand takes as still in use.
std::vector<cni::Attachment> cached_attachments(const std::string& network,
                                                const Options& options) {
  std::vector<cni::Attachment> all;
  for (const auto& entry : runtime::Cache(options.cache_dir).list()) {
    if (entry.network == network) all.push_back({entry.conf.container_id, entry.conf.ifname});
  }
  return all;
}

/// The prevResult: of --prev-result, or from the cache if the runtime would send it too.
std::optional<std::string> previous_result(const runtime::NetworkList& list,
                                           const runtime::PluginCall& call,
                                           const Options& options) {
  if (!options.prev_result.empty()) return read_input(options.prev_result);
  if (call.verb != "CHECK" && call.verb != "DEL") return std::nullopt;
  const auto entry = runtime::Cache(options.cache_dir).find(list.name, call.conf);
  return entry ? entry->result : std::nullopt;
}

/// The request that the runtime would send to `type` of this network.
std::string request_of_list(const runtime::NetworkList& list, const runtime::PluginCall& call,
                            const Options& options) {
  runtime::Injected injected{list.name, list.version};
  injected.capability_args = call.conf.capability_args;
  injected.prev_result = previous_result(list, call, options);
  if (call.verb == "GC") {
    injected.valid = runtime::ValidAttachments{cached_attachments(list.name, options)};
  }
  return runtime::make_request(find_plugin(list, call.type), injected);
}

/// The configuration of a single plugin, byte for byte, unless a member must be injected.
std::string request_of_object(const std::string& text, const runtime::PluginCall& call,
                              const Options& options) {
  if (options.prev_result.empty() && call.conf.capability_args.empty()) return text;
  const auto object = json::Object::parse(text, options.conf);
  runtime::Injected injected{object.get_string("name"), object.get_string("cniVersion")};
  injected.capability_args = call.conf.capability_args;
  if (!options.prev_result.empty()) injected.prev_result = read_input(options.prev_result);
  return runtime::make_request(runtime::parse_plugin(text, options.conf), injected);
}

std::string request_of(const runtime::PluginCall& call, const Options& options) {
  if (!options.network.empty()) {
    return request_of_list(runtime::load_network(options.conf_dir, options.network), call, options);
  }
  if (options.conf.empty()) {
    if (call.verb == "VERSION") return R"({"cniVersion":"1.1.0"})";
    return request_of_object(
        R"({"cniVersion":"1.1.0","name":"cnitool","type":)" + json::quote(call.type) + "}", call,
        options);
  }
  const std::string text = read_input(options.conf);
  const auto parsed = ordered_json::parse(text, nullptr, false);
  if (parsed.is_object() && parsed.contains("plugins")) {
    return request_of_list(runtime::parse_list(text, options.conf), call, options);
  }
  return request_of_object(text, call, options);
}

std::string given_netns(const Options& options) {
  if (!options.netns.empty()) return netns_of(options.netns);
  return options.words.size() > 2 ? netns_of(options.words[2]) : "";
}

runtime::PluginCall read_call(const Options& options) {
  runtime::PluginCall call;
  call.verb = read_verb(options.words[0]);
  call.type = std::filesystem::path(options.words[1]).filename().string();
  call.deadline = runtime::Deadline::after(options.timeout);
  const bool of_attachment = call.verb == "ADD" || call.verb == "DEL" || call.verb == "CHECK";
  if (of_attachment) {
    call.conf.netns = given_netns(options);
    call.conf.container_id =
        options.container_id.empty() ? derive_container_id(call.conf.netns) : options.container_id;
    call.conf.ifname = ifname_of(options, 0);
    read_arguments(options, call.conf);
  }
  call.input = request_of(call, options);
  return call;
}

ordered_json object_of(const runtime::PluginRun& call, bool dry_run) {
  ordered_json environment = ordered_json::object();
  for (const auto& variable : call.environment) {
    const std::size_t equals = variable.find('=');
    if (variable.starts_with("CNI_"))
      environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  ordered_json object{
      {"verb", call.verb}, {"path", call.path}, {"env", environment}, {"stdin", call.input}};
  if (dry_run) return object;
  object["stdout"] = call.output;
  object["stderr"] = call.errors;
  object["exitCode"] = call.exit_code;
  object["signal"] = call.signal;
  object["timedOut"] = call.timed_out;
  object["milliseconds"] = static_cast<double>(call.duration.count()) / 1000;
  return object;
}

int exit_code_of(const runtime::PluginRun& call) {
  try {
    runtime::require_success(call);
    return kOk;
  } catch (const cni::Error& error) {
    return exit_code_for(error);
  }
}

}  // namespace

int run_exec(const Options& options) {
  if (options.words.size() < 2)
    throw UsageError("exec needs a verb and a plugin. " + usage_of("exec"));
  runtime::ExecOptions behaviour = runtime_options(options).exec;
  const std::filesystem::path binary(options.words[1]);
  if (binary.has_parent_path()) {
    const auto dir = std::filesystem::absolute(binary).parent_path().string();
    behaviour.plugin_dirs.insert(behaviour.plugin_dirs.begin(), dir);
  }
  behaviour.observer = {};  // the whole exchange is printed below
  if (options.dry_run)
    behaviour.run = [](const base::Command&) {
      return base::Outcome{.exit_code = 0, .output = {}};
    };
  const runtime::PluginRun done = runtime::Executor(behaviour).run(read_call(options));
  if (options.format == Format::json) {
    print_json(object_of(done, options.dry_run)
                   .dump(4, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    std::cout << request_text(done) << (options.dry_run ? "" : reply_text(done));
  }
  return options.dry_run ? kOk : exit_code_of(done);
}

}  // namespace cnitool
