#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plumbd explain` says what the oracle says."""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from policy import cases_generated, rich  # noqa: E402
from policy.cases import FAMILIES, Cluster  # noqa: E402
from policy.matrix import plumbd  # noqa: E402
from policy.oracle import Packet, verdict  # noqa: E402


class ExplainTest(unittest.TestCase):
    def check(self, step, dice, count):
        cluster = Cluster(2)
        objects, addresses = cluster.objects(step), cluster.addresses()
        for _ in range(count):
            source, target = dice.sample(cluster.names, 2)
            protocol, port = dice.choice(("TCP", "UDP", "SCTP")), dice.choice((80, 81, 85))
            text = plumbd(objects, "explain", source, target, f"{protocol.lower()}/{port}", "--node", "node1", "--set", "policies.folder=FOLDER")
            for family in FAMILIES:
                ends = addresses[source, family], addresses[target, family]
                answer = verdict(objects, Packet(*ends, protocol, port))
                with self.subTest(pair=f"{source} > {target} {protocol} {port} IPv{family}", oracle=str(answer)):
                    self.assertIn(f"{ends[0]} -> {ends[1]} {protocol.lower()} {port}: {'allowed' if answer else 'refused'}\n", text)

    def test_rules_of_every_kind(self):
        self.check(rich.STEP, random.Random(1), 8)

    def test_random_policies(self):
        for seed in range(4):
            self.check(cases_generated.random_case(seed).steps[0], random.Random(seed), 2)


if __name__ == "__main__":
    unittest.main()
