#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S1: who has one node's kubelet credential writes former-ranges into that node's annotations, to have destinations of the whole cluster."""
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks.annotations import LIAR_RANGE, AnnotationTest, machine, wait_until  # noqa: E402

FOREIGN = ("169.254.169.254/32", "8.8.8.8/32", "10.96.0.0/12", "64.0.0.0/2", "0.0.0.0/1", "192.0.2.128/25", "10.244.2.0/24", "10.244.2.9/32")
LAWFUL = ["10.244.2.0/24", "10.244.3.0/24", LIAR_RANGE]


class StolenKubeletCredentialTest(AnnotationTest):
    def test_a_plan_that_admits_the_destinations_routes_them(self):
        """Without the rule: a nodes file and no network.ranges. So the kernel takes such routes, and only the admission is in the way."""
        m = machine.Machine()
        self.addCleanup(m.close)
        m.config.write_text(m.config.read_text().replace("network: {ranges: [10.244.0.0/16]}\n", ""), encoding="utf-8")
        m.write_nodes("n1 addresses=192.0.2.1 ranges=10.244.1.0/24\nliar addresses=192.0.2.66 ranges=10.244.66.0/24,8.8.8.8/32,10.96.0.0/12\n")
        m.start()
        m.wait_routes(LIAR_RANGE, "8.8.8.8", "10.96.0.0/12")

    def test_foreign_destinations_are_not_routed(self):
        for backend in ("vxlan", "auto"):
            for liar in ("a-liar", "z-liar"):
                with self.subTest(backend=backend, liar=liar):
                    cluster = self.cluster(liar=liar, backend=backend, first=liar == "a-liar")
                    cluster.start()
                    cluster.machine.wait_routes(*LAWFUL)
                    cluster.lie(former_ranges=",".join((*FOREIGN, "10.244.77.0/24")))
                    # The annotation is read: what is free and inside the cluster's ranges is lawful.
                    cluster.machine.wait_routes(*LAWFUL, "10.244.77.0/24")
                    for range_ in FOREIGN:
                        cluster.wait_problem(f'node "{liar}": range {range_}')
                    if backend == "vxlan":
                        self.assert_honest_nodes_unharmed(cluster)

    def test_thousands_of_ranges_make_at_most_sixteen_routes(self):
        cluster = self.cluster()
        cluster.start()
        cluster.lie(former_ranges=",".join(f"10.244.{128 + i // 256}.{i % 256}/32" for i in range(15000)))
        began = time.monotonic()
        cluster.wait_problem('node "liar": former ranges after the first 16 are refused')
        self.assertLess(time.monotonic() - began, 5)
        wait_until(lambda: len(cluster.machine.routes()) == len(LAWFUL) + 16, "sixteen routes more")
        neighbors = json.loads(cluster.machine.ip("-j", "neighbor", "show", "dev", "plumb-vxlan"))
        self.assertLessEqual(len([each for each in neighbors if "PERMANENT" in each["state"]]), len(LAWFUL) + 16)

    def test_the_cache_does_not_bring_them_back(self):
        cluster = self.cluster(liar="a-liar", first=True)
        cluster.start()
        cluster.lie(former_ranges=",".join(FOREIGN))
        cluster.wait_problem("10.96.0.0/12", "is refused")
        for with_cache in (True, False):
            cluster.restart(with_cache)
            cluster.machine.wait_routes(*LAWFUL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
