// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/plugin.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "ipam/allocator/allocate.h"
#include "ipam/host-local/conf.h"
#include "ipam/host-local/other_networks.h"
#include "ipam/host-local/resolv_conf.h"
#include "ipam/host-local/status.h"
#include "ipam/store/store.h"
#include "libcni/base/file.h"
#include "libcni/base/log.h"
#include "libcni/plugin/reserved.h"

namespace ipam_host_local {
namespace {

/// Much longer than 100 pods queueing for the lock need, and well below every runtime's timeout.
constexpr int kLockSeconds = 10;

ipam::Store lock(ipam::Folder folder) {
  auto lock = folder.lock(kLockSeconds);
  if (!lock)
    throw cni::Error(cni::Code::try_again_later, "another process has held " +
                                                     folder.path_of("lock") + " for " +
                                                     std::to_string(kLockSeconds) + " s");
  return {std::move(folder), std::move(*lock)};
}

ipam::Owner owner_of(const cni::Request& request) {
  return {.container_id = request.container_id, .ifname = request.ifname};
}

ipam::Usage usage_of(ipam::Store& store, const ipam::Owner& owner, OtherNetworks& others) {
  ipam::Store::Owned owned = store.find_owned(owner);
  owned.exact.insert(owned.exact.end(), owned.by_id_only.begin(), owned.by_id_only.end());
  return {.is_taken =
              [&](const base::IpAddress& address) {
                return store.is_taken(address) || others.hold(address);
              },
          .last_reserved = [&](std::size_t set) { return store.last_reserved(set); },
          .owned = std::move(owned.exact)};
}

/// Refuses requests that cannot be met whatever the store holds.
void require_possible(const ipam::Demand& demand) {
  const std::string problem =
      ipam::allocate(demand, {.is_taken = [](const base::IpAddress&) { return false; },
                              .last_reserved = [](std::size_t) { return std::nullopt; },
                              .owned = {}})
          .problem;
  if (!problem.empty()) throw cni::Error(cni::Code::internal, problem);
}

std::vector<ipam::Lease> get_leases(ipam::Store& store, const ipam::Demand& demand,
                                    const ipam::Owner& owner, OtherNetworks& others) {
  ipam::Allocation allocation = ipam::allocate(demand, usage_of(store, owner, others));
  // Drops addresses whose files were emptied or rewritten in place: these are free, or another
  // owner has them.
  if (!allocation.problem.empty() && store.rescan())
    allocation = ipam::allocate(demand, usage_of(store, owner, others));
  if (allocation.held)
    throw cni::StillReserved(allocation.problem, store.is_recent(*allocation.held));
  if (!allocation.problem.empty())
    throw cni::Error(cni::Code::internal, allocation.problem + others.note());
  return std::move(allocation.leases);
}

/// Each network has a lock of its own: after an address is reserved, the other networks are
/// searched once more. When two ADDs choose one address at the same time, at least one sees the
/// other's reservation and takes another address.
std::vector<ipam::Lease> reserve(ipam::Store& store, const cni::Request& request,
                                 const ipam::Demand& demand, const std::string& data_dir) {
  constexpr int kTries = 16;
  const ipam::Owner owner = owner_of(request);
  for (int i = 0; i < kTries; ++i) {
    OtherNetworks others(request, data_dir);
    std::vector<ipam::Lease> leases = get_leases(store, demand, owner, others);
    std::vector<base::IpAddress> addresses;
    for (const ipam::Lease& lease : leases) addresses.push_back(lease.address.address);
    store.reserve(owner, addresses);
    const auto held = [&](const base::IpAddress& address) { return others.hold(address); };
    if (std::ranges::none_of(addresses, held)) return leases;
    store.release(owner);
  }
  throw cni::Error(cni::Code::try_again_later,
                   "ADDs of other networks took every address that was chosen");
}

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const ipam::Demand demand{.sets = conf.sets,
                            .requested = parse_requested(request, conf.sets),
                            .container_id = request.container_id};
  cni::Result result{.routes = conf.routes};
  if (!conf.resolv_conf.empty())
    result.dns = parse_resolv_conf(base::read_file(conf.resolv_conf, base::kMostInSmallFile));
  require_possible(demand);  // before a folder is made

  ipam::Store store = lock(ipam::Folder::ensure(conf.data_dir, request.network));
  for (const ipam::Lease& lease : reserve(store, request, demand, conf.data_dir))
    result.ips.push_back({.address = lease.address, .gateway = lease.gateway});
  return result;
}

/// Returns whether the lock file could not be made because the disk is full, and the folder holds
/// no address of the attachment. An ADD that finds the disk full leaves such a folder.
bool has_nothing_to_release(const cni::Request& request, const std::system_error& failure) {
  constexpr std::array kNoRoom{ENOSPC, EDQUOT, EROFS};
  if (std::ranges::find(kNoRoom, failure.code().value()) == kNoRoom.end()) return false;
  const auto folder = ipam::Folder::find(parse_data_dir(request), request.network);
  const ipam::Owner owner = owner_of(request);
  bool holds = false;
  if (folder)
    folder->scan([&](const ipam::AddressFile& file) {
      holds = holds || file.owner == owner.text() || file.owner == ipam::trim(owner.container_id);
    });
  return !holds;
}

void del(const cni::Request& request) {
  auto folder = ipam::Folder::find(parse_data_dir(request), request.network);
  if (!folder) return;
  try {
    lock(std::move(*folder)).release(owner_of(request));
  } catch (const std::system_error& failure) {
    if (!has_nothing_to_release(request, failure)) throw;
  }
}

std::vector<base::IpAddress> find_held(const cni::Request& request, const Conf& conf) {
  auto folder = ipam::Folder::find(conf.data_dir, request.network);
  if (!folder) return {};
  ipam::Store store = lock(std::move(*folder));
  ipam::Store::Owned owned = store.find_owned(owner_of(request));
  if (owned.exact.empty() && owned.by_id_only.empty() && store.rescan())
    owned = store.find_owned(owner_of(request));
  return owned.exact.empty() ? owned.by_id_only : owned.exact;
}

/// CHECK: the reserved addresses and those of prevResult must be the same.
void check(const cni::Request& request) {
  const cni::Result& result = cni::require_prev_result(request);
  const Conf conf = parse_conf(request);
  const std::vector<base::IpAddress> held = find_held(request, conf);
  const auto fail = [](const std::string& why) {
    throw cni::Error(cni::Code::internal, "host-local: " + why);
  };
  if (held.empty()) fail("Failed to find address added by container " + request.container_id);
  for (const base::IpAddress& address : held)
    if (std::ranges::none_of(result.ips,
                             [&](const auto& ip) { return ip.address.address == address; }))
      fail(address.text() + " is reserved for container " + request.container_id +
           " but not in prevResult");
  for (const cni::IpConfig& ip : result.ips) {
    const base::IpAddress& address = ip.address.address;
    const bool from_here = std::ranges::any_of(
        conf.sets, [&](const ipam::RangeSet& set) { return set.find(address) != nullptr; });
    if (from_here && std::ranges::find(held, address) == held.end())
      fail(address.text() + " of prevResult is not reserved for container " + request.container_id);
  }
}

/// Old releases wrote the container ID alone; such a reservation is valid while any interface of
/// the container is.
bool is_valid(const cni::Request& request, const std::string& owner) {
  const auto line_break = owner.find("\r\n");
  if (line_break != std::string::npos)
    return request.is_valid({owner.substr(0, line_break), owner.substr(line_break + 2)});
  return std::ranges::any_of(request.valid_attachments, [&](const cni::Attachment& attachment) {
    return attachment.container_id == owner;
  });
}

/// Stale files are collected without the lock, and removed under the lock if they are unchanged, so
/// that no ADD waits for the scan. An address that was reserved after GC began is not in GC's list
/// of valid attachments and is never removed.
void gc(const cni::Request& request) {
  auto folder = ipam::Folder::find(parse_data_dir(request), request.network);
  if (!folder) return;
  std::vector<ipam::AddressFile> stale;
  folder->scan([&](ipam::AddressFile file) {
    if (file.regular && !is_valid(request, file.owner) &&
        !folder->is_newer(file.address.text(), request.earliest_start()))
      stale.push_back(std::move(file));
  });
  if (!stale.empty()) lock(std::move(*folder)).release_unchanged(stale);
}

/// Returns whether the sandbox can be opened and has no link with the attachment's name.
bool lacks_link(const cni::Request& request) {
  if (!request.sandbox) return false;
  bool lacks = false;
  request.sandbox->run([&] {
    lacks = ::if_nametoindex(request.ifname.c_str()) == 0 && (errno == ENODEV || errno == ENXIO);
  });
  return lacks;
}

/// ADD when the interface plugin is another program. A reservation of the same attachment that may
/// be older than the last boot is replaced if the sandbox lacks the link. A reservation made since
/// boot stays: it belongs to a second ADD, or its link is about to be made.
cni::Result add_replacing(const cni::Request& request) {
  try {
    return add(request);
  } catch (const cni::StillReserved& reserved) {
    if (reserved.since_boot() || !lacks_link(request)) throw;
    base::log(std::string(reserved.what()) +
              "; released it: the sandbox has no link of this attachment");
  }
  del(request);
  return add(request);
}

void status(const cni::Request& request) {
  require_ready(parse_conf(request), request.network);
}

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "host-local",
                                   .add = add,
                                   .del = del,
                                   .check = check,
                                   .gc = gc,
                                   .status = status,
                                   .parse = require_usable,
                                   .keys = kKeys,
                                   .opens_sandbox = false};
  return kPlugin;
}

const cni::Plugin& executable() {
  static const cni::Plugin kPlugin = [] {
    cni::Plugin changed = plugin();
    changed.add = add_replacing;
    return changed;
  }();
  return kPlugin;
}

}  // namespace ipam_host_local
