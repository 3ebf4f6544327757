// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/apply.h"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "libcni/attach/lock.h"
#include "libcni/attach/sandbox.h"
#include "libcni/base/failures.h"
#include "libcni/base/undo.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "plugins/sbr/plan.h"

namespace sbr {
namespace {

constexpr int kFamilies[] = {AF_INET, AF_INET6};

void append(std::vector<net::Route>& all, std::vector<net::Route> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<net::Rule> list_rules(net::Netlink& netlink) {
  std::vector<net::Rule> rules;
  for (const int family : kFamilies)
    for (net::Rule& rule : net::list_rules(netlink, family)) rules.push_back(std::move(rule));
  return rules;
}

std::vector<net::Route> list_routes(net::Netlink& netlink) {
  std::vector<net::Route> routes;
  for (const int family : kFamilies) append(routes, net::list_routes(netlink, family));
  return routes;
}

std::vector<Source> require_sources(const Conf& conf, const cni::Request& request) {
  auto sources = sources_of(conf, cni::require_prev_result(request), request.ifname);
  if (sources.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "No IP addresses supplied on interface: " + request.ifname,
                     "sbr needs an address in prevResult");
  return sources;
}

void put_routes(net::Netlink& netlink, const std::vector<net::Route>& routes) {
  net::Batch batch(netlink);
  for (const net::Route& route : routes) net::put_route(batch, route);
  batch.send();
}

void remove_routes(net::Netlink& netlink, const std::vector<net::Route>& routes) {
  net::Batch batch(netlink);
  for (const net::Route& route : routes) net::remove_route(batch, route);
  batch.send();
}

void remove_rules(net::Netlink& netlink, const std::vector<net::Rule>& rules) {
  net::Batch batch(netlink);
  for (const net::Rule& rule : rules) net::remove_rule(batch, rule);
  batch.send();
}

/// The items of `wanted` that `present` lacks: undo must not remove the others.
template <typename Item, typename Same>
std::vector<Item> missing(const std::vector<Item>& wanted, const std::vector<Item>& present,
                          const Same& same) {
  std::vector<Item> result;
  for (const Item& item : wanted)
    if (std::ranges::none_of(present, [&](const Item& other) { return same(item, other); }))
      result.push_back(item);
  return result;
}

bool same_rule(const net::Rule& a, const net::Rule& b) {
  return a.source == b.source && a.table == b.table && a.has_more == b.has_more;
}

bool same_route(const net::Route& a, const net::Route& b) {
  return a.dst.network() == b.dst.network() && a.table == b.table && a.oif == b.oif &&
         a.gateway == b.gateway;
}

/// The rules come first: DEL finds the tables by them, also after a kill.
void make(base::Undo& undo, net::Netlink& netlink, const Present& present, const Plan& plan) {
  const auto rules = missing(plan.rules, present.rules, same_rule);
  undo.add("remove the rules", [&netlink, rules] { remove_rules(netlink, rules); });
  net::Batch batch(netlink);
  for (const net::Rule& rule : rules) net::put_rule(batch, rule);
  batch.send();

  const auto added = missing(plan.added, present.routes, same_route);
  undo.add("remove the routes", [&netlink, added] { remove_routes(netlink, added); });
  put_routes(netlink, added);

  undo.add("put the routes back", [&netlink, &plan] {
    remove_routes(netlink, plan.hints);
    put_routes(netlink, plan.replaced);
    put_routes(netlink, plan.removed);
  });
  for (const net::Route& route : plan.hints)
    net::add_route(netlink, route, net::IfPresent::replace);
  remove_routes(netlink, plan.removed);
}

/// The table of the configuration, as far as it can be read: DEL works with any configuration.
std::optional<std::uint32_t> known_table(const cni::Request& request) noexcept try {
  return parse_conf(request).table;
} catch (const std::exception&) {
  return std::nullopt;
}

bool contains(const std::vector<base::Prefix>& hosts, const base::Prefix& host) {
  return std::ranges::find(hosts, host) != hosts.end();
}

/// The addresses of the interface, present ones and those of prevResult. An address that another
/// interface of the pod has, too, is left out: the other attachment needs the same rule.
std::vector<base::Prefix> own_addresses(const cni::Request& request,
                                        const std::vector<net::Address>& addresses, int index) {
  std::vector<base::Prefix> hosts;
  std::vector<base::Prefix> of_others;
  for (const net::Address& address : addresses)
    (address.index == index ? hosts : of_others)
        .push_back(base::host_prefix(address.prefix.address));
  if (request.prev_result)
    for (const Source& source : sources_of({}, *request.prev_result, request.ifname))
      hosts.push_back(base::host_prefix(source.address.address));
  std::erase_if(hosts, [&](const base::Prefix& host) { return contains(of_others, host); });
  return hosts;
}

bool has_address(const std::vector<net::Address>& addresses, const base::IpAddress& wanted) {
  return std::ranges::any_of(
      addresses, [&](const net::Address& address) { return address.prefix.address == wanted; });
}

/// Changes that DEL makes.
struct Removal {
  std::vector<net::Route> former;  ///< for the main table
  std::vector<net::Route> routes;
  std::vector<net::Rule> rules;
};

/// Plans to move the interface's routes of `tables` back into the main table, except default
/// routes: those of another interface have to stay in force while this one goes. A source that is
/// not among the `addresses` of the pod any more is left out, because the kernel refuses it.
Removal plan_return(net::Netlink& netlink, int index, const std::set<std::uint32_t>& tables,
                    const std::vector<net::Address>& addresses) {
  Removal removal{.former = {}, .routes = list_routes(netlink), .rules = {}};
  std::erase_if(removal.routes, [&](const net::Route& route) {
    return route.oif != index || !tables.contains(route.table);
  });
  put_on_link_first(removal.routes);
  for (const net::Route& route : removal.routes) {
    if (route.dst.length == 0) continue;
    removal.former.push_back(route);
    net::Route& former = removal.former.back();
    former.table = kMain;
    if (route.source && !has_address(addresses, *route.source)) former.source.reset();
  }
  std::ranges::reverse(removal.routes);
  return removal;
}

/// The rules go last, and only when the routes are gone: a repeated DEL finds the tables by them.
void carry_out(net::Netlink& netlink, const Removal& removal) {
  base::Failures failures;
  failures.attempt([&] { put_routes(netlink, removal.former); });
  failures.attempt([&] {
    remove_routes(netlink, removal.routes);
    remove_rules(netlink, removal.rules);
  });
  failures.report();
}

bool has_default_route(const Present& present, std::uint32_t table,
                       const base::IpAddress& gateway) {
  return std::ranges::any_of(present.routes, [&](const net::Route& route) {
    const auto hops = net::hops_of(route);
    return route.table == table && route.dst.length == 0 &&
           std::ranges::find(hops, net::NextHop{.oif = present.index, .gateway = gateway}) !=
               hops.end();
  });
}

void verify_source(const Conf& conf, const Present& present, const Source& source) {
  const base::Prefix host = base::host_prefix(source.address.address);
  bool has_rule = false;
  bool has_route = conf.table.has_value() || !source.gateway;
  for (const net::Rule& rule : present.rules) {
    if (rule.has_more || rule.source != host ||
        (conf.table ? rule.table != *conf.table : !is_own(rule.table)))
      continue;
    has_rule = true;
    has_route = has_route || has_default_route(present, rule.table, *source.gateway);
  }
  if (!has_rule)
    attach::differs("rule from " + host.text() + " to " +
                    (conf.table ? "table " + std::to_string(*conf.table) : "a table of its own") +
                    " is missing");
  if (!has_route)
    attach::differs("default route by " + source.gateway->text() + " is missing in the table of " +
                    host.text());
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  if (!request.prev_result)
    throw cni::Error(cni::Code::invalid_config, "This plugin must be called as chained plugin",
                     "put sbr behind the plugin that gives the addresses");
  const std::vector<Source> sources = require_sources(conf, request);
  attach::lock(*request.sandbox);
  net::Netlink netlink(*request.sandbox);
  const Present present{.index = net::get_link(netlink, request.ifname).index,
                        .rules = list_rules(netlink),
                        .routes = list_routes(netlink)};
  const Plan plan = make_plan(conf, present, sources);
  base::Undo undo;
  make(undo, netlink, present, plan);
  undo.commit();
  return *request.prev_result;
}

void remove(const cni::Request& request) {
  if (!request.sandbox) return;
  attach::try_lock(*request.sandbox);
  net::Netlink netlink(*request.sandbox);
  const auto link = net::find_link(netlink, request.ifname);
  // Rules stay when a link goes with its routes and addresses; prevResult names the addresses.
  if (!link && !request.prev_result) return;
  const int index = link ? link->index : 0;
  const auto addresses = net::list_addresses(netlink);
  const auto hosts = own_addresses(request, addresses, index);
  const auto table = known_table(request);
  std::vector<net::Rule> rules;
  std::set<std::uint32_t> tables;
  for (const net::Rule& rule : list_rules(netlink)) {
    if (rule.has_more || !contains(hosts, rule.source) || (table && rule.table != *table)) continue;
    rules.push_back(rule);
    if (!table && is_own(rule.table)) tables.insert(rule.table);
  }
  Removal removal;
  if (link && !tables.empty()) removal = plan_return(netlink, index, tables, addresses);
  removal.rules = std::move(rules);
  carry_out(netlink, removal);
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const std::vector<Source> sources = require_sources(conf, request);
  net::Netlink netlink(*request.sandbox);
  const Present present{.index = net::get_link(netlink, request.ifname).index,
                        .rules = list_rules(netlink),
                        .routes = list_routes(netlink)};
  for (const Source& source : sources) verify_source(conf, present, source);
}

void report_status(const cni::Request& request) {
  parse_conf(request);
}

}  // namespace sbr
