#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes with plumbd beside nodes that run flannel. flannel is only present as its kernel objects, made by hand with its options:
`flannel.1`, VNI 1, port 8472, one address, one neighbour, one FDB entry and one route per node."""
import json
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
        """Makes the objects that flannel makes for a new node's lease."""
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
        """While flannel's device exists, plumbd reports it and pods stay connected; once it is deleted, plumbd's own device has the
        MAC of the list, and the other nodes need no change."""
        node = self.flannel[0]
        self.cluster.write_nodes()
        node.write_config()
        with Probe(*self.cluster.pods()[:2]) as probe:
            node.start_plumbd(wait=False)
            wait_until(lambda: "flannel.1" in node.log(), "the log has it")
            self.assertEqual(0, probe.stop().lost)
        # L4: the order of docs/modes.md, also in the moment after plumbd has tried again.
        with Probe(*self.cluster.pods()[:2]) as probe:
            node.control("resync", check=False)
            node.run("ip", "link", "del", "flannel.1")
            node.wait_ready()
            self.cluster.wait_reaches(*[pod.endpoint() for pod in self.cluster.pods()[:2]])
            report = probe.stop()
        self.assertLess(report.outage, 0.2, report)
        self.assertEqual(vtep_mac(node.number), world.run_json(*node.enter, "ip", "-j", "link", "show", "flannel.1")[0]["address"])
        node.run("nft", "delete", "table", "inet", "byhand")
        self.cluster.check_matrix()

    def hold(self, node, network, lasts):
        """Reservations as host-local writes them for pods of another network."""
        store = node.path(f"/var/lib/cni/networks/{network}")
        store.mkdir(parents=True)
        stem = base_of(node.ranges[4])[:-1]
        for last in lasts:
            (store / f"{stem}{last}").write_text(f"pod{last}\r\neth0", encoding="utf-8")
        return {f"{stem}{last}" for last in lasts}

    @staticmethod
    def write_list(node, file_name, network, plugin):
        node.path(f"/etc/cni/net.d/{file_name}").write_text(
            json.dumps({"cniVersion": "1.0.0", "name": network, "plugins": [plugin]}), encoding="utf-8")

    def test_the_list_for_new_pods_has_the_name_of_flannels_network(self):
        """L3: one store and one lock for old and new pods."""
        node = self.cluster.add_node()
        held = self.hold(node, "cbr0", (2, 3, 5))
        self.cluster.write_nodes()
        node.write_config()
        node.start_plumbd()
        conflist = node.path("/etc/cni/net.d/10-plumb.conflist")
        wait_until(lambda: conflist.exists(), "the list")
        self.assertEqual("cbr0", json.loads(conflist.read_text(encoding="utf-8"))["name"])
        given = {node.add_pod(f"pod{number}", "cbr0").addresses[4] for number in range(3)}
        self.assertEqual(set(), given & held)
        node.restart_plumbd()
        self.assertEqual("cbr0", json.loads(conflist.read_text(encoding="utf-8"))["name"])

    def test_pods_of_three_networks_never_share_an_address(self):
        """L3: with any conflists that the operator leaves on the node, whichever of them a pod is added with."""
        node = self.cluster.add_node()
        held = self.hold(node, "kubenet", (2, 4))
        self.cluster.write_nodes()
        node.write_config()
        node.start_plumbd()
        wait_until(node.path("/run/plumb/node.json").exists, "node.json")
        self.write_list(node, "05-mine.conflist", "mine", {"type": "vxlan"})
        self.write_list(node, "06-flannel.conflist", "cbr0", {
            "type": "bridge", "bridge": "cni0", "isGateway": True, "mtu": 1450, "ipam": {"type": "host-local", "subnet": node.ranges[4]}})
        given = [node.add_pod(f"pod{number}", network).addresses[4] for number, network in
                 enumerate(("mine", "cbr0", "cbr0", "mine", "cbr0"))]
        self.assertEqual(5, len(set(given) - held), given)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
