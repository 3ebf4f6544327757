// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/rules.h"

#include "libcni/attach/veth.h"
#include "libcni/base/failures.h"
#include "libcni/net/sysctl.h"
#include "libcni/spec/error.h"

namespace attach {

bool parse_spoof_check(const json::Object& config, bool otherwise) {
  const bool wanted = config.get_bool("spoofCheck", otherwise);
  if (wanted && config.get_bool("acceptRa"))
    throw cni::Error(cni::Code::invalid_config,
                     "spoofCheck would drop packets from addresses that acceptRa lets the pod make",
                     "set key spoofCheck to false, or remove acceptRa");
  return wanted;
}

void add_rules(base::Undo& undo, const firewall::Owner& owner, firewall::AttachmentRules rules) {
  if (rules.masquerade.empty() && !rules.source_check) return;
  undo.add("remove the rules", [owner, rules] { firewall::remove_attachment_rules(owner, rules); });
  firewall::add_attachment_rules(owner, rules);
}

firewall::PodLink pod_link(const std::string& host_end, const std::vector<cni::IpConfig>& ips,
                           const std::optional<base::Mac>& mac) {
  firewall::PodLink link{.host_end = host_end, .addresses = {}, .bridged = mac};
  for (const cni::IpConfig& ip : ips) link.addresses.push_back(ip.address.address);
  if (mac) link.addresses.push_back(link_local_of(*mac));
  return link;
}

std::optional<firewall::PodLink> find_pod_link(const std::optional<cni::Result>& prev_result,
                                               bool bridged) {
  if (!prev_result) return std::nullopt;
  std::string host_end;
  std::optional<base::Mac> mac;
  for (const cni::Interface& interface : prev_result->interfaces) {
    if (!interface.sandbox.empty())
      mac = base::Mac::parse(interface.mac);
    else if (interface.name.starts_with("veth"))
      host_end = interface.name;
  }
  if (host_end.empty() || (bridged && !mac)) return std::nullopt;
  return pod_link(host_end, prev_result->ips, bridged ? mac : std::nullopt);
}

void require_source_checks() {
  base::Failures failures;
  if (!failures.attempt([] { nft::Nft().generation(); }))
    throw cni::Error(
        cni::Code::not_available, "spoofCheck needs nf_tables, which cannot be read on this node",
        "load the kernel module nf_tables and give the plugin CAP_NET_ADMIN, or set key "
        "spoofCheck to false");
}

void verify_source_check(const base::Netns& netns, const firewall::Owner& owner,
                         const firewall::PodLink& link) {
  bool refuses = true;
  netns.run([&] {
    const auto accepts = net::find_sysctl("net/ipv6/conf/" + owner.ifname + "/accept_ra");
    refuses = accepts.value_or("0") == "0";
  });
  if (refuses || firewall::has_source_check(owner)) firewall::check_source_check(owner, link);
}

}  // namespace attach
