#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The matrix engine itself, with rules written by hand: it sees what they deny, and nothing else."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from policy.cases import Cluster, Step, expected_matrix, pod_address  # noqa: E402
from policy.matrix import Network, differences  # noqa: E402

TABLE = """table inet by_hand {
  chain forward { type filter hook forward priority filter; policy accept;
    ct direction reply accept
    %s
  }
}
"""


class MatrixTest(unittest.TestCase):
    def check(self, wiring, nodes=1):
        network = Network(Cluster(nodes), wiring)
        self.addCleanup(network.close)
        everything = expected_matrix(network.cluster, Step([]))
        self.assertTrue(all(everything.values()))
        self.assertEqual([], differences(everything, network.measure(everything)))
        a, b = pod_address(0, 4, nodes), pod_address(1, 6, nodes)
        for rule, is_denied in ((f"ip saddr {a} tcp dport 80 drop", lambda key: key[0] == "x/a" and key[2:] == (4, "TCP", 80)),
                                (f"ip6 daddr {b} udp dport 81 reject", lambda key: key[1] == "x/b" and key[2:] == (6, "UDP", 81)),
                                (f"ip saddr {a} meta l4proto tcp reject with tcp reset", lambda key: key[0] == "x/a" and key[2:4] == (4, "TCP"))):
            with self.subTest(wiring=wiring, rule=rule):
                for node in range(1, nodes + 1):
                    network.load(f"node{node}", TABLE % rule)
                # The hook forward does not see what nodes send to their own pods, nor what pods send to their node.
                wanted = {key: not is_denied(key) or home(network, key[0]) == home(network, key[1]) and "node" in key[0] + key[1]
                          for key in everything}
                self.assertEqual([], differences(wanted, network.measure(wanted)))
                for node in range(1, nodes + 1):
                    network.load(f"node{node}", "delete table inet by_hand\n")

    def test_routed_pods_of_one_node(self):
        self.check("routed")

    def test_bridged_pods_of_one_node(self):
        self.check("bridge")

    def test_routed_pods_of_three_nodes(self):
        self.check("routed", 3)


def home(network, name):
    """The node of a pod, or the name itself."""
    return network.cluster.pods[name]["spec"]["nodeName"] if "/" in name else name


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
