#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes with plumbd beside nodes that run flannel. Of flannel only the kernel's side is here, made by hand with its options:
`flannel.1`, VNI 1, port 8472, one address, one neighbour, one FDB entry and one route per node."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_handmade import HandmadeNode, base_of, vtep_mac  # noqa: E402
from lab.cluster_traffic import Probe  # noqa: E402
from lab.world import wait_until  # noqa: E402


class FlannelTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster("vxlan", underlay_families=(4,), pod_families=(4,))
        self.addCleanup(self.cluster.close)
        self.cluster.config["vxlan"] = {"flannel": True, "vni": 1, "port": 8472}
        self.flannel = [HandmadeNode(self.cluster, number) for number in (1, 2)]
        self.cluster.nodes.extend(self.flannel)
        for node in self.flannel:
            node.connect_all("flannel.1")
            node.words["mac"] = vtep_mac(node.number)
        self.cluster.add_pods()

    def tell_flannel(self, node):
        """What flannel does when it sees the new node's lease."""
        mac = world.run_json(*node.enter, "ip", "-j", "link", "show", "flannel.1")[0]["address"]
        base = base_of(node.ranges[4])
        for each in self.flannel:
            if each is not node:
                each.run("bridge", "fdb", "replace", mac, "dev", "flannel.1", "dst", node.addresses[4], "self", "permanent")
                each.run("ip", "neigh", "replace", base, "lladdr", mac, "dev", "flannel.1", "nud", "permanent")
                each.run("ip", "route", "replace", node.ranges[4], "via", base, "dev", "flannel.1", "onlink")

    def test_a_node_with_plumbd_joins_a_cluster_of_flannel(self):
        joined = self.cluster.add_node()
        self.cluster.write_nodes()
        joined.write_config()
        with Probe(*self.cluster.pods()[:2]) as probe:
            joined.start_plumbd()
            self.tell_flannel(joined)
            self.cluster.listen(joined.add_pod("pod1"))
            self.assertEqual(0, probe.stop().lost)
        self.cluster.check_matrix()

    def test_plumbd_leaves_flannels_device_alone_and_follows_it_with_its_mac(self):
        """While flannel's device is there, plumbd says so and the pods talk on; once it is deleted, plumbd's own has the MAC that
        the list gives, and the other nodes notice nothing."""
        node = self.flannel[0]
        self.cluster.write_nodes()
        node.write_config()
        with Probe(*self.cluster.pods()[:2]) as probe:
            node.start_plumbd(wait=False)
            wait_until(lambda: "flannel.1" in node.log(), "the log tells")
            self.assertEqual(0, probe.stop().lost)
        node.run("ip", "link", "del", "flannel.1")
        node.wait_ready()
        self.assertEqual(vtep_mac(node.number), world.run_json(*node.enter, "ip", "-j", "link", "show", "flannel.1")[0]["address"])
        node.run("nft", "delete", "table", "inet", "byhand")
        self.cluster.check_matrix()


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
