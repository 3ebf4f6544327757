// SPDX-License-Identifier: Apache-2.0
#include "agent/source/snapshot.h"

namespace agent {

fabric::Options with_defaults(fabric::Options options, const NetworkDefaults& defaults) {
  const fabric::Options unset;
  if (options.cluster_ranges == unset.cluster_ranges)
    options.cluster_ranges = defaults.cluster_ranges;
  if (options.backend == unset.backend) options.backend = defaults.backend.value_or(unset.backend);
  if (options.vni == unset.vni) options.vni = defaults.vni.value_or(unset.vni);
  if (options.port == unset.port) options.port = defaults.port.value_or(unset.port);
  return options;
}

}  // namespace agent
