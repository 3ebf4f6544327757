// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/conf.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace ipam_dhcp {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 6> kNames{
    {{"dhcp-client-identifier", option::kClientId},
     {"subnet-mask", option::kSubnetMask},
     {"routers", option::kRouters},
     {"host-name", option::kHostName},
     {"user-class", option::kUserClass},
     {"vendor-class-identifier", option::kVendorClass}}};

std::uint8_t parse_code(const std::string& text) {
  const auto* const named =
      std::ranges::find_if(kNames, [&](const auto& each) { return each.first == text; });
  if (named != kNames.end()) return named->second;
  std::uint8_t code = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (failure != std::errc() || end != text.data() + text.size())
    throw cni::Error(cni::Code::invalid_config, "Can not parse option " + json::quote(text),
                     "must be a number from 0 to 255, or a name such as host-name");
  return code;
}

/// The value of `key` in CNI_ARGS, split as the reference does: at the first `=`, pairs without one
/// are skipped.
std::string arg_of(std::string_view args, std::string_view key) {
  std::string value;
  while (!args.empty()) {
    const auto end = std::min(args.find(';'), args.size());
    const std::string_view pair = args.substr(0, end);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == key)
      value = pair.substr(equals + 1);
    args.remove_prefix(std::min(end + 1, args.size()));
  }
  return value;
}

Options parse_provide(const json::Object& ipam, std::string_view args) {
  Options options;
  const auto add = [&](const std::string& name, std::uint8_t code, const std::string& value) {
    if (value.size() > 255)
      throw cni::Error(cni::Code::invalid_config, "value too long for option " + json::quote(name),
                       std::to_string(value.size()) + " bytes, the most is 255");
    if (!value.empty()) options[code] = value;
  };
  for (const json::Object& each :
       ipam.find_objects("provide").value_or(std::vector<json::Object>{})) {
    const std::string name = each.get_string("option");
    const std::uint8_t code = parse_code(name);
    add(name, code, each.get_string("value"));
    if (const std::string key = each.get_string("fromArg"); !key.empty())
      add(name, code, arg_of(args, key));
  }
  return options;
}

std::string parse_request(const json::Object& ipam) {
  std::string codes;
  bool has_defaults = true;
  const auto add = [&](std::uint8_t code) {
    if (codes.find(static_cast<char>(code)) == std::string::npos) codes += static_cast<char>(code);
  };
  for (const json::Object& each :
       ipam.find_objects("request").value_or(std::vector<json::Object>{})) {
    if (each.get_bool("skipDefault")) has_defaults = false;
    if (const std::string name = each.get_string("option"); !name.empty()) add(parse_code(name));
  }
  if (has_defaults) {
    add(option::kRouters);
    add(option::kSubnetMask);
  }
  return codes;
}

}  // namespace

std::string parse_socket(const json::Object& config) {
  std::string path = config.get_object("ipam").get_string("daemonSocketPath");
  return path.empty() ? std::string(kSocket) : path;
}

Conf parse_conf(const json::Object& config, std::string_view args) {
  const json::Object ipam = config.get_object("ipam");
  const std::int64_t priority = ipam.find_int("priority").value_or(0);
  if (priority < 0 || priority > std::int64_t{0xffffffff})
    ipam.refuse("priority", "a metric from 0 to 4294967295");
  Conf conf{.network = config.get_string("name"),
            .socket = parse_socket(config),
            .priority = static_cast<std::uint64_t>(priority),
            .provide = parse_provide(ipam, args),
            .request = parse_request(ipam)};
  // sockaddr_un holds 107 bytes.
  if (!conf.socket.starts_with('/') || conf.socket.size() > 107)
    ipam.refuse("daemonSocketPath", "an absolute path of at most 107 bytes");
  return conf;
}

}  // namespace ipam_dhcp
