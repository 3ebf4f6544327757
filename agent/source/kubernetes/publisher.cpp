// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/publisher.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "agent/source/kubernetes/event.h"
#include "libcni/json/writer.h"

namespace agent::kubernetes {
namespace {

constexpr const char* kReady = "PlumbIsUp";
constexpr const char* kNotReady = "PlumbIsNotReady";

std::string utc_text() {
  std::array<char, 32> text{};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

/// The first 500 bytes without control characters.
std::string printable(const std::string& text) {
  constexpr std::size_t kLongest = 500;
  std::string clean = text.substr(0, kLongest);
  std::ranges::replace_if(
      clean, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, ' ');
  return clean;
}

/// `{"VNI":1,"VtepMAC":"02:76:..."}`, the form that flannel parses.
std::string backend_data(const fabric::Options& options, const base::Mac& mac) {
  json::Writer writer;
  writer.open('{');
  writer.member("VNI", std::uint64_t{options.vni});
  writer.member("VtepMAC", mac.text());
  writer.close();
  return writer.text();
}

/// The same JSON in another spelling.
std::string with_spaces(const std::string& json) {
  std::string text;
  for (const char c : json) {
    const bool after_key = c == ':' && text.ends_with('"');
    text += c;
    if (after_key || c == ',') text += ' ';
  }
  return text;
}

/// Returns whether flannel keeps one FDB entry for both nodes.
bool is_twin(const fabric::Node& self, const fabric::Node& other, int family) {
  const auto end_of = [&](const fabric::Node& node) {
    const auto address = node.address_of(family);
    const auto& mac = family == AF_INET ? node.mac : node.mac_v6;
    return std::pair(address, address ? mac.value_or(fabric::vtep_mac(*address)) : base::Mac{});
  };
  return self.address_of(family) && self.address_of(family) == other.address_of(family) &&
         end_of(self) == end_of(other);
}

/// The address to advertise: the overwrite annotation, for a node behind NAT, takes precedence.
std::optional<std::string> public_address(const fabric::Node& self, int family,
                                          const NodeRecord& shown, const std::string& overwrite) {
  const auto found = shown.annotations.find(overwrite);
  if (found != shown.annotations.end() && base::IpAddress::parse(found->second))
    return found->second;
  const auto address = self.address_of(family);
  if (!address) return std::nullopt;
  return address->text();
}

}  // namespace

std::map<std::string, std::optional<std::string>> wanted_annotations(const fabric::Node& self,
                                                                     const NodeRecord& shown,
                                                                     const Config& config) {
  const AnnotationKeys keys(config.kubernetes.annotation_prefix);
  const bool flannel = config.kubernetes.is_flannels();
  fabric::Backend backend = self.backend.value_or(config.fabric.backend);
  // flannel's vxlan backend only serves nodes of type vxlan, and does not know `auto`.
  if (flannel && backend == fabric::Backend::automatic) backend = fabric::Backend::vxlan;
  const bool tunnel = backend == fabric::Backend::automatic || backend == fabric::Backend::vxlan;

  std::map<std::string, std::optional<std::string>> wanted;
  wanted[keys.subnet_manager] = "true";
  wanted[keys.backend_type] = std::string(fabric::word_of(backend));
  wanted[keys.public_ip] = public_address(self, AF_INET, shown, keys.public_ip_overwrite);
  wanted[keys.public_ipv6] = public_address(self, AF_INET6, shown, keys.public_ipv6_overwrite);
  std::string former;
  for (const base::Prefix& range : self.former_ranges)
    former += (former.empty() ? "" : ",") + range.text();
  wanted[keys.former_ranges] = former.empty() ? std::nullopt : std::optional(former);
  const auto data = [&](int family, const std::optional<base::Mac>& mac) {
    const auto address = self.address_of(family);
    if (!address) return std::optional<std::string>();
    if (!tunnel) return std::optional<std::string>("null");
    return std::optional(backend_data(config.fabric, mac.value_or(fabric::vtep_mac(*address))));
  };
  wanted[keys.backend_data] = data(AF_INET, self.mac);
  wanted[keys.backend_v6_data] = data(AF_INET6, self.mac_v6);
  return wanted;
}

Publisher::Publisher(Api& api, const Config& config)
    : api_(api),
      config_(config),
      pause_(api),
      backoff_(api.timing().retry_least, api.timing().retry_most) {}

Publisher::~Publisher() {
  api_.client().cancel(request_);
  api_.loop().cancel(unready_timer_);
}

void Publisher::publish(const fabric::Node& self) {
  self_ = self;
  check();
}

void Publisher::set_ready(bool ready, const std::string& why) {
  unready_why_ = why;
  if (std::exchange(ready_, ready) == ready) return;
  api_.loop().cancel(std::exchange(unready_timer_, 0));
  if (!ready) {
    unready_since_ = api_.loop().now();
    unready_timer_ = api_.loop().after(api_.timing().unready, [this] {
      unready_timer_ = 0;
      check();
    });
  }
  check();
}

void Publisher::shown(const std::optional<NodeRecord>& record) {
  shown_ = record;
  known_ = true;
  check();
}

void Publisher::peers(const std::vector<fabric::Node>& nodes) {
  if (!self_ || !shown_ || !config_.kubernetes.is_flannels()) return;
  std::set<std::string> present;
  for (const fabric::Node& node : nodes)
    if (node.name != self_->name &&
        (is_twin(*self_, node, AF_INET) || is_twin(*self_, node, AF_INET6)))
      present.insert(node.name);
  const bool gone = !std::ranges::includes(present, namesakes_);
  namesakes_ = std::move(present);
  if (!gone) return;
  const AnnotationKeys keys(config_.kubernetes.annotation_prefix);
  const auto data = shown_->annotations.find(keys.backend_data);
  spaced_ = data == shown_->annotations.end() || data->second.find(": ") == std::string::npos;
  check();
}

/// Either spelling of backend-data is right, unless flannel has to see a change.
bool Publisher::is_right(const std::string& key, const std::string& shown,
                         std::string& value) const {
  const AnnotationKeys keys(config_.kubernetes.annotation_prefix);
  if ((key != keys.backend_data && key != keys.backend_v6_data) || value == "null")
    return shown == value;
  const std::string spaced = with_spaces(value);
  if (!spaced_) return shown == value || shown == spaced;
  if (*spaced_) value = spaced;
  return shown == value;
}

void Publisher::check() {
  if ((!self_ && !ready_) || !known_ || request_ != 0 || pause_.waits()) return;
  if (!shown_)
    return note("this node, \"" + config_.node_name +
                "\", is not among the cluster's nodes: `node` must be its name there");
  const std::string body = patch();
  if (body.empty()) {
    backoff_.reset();
    return note("");
  }
  send(body);
}

std::string Publisher::annotations() const {
  if (!self_) return {};
  json::Writer annotations;
  annotations.open('{');
  bool differs = false;
  for (auto& [key, value] : wanted_annotations(*self_, *shown_, config_)) {
    const auto found = shown_->annotations.find(key);
    const bool there = found != shown_->annotations.end();
    const bool right = value && is_right(key, there ? found->second : "", *value);
    if (value ? there && right : !there) continue;
    differs = true;
    if (value)
      annotations.member(key, *value);
    else
      annotations.raw_member(key, "null");
  }
  annotations.close();
  return differs ? annotations.text() : "";
}

std::optional<std::string> Publisher::wanted_condition() const {
  if (!ready_ || (*ready_ && !self_)) return std::nullopt;
  const bool lasting = *ready_ || api_.loop().now() - unready_since_ >= api_.timing().unready;
  const std::string status = *ready_ ? "False" : "True", reason = *ready_ ? kReady : kNotReady;
  const bool shown = shown_->network_unavailable == status && shown_->network_reason == reason;
  return lasting && !shown ? std::optional(status) : std::nullopt;
}

std::string Publisher::patch() const {
  const std::string annotated = annotations();
  const auto condition = wanted_condition();
  if (annotated.empty() && !condition) return {};
  json::Writer writer;
  writer.open('{');
  if (!annotated.empty()) {
    writer.open("metadata", '{');
    writer.raw_member("annotations", annotated);
    writer.close();
  }
  if (condition) {
    writer.open("status", '{');
    writer.open("conditions", '[');
    writer.open('{');
    writer.member("type", "NetworkUnavailable");
    writer.member("status", *condition);
    writer.member("reason", *ready_ ? kReady : kNotReady);
    writer.member("message", *ready_ ? "plumbd serves the pod network of this node"
                                     : "plumbd is not ready: " + printable(unready_why_));
    for (const char* time : {"lastHeartbeatTime", "lastTransitionTime"})
      writer.member(time, utc_text());
    for (int level = 0; level < 3; ++level) writer.close();
  }
  writer.close();
  return writer.text();
}

void Publisher::send(const std::string& body) {
  HttpRequest request;
  try {
    request = api_.request("/api/v1/nodes/" + encode_query(config_.node_name) +
                           "/status?fieldManager=plumbd");
    generation_ = api_.generation();
  } catch (const std::exception& error) {
    return ended({.error = error.what()});
  }
  request.method = "PATCH";
  request.headers.push_back("Content-Type: application/strategic-merge-patch+json");
  request.body = body;
  request_ = api_.client().start(std::move(request),
                                 {.on_done = [this](const HttpResult& result) { ended(result); }});
}

void Publisher::ended(const HttpResult& result) {
  request_ = 0;
  if (result.ok()) {
    backoff_.limit(api_.timing().retry_known);
    note("");
    return wait(backoff_.next());  // until the watch shows it; otherwise it is sent again
  }
  const bool rejected = result.status == 401;
  note("patch nodes/status of \"" + config_.node_name + "\": " +
       (result.error.empty() ? refusal_of(result, "patch", "nodes/status") : result.error));
  wait(rejected && api_.has_others_than(generation_) ? std::chrono::milliseconds(0)
                                                     : pause_after(result, backoff_),
       rejected ? generation_ : 0);
}

void Publisher::wait(std::chrono::milliseconds delay, std::uint64_t rejected) {
  pause_.begin(delay, rejected, [this] { check(); });
}

void Publisher::note(const std::string& trouble) {
  conditions_.set("kubernetes", trouble, LogLevel::warning, "this node is published again");
}

}  // namespace agent::kubernetes
