// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/host/test_host.h"
#include "tests/support/temp_dir.h"

namespace test {

/// A real etcd on 127.0.0.1:2379 of the test's network namespace, with data in a folder of its own.
class EtcdServer {
 public:
  /// `options` are etcd's own. `tls`: https with certificates of make_certificates.
  explicit EtcdServer(std::vector<std::string> options = {}, bool tls = false);
  EtcdServer(const EtcdServer&) = delete;
  EtcdServer& operator=(const EtcdServer&) = delete;
  ~EtcdServer() { kill(); }

  std::string url() const;
  std::string operator/(const std::string& certificate) const { return folder_ / certificate; }

  void start();  ///< returns when it answers
  void kill();   ///< SIGKILL
  void signal(int number);
  void lose_data();  ///< of a server that is killed
  /// With TLS: those of an authority that is new each time, in the files of the one before.
  void make_certificates() const;

  /// The output of `etcdctl ARGUMENTS`; throws when it fails.
  std::string ctl(const std::string& arguments) const;
  std::string user = {};  ///< `NAME:PASSWORD` for ctl()
  /// A member of the network as flannel's operators make it.
  void put(const std::string& key, const std::string& value, const std::string& options = "") const;
  void remove(const std::string& key) const;
  std::string value_of(const std::string& key) const;  ///< "" when there is none
  std::vector<std::string> keys() const;               ///< below /coreos.com/network/subnets/
  /// A number in the output of `etcdctl get --write-out=json`: `mod_revision`, `lease`.
  long number_of(const std::string& key, const std::string& member) const;

 private:
  TestHost host_;
  TempDir folder_;
  std::vector<std::string> options_;
  bool tls_;
  pid_t pid_ = -1;
};

inline const std::string kNetwork = "/coreos.com/network";
inline const std::string kSubnets = kNetwork + "/subnets/";

}  // namespace test
