// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/masquerade.h"

#include <sys/socket.h>

#include <set>

#include "libcni/base/sys_error.h"
#include "libcni/net/iptables.h"
#include "libcni/net/masquerade_iptables.h"
#include "libcni/net/masquerade_nft.h"

namespace net {

std::optional<MasqueradeBackend> find_masquerade_backend(std::string_view text) {
  if (text.empty() || text == "nftables") return MasqueradeBackend::nftables;
  if (text == "iptables") return MasqueradeBackend::iptables;
  return std::nullopt;
}

void add_masquerade(const Owner& owner, std::span<const base::Prefix> addresses,
                    MasqueradeBackend backend) {
  nft::Nft nft;
  if (backend == MasqueradeBackend::iptables)
    masquerade_iptables::add(nft, owner, addresses);
  else
    masquerade_nft::add(nft, owner, addresses);
}

bool remove_masquerade(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  // Either may hold something: an upgrade, or a change of ipMasqBackend, leaves both.
  const bool sets = masquerade_nft::remove(nft, owner, addresses);
  const bool chains = masquerade_iptables::remove(nft, owner, addresses);
  return sets || chains;
}

bool remove_masquerade(const Owner& owner, std::span<const base::Prefix> addresses) {
  nft::Nft nft;
  const bool existed = remove_masquerade(nft, owner, addresses);
  if (existed) nft::Nft::settle();
  return existed;
}

void check_masquerade(const Owner& owner, std::span<const base::Prefix> addresses) {
  nft::Nft nft;
  for (const base::Prefix& address : addresses)
    if (!masquerade_nft::has(nft, owner, address) && !masquerade_iptables::has(nft, owner, address))
      base::throw_errno("find the masquerade of " + address.text(), ENOENT);
}

void gc_masquerade(const std::string& network, std::span<const Owner> valid) {
  std::set<std::string, std::less<>> hashes;
  std::set<std::string, std::less<>> containers;
  for (const Owner& owner : valid) {
    hashes.insert(owner_hash(owner));
    containers.insert(owner.container_id);
  }
  const std::string ours = network_hash(network) + "-";
  nft::Nft nft;
  masquerade_nft::collect(nft, [&](std::string_view comment) {
    return comment.starts_with(ours) && !hashes.contains(comment.substr(0, comment.find(',')));
  });
  masquerade_iptables::collect(nft, network,
                               [&](std::string_view id) { return containers.contains(id); });
}

void require_masquerade(MasqueradeBackend backend) {
  if (backend == MasqueradeBackend::iptables)
    require_iptables(AF_INET);
  else
    nft::Nft().generation();
}

}  // namespace net
