#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pod names the way of a packet in its IPv4 options: by a host that accepts them it reaches what it could not reach itself."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402

LOOSE, STRICT, POINTER = 131, 137, 4
HOST = "192.0.2.1"


class SourceRoute(links.AttackTest):
    option = LOOSE

    def prepare(self, scene):
        for knob in ("all", scene.entrance):
            scene.host.run("sysctl", "-qw", f"net.ipv4.conf.{knob}.accept_source_route=1", f"net.ipv4.conf.{knob}.rp_filter=0")

    def attack(self, scene):
        attacker, target = scene.attacker, scene.victim.addresses[4]
        mark = b"by the way of the host"
        way = bytes([self.option, 7, POINTER]) + frames.ip(target)
        data = frames.ipv4(attacker.addresses[4], HOST, frames.UDP, frames.udp(attacker.addresses[4], target, (9, 9), mark), options=way)
        attacker.send(scene.router_mac(), frames.IPV4, data)
        scene.drain()
        return scene.victim.wire.has_seen(mark)


@links.both_ways
class LooseTest(SourceRoute):
    pass


@links.both_ways
class StrictTest(SourceRoute):
    option = STRICT


del SourceRoute


if __name__ == "__main__":
    links.main()
