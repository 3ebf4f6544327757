// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace conformance {

/// The plugin under test. Its kind follows from its name and its configuration.
struct Subject {
  std::string binary;
  std::string type;                   ///< the binary's file name
  std::string ifname;                 ///< `lo` for loopback, else `eth0`
  nlohmann::json config;              ///< without prevResult
  std::vector<std::string> versions;  ///< the versions in its answer to VERSION
  std::string newest;
  bool instrumented = false;  ///< built with a sanitizer: time and memory are not checked

  bool is_ipam() const;    ///< ipam.type is the plugin itself
  bool delegates() const;  ///< it runs an IPAM plugin
  bool is_chained() const { return chained; }
  bool makes_link() const;  ///< creates CNI_IFNAME in the sandbox
  /// True when the result has IPAM's prefix lengths and gateways. bgp uses single addresses (/32,
  /// /128) and its own gateway for every route.
  bool keeps_subnets() const;
  bool supports(const std::string& version) const;

  /// The configuration at `version`, with the prevResult that a chained plugin needs.
  nlohmann::json config_for(const std::string& version) const;

  bool chained = false;
  bool needs_addresses = false;   ///< refuses a prevResult without addresses: `needsAddresses`
  bool stays_in_sandbox = false;  ///< its link has no end on the host: `staysInSandbox`
  bool reads_arguments = false;   ///< CNI_ARGS, as `readsArguments` of its configuration says
};

/// Asks `binary` for its versions. `config` is the configuration to run it with; empty: the example
/// of the plugin of that type. Throws cni::Error when the example is missing or the configuration
/// cannot be parsed.
Subject make_subject(const std::string& binary, const std::string& config);

/// A result with one interface `eth0` of `sandbox` and one address, in the shape of `version`.
nlohmann::json make_prev_result(const std::string& version, const std::string& sandbox);

/// All versions of the specification, oldest first.
const std::vector<std::string>& all_versions();
/// 0: 0.1.0 and 0.2.0; 1: 0.3.0 to 0.4.0; 2: 1.0.0 and later.
int family_of(const std::string& version);

}  // namespace conformance
