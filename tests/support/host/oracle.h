// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// The kernel's objects in the caller's namespace, read by libnl-route-3: a test that asks here
/// and not libcni/net finds mistakes that writing and reading by the same code would hide. One line
/// per object, sorted; throws std::runtime_error.
namespace test::oracle {

using Lines = std::vector<std::string>;

/// `3: cni0 bridge up mtu 1500 qdisc noqueue mac 02:00:00:00:00:01`, then what the link has of
/// `group N`, `link INDEX` (peer or parent), `master NAME`, `alias TEXT`; of a VXLAN device `vxlan
/// id 1 local 10.0.0.1 port 4789 nolearning noudpcsum`; of a macvlan or ipvlan `mode bridge`; of a
/// bridge's port `hairpin`, `isolated`; of a bridge `nf_call_iptables`, `nf_call_ip6tables`. Up is
/// what was configured: the carrier may come later.
Lines links();
/// `eth0 up`: whether the link works (operational state).
Lines states();
/// `eth0 mtu 1500 qlen 1000 mac 02:00:00:00:00:01 promiscuity 0 allmulti 0`.
Lines settings();
/// `cni0 10.1.0.1/16`, with `brd ADDRESS`, `scope link` or `host`, `tentative`, and `dynamic` when
/// it has a lifetime.
Lines addresses();
/// `main 10.1.0.5 dev veth1 proto 3 metric 0 scope link`, with `via`, `onlink`, `src`, `mtu` and a
/// type that is not unicast; the table by name or number.
Lines routes();
/// `eth0 10.1.0.1 lladdr 02:00:00:00:00:01 permanent proto 88`.
Lines neighbours();
/// Entries of bridges and VXLAN devices: `vxlan0 02:00:00:00:00:01 dst 10.0.0.2 self permanent`.
Lines fdb();
/// `eth0 tbf 1: parent root rate 1000000 burst 4000 limit 9000`, the numbers in bytes and of a tbf
/// only. One that the kernel chose has handle `none`, or is missing.
Lines qdiscs();
/// `ipv4 32766 from all table main`, with `to`, `iif`, `oif` and `fwmark`.
Lines rules();

/// The lines that have `part`, and those that do not.
Lines lines_with(Lines lines, const std::string& part);
Lines lines_without(Lines lines, const std::string& part);
/// The lines as one text, for assertions on parts of it.
std::string text_of(const Lines& lines);

}  // namespace test::oracle
