// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/record.h"

#include <sys/socket.h>

#include <algorithm>

#include "libcni/json/object.h"
#include "libcni/json/writer.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using cni::Code;
using fabric::Backend;
using json::Object;

constexpr std::string_view kNoIpv4 = "0.0.0.0-0";

std::optional<base::Prefix> find_range(std::string_view text) {
  const auto dash = text.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  return base::Prefix::parse(std::string(text.substr(0, dash)) + "/" +
                             std::string(text.substr(dash + 1)));
}

std::optional<base::IpAddress> find_address(const Object& record, const char* key) {
  const auto text = record.find_string(key);
  if (!text) return std::nullopt;
  const auto address = base::IpAddress::parse(*text);
  if (!address || address->is_multicast()) record.refuse(key, "an address", Code::invalid_config);
  // flannel writes 0.0.0.0 where a node has no IPv4 address.
  return address->is_unspecified() ? std::nullopt : address;
}

std::optional<base::Mac> find_mac(const Object& record, const char* key) {
  if (!record.has(key)) return std::nullopt;
  const Object data = record.get_object(key);
  const auto text = data.find_string("VtepMAC");
  if (!text) return std::nullopt;
  const auto mac = base::Mac::parse(*text);
  if (!mac || mac->is_zero() || (mac->bytes[0] & 1) != 0)
    data.refuse("VtepMAC", "a unicast MAC address", Code::invalid_config);
  return mac;
}

/// The backend of a flannel node's record, which lacks the member Plumb.
Backend flannel_backend(const Object& record) {
  const auto backend = fabric::find_backend(record.get_string("BackendType"));
  if (!backend || *backend == Backend::automatic)
    record.refuse("BackendType", "\"vxlan\", \"host-gw\" or \"bgp\"", Code::invalid_config);
  return *backend;
}

void read_own_words(const Object& plumb, const RecordOptions& options, fabric::Node& node) {
  node.name = plumb.get_string("Name");
  if (node.name.empty()) plumb.refuse("Name", "a node name", Code::invalid_config);
  if (const auto word = plumb.find_string("Backend")) {
    node.backend = fabric::find_backend(*word);
    if (!node.backend)
      plumb.refuse("Backend", "\"auto\", \"vxlan\", \"host-gw\" or \"bgp\"", Code::invalid_config);
  }
  const auto as_number = plumb.find_uint("AS").value_or(0);
  if (as_number > UINT32_MAX) plumb.refuse("AS", "below 2^32", Code::invalid_config);
  node.as_number = static_cast<std::uint32_t>(as_number);
  for (const std::string& text :
       plumb.find_strings("Former").value_or(std::vector<std::string>{})) {
    const auto range = base::Prefix::parse(text);
    if (!range) plumb.refuse("Former", "ranges", Code::invalid_config);
    node.former_ranges.push_back(range->network());
    // One more than count: admit() says that there are too many.
    if (node.former_ranges.size() > fabric::kMostFormerRanges) break;
  }
  const Object labels = plumb.get_object("Labels");
  for (const std::string& label : options.label_keys)
    if (labels.has_exactly(label)) node.labels.emplace_back(label, labels.get_string(label));
  std::ranges::sort(node.labels);
}

void write_tunnel_end(json::Writer& writer, const char* key, const base::Mac& mac,
                      std::uint32_t vni) {
  writer.open(key, '{');
  writer.member("VNI", std::uint64_t{vni});
  writer.member("VtepMAC", mac.text());
  writer.close();
}

void write_own_words(json::Writer& writer, const fabric::Node& node) {
  writer.open("Plumb", '{');
  writer.member("Name", node.name);
  if (node.backend) writer.member("Backend", word_of(*node.backend));
  if (node.as_number != 0) writer.member("AS", std::uint64_t{node.as_number});
  if (!node.former_ranges.empty()) {
    writer.open("Former", '[');
    for (const base::Prefix& range : node.former_ranges) writer.element(range.text());
    writer.close();
  }
  if (!node.labels.empty()) {
    writer.open("Labels", '{');
    for (const auto& [label, value] : node.labels) writer.member(label, value);
    writer.close();
  }
  writer.close();
}

}  // namespace

std::optional<std::vector<base::Prefix>> find_ranges(std::string_view text) {
  const auto ampersand = text.find('&');
  const std::string_view first = text.substr(0, ampersand);
  std::vector<base::Prefix> ranges;
  if (first != kNoIpv4) {
    const auto range = find_range(first);
    if (!range || !range->address.is_v4()) return std::nullopt;
    ranges.push_back(range->network());
  }
  if (ampersand != std::string_view::npos) {
    const auto range = find_range(text.substr(ampersand + 1));
    if (!range || range->address.is_v4()) return std::nullopt;
    ranges.push_back(range->network());
  }
  if (ranges.empty() || std::ranges::count(ranges, 0, &base::Prefix::length) > 0)
    return std::nullopt;
  return ranges;
}

std::string key_of(const std::vector<base::Prefix>& ranges) {
  std::string v4(kNoIpv4), v6;
  for (const base::Prefix& range : ranges) {
    const std::string text = range.address.text() + "-" + std::to_string(range.length);
    if (range.address.is_v4())
      v4 = text;
    else
      v6 = "&" + text;
  }
  return v4 + v6;
}

Record parse_record(const std::string& key, const std::vector<base::Prefix>& ranges,
                    std::string_view value, const RecordOptions& options) {
  Record result;
  fabric::Node& node = result.node;
  node.ranges = ranges;
  try {
    const Object record = Object::parse(value, "value");
    for (const char* name : {"PublicIP", "PublicIPv6"})
      if (const auto address = find_address(record, name)) node.addresses.push_back(*address);
    if (node.addresses.empty())
      record.refuse("PublicIP", "the node's address", Code::invalid_config);
    if (node.addresses.size() == 2 && node.addresses[0].family() == node.addresses[1].family())
      record.refuse("PublicIPv6", "an IPv6 address", Code::invalid_config);
    node.mac = find_mac(record, "BackendData");
    node.mac_v6 = find_mac(record, "BackendV6Data");
    if (const auto plumb = record.find_object("Plumb")) {
      read_own_words(*plumb, options, node);
    } else {
      node.name = node.addresses.front().text();
      result.author = record.has("BackendType") ? Author::flannel : Author::reservation;
      if (result.author == Author::flannel) node.backend = flannel_backend(record);
    }
  } catch (const cni::Error& error) {
    throw cni::Error(error.code(), json::excerpt(key) + ": " + error.what());
  }
  return result;
}

std::string record_of(const fabric::Node& node, const RecordOptions& options) {
  const auto v4 = node.address_of(AF_INET), v6 = node.address_of(AF_INET6);
  const Backend backend = node.backend.value_or(options.backend);
  // A flannel node ignores records of another type than its own. It decides about direct routes
  // itself, so "auto" is written as "vxlan".
  const bool tunnel = backend == Backend::vxlan || backend == Backend::automatic;
  json::Writer writer;
  writer.open('{');
  writer.member("PublicIP", v4 ? v4->text() : "0.0.0.0");
  if (v6)
    writer.member("PublicIPv6", v6->text());
  else
    writer.raw_member("PublicIPv6", "null");
  writer.member("BackendType", word_of(tunnel ? Backend::vxlan : backend));
  if (tunnel && v4)
    write_tunnel_end(writer, "BackendData", node.mac.value_or(fabric::vtep_mac(*v4)), options.vni);
  if (tunnel && v6)
    write_tunnel_end(writer, "BackendV6Data", node.mac_v6.value_or(fabric::vtep_mac(*v6)),
                     options.vni);
  write_own_words(writer, node);
  writer.close();
  return writer.text();
}

}  // namespace agent::etcd
