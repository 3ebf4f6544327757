// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/plan/planner.h"
#include "agent/triggers/kernel_watch.h"
#include "agent/triggers/reconciler.h"
#include "libcni/fabric/apply.h"
#include "libcni/net/netlink.h"

namespace agent {

/// Makes the kernel's links, addresses, routes, neighbours and rules what the plan says. No other
/// part of plumbd removes such objects while it follows a source.
class KernelDriver {
 public:
  KernelDriver(net::Netlink& netlink, KernelWatch& watch, std::string run_dir)
      : netlink_(netlink), watch_(watch), run_dir_(std::move(run_dir)) {}

  /// Reads, compares and fixes. `planner` has a plan. Throws std::system_error where the kernel
  /// cannot be read; failures to write are the run's problem.
  DriverRun run(Planner& planner);

  /// The report of the last run().
  const fabric::Report& report() const { return report_; }
  /// The last run() could read all that it had to.
  bool has_read() const { return has_read_; }
  std::uint64_t removed() const { return removed_; }  ///< objects, since the start
  const Histogram& filter_transactions() const { return filter_transactions_; }

 private:
  void apply(const fabric::Desired& desired, const fabric::Report& earlier,
             const std::vector<base::Prefix>& replaced);
  std::vector<base::Prefix> take_replaced();
  std::vector<std::string> remove_gateways(Planner& planner);

  net::Netlink& netlink_;
  KernelWatch& watch_;
  std::string run_dir_;
  fabric::Report report_;
  std::vector<base::Prefix> withdrawn_;  ///< ranges whose gateways could not be removed yet
  Histogram filter_transactions_;
  std::uint64_t removed_ = 0;
  bool has_read_ = true;
};

/// Removes the address that a bridge of pods has as the gateway of `range`, the first one of it,
/// from each bridge. Returns the names of these bridges. Throws std::system_error.
std::vector<std::string> remove_gateway(net::Netlink& netlink, const base::Prefix& range);

}  // namespace agent
