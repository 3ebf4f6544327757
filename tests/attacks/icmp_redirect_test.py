#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pod redirects its neighbour's or its host's packets to itself or to another pod."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402

ICMP_REDIRECT, FOR_HOST, ECHO_REPLY, ICMPV6_REDIRECT = 5, 1, 0, 137
BEYOND = "198.51.100.9"


def redirect(source, sender, gateway):
    """Tells `sender` to send packets for BEYOND to `gateway`. The quoted packet has to be one that needs no socket."""
    quoted = frames.ipv4(sender, BEYOND, frames.ICMP, frames.icmp(ECHO_REPLY, 0, bytes(4)))
    return frames.ipv4(source, sender, frames.ICMP, frames.icmp(ICMP_REDIRECT, FOR_HOST, frames.ip(gateway) + quoted))


def accept_redirects(namespace, link):
    for knob in ("all", link):
        namespace.run("sysctl", "-qw", f"net.ipv4.conf.{knob}.accept_redirects=1", f"net.ipv4.conf.{knob}.secure_redirects=0")


@links.both_ways
class HostTest(links.AttackTest):
    """The host sends packets for a network to the attacker, such as a VPN gateway, and accepts redirects."""
    def prepare(self, scene):
        accept_redirects(scene.host, scene.entrance)
        scene.host.run("ip", "route", "add", f"{BEYOND}/32", "via", scene.attacker.addresses[4], "dev", scene.entrance, "onlink",
                       "src", "192.0.2.1")

    def attack(self, scene):
        attacker, gateway = scene.attacker, scene.victim.addresses[4] if scene.is_bridged else "10.61.0.77"
        # The kernel takes only a gateway of which it knows the MAC address.
        scene.host.run("ip", "neigh", "replace", gateway, "lladdr", attacker.mac, "dev", scene.entrance, "nud", "permanent")
        attacker.send(scene.router_mac(), frames.IPV4, redirect(attacker.addresses[4], "192.0.2.1", gateway))
        scene.drain()
        return f"via {gateway}" in scene.host.run("ip", "route", "get", BEYOND).stdout


@links.both_ways
class NeighbourTest(links.AttackTest):
    """The attacker forges the gateway's address."""
    wirings = links.BRIDGED

    def attack(self, scene):
        attacker, victim = scene.attacker, scene.victim
        scene.drain()  # The kernel takes only a gateway of which it knows the MAC address.
        attacker.send(victim.mac, frames.IPV4, redirect(scene.gateway(4), victim.addresses[4], attacker.addresses[4]))
        scene.drain()
        return f"via {attacker.addresses[4]}" in victim.run("ip", "route", "get", BEYOND).stdout


@links.both_ways
class Ipv6Test(links.AttackTest):
    """A redirect from the attacker's own link-local address, which a router of that address could send."""
    wirings = links.BRIDGED

    def attack(self, scene):
        attacker, victim = scene.attacker, scene.victim
        source, target = frames.link_local(attacker.mac), frames.link_local(victim.mac)
        body = struct.pack("!I", 0) + frames.ip(source) + frames.ip("2001:db8::9")
        message = frames.icmpv6(source, target, ICMPV6_REDIRECT, body)
        attacker.send(victim.mac, frames.IPV6, frames.ipv6(source, target, frames.ICMPV6, message, hops=255))
        scene.drain()
        return victim.wire.has_seen(message)


if __name__ == "__main__":
    links.main()
