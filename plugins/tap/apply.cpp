// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/apply.h"

#include "libcni/attach/sandbox.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/net/link.h"
#include "plugins/tap/conf.h"
#include "plugins/tap/context.h"

namespace tap {
namespace {

int find_bridge(net::Netlink& sandbox, const std::string& name) {
  if (name.empty()) return 0;
  const auto bridge = net::find_link(sandbox, name);
  if (!bridge)
    throw cni::Error(cni::Code::invalid_config,
                     "link \"" + name + "\" of the sandbox does not exist",
                     "key bridge names a bridge in the sandbox");
  if (bridge->kind != "bridge")
    throw cni::Error(cni::Code::invalid_config,
                     "link \"" + name + "\" of the sandbox is not a bridge",
                     "key bridge names a bridge in the sandbox");
  return bridge->index;
}

void make(const Conf& conf, const base::Netns& netns, net::Netlink& sandbox,
          const net::TapLink& link) {
  if (conf.selinux_context.empty()) return net::add_tap(sandbox, netns, link, conf.tap);
  base::Undo undo;
  create_in_context(conf.selinux_context, netns, link.name, conf.tap);
  undo.add("delete tap \"" + link.name + "\"", [&] { net::remove_link(sandbox, link.name); });
  net::complete_tap(sandbox, link);
  undo.commit();
}

std::string text_of(const std::optional<std::uint32_t>& id) {
  return id ? std::to_string(*id) : "none";
}

/// The program that uses the device chooses its other properties.
void verify_properties(const std::string& name, const net::Tap& found, const net::Tap& wanted) {
  const auto compare = [&](const std::string& what, const std::string& has,
                           const std::string& must) {
    if (has != must)
      attach::differs("tap " + name + ": " + what + " is " + has + ", must be " + must);
  };
  compare("owner", text_of(found.owner), text_of(wanted.owner));
  compare("group", text_of(found.group), text_of(wanted.group));
  compare("multiQueue", found.multi_queue ? "true" : "false",
          wanted.multi_queue ? "true" : "false");
}

}  // namespace

cni::Result add(const cni::Request& request) {
  Conf conf = parse_conf(request);
  conf.upper.make_link = [&](net::Netlink& sandbox, const std::string& name,
                             const std::string& alias) {
    make(conf, *request.sandbox, sandbox,
         {.name = name,
          .mtu = conf.upper.mtu,
          .mac = conf.upper.mac,
          .master = find_bridge(sandbox, conf.bridge),
          .alias = alias});
    return net::get_link(sandbox, name);
  };
  return attach::add_upper(request, conf.upper);
}

void remove(const cni::Request& request) {
  attach::remove_upper(request, "tun");
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = attach::verify_upper(request, sandbox, conf.upper);
  const auto tap = net::find_tap(sandbox, link.index);
  if (!tap) attach::differs("link " + link.name + " is not a tap device");
  verify_properties(link.name, *tap, conf.tap);
  if (!conf.bridge.empty() && link.master != find_bridge(sandbox, conf.bridge))
    attach::differs("tap " + link.name + " is not a port of bridge " + conf.bridge);
}

void collect_garbage(const cni::Request& request) {
  attach::collect_upper_garbage(request);
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  try {
    net::require_taps();
  } catch (const std::system_error& error) {
    throw cni::Error(cni::Code::not_available, "tap devices are not available", error.what());
  }
  attach::report_upper_status(request, conf.upper, false);
}

}  // namespace tap
