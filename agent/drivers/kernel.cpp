// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/kernel.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "agent/loop/log.h"
#include "libcni/fabric/delta.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"

namespace agent {
namespace {

using What = fabric::Change::What;

constexpr std::ptrdiff_t kFewChanges = 8;  ///< the most changes that are logged one by one

std::string count_of(const fabric::Report& report, What what) {
  return std::to_string(std::ranges::count(report.changes, what, &fabric::Change::what));
}

void log_changes(const fabric::Report& report) {
  if (report.changes.empty()) return;
  if (std::ssize(report.changes) > kFewChanges)
    return log(LogLevel::info, "kernel: " + count_of(report, What::add) + " added, " +
                                   count_of(report, What::replace) + " replaced, " +
                                   count_of(report, What::remove) + " removed");
  for (const fabric::Change& change : report.changes) {
    const char* verb = change.what == What::add       ? "added "
                       : change.what == What::replace ? "replaced "
                                                      : "removed ";
    log(LogLevel::info, std::string("kernel: ") + verb + change.object);
  }
}

}  // namespace

std::vector<std::string> remove_gateway(net::Netlink& netlink, const base::Prefix& range) {
  const base::Prefix gateway{range.network().address.plus(1), range.length};
  std::vector<std::string> bridges;
  for (const net::Address& each : net::list_addresses(netlink)) {
    if (each.prefix != gateway) continue;
    const auto link = net::find_link(netlink, each.index);
    if (!link || link->kind != "bridge") continue;
    net::remove_address(netlink, each.index, gateway);
    bridges.push_back(link->name);
  }
  return bridges;
}

std::vector<base::Prefix> KernelDriver::take_replaced() {
  watch_.read();
  return watch_.take_replaced_routes();
}

void KernelDriver::apply(const fabric::Desired& desired, const fabric::Report& earlier,
                         const std::vector<base::Prefix>& replaced) {
  report_ = fabric::apply(netlink_, desired, run_dir_, replaced);
  report_.changes.insert(report_.changes.begin(), earlier.changes.begin(), earlier.changes.end());
  report_.changed += earlier.changed;
  report_.removed += earlier.removed;
  report_.filter_seconds += earlier.filter_seconds;
}

/// Returns the failures, which are retried in the next run.
std::vector<std::string> KernelDriver::remove_gateways(Planner& planner) {
  std::ranges::copy(planner.take_withdrawn(), std::back_inserter(withdrawn_));
  std::vector<std::string> errors;
  std::erase_if(withdrawn_, [&](const base::Prefix& range) {
    const auto& served = planner.state().self.ranges;
    if (std::ranges::find(served, range) != served.end()) return true;
    try {
      for (const std::string& bridge : remove_gateway(netlink_, range))
        log(LogLevel::info, "removed the gateway of " + range.text() + " from bridge " + bridge);
      return true;
    } catch (const std::system_error& error) {
      errors.push_back(error.what());
      return false;
    }
  });
  return errors;
}

DriverRun KernelDriver::run(Planner& planner) {
  has_read_ = false;
  const fabric::Desired& desired = planner.plan()->kernel;
  // Before the routes: the kernel refuses a route to another node while a bridge has its range.
  const std::vector<std::string> errors = remove_gateways(planner);
  fabric::Report earlier;
  if (const auto before = planner.take_before())
    earlier = fabric::apply_delta(netlink_, *before, desired);
  apply(desired, earlier, take_replaced());
  // Routes that were replaced during the run were plumbd's, too.
  if (const auto replaced = take_replaced(); !replaced.empty())
    apply(desired, fabric::Report(report_), replaced);
  std::ranges::copy(errors, std::back_inserter(report_.errors));
  watch_.follow(planner.state(), *planner.plan(), report_.blocked);
  log_changes(report_);
  removed_ += report_.removed;
  if (report_.filter_seconds > 0) filter_transactions_.add(report_.filter_seconds);
  has_read_ = true;
  DriverRun run{.writes = report_.changed, .desired = report_.desired};
  if (!report_.errors.empty()) run.problem = report_.errors.front();
  if (report_.errors.size() > 1)
    run.problem += " (and " + std::to_string(report_.errors.size() - 1) + " more)";
  return run;
}

}  // namespace agent
