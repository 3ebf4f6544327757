#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes that drop incoming packets, with the rules of `plumbd firewall`: packets that the mode needs pass, and no others."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_traffic import Ask  # noqa: E402
from lab.world import wait_until  # noqa: E402

CLOSED = """table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname lo accept
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
}"""


class Nft:
    @staticmethod
    def close(node):
        node.run("nft", "-f", "-", text=CLOSED)

    @staticmethod
    def load(node):
        node.run("nft", "-f", "-", text=node.control("firewall").stdout)
        node.run("nft", "insert", "rule", "inet", "filter", "input", "jump", "plumb")


class Iptables:
    @staticmethod
    def close(node):
        for tool, icmp in (("iptables", "icmp"), ("ip6tables", "ipv6-icmp")):
            for rule in (("-A", "INPUT", "-i", "lo", "-j", "ACCEPT"), ("-A", "INPUT", "-p", icmp, "-j", "ACCEPT"), ("-P", "INPUT", "DROP"),
                         ("-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")):
                node.run(tool, *rule)

    @staticmethod
    def load(node):
        rules = node.control("firewall", "--format", "iptables").stdout
        for tool in ("iptables", "ip6tables"):
            node.run(f"{tool}-restore", "--noflush", text=rules)
            node.run(tool, "-I", "INPUT", "-j", "PLUMB-INPUT")


class FirewallTest(unittest.TestCase):
    def cluster(self, *arguments):
        cluster = Cluster(*arguments)
        self.addCleanup(cluster.close)
        cluster.add_nodes(2)
        return cluster

    def asks(self, left, right):
        return [Ask(left, right, right.addresses[family]) for family in sorted(right.addresses)]

    def stays_closed(self, cluster):
        """Ports that are not Plumb's: a server of the test listens on one of the node."""
        left, right = (node.endpoint() for node in cluster.nodes)
        if right.path not in cluster.wire.echoes:
            cluster.wire.listen(right)
        asks = self.asks(left, right)
        self.assertEqual(asks, cluster.wire.unanswered(asks, 1))

    def check_vxlan(self, tool, underlay):
        cluster = self.cluster("vxlan", underlay)
        cluster.start()
        cluster.add_pods()
        cluster.check_matrix()
        left, right = (pod.endpoint() for pod in cluster.pods())
        tool.close(cluster.nodes[1])
        asks = self.asks(left, right)
        self.assertEqual(asks, cluster.wire.unanswered(asks, 1))
        tool.load(cluster.nodes[1])
        self.assertEqual([], cluster.wire.unanswered(asks))
        self.stays_closed(cluster)

    def check_bgp(self, tool):
        cluster = self.cluster("bgp")
        cluster.config["bgp"] = {"bfd": True}
        for node in cluster.nodes:
            tool.close(node)
        cluster.start()
        cluster.add_pods()
        for node in cluster.nodes:
            tool.load(node)
        left, right = (pod.endpoint() for pod in cluster.pods())
        self.assertEqual([], cluster.wire.unanswered(self.asks(left, right), 30))
        for node in cluster.nodes:
            wait_until(lambda node=node: node.run("birdc", "-s", "/run/plumb/bird.ctl", "show", "bfd", "sessions").stdout.count(" Up ") == 2,
                       f"{node.name}: BFD", 20)
        self.stays_closed(cluster)

    def test_vxlan_with_nft(self):
        self.check_vxlan(Nft, (4,))

    def test_vxlan_over_ipv6_with_iptables(self):
        self.check_vxlan(Iptables, (6,))

    def test_bgp_with_bfd_and_nft(self):
        self.check_bgp(Nft)

    def test_bgp_with_bfd_and_iptables(self):
        self.check_bgp(Iptables)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
