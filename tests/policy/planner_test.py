#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules that plumbd prints, loaded into the kernel: every connection of every case passes or fails as the oracle says."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from policy import cases_e2e  # noqa: E402
from policy.cases import Cluster, expected_matrix  # noqa: E402
from policy.matrix import Network, differences, rules_of  # noqa: E402

ALL = "--all" in sys.argv  # every case with every wiring


class PlannerTest(unittest.TestCase):
    maxDiff = None

    def run_cases(self, cases, wiring="routed", nodes=1):
        network = Network(Cluster(nodes), wiring)
        self.addCleanup(network.close)
        for case in cases:
            for number, step in enumerate(case.steps):
                with self.subTest(case.name, step=number, wiring=wiring, nodes=nodes):
                    objects = network.cluster.objects(step)
                    for node in range(1, nodes + 1):
                        network.load(f"node{node}", rules_of(objects, f"node{node}"))
                    expected = expected_matrix(network.cluster, step)
                    self.assertEqual([], differences(expected, network.measure(expected)))

    def test_end_to_end_cases(self):
        self.run_cases(cases_e2e.CASES if ALL else cases_e2e.CASES[::4])


if __name__ == "__main__":
    sys.argv = [each for each in sys.argv if each != "--all"]
    world.enter()
    unittest.main(verbosity=2)
