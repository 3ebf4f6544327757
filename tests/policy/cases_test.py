#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The oracle gives the matrices that the cases have by hand."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from policy import cases_e2e, cases_tiers  # noqa: E402
from policy.cases import Cluster, mismatches  # noqa: E402


class CasesTest(unittest.TestCase):
    maxDiff = None

    def check(self, cases, cluster):
        self.assertEqual(len(cases), len({each.name for each in cases}))
        for case in cases:
            for number, step in enumerate(case.steps):
                with self.subTest(case.name, step=number):
                    self.assertTrue(step.checks)
                    self.assertEqual([], mismatches(cluster, step)[:20])

    def test_oracle_gives_the_matrices_of_the_end_to_end_suite(self):
        self.check(cases_e2e.CASES, Cluster())

    def test_oracle_gives_the_matrices_of_the_conformance_suite_of_tiers(self):
        self.check(cases_tiers.CASES, cases_tiers.Houses())


if __name__ == "__main__":
    unittest.main()
