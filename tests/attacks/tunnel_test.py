#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S2, S6: packets for the tunnel that a pod makes up, and packets inside the tunnel that are not of the sending node."""
import json
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames  # noqa: E402
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402

PORT, VNI, FRAGMENT, OPTIONS = 4789, 1, 44, 60
SKIPPED_OPTION, PAD = 0x1E, 1
MORE_FRAGMENTS = 0x2000


def words(command):
    return command.split()


class Tunnel(unittest.TestCase):
    """Three nodes: of the victim, of the attacker, and one whose address is borrowed."""
    family = 4
    network = {}

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("vxlan", underlay_families=(cls.family,))
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.config["network"].update(cls.network)
        cls.cluster.add_nodes(3)
        cls.cluster.start()
        cls.cluster.add_pods(2)
        cls.home, cls.liar, cls.third = cls.cluster.nodes
        cls.victim, cls.attacker = cls.home.pods
        for node in cls.cluster.nodes:
            # The first defence: a pod's own link lets no foreign address through.
            node.run(*words("nft delete table bridge plumb_links"))

    def mac(self, node, link):
        return json.loads(node.run("ip", "-j", "link", "show", link).stdout)[0]["address"]

    def wire(self, path, link="eth0"):
        wire = frames.Wire(path, link)
        self.addCleanup(wire.close)
        return wire

    def inner(self, source, target, node):
        """A VXLAN header and the frame that `node` would route to `target`."""
        data = frames.packet(source, target, frames.UDP, frames.udp(source, target, (7, 7)))
        frame = frames.ethernet(self.mac(self.third, "plumb-vxlan"), self.mac(node, "plumb-vxlan"), frames.kind_of(target), data)
        return struct.pack("!II", 0x08000000, VNI << 8) + frame

    def outer(self, sender, node, inside):
        target = node.addresses[self.family]
        data = frames.udp(sender, target, (40000, PORT), inside)
        return frames.packet(sender, target, frames.UDP, data)

    def arrives(self, send, victim=None):
        """Returns whether a packet of `send` reaches the victim."""
        seen = self.wire((victim or self.victim).path)
        send()
        return seen.sees(lambda data: data.endswith(b"forged"), 1.5)

    def without_defence(self, attack):
        """The result of the attack on nodes that plumbd has left, with the rules of the tunnel removed."""
        for node in self.cluster.nodes:
            node.stop_plumbd()
            for chain in ("prerouting", "forward"):
                node.run(*words(f"nft flush chain inet plumb {chain}"))
        try:
            return attack()
        finally:
            for node in self.cluster.nodes:
                node.start_plumbd()

    def dropped(self, node):
        """Packets that the rules of the tunnel have dropped."""
        rules = json.loads(node.run(*words("nft -j list table inet plumb")).stdout)["nftables"]
        expressions = [each["rule"]["expr"] for each in rules if "rule" in each]
        return sum(part["counter"]["packets"] for each in expressions if any("drop" in part for part in each) for part in each if "counter" in part)

    def check(self, attack, dropping):
        self.assertTrue(self.without_defence(attack), "works without the defence")
        before = self.dropped(dropping)
        self.assertFalse(attack(), "fails with the defence")
        self.assertGreater(self.dropped(dropping), before, "is counted")
        self.check_pods()

    def check_pods(self):
        self.cluster.check_matrix()


class PodTest(Tunnel):
    """S2: a pod sends with the address of a node."""

    def from_pod(self, sender, node, target):
        inside = self.inner(self.third.pods[0].addresses[4], target.addresses[4], node)
        packet = self.outer(sender.addresses[self.family], node, inside)
        frame = frames.ethernet("02:00:00:00:00:99", self.mac(self.home, "cni0"), frames.kind_of(sender.addresses[self.family]), packet)
        attacker = self.wire(self.attacker.path)
        return self.arrives(lambda: attacker.send(frame), target)

    def test_a_pod_reaches_no_tunnel_of_its_own_node(self):
        self.check(lambda: self.from_pod(self.third, self.home, self.victim), self.home)

    def test_a_pod_reaches_no_tunnel_of_another_node(self):
        self.check(lambda: self.from_pod(self.third, self.liar, self.liar.pods[0]), self.home)


class PodOverIpv6Test(PodTest):
    family = 6


class NodeTest(Tunnel):
    """S6: a node sends packets that are not of its pods."""
    sources = ("10.244.1.77", "10.244.3.77", "8.8.8.8", "fd00:244:1::77", "2001:db8::8")

    def target(self, source):
        return self.victim.addresses[6 if ":" in source else 4]

    def from_node(self, source):
        packet = self.outer(self.liar.addresses[self.family], self.home, self.inner(source, self.target(source), self.home))
        frame = frames.ethernet(self.mac(self.liar, "eth0"), self.mac(self.home, "eth0"), frames.kind_of(self.home.addresses[self.family]), packet)
        liar = self.wire(self.liar.namespace.path)
        return self.arrives(lambda: liar.send(frame))

    def test_a_node_sends_only_its_pods_packets(self):
        for source in self.sources:
            with self.subTest(source=source):
                self.check(lambda source=source: self.from_node(source), self.home)

    def test_a_priority_tag_does_not_hide_the_source(self):
        """The kernel takes a frame with VLAN 0 for one without a tag."""
        def tagged():
            source = self.sources[0]
            inside = self.inner(source, self.target(source), self.home)
            inside = inside[:20] + struct.pack("!HH", 0x8100, 0) + inside[20:]
            packet = self.outer(self.liar.addresses[self.family], self.home, inside)
            frame = frames.ethernet(self.mac(self.liar, "eth0"), self.mac(self.home, "eth0"),
                                    frames.kind_of(self.home.addresses[self.family]), packet)
            liar = self.wire(self.liar.namespace.path)
            return self.arrives(lambda: liar.send(frame))
        self.check(tagged, self.home)


class NodeOverIpv6Test(NodeTest):
    family = 6
    sources = ("10.244.1.77", "fd00:244:1::77")


class FragmentTest(Tunnel):
    """The first fragment has no inner source. Without masquerade the kernel does not reassemble before the rules."""
    network = {"masquerade": False}

    def check_pods(self):
        self.cluster.wait_reaches(self.liar.pods[0].endpoint(), self.victim.endpoint())

    def fragments(self, sender, target, data):
        """`data` in two parts; the first has only the UDP header. The kernel refuses IPv6 fragments of less than 1280 bytes, which options
        fill here."""
        if self.family == 6:
            options = b"".join(struct.pack("!BB", SKIPPED_OPTION, size) + bytes(size) for size in (240, 240, 240, 240, 248))
            options += struct.pack("!BB", PAD, 2) + bytes(2)
            options = struct.pack("!BB", frames.UDP, (2 + len(options)) // 8 - 1) + options
            parts = ((options + data[:8], 1), (data[8:], len(options) + 8))
            return [frames.ipv6(sender, target, FRAGMENT, struct.pack("!BBHI", OPTIONS, 0, word, 77) + part) for part, word in parts]
        packets = []
        for part, word in ((data[:8], MORE_FRAGMENTS), (data[8:], 1)):
            packet = bytearray(frames.ipv4(sender, target, frames.UDP, part))
            packet[6:8], packet[10:12] = struct.pack("!H", word), b"\0\0"
            packet[10:12] = struct.pack("!H", frames.checksum(bytes(packet[:20])))
            packets.append(bytes(packet))
        return packets

    def from_node(self):
        sender, target = self.liar.addresses[self.family], self.home.addresses[self.family]
        data = frames.udp(sender, target, (40000, PORT), self.inner("10.244.3.77", self.victim.addresses[4], self.home))
        kind = frames.kind_of(target)
        made = [frames.ethernet(self.mac(self.liar, "eth0"), self.mac(self.home, "eth0"), kind, each)
                for each in self.fragments(sender, target, data)]
        liar = self.wire(self.liar.namespace.path)
        return self.arrives(lambda: liar.send(*made))

    def test_fragments_do_not_pass_the_checks(self):
        self.check(self.from_node, self.home)


class FragmentOverIpv6Test(FragmentTest):
    family = 6


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
