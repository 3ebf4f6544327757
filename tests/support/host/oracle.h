// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// The kernel's objects in the caller's namespace, read by libnl-route-3: a test that asks here
/// and not libcni/net finds mistakes that writing and reading by the same code would hide. One line
/// per object, sorted; throws std::runtime_error.
namespace test::oracle {

using Lines = std::vector<std::string>;

/// `3: cni0 bridge up mtu 1500 qdisc noqueue mac 02:00:00:00:00:01`, with `master NAME` of a port.
Lines links();
/// `cni0 10.1.0.1/16`, with `brd ADDRESS` and `tentative`.
Lines addresses();
/// `main 10.1.0.5 dev veth1 proto 3 metric 0 scope link`, with `via`, `onlink`, `src`, `mtu` and a
/// type that is not unicast; the table by name or number.
Lines routes();
/// `eth0 10.1.0.1 lladdr 02:00:00:00:00:01 permanent`.
Lines neighbours();
/// `eth0 noqueue parent root`, of what was configured: the kernel lists no default ones.
Lines qdiscs();
/// `ipv4 32766 from all table main`.
Lines rules();

/// The lines as one text, for assertions on parts of it.
std::string text_of(const Lines& lines);

}  // namespace test::oracle
