// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ipam/dhcp/holder.h"
#include "ipam/dhcp/rpc.h"
#include "libcni/base/loop.h"
#include "libcni/base/unique_fd.h"

namespace ipam_dhcp {

/// `dhcp daemon`: answers the plugins and holds the leases of this node, in one loop.
class Daemon {
 public:
  struct Settings {
    std::string socket = std::string(kSocket);  ///< with -hostprefix
    std::string host_prefix = {};               ///< in front of every CNI_NETNS
    Timing timing = {};
  };
  /// `listener` is a listening socket. Takes over the leases of an earlier daemon.
  Daemon(base::Loop& loop, Settings settings, base::UniqueFd listener);

 private:
  struct Connection {
    base::UniqueFd fd;
    RpcReader reader = {};
    std::string waits_for = {};  ///< the key of a lease that is not there yet
    Call call = {};
  };
  using Holders = std::map<std::string, std::unique_ptr<Holder>>;
  void accept();
  void read(Connection& connection);
  void serve(Connection& connection, Call call);
  void allocate(Connection& connection, const std::string& key);
  void answer(Connection& connection, const Reply& reply);
  void answer_all(const std::string& key, const Reply& reply);
  void close(Connection& connection);
  std::unique_ptr<Holder> make_holder(const Call& call);
  void on_bound(const std::string& key);
  void drop(const std::string& key, bool give_back);
  void resume();
  void resume(const SavedLease& saved);

  base::Loop& loop_;
  Settings settings_;
  std::string folder_;
  base::UniqueFd listener_;
  std::list<Connection> connections_;
  Holders holders_;
  std::vector<std::unique_ptr<Holder>> ended_;  ///< until they have returned to the loop
};

/// The command line behind `dhcp daemon`. Returns the exit code.
int run_daemon(int argc, char** argv);

}  // namespace ipam_dhcp
