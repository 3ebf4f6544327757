#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S3: a node publishes the tunnel MAC address of another one, and its range as a former range, to get that node's packets."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks.annotations import AnnotationTest, wait_until  # noqa: E402


def data(mac):
    return json.dumps({"VNI": 1, "VtepMAC": mac})


class ClaimedMacAndRangeTest(AnnotationTest):
    def test_a_published_mac_is_used_where_no_other_node_has_it(self):
        """Without another node in the way, the annotation decides: so it is read."""
        cluster = self.cluster()
        cluster.start()
        cluster.lie(backend_data=data("02:00:00:00:66:66"))
        wait_until(lambda: "02:00:00:00:66:66" in cluster.machine.ip("neighbor", "show", "dev", "plumb-vxlan"), "the neighbour has it")

    def test_another_nodes_mac_and_range_are_not_given_up(self):
        for liar in ("a-liar", "z-liar"):
            with self.subTest(liar=liar):
                cluster = self.cluster(liar=liar, first=True)
                cluster.start()
                cluster.lie(backend_data=data("02:76:c0:00:02:02"), former_ranges="10.244.2.0/24,10.244.2.0/25")
                cluster.wait_problem(f'node "{liar}" is left out', "02:76:c0:00:02:02")
                self.assert_honest_nodes_unharmed(cluster)
                for with_cache in (True, False):
                    cluster.restart(with_cache)
                    self.assert_honest_nodes_unharmed(cluster)

    def test_a_range_of_a_node_that_is_left_out_is_not_given_to_another(self):
        cluster = self.cluster(liar="a-liar", first=True)
        text = cluster.list.read_text(encoding="utf-8")
        # Node n2 breaks a rule: its range is outside network.ranges in part.
        cluster.list.write_text(text.replace("ranges=10.244.2.0/24", "ranges=10.244.2.0/24,10.99.0.0/24"), encoding="utf-8")
        cluster.start()
        cluster.wait_problem('node "n2" is left out')
        cluster.lie(former_ranges="10.244.2.0/24")
        cluster.wait_problem('node "a-liar": range 10.244.2.0/24, which it had before')
        cluster.machine.wait_routes("10.244.3.0/24", "10.244.66.0/24")


if __name__ == "__main__":
    unittest.main(verbosity=2)
