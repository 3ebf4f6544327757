#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""5000 nodes in the list. scripts/bench cluster measures the speed; this checks the result at any speed."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_scale import COUNT, RANGE, entries, lines  # noqa: E402
from lab.cluster_traffic import Monitor  # noqa: E402
from lab.world import wait_until  # noqa: E402


class ScaleTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster("vxlan")
        self.addCleanup(self.cluster.close)
        self.cluster.config["network"]["ranges"] = [RANGE, "fd00:244::/32"]
        self.cluster.add_nodes(2)
        self.cluster.write_nodes(more=lines(COUNT))
        for node in self.cluster.nodes:
            node.write_config()
            node.start_plumbd(wait=False)
        for node in self.cluster.nodes:
            node.wait_ready(60)
        self.node = self.cluster.nodes[0]

    def test_five_thousand_nodes_are_in_the_kernel_and_stay(self):
        """Each once; a restart and a resync change nothing; when the list shrinks, the rest goes."""
        self.assertEqual({"routes": COUNT + 1, "neighbours": COUNT + 1, "fdb": COUNT + 1}, entries(self.node))
        self.cluster.add_pods()
        self.cluster.check_matrix()
        with Monitor(self.node, self.cluster.folder) as monitor:
            self.node.restart_plumbd()
            self.node.control("resync")
            self.assertEqual([], [text for _, text in monitor.lines() if "plumb-vxlan" in text and "STALE" not in text])
        self.cluster.write_nodes(more=lines(COUNT * 3 // 5))
        wait_until(lambda: entries(self.node)["routes"] == COUNT * 3 // 5 + 1, "the others are gone", 30)
        self.cluster.check_matrix()


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
