// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/spec/error.h"

namespace cni {

/// IPAM holds an address for the very attachment that ADD is asked for. That is a second ADD of a
/// living attachment (S-153), or what an earlier one left that ended without DEL, as in a reboot:
/// IPAM alone cannot tell, its caller may know.
class StillReserved : public Error {
 public:
  /// `since_boot`: the address was certainly reserved since the machine started.
  StillReserved(const std::string& message, bool since_boot)
      : Error(Code::internal, message), since_boot_(since_boot) {}
  bool since_boot() const { return since_boot_; }

 private:
  bool since_boot_;
};

}  // namespace cni
