#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S6: a pod sends packets with the address of its neighbour, of another node's pod or of the Internet."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402

FOREIGN = {4: ("10.61.0.99", "10.62.0.9", "8.8.8.8"), 6: ("fd00:61::99", "fd00:62::9", "2001:db8::8")}
PORTS = (5353, 5353)


class ForgedSourceTest(links.AttackTest):
    """Subclasses choose the family. The victim sees the packet, or not."""
    family = 4

    def prepare(self, scene):
        # Reverse path filters drop the packets of IPv4 as well, where they are strict; the attack has to pass without them.
        for knob in ("all", scene.entrance):
            scene.host.run("sysctl", "-qw", f"net.ipv4.conf.{knob}.rp_filter=0")

    def frame(self, kind, data):
        return kind, data

    def forge(self, scene, source):
        victim = scene.victim
        target = victim.addresses[self.family]
        data = frames.packet(source, target, frames.UDP, frames.udp(source, target, PORTS, b"forged " + source.encode()))
        scene.attacker.send(scene.victim.mac if scene.is_bridged else scene.router_mac(), *self.frame(frames.kind_of(target), data))
        return b"forged " + source.encode()

    def attack(self, scene):
        seen = []
        for source in FOREIGN[self.family]:
            mark = self.forge(scene, source)
            scene.drain()
            seen.append(scene.victim.wire.has_seen(mark))
        self.assertEqual(len(set(seen)), 1, f"some sources pass and some do not: {dict(zip(FOREIGN[self.family], seen))}")
        return seen[0]


@links.both_ways
class Ipv4Test(ForgedSourceTest):
    pass


@links.both_ways
class Ipv6Test(ForgedSourceTest):
    family = 6


class Tagged(ForgedSourceTest):
    """Receivers ignore VLAN tags of VLAN 0, and the first rules of a bridge do not see behind several."""
    wirings, tags = links.BRIDGED, 1

    def frame(self, kind, data):
        return frames.VLAN, b"".join(b"\0\0" + frames.VLAN.to_bytes(2, "big") for _ in range(self.tags - 1)) + b"\0\0" + kind.to_bytes(2, "big") + data


@links.both_ways
class OneTagTest(Tagged):
    pass


@links.both_ways
class TwoTagsTest(Tagged):
    tags = 2


del ForgedSourceTest, Tagged
if __name__ == "__main__":
    links.main()
