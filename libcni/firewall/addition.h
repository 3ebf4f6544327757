// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/nft/nft.h"

namespace firewall {

/// One try of an ADD to add its rules, all in one transaction.
struct Addition {
  nft::Nft& nft;
  nft::Batch& batch;
  /// An earlier try failed: present elements must be looked for.
  bool contested = false;
};

}  // namespace firewall
