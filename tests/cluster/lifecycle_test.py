#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes come, go, change their addresses and ranges, and start anew, while the other nodes' pods stay connected without losing a packet."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster, underlay_address  # noqa: E402
from lab.cluster_traffic import Ask, Monitor, Probe  # noqa: E402
from lab.world import wait_until  # noqa: E402


class LifecycleTest(unittest.TestCase):
    BACKEND = "vxlan"

    def setUp(self):
        self.cluster = Cluster(self.BACKEND)
        self.addCleanup(self.cluster.close)
        self.cluster.add_nodes(3)
        self.cluster.start()
        self.cluster.add_pods()
        self.first, self.second, self.third = self.cluster.nodes
        self.pods = self.cluster.pods()
        self.cluster.check_matrix()

    def begin(self, node):
        node.start_plumbd()
        if self.BACKEND == "bgp":
            node.start_bird()

    def about(self, node, *others):
        """Objects for one node in the kernels of the others: routes, neighbours, FDB entries."""
        marks = {node.addresses[4], node.addresses[6], *node.ranges.values(), *(base.partition("/")[0] for base in node.ranges.values())}
        return [line for other in others for command in (("ip", "route"), ("ip", "-6", "route"), ("ip", "neigh", "show", "nud", "permanent"),
                                                         ("ip", "-6", "neigh", "show", "nud", "permanent"), ("bridge", "fdb"))
                for line in other.run(*command).stdout.splitlines() if marks & set(line.split())]

    def undisturbed(self, change):
        """Runs `change` while pods of the first two nodes talk; nothing about them is deleted and no packet is lost."""
        with Probe(*self.pods[:2]) as probe, Probe(*self.pods[:2], family=6) as probe_v6, \
                Monitor(self.first, self.cluster.folder) as monitor:
            change()
            for report in (probe.stop(), probe_v6.stop()):
                self.assertEqual(0, report.lost, report)
            self.assertEqual([], [line for line in monitor.deletions() for mark in (self.second.addresses[4], "10.244.2.", "fd00:244:2:")
                                  if mark in line])

    def test_a_node_added_is_reached(self):
        def add():
            node = self.cluster.add_node()
            node.write_config()
            self.cluster.write_nodes()
            self.begin(node)
            self.cluster.listen(node.add_pod("pod1"))
            self.cluster.wait_reaches(self.pods[0].endpoint(), node.pods[0].endpoint())
        self.undisturbed(add)
        self.cluster.check_matrix()

    def test_a_node_removed_leaves_nothing(self):
        self.assertNotEqual([], self.about(self.third, self.first, self.second))

        def remove():
            self.cluster.write_nodes([self.first, self.second])
            wait_until(lambda: not self.about(self.third, self.first, self.second), "nothing is known of n3 any more")
        self.undisturbed(remove)

    def test_a_node_with_new_addresses_is_followed(self):
        old = dict(self.third.addresses)

        def renumber():
            self.third.addresses = {family: underlay_address(1, 33, family) for family in (4, 6)}
            for address in old.values():
                self.third.run("ip", "address", "del", f"{address}/{24 if '.' in address else 64}", "dev", "eth0")
            self.third.address_link("eth0")
            self.cluster.write_nodes()
            for family in (4, 6):
                self.cluster.wait_reaches(self.pods[0].endpoint(), self.pods[2].endpoint(), family)
        self.undisturbed(renumber)
        self.cluster.check_matrix()
        self.assertNotIn(old[4], self.first.run("bridge", "fdb", "show").stdout.split())

    def test_a_node_that_starts_anew_is_back(self):
        def reboot():
            self.third.reboot()
            self.begin(self.third)
            self.cluster.listen(self.third.add_pod("pod1"))
            self.cluster.wait_reaches(self.pods[0].endpoint(), self.third.pods[0].endpoint())
        self.undisturbed(reboot)
        self.cluster.check_matrix()

    def test_a_node_that_starts_without_its_source_uses_its_cache(self):
        nodes = pathlib.Path(self.cluster.nodes_file)
        nodes.rename(f"{nodes}.away")
        self.third.reboot()
        self.begin(self.third)
        self.assertTrue(json.loads(self.third.control("status", "--json", check=False).stdout)["stale"])
        self.cluster.listen(self.third.add_pod("pod1"))
        self.cluster.check_matrix()

    def test_a_new_range_is_routed_and_the_old_one_stays(self):
        """New pods get addresses of the new one, which `node.json` names first; pods of the old range keep their network."""
        new = {4: "10.244.103.0/24", 6: "fd00:244:103::/64"}

        def change():
            self.third.ranges = {family: f"{new[family]},{prefix}" for family, prefix in self.third.ranges.items()}
            self.cluster.write_nodes()
            wait_until(lambda: all(new[family] in node.run("ip", f"-{family}", "route", "show", "proto", "86").stdout
                                   for family in (4, 6) for node in (self.first, self.second)), "the new range is routed")
        self.undisturbed(change)
        known = wait_until(lambda: (ranges := json.loads(self.third.path("/run/plumb/node.json").read_text(encoding="utf-8"))["ranges"])
                           and len(ranges) == 4 and ranges, "node.json has all ranges")
        self.assertEqual(new[4], next(each for each in known if "." in each))
        self.cluster.check_matrix()

    def told_ranges(self):
        return json.loads(self.third.path("/run/plumb/node.json").read_text(encoding="utf-8"))["ranges"]

    def reach_each_other(self, source, target):
        for family in (4, 6):
            self.cluster.wait_reaches(source, target, family)
            if target is not self.cluster.outside:
                self.cluster.wait_reaches(target, source, family)

    def test_a_range_that_is_replaced_is_served_until_its_last_pod_is_gone(self):
        """The other nodes use the file, which has the new range only; this node keeps all objects that the old pod needs."""
        node, old_pod, old = self.third, self.third.pods[0], list(self.third.ranges.values())
        node.ranges = {4: "10.244.103.0/24", 6: "fd00:244:103::/64"}
        new = list(node.ranges.values())

        def change():
            self.cluster.write_nodes()
            wait_until(lambda: self.told_ranges() == [*new, *old], "node.json has the new ranges first, and the old ones")
        self.undisturbed(change)
        node.restart_plumbd()
        self.assertEqual([*new, *old], self.told_ranges())
        self.assertRegex(node.control("status", check=False).stdout, rf"former +{old[0]}, pods left: 1\n")
        self.cluster.listen(new_pod := node.add_pod("pod2"))
        self.assertTrue(new_pod.addresses[4].startswith("10.244.103.") and new_pod.addresses[6].startswith("fd00:244:103:"), new_pod.addresses)
        for target in (node.endpoint(), new_pod.endpoint(), self.cluster.outside):
            self.reach_each_other(old_pod.endpoint(), target)
        self.reach_each_other(new_pod.endpoint(), self.pods[0].endpoint())

        old_pod.delete()
        node.pods.remove(old_pod)
        wait_until(lambda: node.control("resync", check=False) and self.told_ranges() == new, "the old range is given up")
        for family, prefix in zip((4, 6), old):
            stem = prefix.partition("/")[0].rstrip("0")
            for command in (("ip", f"-{family}", "route", "show", "table", "all"), ("ip", f"-{family}", "address"), ("nft", "list", "ruleset")):
                self.assertNotIn(stem, node.run(*command).stdout)
        self.assertIn(f"range {old[0]} is given up", node.log())
        self.cluster.check_matrix()

    def test_a_node_that_claims_the_former_range_of_another_has_it(self):
        node, old = self.third, self.third.ranges[4]
        node.ranges = {**node.ranges, 4: "10.244.103.0/24"}
        self.cluster.write_nodes()
        wait_until(lambda: self.told_ranges()[-1] == old, "the old range is served")
        self.first.ranges[4] += f",{old}"
        self.cluster.write_nodes()
        wait_until(lambda: old not in self.told_ranges(), "the old range is the other node's")
        self.assertRegex(node.control("status", check=False).stdout, rf"range {old}, which it had before, overlaps {old} of node \"n1\" now")
        wait_until(lambda: f"{old} via " in node.run("ip", "route", "show", "type", "unicast").stdout, "it is routed there")

    def test_packets_to_a_pod_that_is_gone_do_not_leave_the_node(self):
        """They end at the blackhole of this node's range, and do not take the default route."""
        ask = Ask(self.pods[0].endpoint(), self.pods[2].endpoint(), "10.244.3.200")
        for bridge in world.run_json(*self.third.enter, "ip", "-j", "link", "show", "type", "bridge"):
            self.third.run("ip", "link", "set", bridge["ifname"], "down")
        self.assertEqual([ask], self.cluster.wire.unanswered([ask], 1))
        self.assertIn("blackhole 10.244.3.0/24", self.third.run("ip", "route", "show", "type", "blackhole").stdout)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
