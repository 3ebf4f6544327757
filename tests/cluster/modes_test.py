#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each mode once, with both families or the one that differs most; all_modes_test.py has the other combinations."""
import json
import unittest

from modes import DUAL, IPV4, IPV6, Cluster, ModeTest, world
from lab.world import wait_until


class ChangedModeTest(unittest.TestCase):
    """K5: pods keep the wiring that they were made with, and two wirings on one node do not reach each other."""

    def setUp(self):
        self.cluster = Cluster("vxlan")
        self.addCleanup(self.cluster.close)
        self.cluster.add_nodes(2)
        self.node = self.cluster.nodes[0]
        self.cluster.start()

    def change(self, backend):
        self.cluster.backend = self.cluster.config["backend"] = backend
        for node in self.cluster.nodes:
            node.write_config()
            node.restart_plumbd()
            if backend == "bgp" and not node.bird:
                node.start_bird()

    def to_recreate(self):
        """The lines of status that name the pods to recreate."""
        status = json.loads(self.node.control("status", "--json", check=False).stdout)
        return [line for each in status["conditions"] if each["name"] == "pods-to-recreate" for line in each["lines"]]

    def host_ends(self):
        """Container IDs by the network namespace of the pod."""
        return {entry["netns"]: entry["containerId"]
                for entry in (json.loads(file.read_text(encoding="utf-8")) for file in self.node.path("/var/lib/cni/results").iterdir())}

    def check_change(self, backend, words):
        old = self.node.add_pod("old")
        self.cluster.listen(old)
        self.assertEqual([], self.to_recreate())
        self.change(backend)
        new = self.node.add_pod("new")
        self.cluster.listen(new)
        line, = wait_until(self.to_recreate, "status names a pod", 10)
        self.assertIn(words, line)
        ends = self.host_ends()
        self.assertIn(ends[old.path], line)
        self.assertNotIn(ends[new.path], line)
        self.assertEqual(3, self.node.control("status", check=False).returncode)
        self.assertEqual(200, self.node.get("/readyz")[0])
        old.delete()
        wait_until(lambda: self.to_recreate() == [], "nothing is left to recreate", 10)
        again = self.node.add_pod("again")
        self.cluster.listen(again)
        for source, target in ((again, new), (new, again)):
            for family in (4, 6):
                self.cluster.wait_reaches(source.endpoint(), target.endpoint(), family)

    def test_status_names_bridged_pods_after_a_change_to_bgp(self):
        self.check_change("bgp", "1 pod is on a bridge")

    def test_status_names_routed_pods_after_a_change_from_bgp(self):
        self.change("bgp")
        self.check_change("vxlan", "1 pod is routed")


class ModesTest(ModeTest):
    def test_vxlan(self):
        self.check("vxlan")

    def test_vxlan_of_both_families_over_ipv6(self):
        self.check("vxlan", DUAL, IPV6)

    def test_nodes_see_pods(self):
        self.check("vxlan", DUAL, IPV6, nodes_see_pods=True)

    def test_auto_is_direct_on_a_subnet_and_tunnelled_across_a_router(self):
        self.check("auto", subnets=2)

    def test_host_gw(self):
        self.check("host-gw", IPV4, IPV4)

    def test_bgp(self):
        self.check("bgp")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
