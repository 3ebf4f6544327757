#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S3: a node publishes the address of another one, to have that node left out."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks.annotations import LIAR_ADDRESS, AnnotationTest, wait_until  # noqa: E402


class ClaimedAddressTest(AnnotationTest):
    def test_a_published_address_is_used_where_no_other_node_has_it(self):
        """Without another node in the way, the annotation moves the traffic: so plumbd reads it."""
        cluster = self.cluster()
        cluster.start()
        self.assertEqual(LIAR_ADDRESS, cluster.remote_of("10.244.66.7"))
        cluster.lie(public_ip="192.0.2.99")
        wait_until(lambda: cluster.remote_of("10.244.66.7") == "192.0.2.99", "the traffic to the liar's own range moves")

    def test_another_nodes_address_is_not_given_up(self):
        for liar in ("a-liar", "z-liar"):
            for claimed in ("192.0.2.2", "10.244.3.7"):
                with self.subTest(liar=liar, claimed=claimed):
                    cluster = self.cluster(liar=liar, first=True)
                    cluster.start()
                    cluster.lie(public_ip=claimed)
                    cluster.wait_problem(f'node "{liar}" is left out', claimed)
                    self.assert_honest_nodes_unharmed(cluster)
                    for with_cache in (True, False):
                        cluster.restart(with_cache)
                        cluster.wait_problem(f'node "{liar}" is left out')
                        self.assert_honest_nodes_unharmed(cluster)

    def test_this_nodes_address_is_not_given_up(self):
        cluster = self.cluster(liar="a-liar", first=True)
        cluster.start()
        cluster.lie(public_ip="192.0.2.1")
        cluster.wait_problem('node "a-liar" is left out', '192.0.2.1')
        cluster.restart(with_cache=False)
        self.assert_honest_nodes_unharmed(cluster)


if __name__ == "__main__":
    unittest.main(verbosity=2)
