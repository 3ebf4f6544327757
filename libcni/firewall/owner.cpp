// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/owner.h"

#include "libcni/base/names.h"

namespace firewall {
namespace {
constexpr std::size_t kHashHalf = 16;
constexpr std::size_t kCommentMax = 128;    // nft refuses longer comments
constexpr std::size_t kIptablesChain = 28;  // iptables allows no longer chain names
}  // namespace

std::string network_hash(std::string_view network) {
  return base::sha512_hex(network).substr(0, kHashHalf);
}

std::string owner_hash(const Owner& owner) {
  const std::string attachment = owner.ifname + ":" + owner.container_id;
  return network_hash(owner.network) + "-" + base::sha512_hex(attachment).substr(0, kHashHalf);
}

std::string owner_comment(const Owner& owner) {
  std::string comment = owner_hash(owner) + ", net: " + owner.network + ", if: " + owner.ifname +
                        ", id: " + owner.container_id;
  std::erase(comment, '"');
  if (comment.size() > kCommentMax) comment.resize(kCommentMax);
  return comment;
}

bool is_owned_by(std::string_view comment, const Owner& owner) {
  return comment.starts_with(owner_hash(owner));
}

StaleComments::StaleComments(const std::string& network, std::span<const Owner> valid)
    : ours_(network_hash(network) + "-") {
  for (const Owner& owner : valid) kept_.insert(owner_hash(owner));
}

bool StaleComments::operator()(std::string_view comment) const {
  return comment.starts_with(ours_) && !kept_.contains(comment.substr(0, comment.find(',')));
}

std::string iptables_chain(std::string_view prefix, const Owner& owner) {
  std::string name = std::string(prefix) + base::sha512_hex(owner.network + owner.container_id);
  name.resize(kIptablesChain);
  return name;
}

}  // namespace firewall
