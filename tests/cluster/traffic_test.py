#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The packet filter and cluster traffic: packets that are masqueraded, forwarded, or accepted from the tunnel."""
import contextlib
import pathlib
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_handmade import HandmadeNode, vtep_mac  # noqa: E402
from lab.cluster_traffic import ECHO_PORT, Ask, inside  # noqa: E402


class TrafficTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("vxlan")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.config["network"]["noMasquerade"] = ["192.0.2.128/25"]
        cls.cluster.add_nodes(2)
        cls.cluster.start()
        cls.cluster.add_pods()
        cls.node, cls.other = cls.cluster.nodes
        cls.left, cls.right = (pod.endpoint() for pod in cls.cluster.pods())
        cls.cluster.check_matrix()

    def tearDown(self):
        self.cluster.check_matrix()

    def answered(self, *asks):
        self.assertEqual([], [str(ask) for ask in self.cluster.wire.unanswered(list(asks))])

    def seen(self, source, target, address):
        ask = Ask(source, target, address)
        self.answered(ask)
        return ask.seen

    def test_outside_sees_the_node(self):
        for family in (4, 6):
            seen = self.seen(self.left, self.cluster.outside, self.cluster.outside.addresses[family])
            self.assertEqual(self.node.addresses[family], seen)

    def test_pods_and_listed_destinations_see_the_pod(self):
        for family in (4, 6):
            self.assertEqual(self.left.addresses[family], self.seen(self.left, self.right, self.right.addresses[family]))
        outside = self.cluster.underlay.outside
        outside.run("ip", "address", "add", "192.0.2.200/32", "dev", "lo")
        outside.run("ip", "route", "add", "10.244.1.0/24", "via", "192.0.2.1")
        self.cluster.underlay.router.run("ip", "route", "add", "192.0.2.200/32", "via", "192.0.2.2")
        self.cluster.underlay.router.run("ip", "route", "add", "10.244.1.0/24", "via", self.node.addresses[4])
        self.assertEqual(self.left.addresses[4], self.seen(self.left, self.cluster.outside, "192.0.2.200"))

    def test_forwarded_where_the_policy_is_drop(self):
        for tool in ("iptables", "ip6tables"):
            self.node.run(tool, "-P", "FORWARD", "DROP")
        try:
            self.node.control("resync")
            self.cluster.check_matrix()
        finally:
            for tool in ("iptables", "ip6tables"):
                self.node.run(tool, "-P", "FORWARD", "ACCEPT")

    def test_marks_of_kube_proxy_are_respected(self):
        """A packet marked 0x4000 is masqueraded by kube-proxy's own rule, and keeps its mark up to there."""
        rules = """table ip kubeproxy {
          chain marking { type filter hook prerouting priority mangle; ip saddr 10.244.1.0/24 ip daddr 10.244.2.0/24 meta mark set 0x4000; }
          chain masquerading { type nat hook postrouting priority srcnat - 1; meta mark & 0x4000 == 0x4000 counter masquerade; }
        }"""
        self.node.run("nft", "-f", "-", text=rules)
        try:
            seen = self.seen(self.left, self.right, self.right.addresses[4])
            self.assertNotEqual(self.left.addresses[4], seen)
        finally:
            self.node.run("nft", "delete", "table", "ip", "kubeproxy")

    def test_tunnel_packets_of_unknown_senders_are_dropped_and_counted(self):
        """A machine on the same wire that knows VNI, port and MACs, but is not a node."""
        stranger = HandmadeNode(self.cluster, 66)
        self.addCleanup(stranger.power_off)
        stranger.run("ip", "link", "add", "vx0", "address", vtep_mac(66), "mtu", "1450", "type", "vxlan", "id", "1", "local",
                     stranger.addresses[4], "dstport", "4789", "nolearning")
        stranger.run("ip", "address", "add", "10.244.66.0/32", "dev", "vx0")
        stranger.run("ip", "link", "set", "vx0", "up")
        mac = world.run_json(*self.node.enter, "ip", "-j", "link", "show", "plumb-vxlan")[0]["address"]
        stranger.run("bridge", "fdb", "add", mac, "dev", "vx0", "dst", self.node.addresses[4], "self", "permanent")
        stranger.run("ip", "neigh", "add", "10.244.1.0", "lladdr", mac, "dev", "vx0", "nud", "permanent")
        stranger.run("ip", "route", "add", "10.244.1.0/24", "via", "10.244.1.0", "dev", "vx0", "onlink")
        before = self.received_in_tunnel()
        ask = Ask(stranger.endpoint(), self.left, self.left.addresses[4])
        self.assertEqual([ask], self.cluster.wire.unanswered([ask], 1))
        self.assertEqual(before, self.received_in_tunnel())
        self.assertRegex(self.node.run("nft", "list", "table", "inet", "plumb").stdout, r"counter packets [1-9]\d* .*drop")

    def received_in_tunnel(self):
        return world.run_json(*self.node.enter, "ip", "-j", "-s", "link", "show", "plumb-vxlan")[0]["stats64"]["rx"]["packets"]

    def test_tunnel_packets_are_not_tracked(self):
        self.answered(Ask(self.left, self.right, self.right.addresses[4]))
        tracked = self.node.run("conntrack", "-L", "-p", "udp", check=False).stdout
        self.assertIn(f"dport={ECHO_PORT}", tracked)
        # The words of a line, not its text: an answer's port may be 47896.
        self.assertEqual([], [line for line in tracked.splitlines() if "dport=4789" in line.split()])

    def test_a_pod_with_too_big_an_mtu_learns_the_path_mtu(self):
        """The sender learns the tunnel's MTU and continues; no packet is lost silently."""
        pod = self.cluster.pods()[0]
        port = world.run_json("ip", "-n", pod.namespace.name, "-j", "link", "show", "eth0")[0]["link_index"]
        name = next(link["ifname"] for link in world.run_json(*self.node.enter, "ip", "-j", "link") if link["ifindex"] == port)
        bridge = next(link["master"] for link in world.run_json(*self.node.enter, "ip", "-j", "link") if link["ifindex"] == port)
        for link, run in ((bridge, self.node.run), (name, self.node.run), ("eth0", pod.namespace.run)):
            run("ip", "link", "set", link, "mtu", "1500")
        try:
            for family in (4, 6):
                self.assertEqual(300000, self.transfer(pod.endpoint(), self.right, family, 300000))
                ask = Ask(self.left, self.right, self.right.addresses[family], 1500)
                self.cluster.wire.unanswered([ask], 1)
                self.assertEqual("EMSGSIZE", ask.error)
        finally:
            for link, run in (("eth0", pod.namespace.run), (name, self.node.run), (bridge, self.node.run)):
                run("ip", "link", "set", link, "mtu", str(pod.mtu))

    @staticmethod
    def transfer(source, target, family, size):
        """Bytes that arrive of a TCP stream within 10 s."""
        kind = {4: socket.AF_INET, 6: socket.AF_INET6}[family]
        with inside(target.path):
            server = socket.create_server(("", 9000), family=kind)
        with inside(source.path):
            client = socket.socket(kind)
        server.settimeout(10)
        client.settimeout(10)
        received = []

        def receive():
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                connection.settimeout(10)
                with connection:
                    while part := connection.recv(65536):
                        received.append(len(part))
        thread = threading.Thread(target=receive)
        thread.start()
        with contextlib.suppress(OSError), client:
            client.connect((target.addresses[family], 9000))
            client.sendall(b"." * size)
        thread.join()
        server.close()
        return sum(received)


class BigAnswersTest(unittest.TestCase):
    """A node's answer, bigger than pods' packets, to a pod that asks with its own node's address, over IPv6: that node reports it
    as too big, and the other node takes the size for the path's MTU, the tunnel's packets included."""

    def begin(self, nodes_see_pods):
        cluster = Cluster("vxlan", (6,))
        self.addCleanup(cluster.close)
        if nodes_see_pods:
            cluster.show_pods_to_nodes()
        cluster.add_nodes(2)
        cluster.start()
        cluster.add_pods()
        cluster.check_matrix()
        node, other = cluster.nodes
        left, right = (pod.endpoint() for pod in cluster.pods())
        self.assertEqual([], cluster.wire.unanswered([Ask(left, other.endpoint(), other.addresses[6], 3000, True)]))
        path = other.run("ip", "-6", "route", "get", node.addresses[6]).stdout
        return cluster, path, left, right

    def test_pods_learn_the_mtu_of_the_narrower_path(self):
        cluster, path, left, right = self.begin(False)
        self.assertIn(f" mtu {cluster.pods()[0].mtu} ", path)
        for family in (4, 6):
            self.assertEqual(300000, TrafficTest.transfer(right, left, family, 300000))
            ask = Ask(right, left, left.addresses[family], cluster.pods()[0].mtu)
            cluster.wire.unanswered([ask], 1)
            self.assertEqual("EMSGSIZE", ask.error)

    def test_the_path_stays_as_wide_where_nodes_see_pods(self):
        cluster, path, _, _ = self.begin(True)
        self.assertNotIn(" mtu ", path)
        cluster.check_matrix()


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
