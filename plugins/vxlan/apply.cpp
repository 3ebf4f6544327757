// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/apply.h"

#include <fcntl.h>

#include <span>

#include "libcni/attach/sandbox.h"
#include "libcni/base/failures.h"
#include "libcni/base/file.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/fabric/traffic_record.h"
#include "libcni/net/link.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/request.h"
#include "plugins/vxlan/cluster.h"
#include "plugins/vxlan/gateways.h"

namespace vxlan {
namespace {

constexpr const char* kRecordFolder = "/run/plumb";
constexpr const char* kLockFile = "/run/plumb/vxlan.lock";
constexpr int kLockSeconds = 10;

const cni::Plugin& pod_plugin(const Conf& conf) {
  return cni::get_used_plugin("podInterface", conf.pod_interface);
}

cni::Request make_pod_request(const cni::Request& request, const Conf& conf,
                              const std::optional<PodSide>& side) {
  cni::Request pod = cni::with_config(request, make_pod_config(request, conf, side));
  // An IPAM plugin that the operator chose gets the configuration unchanged, byte for byte.
  if (has_ipam(request.config)) pod.stdin_text = request.stdin_text;
  return pod;
}

PodSide read_pod_side(const cni::Request& request, const Conf& conf, cni::Code when_unusable) {
  const auto node =
      nodes::get_node_file(nodes::parse_node_file_paths(request.config), when_unusable);
  return {.ranges = nodes::ranges_of_new_pods(node),
          .former = node.former,
          .network = node.network,
          .mtu = conf.options.mtu != 0 ? conf.options.mtu : node.mtu,
          .ip_masq = node.ip_masq};
}

base::UniqueFd lock_fabric() {
  base::ensure_directory(kRecordFolder, 0755);
  base::UniqueFd lock(::open(kLockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) base::throw_errno("open " + std::string(kLockFile));
  if (!base::lock_exclusive(lock.get(), kLockSeconds))
    throw cni::Error(cni::Code::try_again_later, "another process has held " +
                                                     std::string(kLockFile) + " for " +
                                                     std::to_string(kLockSeconds) + " s");
  return lock;
}

void require_success(const fabric::Report& report, cni::Code code) {
  if (!report.errors.empty())
    throw cni::Error(code, report.errors.front(),
                     std::to_string(report.errors.size()) + " of " +
                         std::to_string(report.desired) + " objects could not be written");
}

/// Returns whether the node's side is complete. Throws when something is in its way, such as
/// another program's device. The first look takes no lock: pods start by the hundred, the node's
/// side rarely changes, and mostly it is complete. Errors are checked again under the lock, because
/// another ADD may be making the node's side.
bool is_complete(net::Netlink& host, const fabric::Desired& desired,
                 std::span<const net::Address> addresses) {
  fabric::Report seen = fabric::diff(host, desired, kRecordFolder, addresses);
  if (!seen.errors.empty()) {
    const base::UniqueFd lock = lock_fabric();
    seen = fabric::diff(host, desired, kRecordFolder);
  }
  require_success(seen, cni::Code::internal);
  return seen.changed == 0;
}

void make_fabric(net::Netlink& host, const fabric::Desired& desired) {
  const base::UniqueFd lock = lock_fabric();
  require_success(fabric::apply(host, desired), cni::Code::internal);
}

/// Returns whether the pods' bridge has gateways that follow the node's ranges.
bool has_gateways(const cni::Request& request, const Conf& conf) {
  return conf.mode == Mode::l3 && conf.pod_interface == "bridge" && !has_ipam(request.config);
}

cni::Result add_pod(const cni::Request& request, const Conf& conf, const PodSide& side) {
  return pod_plugin(conf).add(make_pod_request(request, conf, side));
}

int find_bridge(net::Netlink& host, const Conf& conf) {
  if (conf.mode != Mode::l2) return 0;
  const auto bridge = net::find_link(host, conf.bridge);
  return bridge ? bridge->index : 0;
}

/// Without plumbd, ADD makes both sides. The pod comes first: its configuration may have mistakes,
/// and in mode l2 its bridge must exist before the device can become a port of it.
cni::Result add_alone(const cni::Request& request, const Conf& conf) {
  net::Netlink host;
  const Cluster cluster = read_cluster(host, conf);
  const int bridge = find_bridge(host, conf);
  fabric::Desired desired = make_desired(conf, request.network, cluster, bridge);
  for (const std::string& problem : desired.problems) base::log(problem);
  const bool without_bridge = conf.mode == Mode::l2 && bridge == 0;
  const bool complete = is_complete(host, desired, cluster.addresses) && !without_bridge;
  const PodSide side{.ranges = cluster.self.ranges,
                     .network = desired.scope_ranges,
                     .mtu = pod_mtu(conf, cluster)};
  if (has_gateways(request, conf) && has_stale_gateway(cluster.addresses, side))
    remove_stale_gateways(host, conf.bridge, side);
  if (complete) {
    fabric::OwnTransactions own(kRecordFolder, desired.scope);
    cni::Result result = add_pod(request, conf, side);
    own.keep_record();
    return result;
  }
  cni::Result result = add_pod(request, conf, side);
  base::Undo undo;
  undo.add("detach the pod", [&] { pod_plugin(conf).del(make_pod_request(request, conf, side)); });
  if (without_bridge)
    desired = make_desired(conf, request.network, cluster, find_bridge(host, conf));
  make_fabric(host, desired);
  undo.commit();
  return result;
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  if (conf.alone) return add_alone(request, conf);
  const PodSide side = read_pod_side(request, conf, cni::Code::try_again_later);
  if (has_gateways(request, conf)) {
    net::Netlink host;
    remove_stale_gateways(host, conf.bridge, side);
  }
  return add_pod(request, conf, side);
}

void remove(const cni::Request& request) {
  const Conf conf = parse_conf_for_removal(request);
  const cni::Request pod = make_pod_request(request, conf, std::nullopt);
  if (!conf.alone) return pod_plugin(conf).del(pod);
  std::optional<fabric::OwnTransactions> own;
  base::Failures ignored;  // the pod's plugin reports that nf_tables cannot be read
  ignored.attempt([&] { own.emplace(kRecordFolder, scope_of(request.network)); });
  pod_plugin(conf).del(pod);
  if (own) own->keep_record();
}

void collect_garbage(const cni::Request& request) {
  const Conf conf = parse_conf_for_removal(request);
  pod_plugin(conf).gc(make_pod_request(request, conf, std::nullopt));
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  if (!conf.alone) {
    const PodSide side = read_pod_side(request, conf, cni::Code::try_again_later);
    return pod_plugin(conf).check(make_pod_request(request, conf, side));
  }
  net::Netlink host;
  const Cluster cluster = read_cluster(host, conf);
  pod_plugin(conf).check(make_pod_request(
      request, conf, PodSide{.ranges = cluster.self.ranges, .mtu = pod_mtu(conf, cluster)}));
  const auto report =
      fabric::diff(host, make_desired(conf, request.network, cluster, find_bridge(host, conf)));
  if (report.changed != 0)
    attach::differs("the node's side is not complete, missing or changed: " +
                    report.changes.front().object);
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  if (!conf.alone) {
    const PodSide side = read_pod_side(request, conf, cni::Code::not_available);
    return pod_plugin(conf).status(make_pod_request(request, conf, side));
  }
  net::Netlink host;
  const Cluster cluster = read_cluster(host, conf);
  const int bridge = find_bridge(host, conf);
  require_success(fabric::diff(host, make_desired(conf, request.network, cluster, bridge)),
                  cni::Code::not_available);
  pod_plugin(conf).status(make_pod_request(
      request, conf, PodSide{.ranges = cluster.self.ranges, .mtu = pod_mtu(conf, cluster)}));
}

void require_usable(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  pod_plugin(conf).parse(make_pod_request(request, conf, std::nullopt));
}

}  // namespace vxlan
