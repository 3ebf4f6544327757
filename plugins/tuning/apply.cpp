// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/apply.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "libcni/base/failures.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/net/sysctl.h"
#include "plugins/tuning/allowlist.h"
#include "plugins/tuning/backup.h"
#include "plugins/tuning/conf.h"
#include "plugins/tuning/result.h"
#include "plugins/tuning/values.h"

namespace tuning {
namespace {

/// The sysctls that the ADD of this process wrote, with their former values. DEL leaves sysctls as
/// they are, but the DEL that follows when the result of this ADD cannot be delivered does not.
struct Written {
  base::BootTime began{};
  std::vector<std::pair<std::string, std::string>> before = {};
};
Written& written() {
  static Written kWritten;
  return kWritten;
}

void set_back_sysctls() {
  base::Failures failures;
  const auto all = std::exchange(written().before, {});
  for (auto each = all.rbegin(); each != all.rend(); ++each)
    // The kernel ignores a write of zero bytes.
    failures.attempt(
        [&] { net::write_sysctl(each->first, each->second.empty() ? "\n" : each->second); });
  failures.report();
}

void set_sysctls(const Conf& conf) {
  for (const Sysctl& sysctl : conf.sysctls) {
    auto before = net::exchange_sysctl(sysctl.path, sysctl.value, same_value);
    if (before) written().before.emplace_back(sysctl.path, *std::move(before));
  }
}

/// The values of `now` for everything that `change` sets.
net::LinkSettings former_values(const net::LinkSettings& change, const net::LinkSettings& now) {
  net::LinkSettings former;
  if (change.mac) former.mac = now.mac;
  if (change.promisc) former.promisc = now.promisc;
  if (change.mtu) former.mtu = now.mtu;
  if (change.allmulti) former.allmulti = now.allmulti;
  if (change.tx_queue_length) former.tx_queue_length = now.tx_queue_length;
  return former;
}

/// The values of `first`, and of `second` for what is not in it.
net::LinkSettings merge(net::LinkSettings first, const net::LinkSettings& second) {
  if (!first.mac) first.mac = second.mac;
  if (!first.promisc) first.promisc = second.promisc;
  if (!first.mtu) first.mtu = second.mtu;
  if (!first.allmulti) first.allmulti = second.allmulti;
  if (!first.tx_queue_length) first.tx_queue_length = second.tx_queue_length;
  return first;
}

void set_link(net::Netlink& netlink, int index, const net::LinkSettings& settings,
              net::Batch::Tolerates tolerates = nullptr) {
  net::Batch batch(netlink);
  net::put_settings(batch, index, settings, tolerates);
  batch.send();
}

cni::Attachment attachment_of(const cni::Request& request) {
  return {request.container_id, request.ifname};
}

/// A backup that is there holds the values from before an earlier ADD of this attachment, or of an
/// earlier plugin of the chain: they stay.
void back_up(base::Undo& undo, const cni::Request& request, const net::LinkSettings& before) {
  const std::string name = backup_name(attachment_of(request));
  const std::string path = data_dir(request.config);
  const BackupFolder folder = BackupFolder::ensure(path);
  const auto earlier = folder.read(name);
  const auto kept = earlier ? parse_backup(*earlier) : std::nullopt;
  const auto mark = earlier ? folder.find_network(name) : std::nullopt;
  folder.write(name, print_backup(merge(kept.value_or(net::LinkSettings{}), before)),
               request.network);
  undo.add("set back the backup file", [path, name, earlier, mark] {
    const auto there = BackupFolder::find(path);
    if (there && earlier) there->write(name, *earlier, mark);
    if (there && !earlier) there->remove(name);
  });
}

void change_link(base::Undo& undo, const cni::Request& request, net::Netlink& netlink,
                 const net::LinkSettings& change) {
  const auto link = net::find_link_settings(netlink, request.ifname);
  if (!link) base::throw_errno("failed to get \"" + request.ifname + "\": Link not found", ENODEV);
  const net::LinkSettings before = former_values(change, link->settings);
  back_up(undo, request, before);
  undo.add("set back link \"" + request.ifname + "\"",
           [&netlink, index = link->index, before] { set_link(netlink, index, before); });
  set_link(netlink, link->index, change);
}

/// A link may refuse a value for good, and a repeated DEL cannot change that: the reference ignores
/// it. Failures that can pass are reported.
bool tolerates_refusal(int errnum) {
  if (errnum == ENOMEM || errnum == ENOBUFS || errnum == EINTR || errnum == EPERM) return false;
  if (errnum != ENODEV)
    base::log(std::string("tuning: the link keeps a value, because it refused its former one: ") +
              std::strerror(errnum));
  return true;
}

/// The backup; nothing, with a line in the log, when the file cannot be used: a repeated DEL could
/// not use it either.
std::optional<net::LinkSettings> find_backup(const BackupFolder& folder, const std::string& name) {
  std::string why = "it is not in the format of a backup";
  try {
    const auto text = folder.read(name);
    auto before = text ? parse_backup(*text) : net::LinkSettings{};
    if (before) return before;
  } catch (const std::system_error& error) {
    constexpr std::array kUnusable{ELOOP, EINVAL, EFBIG};
    if (std::ranges::find(kUnusable, error.code().value()) == kUnusable.end()) throw;
    why = error.what();
  }
  base::log("tuning: the link keeps its values, because backup file " + name +
            " cannot be used: " + why);
  return std::nullopt;
}

void restore_link(const cni::Request& request, const net::LinkSettings& before) {
  net::Netlink netlink(*request.sandbox);
  const auto link = net::find_link_settings(netlink, request.ifname);
  if (link) set_link(netlink, link->index, before, tolerates_refusal);
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  require_allowed(conf.sysctls);
  require_room_for_ipv6(conf, result, request.ifname);
  if (conf.sysctls.empty() && conf.link.empty()) return result;
  request.sandbox->run([&] {
    std::optional<net::Netlink> netlink;
    base::Undo undo;
    written() = {.began = request.began};
    undo.add("set back the sysctls", set_back_sysctls);
    set_sysctls(conf);
    if (!conf.link.empty()) change_link(undo, request, netlink.emplace(), conf.link);
    undo.commit();
  });
  return changed_result(conf, result, request.ifname);
}

void remove(const cni::Request& request) {
  base::Failures failures;
  if (request.sandbox && request.began == written().began)
    failures.attempt([&] { request.sandbox->run(set_back_sysctls); });
  failures.attempt([&] {
    const auto folder = BackupFolder::find(data_dir(request.config));
    if (!folder) return;
    const std::string name = backup_name(attachment_of(request));
    // The name has no network: a DEL after a refused ADD to another network must not meet this one.
    if (folder->find_network(name).value_or(request.network) != request.network) return;
    const auto before = find_backup(*folder, name);
    if (before && !before->empty() && request.sandbox) restore_link(request, *before);
    folder->remove(name);
  });
  failures.report();
}

void collect_garbage(const cni::Request& request) {
  const auto folder = BackupFolder::find(data_dir(request.config));
  if (!folder) return;
  std::set<std::string> kept;
  for (const cni::Attachment& each : request.valid_attachments) kept.insert(backup_name(each));
  folder->remove_stale(request.network, kept, request.earliest_start());
}

}  // namespace tuning
