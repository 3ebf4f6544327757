// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/request.h"

#include <algorithm>
#include <array>

#include "libcni/runtime/raw_json.h"
#include "libcni/spec/error.h"

namespace runtime {
namespace {

/// Keys of the list that are never sent to a plugin, and `capabilities`, which only the runtime
/// uses.
constexpr std::array<std::string_view, 5> kKept{"capabilities", "cniVersions", "disableCheck",
                                                "disableGC", "loadOnlyInlinedPlugins"};

std::string attachments_text(const ValidAttachments& valid) {
  if (!valid.list) return "null";
  std::string text;
  for (const cni::Attachment& attachment : *valid.list)
    text += (text.empty() ? "" : ",") + std::string("{\"containerID\":") +
            json::quote(attachment.container_id) + ",\"ifname\":" + json::quote(attachment.ifname) +
            "}";
  return "[" + text + "]";
}

/// The members of `args` that the plugin declares, as an object; empty when there are none.
std::string runtime_config(const PluginConf& plugin, const CapabilityArgs& args) {
  std::string text;
  for (const auto& [name, value] : args) {
    if (std::ranges::find(plugin.capabilities, name) == plugin.capabilities.end()) continue;
    if (name.empty() || value.empty())
      throw cni::Error(cni::Code::internal,
                       "capability argument \"" + name + "\" has no name or no value");
    text += (text.empty() ? "" : ",") + json::quote(name) + ":" + value;
  }
  return text.empty() ? "" : "{" + text + "}";
}

}  // namespace

std::string make_request(const PluginConf& plugin, const Injected& injected) {
  std::vector<std::pair<std::string, std::string>> ours{
      {"cniVersion", json::quote(injected.version)}, {"name", json::quote(injected.name)}};
  if (injected.prev_result) ours.emplace_back("prevResult", *injected.prev_result);
  if (auto config = runtime_config(plugin, injected.capability_args); !config.empty())
    ours.emplace_back("runtimeConfig", std::move(config));
  if (injected.valid) {
    const std::string attachments = attachments_text(*injected.valid);
    ours.emplace_back("cni.dev/valid-attachments", attachments);
    ours.emplace_back("cni.dev/attachments", attachments);
  }
  std::string text;
  const auto append = [&text](std::string_view key, std::string_view value) {
    if (!text.empty()) text += ',';
    text += json::quote(key);
    text += ':';
    text += value;
  };
  for (const auto& [key, value] : ours) append(key, value);
  for (const RawMember& member : split_object(plugin.text)) {
    const bool replaced =
        std::ranges::any_of(ours, [&](const auto& pair) { return pair.first == member.key; });
    if (!replaced && std::ranges::find(kKept, member.key) == kKept.end())
      append(member.key, member.text);
  }
  return "{" + text + "}";
}

}  // namespace runtime
