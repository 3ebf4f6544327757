// SPDX-License-Identifier: Apache-2.0
#include "libcni/nodes/node_list.h"

#include <algorithm>
#include <charconv>

#include "libcni/base/names.h"
#include "libcni/base/utf8.h"
#include "libcni/nodes/split.h"
#include "libcni/spec/error.h"

namespace nodes {
namespace {

/// Limits the list of problems: a text that is not a list would have one for each line.
constexpr std::size_t kMostProblems = 100;

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A node as text, from either form of the list; the text outlives it.
struct Fields {
  std::string path = {};  ///< of the JSON object, with the final dot; empty for a line
  std::string_view name = {};
  std::vector<std::string_view> addresses = {};
  std::vector<std::string_view> ranges = {};
  std::string_view mac = {}, mac_v6 = {}, backend = {};
  std::uint64_t as_number = 0;
  Labels labels = {};
};

[[noreturn]] void refuse(const std::string& key, const std::string& wanted, std::string_view got) {
  throw cni::Error(cni::Code::invalid_config,
                   "key \"" + key + "\" must be " + wanted + ", not " + json::excerpt(got));
}

std::optional<base::Mac> read_mac(const std::string& key, std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto mac = base::Mac::parse(text);
  if (!mac || mac->is_zero() || (mac->bytes[0] & 1) != 0)
    refuse(key, "a unicast MAC address such as 02:76:0a:00:00:01", text);
  return mac;
}

std::vector<base::IpAddress> read_addresses(const Fields& fields) {
  const std::string key = fields.path + "addresses";
  std::vector<base::IpAddress> addresses;
  addresses.reserve(fields.addresses.size());
  for (const std::string_view text : fields.addresses) {
    const auto address = base::IpAddress::parse(text);
    if (!address || !address->is_global_unicast()) refuse(key, "a node's unicast addresses", text);
    if (std::ranges::find(addresses, address->family(), &base::IpAddress::family) !=
        addresses.end())
      refuse(key, "at most one address per family", text);
    addresses.push_back(*address);
  }
  if (addresses.empty()) refuse(key, "at least one address", "");
  return addresses;
}

std::optional<fabric::Backend> read_backend(const Fields& fields) {
  if (fields.backend.empty()) return std::nullopt;
  const auto backend = fabric::find_backend(fields.backend);
  if (!backend) refuse(fields.path + "backend", "auto, vxlan, host-gw or bgp", fields.backend);
  return backend;
}

fabric::Node make_node(const Fields& fields) {
  fabric::Node node{.name = std::string(fields.name)};
  node.addresses = read_addresses(fields);
  node.ranges.reserve(fields.ranges.size());
  for (const std::string_view text : fields.ranges)
    node.ranges.push_back(parse_range(fields.path + "ranges", text));
  node.mac = read_mac(fields.path + "mac", fields.mac);
  node.mac_v6 = read_mac(fields.path + "macV6", fields.mac_v6);
  node.backend = read_backend(fields);
  if (fields.as_number > 0xffffffff)
    refuse(fields.path + "asNumber", "0 to 4294967295", std::to_string(fields.as_number));
  node.as_number = static_cast<std::uint32_t>(fields.as_number);
  node.labels = fields.labels;
  std::ranges::sort(node.labels);
  return node;
}

Labels read_labels(const std::vector<std::string_view>& pairs) {
  Labels labels;
  for (const std::string_view pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      refuse("labels", "pairs such as rack=r1,zone=a", pair);
    labels.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return labels;
}

void read_word(Fields& fields, std::string_view word) {
  const auto equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
  if (value.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "expected key=value after the name, not " + json::excerpt(word));
  if (key == "addresses") {
    fields.addresses = split(value, ',');
  } else if (key == "ranges") {
    fields.ranges = split(value, ',');
  } else if (key == "mac") {
    fields.mac = value;
  } else if (key == "macV6") {
    fields.mac_v6 = value;
  } else if (key == "backend") {
    fields.backend = value;
  } else if (key == "labels") {
    fields.labels = read_labels(split(value, ','));
  } else if (key == "asNumber") {
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, fields.as_number);
    if (error != std::errc{} || stop != end) refuse("asNumber", "a number", value);
  } else {
    throw cni::Error(cni::Code::invalid_config,
                     "unknown key " + json::excerpt(key) +
                         ": must be addresses, ranges, mac, macV6, backend, asNumber or labels");
  }
}

fabric::Node read_line(const std::vector<std::string_view>& words) {
  Fields fields{.name = words.front()};
  if (!base::is_identifier(fields.name))
    throw cni::Error(cni::Code::invalid_config,
                     "invalid node name " + json::excerpt(fields.name) +
                         ": must be letters, digits, \"_\", \".\" and \"-\"");
  for (std::size_t i = 1; i < words.size(); ++i) read_word(fields, words[i]);
  return make_node(fields);
}

NodeList parse_lines(std::string_view text, const std::string& file_name) {
  NodeList list;
  list.nodes.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) +
                     (text.ends_with('\n') ? 0 : 1));
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto words = split_words(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    try {
      list.nodes.push_back(read_line(words));
    } catch (const cni::Error& error) {
      list.problems.push_back(file_name + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return list;
}

std::vector<json::Object> read_objects(std::string_view text, const std::string& file_name) {
  const json::Object document = json::Object::parse(text, file_name);
  try {
    if (auto objects = document.find_objects("nodes")) return *std::move(objects);
    document.refuse("nodes", "a list of nodes");
  } catch (const cni::Error& error) {
    throw cni::Error(error.code(), file_name + ": " + error.what(), error.details());
  }
}

NodeList parse_json(std::string_view text, const std::string& file_name) {
  NodeList list;
  for (const json::Object& object : read_objects(text, file_name)) {
    try {
      if (!object.has("name")) object.refuse("name", "the node's name");
      list.nodes.push_back(parse_node(object));
    } catch (const cni::Error& error) {
      list.problems.push_back(file_name + ": " + error.what());
    }
  }
  return list;
}

}  // namespace

base::Prefix parse_range(const std::string& key, std::string_view text) {
  const auto prefix = base::Prefix::parse(text);
  if (!prefix || prefix->length == 0 || !prefix->network().address.is_global_unicast())
    refuse(key, "ranges such as 10.244.1.0/24", text);
  return prefix->network();
}

fabric::Node parse_node(const json::Object& object) {
  using Texts = std::vector<std::string>;
  Fields fields;
  fields.path = object.path().empty() ? "" : object.path() + ".";
  Texts addresses = object.find_strings("addresses").value_or(Texts{});
  if (auto address = object.find_string("address")) addresses.push_back(*std::move(address));
  fields.addresses.assign(addresses.begin(), addresses.end());
  const std::string name = object.get_string("name", addresses.empty() ? "" : addresses[0]);
  fields.name = name;
  if (object.has("name") && !base::is_identifier(name))
    object.refuse("name", "letters, digits, \"_\", \".\" and \"-\"");
  const Texts ranges = object.find_strings("ranges").value_or(Texts{});
  fields.ranges.assign(ranges.begin(), ranges.end());
  const std::string mac = object.get_string("mac"), mac_v6 = object.get_string("macV6");
  const std::string backend = object.get_string("backend");
  fields.mac = mac;
  fields.mac_v6 = mac_v6;
  fields.backend = backend;
  fields.as_number = object.find_uint("asNumber").value_or(0);
  const json::Object labels = object.get_object("labels");
  for (const std::string& key : labels.keys())
    fields.labels.emplace_back(key, labels.get_string(key));
  return make_node(fields);
}

NodeList parse_nodes(std::string_view text, const std::string& file_name) {
  text = base::without_byte_order_mark(text);
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  NodeList list = is_json ? parse_json(text, file_name) : parse_lines(text, file_name);
  if (list.problems.size() > kMostProblems) {
    const std::size_t hidden = list.problems.size() - kMostProblems;
    list.problems.resize(kMostProblems);
    list.problems.push_back(file_name + ": and " + std::to_string(hidden) + " more such lines");
  }
  return list;
}

void sort_by_name(std::vector<fabric::Node>& nodes) {
  if (std::ranges::is_sorted(nodes, {}, &fabric::Node::name)) return;
  std::vector<fabric::Node*> order;
  order.reserve(nodes.size());
  for (fabric::Node& node : nodes) order.push_back(&node);
  std::ranges::stable_sort(order, {}, &fabric::Node::name);
  std::vector<fabric::Node> sorted;
  sorted.reserve(nodes.size());
  for (fabric::Node* node : order) sorted.push_back(std::move(*node));
  nodes = std::move(sorted);
}

}  // namespace nodes
