// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/firewalld.h"

#include <algorithm>
#include <stdexcept>

#include "libcni/json/object.h"

namespace firewall_plugin {
namespace {

constexpr const char* kBus = "org.freedesktop.DBus";
constexpr const char* kName = "org.fedoraproject.FirewallD1";
constexpr const char* kPath = "/org/fedoraproject/FirewallD1";
constexpr const char* kZone = "org.fedoraproject.FirewallD1.zone";

std::string source_of(const base::IpAddress& address) {
  return base::host_prefix(address).text();
}

/// firewalld's answer in words; empty when it accepted the call, or its code is one of `accepted`.
std::string complaint_of(const BusAnswer& answer, std::span<const char* const> accepted) {
  if (answer.error.empty()) return {};
  const std::string text = answer.texts.empty() ? answer.error : answer.texts.front();
  const bool is_fine = std::ranges::any_of(
      accepted, [&](const char* code) { return text.find(code) != std::string::npos; });
  return is_fine ? "" : json::excerpt(text);
}

}  // namespace

std::optional<Firewalld> Firewalld::find() {
  std::optional<Bus> bus = Bus::find();
  if (!bus) return std::nullopt;
  const BusAnswer answer =
      bus->call({kBus, "/org/freedesktop/DBus", kBus, "NameHasOwner", {kName}});
  if (!answer.error.empty())
    throw std::runtime_error("ask the system's message bus whether firewalld runs: " +
                             complaint_of(answer, {}));
  if (!answer.truth) return std::nullopt;
  return Firewalld(std::move(*bus));
}

std::vector<BusAnswer> Firewalld::call(const char* member, const std::string& zone,
                                       std::span<const base::IpAddress> addresses) {
  std::vector<BusCall> calls;
  for (const base::IpAddress& address : addresses)
    calls.push_back({kName, kPath, kZone, member, {zone, source_of(address)}});
  return bus_.call(calls);
}

void Firewalld::add_sources(const std::string& zone, std::span<const base::IpAddress> addresses) {
  constexpr const char* kAccepted[] = {"ZONE_ALREADY_SET"};
  const std::vector<BusAnswer> answers = call("addSource", zone, addresses);
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (const std::string why = complaint_of(answers[i], kAccepted); !why.empty())
      throw std::runtime_error("failed to add the address " + source_of(addresses[i]) + " to " +
                               zone + " zone: " + why);
}

void Firewalld::remove_sources(const std::string& zone,
                               std::span<const base::IpAddress> addresses) {
  constexpr const char* kAccepted[] = {"UNKNOWN_SOURCE", "ZONE_CONFLICT", "INVALID_ZONE"};
  const std::vector<BusAnswer> answers = call("removeSource", zone, addresses);
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (const std::string why = complaint_of(answers[i], kAccepted); !why.empty())
      throw std::runtime_error("failed to remove the address " + source_of(addresses[i]) +
                               " from " + zone + " zone: " + why);
}

std::vector<base::IpAddress> Firewalld::find_missing(const std::string& zone,
                                                     std::span<const base::IpAddress> addresses) {
  const BusAnswer answer = bus_.call({kName, kPath, kZone, "getSources", {zone}});
  if (!answer.error.empty())
    throw std::runtime_error("failed to list the sources of zone " + zone +
                             " of firewalld: " + complaint_of(answer, {}));
  std::vector<base::IpAddress> missing;
  for (const base::IpAddress& address : addresses)
    if (std::ranges::find(answer.texts, source_of(address)) == answer.texts.end())
      missing.push_back(address);
  return missing;
}

}  // namespace firewall_plugin
