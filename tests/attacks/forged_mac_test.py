#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S6: a pod sends frames with its neighbour's MAC address, and the bridge sends it the neighbour's frames."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402


@links.both_ways
class ForgedMacTest(links.AttackTest):
    wirings = links.BRIDGED

    def attack(self, scene):
        scene.drain()
        target = scene.victim.mac
        scene.attacker.send(frames.BROADCAST, 0x88B5, bytes(46), source=target)
        entries = scene.host.run("bridge", "fdb", "show", "br", "br0", "dynamic").stdout.splitlines()
        return any(line.startswith(f"{target} dev {scene.attacker.end} ") for line in entries)


if __name__ == "__main__":
    links.main()
