// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/request.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

#include "libcni/base/log.h"
#include "libcni/base/names.h"
#include "libcni/json/result.h"
#include "libcni/plugin/environment.h"

namespace cni {
namespace {

// Rewriting needs memory for two documents. A configuration of 1 MiB must be accepted, and DEL must
// accept every configuration that ADD accepted.
constexpr std::size_t kMaxRewritten = 1'250'000;
constexpr Version kFirstWithCheck{0, 4, 0};
constexpr Version kFirstWithGcAndStatus{1, 1, 0};

/// A key of the specification. These match in exactly one spelling
/// (docs/decisions/002-json-keys.md).
std::string get_envelope(const json::Object& config, const char* key) {
  if (config.has_exactly(key)) return config.get_string(key);
  const std::string near = config.near_miss(key);
  if (!near.empty())
    throw Error(Code::invalid_config, "key \"" + near + "\" must be spelled \"" + key + "\"");
  return {};
}

std::string read_name(const json::Object& config) {
  std::string name = get_envelope(config, "name");
  if (name.empty())
    throw Error(Code::invalid_config, "missing network name",
                "key \"name\" names the network, such as \"mynet\"");
  if (!base::is_identifier(name))
    throw Error(Code::invalid_config, "invalid characters found in network name", name);
  // The name must be usable as a file name.
  if (name.size() > NAME_MAX)
    throw Error(Code::invalid_config,
                "network name of " + std::to_string(name.size()) + " bytes: must be at most " +
                    std::to_string(NAME_MAX),
                name);
  return name;
}

/// Shortens a path so that a msg stays below 200 bytes.
std::string shortened(const std::string& path) {
  constexpr std::size_t kLongest = 120;
  return path.size() <= kLongest ? path : path.substr(0, kLongest) + "...";
}

/// CHECK, GC and STATUS came with later versions; like the reference, this compares versions by
/// number before they are matched literally.
void require_verb(Verb verb, const std::string& label, std::span<const Version> versions) {
  if (verb == Verb::add || verb == Verb::del) return;
  const auto version = Version::parse(label);
  const std::string name(verb_name(verb));
  if (!version)
    throw Error(Code::decoding_failure, "cannot read cniVersion \"" + label + "\"",
                "must be a version such as " + kNewestVersion.text());
  const std::string details = "config is \"" + version->text() + "\"";
  if (*version < (verb == Verb::check ? kFirstWithCheck : kFirstWithGcAndStatus))
    throw Error(Code::incompatible_version, "config version does not allow " + name, details);
  if (*version > versions.back())
    throw Error(Code::incompatible_version, "plugin version does not allow " + name, details);
}

/// Versions match literally: 1.0 is not 1.0.0.
std::optional<Version> find_version(const std::string& label, std::span<const Version> versions) {
  const auto version = find_supported(label);
  if (!version || std::ranges::find(versions, *version) == versions.end()) return std::nullopt;
  return version;
}

Version get_version(const std::string& label, std::span<const Version> versions) {
  if (const auto version = find_version(label, versions)) return *version;
  std::string details = "config is " + json::quote(label) + ", plugin supports [";
  for (const auto& version : versions)
    details += (version == versions.front() ? "\"" : " \"") + version.text() + "\"";
  throw Error(Code::incompatible_version, "incompatible CNI versions", details + "]");
}

}  // namespace

Version answer_version(const json::Object& config, std::span<const Version> versions) {
  const bool is_text = config.text_of("cniVersion").starts_with('"');
  const std::string label = is_text ? config.get_string("cniVersion") : "";
  return find_version(label, versions).value_or(versions.back());
}

void read_config(Request& request, std::span<const Version> versions) {
  request.network = read_name(request.config);
  const std::string label = get_envelope(request.config, "cniVersion");
  require_verb(request.verb, label, versions);
  request.version = get_version(label, versions);
}

bool open_sandbox(Request& request, bool override_guard, bool must_exist) {
  if (request.verb == Verb::gc || request.verb == Verb::status) return false;
  request.sandbox = base::Netns::find(request.netns);
  if (!request.sandbox && request.verb != Verb::del && must_exist)
    throw Error(Code::invalid_environment,
                "CNI_NETNS: failed to open netns \"" + shortened(request.netns) + "\"",
                ::access(request.netns.c_str(), F_OK) == 0
                    ? "not a network namespace"
                    : std::generic_category().message(errno));
  if (!request.sandbox || request.verb == Verb::check || override_guard) return false;
  if (!request.sandbox->is_current()) return false;
  request.sandbox.reset();
  return true;
}

void read_prev_result(Request& request) {
  const bool lenient = request.verb == Verb::del;
  if (!request.config.has("prevResult") || request.verb == Verb::gc || request.verb == Verb::status)
    return;
  try {
    request.prev_result =
        json::parse_result(*request.config.find_object("prevResult"), request.version);
  } catch (const Error& error) {
    if (!lenient) throw;
    base::log(std::string("prevResult is not used: ") + error.what());
  }
}

Request with_config(const Request& request, const std::string& text) {
  if (request.verb == Verb::add && text.size() > kMaxRewritten && text != request.stdin_text)
    throw Error(Code::invalid_config, "configuration of " + std::to_string(text.size()) +
                                          " bytes: must be at most " +
                                          std::to_string(kMaxRewritten));
  Request changed{.verb = request.verb,
                  .container_id = request.container_id,
                  .ifname = request.ifname,
                  .netns = request.netns,
                  .args = request.args,
                  .path = request.path,
                  .stdin_text = text,
                  .config = text == request.stdin_text
                                ? request.config
                                : json::Object::parse(text, "rewritten configuration"),
                  .network = request.network,
                  .version = request.version,
                  .prev_result = request.prev_result,
                  .began = request.began,
                  .started = request.started,
                  .valid_attachments = request.valid_attachments};
  if (request.sandbox) changed.sandbox.emplace(request.sandbox->duplicate());
  return changed;
}

bool Request::is_valid(const Attachment& attachment) const {
  return std::ranges::find(valid_attachments, attachment) != valid_attachments.end();
}

std::chrono::system_clock::time_point Request::earliest_start() const {
  const auto since =
      std::chrono::duration_cast<std::chrono::system_clock::duration>(base::boot_time() - began);
  return std::min(started, std::chrono::system_clock::now() - since);
}

const Result& require_prev_result(const Request& request) {
  if (!request.prev_result)
    throw Error(Code::invalid_config, "Required prevResult missing",
                "key \"prevResult\" holds the result of the plugins before this one");
  return *request.prev_result;
}

}  // namespace cni
