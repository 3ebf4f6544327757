// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/nft/nft.h"
#include "plugins/firewall/conf.h"
#include "plugins/firewall/firewalld.h"

/// Pods' addresses as sources of a zone of firewalld. firewalld keeps no owners: these are in the
/// sets of libcni/firewall/pod_sets.h, which a reload of firewalld does not touch.
namespace firewall_plugin {

/// The firewalld that `conf` asks for: nothing for other backends, and with the automatic one where
/// it does not run. Throws cni::Error 11 when `conf` names it and it does not run, and
/// std::system_error or std::runtime_error when the bus does not say whether it runs.
std::optional<Firewalld> find_firewalld(const Conf& conf);

/// Puts back the sources of living pods of `network` that firewalld has lost. Failures are logged:
/// the pods of other attachments are not the caller's.
void restore_sources(nft::Nft& nft, Firewalld& firewalld, const std::string& zone,
                     const std::string& network) noexcept;

/// Selects the owners, by their comments in the sets, that are about to be removed from them.
using IsLeaving = std::function<bool(std::string_view comment)>;

/// Removes `addresses`, and others of leaving owners, that no other owner has, where firewalld runs
/// and `conf` does not name another backend. Throws what find_firewalld() and
/// Firewalld::remove_sources() throw, except that firewalld does not run.
void drop_sources(nft::Nft& nft, const Conf& conf, std::span<const base::IpAddress> addresses,
                  const IsLeaving& is_leaving);

/// CHECK: throws cni::Error naming the first address that is not a source of the zone.
void require_sources(Firewalld& firewalld, const std::string& zone,
                     std::span<const base::IpAddress> addresses);

/// STATUS: throws cni::Error 51 when firewalld has lost sources of living pods of `network`.
void require_no_loss(nft::Nft& nft, Firewalld& firewalld, const std::string& zone,
                     const std::string& network);

}  // namespace firewall_plugin
