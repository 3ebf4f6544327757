// SPDX-License-Identifier: Apache-2.0
// Standard input of every verb: for any input, a plugin prints one JSON document or nothing.
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include "ipam/host-local/conf.h"
#include "ipam/static/conf.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/plugin.h"
#include "plugins/bridge/conf.h"
#include "tests/fuzz/all_plugins.h"

namespace {

/// An error of the kernel or of a file is not an error of the configuration; plugin_main() would
/// report it.
void parse(const std::function<void()>& step) {
  try {
    step();
  } catch (const cni::Error& error) {
    if (error.code() == cni::Code{} || *error.what() == '\0') std::abort();
  } catch (const std::system_error&) {
  }
}

void parse_as_every_plugin(const cni::Request& request) {
  for (const auto plugin : fuzz::all_plugins())
    if (plugin().parse) parse([&] { plugin().parse(request); });
  parse([&] { cni::Ipam ipam(request); });
  // The parts that other verbs read: DEL uses the readable parts of a configuration that ADD
  // refuses.
  parse([&] { bridge::parse_conf_for_removal(request); });
  parse([&] { ipam_host_local::parse_conf(request); });
  parse([&] { ipam_host_local::parse_data_dir(request); });
  parse([&] { ipam_static::parse_result(request); });
}

void require(bool condition) {
  if (!condition) std::abort();
}

void require_answer(const std::string& verb, int exit_code, const std::string& output) {
  require(exit_code == 0 || exit_code == 1);
  if (exit_code == 0 && verb != "ADD") return require(output.empty());
  const auto answer = nlohmann::json::parse(output);  // throws, and so fails, on anything else
  require(answer.contains("cniVersion"));
  if (exit_code == 1)
    require(answer.at("code") > 0 && !answer.at("msg").get<std::string>().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const cni::Plugin plugin{.name = "fuzz",
                           .add =
                               [](const cni::Request& request) {
                                 parse_as_every_plugin(request);
                                 return request.prev_result.value_or(cni::Result{});
                               },
                           .del = parse_as_every_plugin,
                           .check = parse_as_every_plugin,
                           .gc = parse_as_every_plugin,
                           .status = parse_as_every_plugin};
  for (const std::string verb : {"ADD", "CHECK", "DEL", "GC", "STATUS"}) {
    const std::map<std::string, std::string> environment{{"CNI_COMMAND", verb},
                                                         {"CNI_CONTAINERID", "c1"},
                                                         {"CNI_NETNS", "/proc/self/ns/net"},
                                                         {"CNI_IFNAME", "eth0"},
                                                         {"CNI_PATH", "/nonexistent"},
                                                         {"CNI_NETNS_OVERRIDE", "1"},
                                                         {"CNI_ARGS", "IgnoreUnknown=1"}};
    std::string output;
    const cni::Edges edges{.getenv = [&](const char* name) -> std::optional<std::string> {
                             const auto found = environment.find(name);
                             return found == environment.end() ? std::nullopt
                                                               : std::optional(found->second);
                           },
                           .read_stdin = [&] { return input; },
                           .write_stdout = [&](std::string_view text) { output += text; },
                           .write_stderr = [](std::string_view) {}};
    require_answer(verb, cni::plugin_main(plugin, edges), output);
  }
  return 0;
}
