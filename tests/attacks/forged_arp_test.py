#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S6: a pod claims by ARP the gateway's address from its neighbour, and its neighbour's address from the host."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames, links  # noqa: E402


class Arp(links.AttackTest):
    wirings = links.BRIDGED

    @staticmethod
    def claim(scene, address, to):
        """Sends an announcement, and a request and a reply from the claimed address."""
        pod = scene.attacker
        own, nobody = (pod.mac, address), ("00:00:00:00:00:00", address)
        for data in (frames.arp(1, own, nobody), frames.arp(2, own, own), frames.arp(2, own, to)):
            pod.send(to[0], frames.ARP, data)
            pod.send(frames.BROADCAST, frames.ARP, data)
        scene.drain()


@links.both_ways
class GatewayTest(Arp):
    def attack(self, scene):
        gateway, victim = scene.gateway(4), scene.victim
        self.assertTrue(victim.pings(gateway))
        self.claim(scene, gateway, (victim.mac, victim.addresses[4]))
        return links.neighbour(victim, gateway) == scene.attacker.mac


@links.both_ways
class NeighbourTest(Arp):
    def attack(self, scene):
        address = scene.victim.addresses[4]
        self.assertTrue(scene.victim.pings(scene.gateway(4)))
        self.claim(scene, address, (scene.router_mac(), scene.gateway(4)))
        return links.neighbour(scene.host, address) == scene.attacker.mac


@links.both_ways
class SenderTest(Arp):
    """The frame has the attacker's MAC address, the ARP message another's: the gateway gets unreachable."""
    def attack(self, scene):
        gateway, victim = scene.gateway(4), scene.victim
        self.assertTrue(victim.pings(gateway))
        stranger = ("02:00:00:00:00:99", gateway)
        scene.attacker.send(victim.mac, frames.ARP, frames.arp(2, stranger, stranger))
        scene.drain()
        return links.neighbour(victim, gateway) == stranger[0]


del Arp


if __name__ == "__main__":
    links.main()
