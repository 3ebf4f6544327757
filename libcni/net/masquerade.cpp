// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/masquerade.h"

#include <algorithm>
#include <set>

#include "libcni/base/sys_error.h"
#include "libcni/net/masquerade_nft.h"

namespace net {

std::optional<MasqueradeBackend> find_masquerade_backend(std::string_view text) {
  if (text.empty() || text == "nftables") return MasqueradeBackend::nftables;
  if (text == "iptables") return MasqueradeBackend::iptables;
  return std::nullopt;
}

void add_masquerade(const Owner& owner, std::span<const base::Prefix> addresses,
                    MasqueradeBackend) {
  nft::Nft nft;
  masquerade_nft::add(nft, owner, addresses);
}

bool remove_masquerade(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  return masquerade_nft::remove(nft, owner, addresses);
}

bool remove_masquerade(const Owner& owner, std::span<const base::Prefix> addresses) {
  nft::Nft nft;
  const bool existed = remove_masquerade(nft, owner, addresses);
  if (existed) nft::Nft::settle();
  return existed;
}

void check_masquerade(const Owner& owner, std::span<const base::Prefix> addresses,
                      MasqueradeBackend) {
  nft::Nft nft;
  for (const base::Prefix& address : addresses)
    if (!masquerade_nft::has(nft, owner, address))
      base::throw_errno("masquerade " + address.text(), ENOENT);
}

void gc_masquerade(const std::string& network, std::span<const Owner> valid) {
  std::set<std::string, std::less<>> keep;
  for (const Owner& owner : valid) keep.insert(owner_hash(owner));
  const std::string ours = network_hash(network) + "-";
  nft::Nft nft;
  masquerade_nft::collect(nft, [&](std::string_view comment) {
    return comment.starts_with(ours) && !keep.contains(comment.substr(0, comment.find(',')));
  });
}

void require_masquerade(MasqueradeBackend) {
  nft::Nft().generation();
}

}  // namespace net
