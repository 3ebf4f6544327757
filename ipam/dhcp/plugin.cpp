// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/plugin.h"

#include <algorithm>
#include <filesystem>

#include "ipam/dhcp/client.h"
#include "ipam/dhcp/conf.h"
#include "ipam/dhcp/give_back.h"
#include "ipam/dhcp/lease.h"
#include "libcni/base/failures.h"
#include "libcni/base/log.h"

namespace ipam_dhcp {
namespace {

Call call_of(const cni::Request& request, std::string_view method) {
  return {.method = std::string(method),
          .container_id = request.container_id,
          .netns = request.netns.empty() ? "" : std::filesystem::absolute(request.netns).string(),
          .ifname = request.ifname,
          .args = request.args,
          .path = request.path,
          .stdin_text = request.stdin_text};
}

[[noreturn]] void refuse_without_daemon(const std::string& socket, cni::Code code) {
  throw cni::Error(code, "error dialing DHCP daemon: no daemon listens on " + socket,
                   "start it: systemctl start cni-dhcp.socket, or dhcp daemon");
}

/// Gives the lease back: by the daemon, else from here. A lease whose file is damaged ends by its
/// time.
void release(const std::string& socket, const Call& call, const std::string& network) {
  if (ask_daemon(socket, call)) return;
  const std::string key = key_of(call.container_id, network, call.ifname);
  try {
    if (const auto saved = find_saved(folder_of(socket), key)) give_back(*saved, key);
  } catch (const cni::Error& error) {
    base::log(error.what());
  }
  forget(folder_of(socket), key);
}

void remove(const cni::Request& request) {
  release(parse_socket(request.config), call_of(request, kRelease), request.network);
}

cni::Result allocate(const cni::Request& request) {
  const Conf conf = parse_conf(request.config, request.args);
  auto result = ask_daemon(conf.socket, call_of(request, kAllocate));
  if (!result) refuse_without_daemon(conf.socket, cni::Code::internal);
  // Daemons of the reference before 1.6 do not know the key.
  for (cni::Route& route : result->routes) route.priority = conf.priority;
  return *result;
}

/// The lease must be there and be what prevResult has.
void verify(const cni::Request& request) {
  const cni::Result& result = cni::require_prev_result(request);
  for (const cni::IpConfig& ip : allocate(request).ips)
    if (std::ranges::none_of(result.ips, [&](const cni::IpConfig& each) {
          return each.address.address == ip.address.address;
        }))
      throw cni::Error(cni::Code::internal, "the DHCP lease of container " + request.container_id +
                                                " is for " + ip.address.text() +
                                                ", which prevResult does not have");
}

/// Releases what this network has for pods that are not valid, unless it is newer than the list.
void collect_garbage(const cni::Request& request) {
  const std::string socket = parse_socket(request.config);
  base::Failures failures;
  for (const SavedLease& saved : list_saved(folder_of(socket))) {
    const json::Object config = json::Object::parse(saved.call.stdin_text, "lease file");
    if (config.get_string("name") != request.network || saved.obtained >= request.began ||
        request.is_valid({saved.call.container_id, saved.call.ifname}))
      continue;
    Call call = saved.call;
    call.method = kRelease;
    failures.attempt([&] { release(socket, call, request.network); });
  }
  failures.report();
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request.config, "");
  if (!has_daemon(conf.socket)) refuse_without_daemon(conf.socket, cni::Code::not_available);
}

void parse(const cni::Request& request) {
  parse_conf(request.config, request.args);
}

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "dhcp",
                                   .add = allocate,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = parse,
                                   .keys = kKeys,
                                   .opens_sandbox = false};
  return kPlugin;
}

}  // namespace ipam_dhcp
