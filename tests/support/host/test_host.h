// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/base/netns.h"
#include "libcni/plugin/plugin.h"
#include "tests/support/host/oracle.h"
#include "tests/support/temp_dir.h"

namespace test {

/// Moves the test process into a separate network namespace that acts as the host, with forwarding
/// off and lo up. ctest runs every test in a process, so nothing outlives it.
class TestHost {
 public:
  TestHost();

  /// The handle of a sandbox and its path for CNI_NETNS.
  struct Sandbox {
    base::Netns netns;
    std::string path;
  };
  Sandbox add_sandbox();

  /// Installs `script` (sh) as the IPAM plugin `fake` in CNI_PATH; it finds CNI_COMMAND in its
  /// environment and its folder in $DIR. It is also `long-name-of-fake`: such a text is on the
  /// heap, so that ASan reports the use of an IPAM object that is gone.
  void install_ipam(const std::string& script);
  std::string path() const { return dir_.path(); }
  /// The text of a file that a script wrote into the folder; empty when there is none.
  std::string read(const std::string& name) const;

  /// A request as plugin_main would build it, with the environment set for delegates.
  cni::Request request(cni::Verb verb, const std::string& config, const Sandbox& sandbox) const;

 private:
  TempDir dir_;
};

/// Returns whether the kernel accepts packets to the IPv6 address that `result` gives the pod, and
/// to `gateway` on the host's `link`.
bool takes_ipv6(const TestHost::Sandbox& sandbox, const cni::Result& result,
                const std::string& link, const std::string& gateway);

/// Output of a command that sets something up, or of one that reads what the oracle does not.
std::string output_of(const std::string& command);
/// The same inside a sandbox.
std::string output_in(const TestHost::Sandbox& sandbox, const std::string& command);
/// Calls a function of oracle.h in a sandbox.
oracle::Lines read_in(const TestHost::Sandbox& sandbox, oracle::Lines (*read)());
/// The lines that have `part` as soon as there is one, for what comes with a link's carrier. Empty
/// after two seconds.
oracle::Lines wait_in(const TestHost::Sandbox& sandbox, oracle::Lines (*read)(),
                      const std::string& part);
/// All lines as one text.
std::string text_in(const TestHost::Sandbox& sandbox, oracle::Lines (*read)());
/// The links, without their carrier, which the kernel may report only after ADD has returned.
std::string links();
/// Objects of the kinds that plumbd programs, also of other programs: addresses, permanent
/// neighbours, FDB entries and routes. Without the link-local ones that the kernel makes
/// when a link gets its carrier.
std::string overlay_state();
/// Links, routes and the nf_tables objects of container c1.
std::string routed_state();

}  // namespace test
