// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace firewall {

/// The attachment that a rule, chain or set element belongs to.
struct Owner {
  std::string network;
  std::string container_id;
  std::string ifname;
  bool operator==(const Owner&) const = default;
};

/// First 16 characters of owner_hash(): the same for all attachments of a network.
std::string network_hash(std::string_view network);
/// 33 characters, the beginning of the comment of everything that an attachment owns, such as the
/// reference writes.
std::string owner_hash(const Owner& owner);
/// `<hash>, net: <network>, if: <ifname>, id: <container id>`, without quotes, at most 128 bytes.
std::string owner_comment(const Owner& owner);
/// Returns whether `comment` was made by owner_comment(owner).
bool is_owned_by(std::string_view comment, const Owner& owner);

/// GC: recognises comments of owner_comment() that belong to `network` and to none of `valid`.
class StaleComments {
 public:
  StaleComments(const std::string& network, std::span<const Owner> valid);
  bool operator()(std::string_view comment) const;

 private:
  std::string ours_;
  std::set<std::string, std::less<>> kept_;  ///< hashes
};

/// iptables' chain of a container on a network, `<prefix><hash>` cut to 28 characters; it does not
/// contain the interface name.
std::string iptables_chain(std::string_view prefix, const Owner& owner);

}  // namespace firewall
