// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/net/route.h"
#include "libcni/net/rule.h"
#include "plugins/sbr/conf.h"

namespace sbr {

inline constexpr std::uint32_t kMain = 254;  ///< RT_TABLE_MAIN

/// Returns whether a table can be one address's: not default, main and local.
bool is_own(std::uint32_t table);

/// Puts the routes without a gateway in front: the kernel accepts a gateway only behind them.
void put_on_link_first(std::vector<net::Route>& routes);

/// One address of the interface, and the gateway of its packets.
struct Source {
  base::Prefix address;
  std::optional<base::IpAddress> gateway = {};
  bool operator==(const Source&) const = default;
};

/// The addresses of `result` that belong to `ifname` or to no interface, with the gateway that the
/// configuration names, else their own.
std::vector<Source> sources_of(const Conf& conf, const cni::Result& result,
                               const std::string& ifname);

/// The routing state of the pod's namespace.
struct Present {
  int index = 0;  ///< the interface's index
  std::vector<net::Rule> rules = {};
  std::vector<net::Route> routes = {};  ///< the routes of every table
};

/// The changes of one ADD. In `added` and `removed`, the routes without a gateway come first,
/// because the kernel accepts the others only behind them.
struct Plan {
  std::vector<net::Route> added = {};     ///< to the tables of the addresses
  std::vector<net::Route> hints = {};     ///< subnets in the main table, with the source address
  std::vector<net::Route> replaced = {};  ///< the routes whose place the hints take
  std::vector<net::Rule> rules = {};      ///< one for each address
  std::vector<net::Route> removed = {};   ///< from the main table
  bool operator==(const Plan&) const = default;
};

/// Gives each address a table of its own: the one that a rule sends it to already, else the lowest
/// from 100 that neither rules nor routes use. Into it go a default route and the routes of the
/// interface in the main table that are of the address's family and whose gateway and source, if
/// any, are in its subnet; default routes and routes by an IPv6 link-local gateway concern every
/// address of their family. Moved routes leave the main table, except link-local ones and, with
/// source hints, those without a gateway, which get the address as their source. With `table`,
/// there are rules only.
Plan make_plan(const Conf& conf, const Present& present, std::span<const Source> sources);

}  // namespace sbr
