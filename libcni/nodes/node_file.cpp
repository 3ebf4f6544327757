// SPDX-License-Identifier: Apache-2.0
#include "libcni/nodes/node_file.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "libcni/base/utf8.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"
#include "libcni/nodes/node_list.h"
#include "libcni/nodes/split.h"
#include "libcni/spec/error.h"

namespace nodes {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr int kLargestMtu = 65535;

using Prefixes = std::vector<base::Prefix>;
/// The lines of subnet.env.
using Variables = std::map<std::string_view, std::string_view>;

void write_prefixes(json::Writer& writer, std::string_view key, const Prefixes& prefixes) {
  writer.open(key, '[');
  for (const base::Prefix& prefix : prefixes) writer.element(prefix.text());
  writer.close();
}

template <typename Texts>
Prefixes read_prefixes(const std::string& key, const Texts& texts) {
  Prefixes prefixes;
  for (const std::string_view text : texts) prefixes.push_back(parse_range(key, text));
  return prefixes;
}

Prefixes read_prefixes(const json::Object& object, const char* key) {
  return read_prefixes(object.path_of(key),
                       object.find_strings(key).value_or(std::vector<std::string>{}));
}

/// The prefixes of one family, with commas.
std::string join(const Prefixes& prefixes, bool v4) {
  std::string text;
  for (const base::Prefix& prefix : prefixes)
    if (prefix.address.is_v4() == v4) text += (text.empty() ? "" : ",") + prefix.text();
  return text;
}

Variables read_variables(std::string_view text) {
  Variables variables;
  for (const std::string_view line : split(base::without_byte_order_mark(text), '\n')) {
    const auto equals = line.find('=');
    if (equals != std::string_view::npos)
      variables[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return variables;
}

std::string_view get(const Variables& variables, std::string_view name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

int read_mtu(std::string_view text) {
  int mtu = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mtu);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && mtu > 0 && mtu <= kLargestMtu ? mtu : 0;
}

void append(Prefixes& to, const Prefixes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

std::string print_node_json(const NodeFile& file) {
  json::Writer writer;
  writer.open('{');
  writer.member("version", kVersion);
  writer.member("name", file.name);
  write_prefixes(writer, "network", file.network);
  write_prefixes(writer, "ranges", file.ranges);
  if (!file.former.empty()) write_prefixes(writer, "formerRanges", file.former);
  writer.member("mtu", static_cast<std::int64_t>(file.mtu));
  writer.member("backend", file.backend);
  writer.raw_member("ipMasq", file.ip_masq ? "true" : "false");
  writer.raw_member("stale", file.stale ? "true" : "false");
  writer.close();
  return writer.text() + "\n";
}

namespace {

NodeFile read_node(const json::Object& object) {
  if (object.find_int("version") != kVersion) object.refuse("version", "1");
  NodeFile file{.name = object.get_string("name")};
  file.network = read_prefixes(object, "network");
  file.ranges = read_prefixes(object, "ranges");
  if (file.ranges.empty()) object.refuse("ranges", "the ranges of this node's pods");
  file.former = read_prefixes(object, "formerRanges");
  const auto mtu = object.find_int("mtu").value_or(0);
  if (mtu <= 0 || mtu > kLargestMtu) object.refuse("mtu", "1 to 65535");
  file.mtu = static_cast<int>(mtu);
  file.backend = object.get_string("backend");
  file.ip_masq = object.get_bool("ipMasq");
  file.stale = object.get_bool("stale");
  return file;
}

}  // namespace

NodeFile parse_node_json(std::string_view text, const std::string& file_name) {
  const json::Object object = json::Object::parse(base::without_byte_order_mark(text), file_name);
  try {
    return read_node(object);
  } catch (const cni::Error& error) {
    throw cni::Error(error.code(), file_name + ": " + error.what(), error.details());
  }
}

std::string print_subnet_env(const NodeFile& file) {
  const Prefixes ranges = ranges_of_new_pods(file);
  const auto subnet = [&](bool v4) -> std::string {
    for (const base::Prefix& range : ranges)
      if (range.address.is_v4() == v4)
        return base::Prefix{range.network().address.plus(1), range.length}.text();
    return {};
  };
  std::string text;
  const auto line = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) text += "FLANNEL_" + name + "=" + value + "\n";
  };
  line("NETWORK", join(file.network, true));
  line("SUBNET", subnet(true));
  line("IPV6_NETWORK", join(file.network, false));
  line("IPV6_SUBNET", subnet(false));
  line("MTU", std::to_string(file.mtu));
  line("IPMASQ", file.ip_masq ? "false" : "true");
  return text;
}

namespace {

/// In the words of flannel's own plugin, which people search for.
void require_variables(const Variables& variables, const NodeFile& file,
                       const std::string& file_name) {
  std::string missing;
  const auto require = [&](bool present, const char* names) {
    if (!present) missing += std::string(missing.empty() ? "" : ", ") + names;
  };
  require(!file.network.empty(), "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK");
  require(!file.ranges.empty(), "FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET");
  require(variables.contains("FLANNEL_MTU"), "FLANNEL_MTU");
  require(variables.contains("FLANNEL_IPMASQ"), "FLANNEL_IPMASQ");
  if (!missing.empty())
    throw cni::Error(cni::Code::invalid_config, file_name + " is missing " + missing);
}

NodeFile read_subnet_env(const Variables& variables) {
  NodeFile file;
  for (const char* name : {"FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK"})
    append(file.network, read_prefixes(name, split(get(variables, name), ',')));
  for (const char* name : {"FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"})
    append(file.ranges, read_prefixes(name, split(get(variables, name), ',')));
  const std::string_view mtu = get(variables, "FLANNEL_MTU");
  file.mtu = read_mtu(mtu);
  if (file.mtu == 0 && variables.contains("FLANNEL_MTU"))
    throw cni::Error(cni::Code::invalid_config,
                     "FLANNEL_MTU must be 1 to 65535, not " + json::excerpt(mtu));
  file.ip_masq = get(variables, "FLANNEL_IPMASQ") != "true";
  return file;
}

}  // namespace

NodeFile parse_subnet_env(std::string_view text, const std::string& file_name) {
  const Variables variables = read_variables(text);
  NodeFile file;
  try {
    file = read_subnet_env(variables);
  } catch (const cni::Error& error) {
    throw cni::Error(error.code(), file_name + ": " + error.what(), error.details());
  }
  require_variables(variables, file, file_name);
  return file;
}

}  // namespace nodes
