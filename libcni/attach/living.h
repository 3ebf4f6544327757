// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/firewall/owner.h"

namespace attach {

/// The signs that attachments are alive, read once: the host ends that carry our alias, and the
/// addresses of this namespace and of those that its links lead to.
class Living {
 public:
  Living();

  /// The owners of the present host ends. Owners with parts too long for an alias are left out.
  const std::vector<firewall::Owner>& owners() const { return owners_; }
  /// Returns whether a link has the address; nothing when the kernel cannot report that.
  std::optional<bool> has_address(const base::IpAddress& address) const;

 private:
  std::vector<firewall::Owner> owners_;
  std::optional<std::set<base::IpAddress>> addresses_;
};

/// The owner that an alias of a host end names; nothing for other texts (see alias_of()).
std::optional<firewall::Owner> find_owner(const std::string& alias);

}  // namespace attach
