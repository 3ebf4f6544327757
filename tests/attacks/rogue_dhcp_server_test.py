#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pod answers as a DHCP server would, to give its neighbours an address, a router and a name server."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402

SERVER_TO_CLIENT = {4: (67, 68), 6: (547, 546)}


class Dhcp(links.AttackTest):
    family, source_port = 4, None

    def attack(self, scene):
        ports = SERVER_TO_CLIENT[self.family]
        source, target = scene.attacker.addresses[self.family], scene.victim.addresses[self.family]
        mark = b"offer from a rogue server"
        message = frames.udp(source, target, (self.source_port or ports[0], ports[1]), mark)
        scene.attacker.send(scene.router_mac(), frames.kind_of(target), frames.packet(source, target, frames.UDP, message))
        scene.drain()
        return scene.victim.wire.has_seen(mark)


@links.both_ways
class Ipv4Test(Dhcp):
    pass


@links.both_ways
class Ipv6Test(Dhcp):
    family = 6


@links.both_ways
class AnyPortTest(Dhcp):
    """RFC 8415 lets a server answer from any port."""
    family, source_port = 6, 12345


del Dhcp


if __name__ == "__main__":
    links.main()
