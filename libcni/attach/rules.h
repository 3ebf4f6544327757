// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/base/mac.h"
#include "libcni/base/netns.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/attachment_rules.h"
#include "libcni/json/object.h"
#include "libcni/spec/result.h"

namespace attach {

/// Reads key `spoofCheck`, which is `otherwise` when absent. Throws code 7 together with
/// `acceptRa`: the pod would have addresses that nothing on the host knows.
bool parse_spoof_check(const json::Object& config, bool otherwise);

/// ADD: makes `rules` and registers their removal. Call this before the pod's end comes up: then no
/// packet passes unchecked.
void add_rules(base::Undo& undo, const firewall::Owner& owner, firewall::AttachmentRules rules);

/// The link of a pod with the addresses `ips`. `mac` is the pod's where the host's end is a port of
/// a bridge; its link-local address is then one of those that the pod may use.
firewall::PodLink pod_link(const std::string& host_end, const std::vector<cni::IpConfig>& ips,
                           const std::optional<base::Mac>& mac = {});
/// DEL: the link as `prev_result` describes it, if it does.
std::optional<firewall::PodLink> find_pod_link(const std::optional<cni::Result>& prev_result,
                                               bool bridged);

/// STATUS of spoofCheck: throws code 50 when this process cannot use nf_tables.
void require_source_checks();

/// CHECK of spoofCheck. Throws std::runtime_error naming the missing object. A pod that was
/// attached before this suite had source checks passes without one: its end still accepts router
/// advertisements.
void verify_source_check(const base::Netns& netns, const firewall::Owner& owner,
                         const firewall::PodLink& link);

}  // namespace attach
