// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/node_record.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "libcni/json/object.h"
#include "libcni/nodes/split.h"

namespace agent::kubernetes {
namespace {

/// `2026-11-30T12:00:00Z` as 20261130120000: later is more.
std::int64_t number_of_digits(std::string_view text) {
  std::int64_t number = 0;
  int digits = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9' && ++digits <= 14) number = 10 * number + (c - '0');
  return digits >= 14 ? number : 0;
}

/// Converts a node's text to values, each one independently: a bad value does not affect the
/// others.
class Reader {
 public:
  Reader(const NodeRecord& record, const Config& config)
      : record_(record), config_(config), keys_(config.kubernetes.annotation_prefix) {
    read_.node.name = record.name;
    read_.node.labels = record.labels;
    read_.node.since = number_of_digits(record.created);
  }

  ReadNode read() {
    std::ranges::sort(read_.node.labels);
    for (const std::string& text : record_.pod_cidrs) add_range(text);
    if (record_.pod_cidrs.empty() && is_self())
      complain(
          "has no spec.podCIDR: the controller manager allocates it with "
          "--allocate-node-cidrs, or set `ranges`");
    for (const int family : {AF_INET, AF_INET6})
      if (const auto address = address_of(family)) {
        read_.node.addresses.push_back(*address);
        read_.node.own_word[family == AF_INET ? 0 : 1] = !is_internal(*address);
      }
    if (!read_.node.ranges.empty() && read_.node.addresses.empty() && !is_self()) {
      complain("is left out: it has no InternalIP and no annotation " + keys_.public_ip);
      read_.node.ranges.clear();
    }
    read_as_number();
    // Keep the MAC that flannel's nodes know, also one that flannel wrote on this node.
    if (!is_self() || config_.kubernetes.is_flannels()) {
      read_.node.mac = mac_of(keys_.backend_data);
      read_.node.mac_v6 = mac_of(keys_.backend_v6_data);
    }
    if (is_self()) return std::move(read_);
    read_former_ranges();
    read_backend();
    return std::move(read_);
  }

 private:
  bool is_self() const { return record_.name == config_.node_name; }
  void complain(const std::string& what) {
    read_.problems.push_back("node " + json::quote(record_.name) + " " + what);
  }
  void complain(const std::string& key, const std::string& value, const std::string& wanted) {
    complain("annotation " + key + " is ignored: " + json::excerpt(value) + " is " + wanted);
  }
  const std::string* find(const std::string& key) const {
    const auto found = record_.annotations.find(key);
    return found == record_.annotations.end() ? nullptr : &found->second;
  }

  void add_range(const std::string& text) {
    const auto range = base::Prefix::parse(text);
    if (!range)
      complain("spec.podCIDRs: " + json::excerpt(text) + " is not a range such as 10.244.1.0/24");
    else if (std::ranges::find(read_.node.ranges, range->network()) == read_.node.ranges.end())
      read_.node.ranges.push_back(range->network());
  }

  std::optional<base::IpAddress> annotated_address(const std::string& key, int family) {
    const std::string* const text = find(key);
    if (text == nullptr) return std::nullopt;
    const auto address = base::IpAddress::parse(*text);
    if (address && address->family() == family && address->is_global_unicast()) return address;
    complain(key, *text, family == AF_INET ? "not an IPv4 address" : "not an IPv6 address");
    return std::nullopt;
  }

  /// Returns whether the node's status has the address, which the control plane writes or checks.
  bool is_internal(const base::IpAddress& address) const {
    return std::ranges::any_of(record_.addresses, [&](const auto& each) {
      return each.first == "InternalIP" && base::IpAddress::parse(each.second) == address;
    });
  }

  std::optional<base::IpAddress> address_of(int family) {
    const bool v4 = family == AF_INET;
    const std::string& key = is_self() ? (v4 ? keys_.node_public_ip : keys_.node_public_ipv6)
                                       : (v4 ? keys_.public_ip : keys_.public_ipv6);
    if (const auto address = annotated_address(key, family)) return address;
    const std::string* const external = find(keys_.use_external_ip);
    const std::string wanted =
        external != nullptr && *external == "true" ? "ExternalIP" : "InternalIP";
    for (const auto& [type, text] : record_.addresses) {
      const auto address = base::IpAddress::parse(text);
      const bool usable = address && address->is_global_unicast();
      if (type == wanted && usable && address->family() == family) return address;
    }
    return std::nullopt;
  }

  void read_former_ranges() {
    const std::string* const text = find(keys_.former_ranges);
    if (text == nullptr) return;
    for (const std::string_view part : nodes::split(*text, ',')) {
      const auto range = base::Prefix::parse(part);
      if (!range) return complain(keys_.former_ranges, *text, "not a list of ranges");
      read_.node.former_ranges.push_back(range->network());
      // One more than count: admit() says that there are too many.
      if (read_.node.former_ranges.size() > fabric::kMostFormerRanges) return;
    }
  }

  void read_backend() {
    const std::string* const word = find(keys_.backend_type);
    if (word == nullptr) return;
    const auto backend = fabric::find_backend(*word);
    if (!backend) complain(keys_.backend_type, *word, "not vxlan, host-gw, bgp or auto");
    if (backend && *backend != config_.fabric.backend) read_.node.backend = backend;
  }

  std::optional<base::Mac> mac_of(const std::string& key) {
    const std::string* const text = find(key);
    if (text == nullptr || *text == "null" || text->empty()) return std::nullopt;
    BackendData data;
    try {
      visit_json(*text, data);
    } catch (const std::invalid_argument&) {
      complain(key, *text, "not JSON");
      return std::nullopt;
    }
    if (data.vni && *data.vni != config_.fabric.vni)
      complain(key, *text, "for another VNI than " + std::to_string(config_.fabric.vni));
    if (data.mac_text.empty()) return std::nullopt;
    const auto mac = base::Mac::parse(data.mac_text);
    if (mac && !mac->is_zero() && (mac->bytes[0] & 1) == 0) return mac;
    complain(key, *text, "without a unicast VtepMAC such as 02:76:c0:00:02:0b");
    return std::nullopt;
  }

  void read_as_number() {
    const std::string* const text = find(keys_.as_number);
    if (text == nullptr) return;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error == std::errc() && end == text->data() + text->size() && number != 0)
      read_.node.as_number = number;
    else
      complain(keys_.as_number, *text, "not an AS number from 1 to 4294967295");
  }

  /// `{"VNI":1,"VtepMAC":"aa:bb:cc:dd:ee:ff"}`
  struct BackendData final : JsonVisitor {
    std::string mac_text;
    std::optional<std::int64_t> vni;
    void text(Path path, std::string& value) override {
      if (is_at(path, {"VtepMAC"})) mac_text = value;
    }
    void number(Path path, std::int64_t value) override {
      if (is_at(path, {"VNI"})) vni = value;
    }
  };

  const NodeRecord& record_;
  const Config& config_;
  const AnnotationKeys keys_;
  ReadNode read_;
};

}  // namespace

AnnotationKeys::AnnotationKeys(const std::string& prefix)
    : backend_type(prefix + "/backend-type"),
      backend_data(prefix + "/backend-data"),
      backend_v6_data(prefix + "/backend-v6-data"),
      public_ip(prefix + "/public-ip"),
      public_ipv6(prefix + "/public-ipv6"),
      public_ip_overwrite(prefix + "/public-ip-overwrite"),
      public_ipv6_overwrite(prefix + "/public-ipv6-overwrite"),
      node_public_ip(prefix + "/node-public-ip"),
      node_public_ipv6(prefix + "/node-public-ipv6"),
      subnet_manager(prefix + "/kube-subnet-manager"),
      as_number(prefix + "/as-number"),
      former_ranges(prefix + "/former-ranges"),
      use_external_ip(prefix + "/use-external-ip") {}

void NodeVisitor::text(Path path, std::string& value) {
  if (path.size() < 2) return;
  if (path[0] == "metadata") {
    if (is_at(path, {"metadata", "name"})) record_.name = value;
    if (is_at(path, {"metadata", "creationTimestamp"})) record_.created = value;
    if (path.size() != 3) return;
    const std::string& key = path[2];
    if (path[1] == "annotations" && key.size() > prefix_.size() && key.starts_with(prefix_) &&
        key[prefix_.size()] == '/')
      record_.annotations[key] = value;
    if (path[1] == "labels" && std::ranges::find(label_keys_, key) != label_keys_.end())
      record_.labels.emplace_back(key, value);
  } else if (path[0] == "spec") {
    if (is_at(path, {"spec", "podCIDR"})) pod_cidr_ = value;
    if (is_at(path, {"spec", "podCIDRs", ""})) record_.pod_cidrs.push_back(value);
  } else if (is_at(path, {"status", "addresses", "", "type"})) {
    address_.first = value;
  } else if (is_at(path, {"status", "addresses", "", "address"})) {
    address_.second = value;
  } else if (is_at(path, {"status", "conditions", "", "type"})) {
    type_ = value;
  } else if (is_at(path, {"status", "conditions", "", "status"})) {
    status_ = value;
  } else if (is_at(path, {"status", "conditions", "", "reason"})) {
    reason_ = value;
  }
}

void NodeVisitor::end_object(Path path) {
  if (is_at(path, {"status", "addresses", ""})) {
    record_.addresses.push_back(std::exchange(address_, {}));
  } else if (is_at(path, {"status", "conditions", ""})) {
    if (type_ == "NetworkUnavailable") {
      record_.network_unavailable = status_;
      record_.network_reason = reason_;
    }
    type_.clear();
    status_.clear();
    reason_.clear();
  }
}

NodeRecord NodeVisitor::take() {
  if (record_.pod_cidrs.empty() && !pod_cidr_.empty()) record_.pod_cidrs = {pod_cidr_};
  pod_cidr_.clear();
  return std::exchange(record_, {});
}

ReadNode read_node(const NodeRecord& record, const Config& config) {
  return Reader(record, config).read();
}

}  // namespace agent::kubernetes
