#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules that plumbd prints, loaded into the kernel: every connection of every case passes or fails as the oracle says."""
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from policy import cases_e2e, cases_generated, rich, services  # noqa: E402
from policy.cases import Cluster, Step, expected_matrix  # noqa: E402
from policy.matrix import Network, differences, rules_of  # noqa: E402
from policy.objects import policy  # noqa: E402

ALL = "--all" in sys.argv  # every case with every wiring


class PlannerTest(unittest.TestCase):
    maxDiff = None

    def run_cases(self, cases, wiring="routed", nodes=1):
        network = Network(Cluster(nodes), wiring)
        for case in cases:
            for number, step in enumerate(case.steps):
                with self.subTest(case.name, step=number, wiring=wiring, nodes=nodes):
                    objects = network.cluster.objects(step)
                    for node in range(1, nodes + 1):
                        network.load(f"node{node}", rules_of(objects, f"node{node}"))
                    expected = expected_matrix(network.cluster, step)
                    self.assertEqual([], differences(expected, network.measure(expected))[:20])
        network.close()

    def test_end_to_end_cases(self):
        self.run_cases(cases_e2e.CASES if ALL else cases_e2e.CASES[::8])

    def test_generated_cases(self):
        self.run_cases(cases_generated.all_cases(pairs=False)[::1 if ALL else 40])

    def test_malformed_policies(self):
        """NP-004, NP-042, NP-045, NP-063"""
        self.run_cases(list(cases_generated.malformed())[::1 if ALL else 15])

    def test_random_policies(self):
        first = int(os.environ.get("PLUMB_POLICY_SEED") or time.time())
        print(f"PLUMB_POLICY_SEED={first}")
        self.run_cases([cases_generated.random_case(first + number) for number in range(200 if ALL else 3)])

    def test_services_are_policed_behind_their_address(self):
        """NP-048, NP-066, NP-085, NP-087: by the pods that they lead to; a pod that comes back to itself passes."""
        for wiring in ("routed", "bridge")[:2 if ALL else 1]:
            network = Network(Cluster(), wiring)
            services.add(network)
            for step in (rich.STEP, Step([policy("x/closed", types=["Ingress", "Egress"])]), Step([])):
                with self.subTest(wiring=wiring, policies=len(step.policies)):
                    network.load("node1", rules_of(network.cluster.objects(step), "node1"))
                    expected = services.expected(network.cluster, step)
                    self.assertEqual([], differences(expected, network.measure(expected))[:20])
            network.close()

    def test_bridged_pods_and_three_nodes(self):
        for wiring, nodes in (("bridge", 1), ("routed", 3), ("bridge", 3))[:3 if ALL else 2]:
            self.run_cases((cases_e2e.CASES + cases_generated.all_cases())[::6 if ALL else 100], wiring, nodes)


if __name__ == "__main__":
    world.enter()
    sys.argv = [each for each in sys.argv if each != "--all"]
    unittest.main(verbosity=2)
