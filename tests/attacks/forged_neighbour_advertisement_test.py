#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S6: a pod claims the gateway's IPv6 address by neighbour advertisements, or disturbs another's duplicate address detection."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402

NA_TYPE, NS_TYPE, TARGET_MAC, OVERRIDE, HOP_BY_HOP = 136, 135, 2, 0x20000000, 0


def advertisement(scene, source, extended=False):
    """Claims the gateway's address; `extended`: behind an extension header."""
    victim, target = scene.victim, scene.gateway(6)
    body = struct.pack("!I", OVERRIDE) + frames.ip(target) + bytes([TARGET_MAC, 1]) + frames.mac(scene.attacker.mac)
    message, kind = frames.icmpv6(source, victim.addresses[6], NA_TYPE, body), frames.ICMPV6
    if extended:
        message, kind = bytes([frames.ICMPV6, 0, 1, 4, 0, 0, 0, 0]) + message, HOP_BY_HOP
    scene.attacker.send(victim.mac, frames.IPV6, frames.ipv6(source, victim.addresses[6], kind, message, hops=255))


class Advertisement(links.AttackTest):
    """Subclasses choose the source address."""
    wirings, extended = links.BRIDGED, False

    def source(self, scene):
        return scene.attacker.addresses[6]

    def attack(self, scene):
        gateway = scene.gateway(6)
        self.assertTrue(scene.victim.pings(gateway))
        advertisement(scene, self.source(scene), self.extended)
        scene.drain()
        return links.neighbour(scene.victim, gateway) == scene.attacker.mac


@links.both_ways
class OwnSourceTest(Advertisement):
    pass


@links.both_ways
class ExtensionHeaderTest(Advertisement):
    extended = True


@links.both_ways
class ForgedSourceTest(Advertisement):
    def source(self, scene):
        return scene.gateway(6)


@links.both_ways
class LinkLocalSourceTest(Advertisement):
    def source(self, scene):
        return "fe80::1234"


@links.both_ways
class DuplicateAddressTest(links.AttackTest):
    """A solicitation from :: tells a host that another one is about to use its address."""
    wirings = links.BRIDGED

    def attack(self, scene):
        target = frames.ip(scene.victim.addresses[6])
        group = "ff02::1:ff" + target[-3:].hex()[:2] + ":" + target[-2:].hex()
        message = frames.icmpv6("::", group, NS_TYPE, bytes(4) + target)
        scene.attacker.send("33:33:ff:" + target[-3:].hex(":"), frames.IPV6, frames.ipv6("::", group, frames.ICMPV6, message, hops=255))
        scene.drain()
        return scene.victim.wire.has_seen(message)


del Advertisement


if __name__ == "__main__":
    links.main()
