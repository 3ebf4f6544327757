// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/masquerade.h"

#include <sys/socket.h>

#include <set>
#include <stdexcept>

#include "libcni/base/failures.h"
#include "libcni/firewall/attachment_rules.h"
#include "libcni/firewall/iptables.h"
#include "libcni/firewall/masquerade_iptables.h"
#include "libcni/firewall/masquerade_nft.h"

namespace firewall {

std::optional<MasqueradeBackend> find_masquerade_backend(std::string_view text) {
  if (text.empty() || text == "nftables") return MasqueradeBackend::nftables;
  if (text == "iptables") return MasqueradeBackend::iptables;
  return std::nullopt;
}

void add_masquerade(const Owner& owner, std::span<const base::Prefix> addresses,
                    MasqueradeBackend backend) {
  add_attachment_rules(owner,
                       {.masquerade = {addresses.begin(), addresses.end()}, .backend = backend});
}

bool remove_masquerade(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  // Both backends may hold rules, after an upgrade or a change of ipMasqBackend.
  bool sets = false;
  bool chains = false;
  base::Failures failures;
  failures.attempt([&] { sets = masquerade_nft::remove(nft, owner, addresses); });
  failures.attempt([&] { chains = masquerade_iptables::remove(nft, owner, addresses); });
  failures.report();
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
    if (!masquerade_nft::has(nft, address) && !masquerade_iptables::has(nft, owner, address))
      throw std::runtime_error("packets from " + address.address.text() + " to outside of " +
                               address.network().text() +
                               " are not masqueraded: neither by nf_tables table "
                               "\"cni_plugins_masquerade\" nor by chain " +
                               iptables_chain("CNI-", owner) + " of iptables table nat");
}

std::function<void()> find_stale_masquerade(const std::string& network,
                                            std::span<const Owner> valid) {
  std::set<std::string, std::less<>> containers;
  for (const Owner& owner : valid) containers.insert(owner.container_id);
  nft::Nft nft;
  return [comments = masquerade_nft::list_comments(nft, StaleComments(network, valid)),
          chains = masquerade_iptables::list_stale(
              nft, network, [&](std::string_view id) { return containers.contains(id); })] {
    nft::Nft late;
    masquerade_nft::collect(late, comments);
    masquerade_iptables::collect(late, chains);
  };
}

void require_masquerade(MasqueradeBackend backend) {
  if (backend == MasqueradeBackend::iptables)
    require_iptables(AF_INET);
  else
    nft::Nft().generation();
}

}  // namespace firewall
