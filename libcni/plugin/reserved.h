// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/spec/error.h"

namespace cni {

/// IPAM already holds an address for the attachment that ADD is called for. Either this is a second
/// ADD of an existing attachment, or an earlier attachment ended without DEL, as in a reboot. IPAM
/// alone cannot decide which; its caller may know.
class StillReserved : public Error {
 public:
  /// `since_boot`: the address is known to have been reserved since the machine started.
  StillReserved(const std::string& message, bool since_boot)
      : Error(Code::internal, message), since_boot_(since_boot) {}
  bool since_boot() const { return since_boot_; }

 private:
  bool since_boot_;
};

}  // namespace cni
