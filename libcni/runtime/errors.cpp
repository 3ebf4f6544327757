// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/errors.h"

namespace runtime {
namespace {

std::string join(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

std::string not_found_text(const std::string& dir, const std::string& name,
                           const std::vector<std::string>& skipped) {
  std::string text = "no net configuration with name \"" + name + "\" in " + dir;
  if (!skipped.empty())
    text += " (" + std::to_string(skipped.size()) + " broken file" +
            (skipped.size() > 1 ? "s" : "") + " skipped: " + skipped.front() +
            (skipped.size() > 1 ? ", ..." : "") + ")";
  return text;
}

}  // namespace

NoConfigs::NoConfigs(const std::string& dir)
    : Error(cni::Code::invalid_config, "no net configurations found in " + dir,
            "a network is a file DIR/NAME.conflist") {}

NetworkNotFound::NetworkNotFound(const std::string& dir, const std::string& name,
                                 const std::vector<std::string>& skipped)
    : Error(cni::Code::invalid_config, not_found_text(dir, name, skipped), join(skipped, "\n")) {}

PluginNotFound::PluginNotFound(std::string type, const std::vector<std::string>& dirs,
                               const std::string& prefix)
    : Error(cni::Code::internal,
            prefix + "failed to find plugin \"" + type + "\" in path [" + join(dirs, " ") + "]",
            "install the executable there; DEL can also skip plugins that are missing"),
      type_(std::move(type)) {}

PluginError::PluginError(Call call, cni::Error reason, std::string stderr_text)
    : Error(reason.code(), prefix_of(call) + error_text(reason), reason.details()),
      call_(std::move(call)),
      reason_(std::move(reason)),
      stderr_text_(std::move(stderr_text)) {}

CheckUnsupported::CheckUnsupported(const std::string& version)
    : Error(cni::Code::incompatible_version,
            "configuration version \"" + version + "\" does not support the CHECK command") {}

std::string prefix_of(const Call& call) {
  const std::string description = "plugin type=\"" + call.type + "\"" +
                                  (call.name.empty() ? "" : " name=\"" + call.name + "\"");
  if (call.verb == "ADD") return description + " failed (add): ";
  if (call.verb == "DEL") return description + " failed (delete): ";
  if (call.verb == "CHECK") return description + " failed (check): ";
  if (call.verb == "GC") return "failed to GC plugin " + call.type + ": ";
  return {};
}

std::string error_text(const cni::Error& error) {
  return error.what() + (error.details().empty() ? "" : "; " + error.details());
}

}  // namespace runtime
