#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab itself, with nodes that `ip` and `bridge` connect: its statements about a cluster are right, both success and failure."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_handmade import HandmadeNode  # noqa: E402
from lab.cluster_traffic import Monitor, Probe  # noqa: E402


class LabTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        for number in (1, 2):
            self.cluster.nodes.append(HandmadeNode(self.cluster, number))
        for node in self.cluster.nodes:
            node.connect_all("flannel.1")
        self.cluster.add_pods()
        self.first, self.second = self.cluster.pods()

    def test_all_endpoints_reach_each_other(self):
        self.cluster.check_matrix()

    def test_a_missing_route_is_seen(self):
        self.first.node.run("ip", "route", "del", "10.244.2.0/24")
        with self.assertRaisesRegex(AssertionError, "n1/pod1 -> n2/pod1 10.244.2.2"):
            self.cluster.check_matrix(seconds=1)

    def test_a_changed_source_is_seen(self):
        self.first.node.run("nft", "add rule inet byhand out ip saddr 10.244.1.0/24 masquerade")
        with self.assertRaisesRegex(AssertionError, "n1/pod1 -> n2/pod1 10.244.2.2: seen as 10.244.1.0"):
            self.cluster.check_matrix(seconds=2)

    def test_the_probe_counts_lost_packets(self):
        with Probe(self.first, self.second) as struck, Probe(self.first, self.second, family=6) as whole:
            self.first.node.run("ip", "route", "add", "blackhole", "10.244.2.2/32")
            time.sleep(0.3)  # the outage itself: longer than the probe may have to wait for a processor
            self.first.node.run("ip", "route", "del", "blackhole", "10.244.2.2/32")
            struck, whole = struck.stop(), whole.stop()
        self.assertGreater(struck.lost, 0)
        self.assertGreater(struck.outage, 0)
        self.assertGreater(whole.sent, struck.lost)
        self.assertEqual(0, whole.lost)

    def test_the_monitor_shows_deleted_objects(self):
        with Monitor(self.first.node, self.cluster.folder) as monitor:
            self.assertEqual([], monitor.deletions())
            self.first.node.run("ip", "route", "del", "10.244.2.0/24")
            self.first.node.run("bridge", "fdb", "del", "02:76:0a:00:01:02", "dev", "flannel.1", "dst", "10.0.1.2", "self")
            self.assertEqual(1, len(monitor.deletions("10.244.2.0/24")))
            self.assertEqual(1, len(monitor.deletions("10.0.1.2", "02:76:0a:00:01:02")))

    def test_the_monitor_distinguishes_deleted_neighbours_from_expired_ones(self):
        run = self.first.node.run
        run("ip", "link", "add", "spare", "up", "type", "bridge")
        for last, state in (("1", "stale"), ("2", "permanent"), ("3", "permanent")):
            run("ip", "neigh", "add", f"192.0.2.{last}", "lladdr", "02:00:00:00:00:01", "dev", "spare", "nud", state)
        with Monitor(self.first.node, self.cluster.folder) as monitor:
            run("ip", "neigh", "del", "192.0.2.2", "dev", "spare")
            run("ip", "link", "set", "spare", "down")
            self.assertEqual(1, sum("Deleted 192.0.2.1 " in text for _, text in monitor.lines()), "the kernel reports that the entry expired")
            self.assertEqual(["192.0.2.2", "192.0.2.3"], [line.split()[1] for line in monitor.deletions("192.0.2.")])
        run("ip", "link", "del", "spare")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
