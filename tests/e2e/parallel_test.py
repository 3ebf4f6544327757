#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sixty-four pods are added and deleted at once: no address or port is given twice, nothing is left behind."""
import concurrent.futures
import dataclasses
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, Suite, leftovers  # noqa: E402

PODS = 64
VERSION = "1.0.0"
NETWORK = Case("parallel", [
    {"type": "bridge", "bridge": "br-parallel", "isGateway": True, "ipMasq": True, "hairpinMode": True,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]]}},
    {"type": "portmap", "capabilities": {"portMappings": True}}])


def case_of(number):
    return dataclasses.replace(NETWORK, runtime={"portMappings": [
        {"hostPort": 20000 + number, "containerPort": 80, "protocol": protocol} for protocol in ("tcp", "udp")]})


class ParallelTest(unittest.TestCase):
    def setUp(self):
        self.suite, self.node = Suite("ours", world.plugin_folder()), Node()
        self.first = self.node.add_pod("pod-first")
        self.make_what_pods_share(self.suite)
        self.before = self.snapshot()
        self.pods = [self.node.add_pod(f"pod-{number}") for number in range(PODS)]

    def tearDown(self):
        self.node.close()

    def make_what_pods_share(self, suite):
        """The reference sometimes fails when two of its pods make the same chain at once."""
        self.first.add(suite, case_of(PODS), VERSION)
        self.first.delete(suite, case_of(PODS), VERSION)

    def snapshot(self):
        """The state of the host only: the pods' namespaces are made and removed by the test."""
        return [line for line in state.snapshot(self.node.host) if not line.startswith("netns ")]

    def at_once(self, work):
        with concurrent.futures.ThreadPoolExecutor(PODS) as threads:
            return list(threads.map(lambda number: work(self.pods[number], case_of(number)), range(PODS)))

    def seconds_for_all(self, suite):
        self.make_what_pods_share(suite)
        begun = time.monotonic()
        self.at_once(lambda pod, case: pod.add(suite, case, VERSION))
        self.at_once(lambda pod, case: pod.delete(suite, case, VERSION))
        return time.monotonic() - begun

    def test_S260_not_slower_than_the_reference(self):
        ours, theirs = self.seconds_for_all(self.suite), self.seconds_for_all(Suite("reference", REFERENCE))
        self.assertLess(ours, theirs)

    def test_sixty_four_adds_and_dels_at_once(self):
        results = self.at_once(lambda pod, case: pod.add(self.suite, case, VERSION))
        addresses = [each["address"] for result in results for each in result["ips"]]
        self.assertEqual(2 * PODS, len(set(addresses)))
        self.at_once(lambda pod, case: pod.check(self.suite, case, VERSION))
        self.at_once(lambda pod, case: pod.delete(self.suite, case, VERSION))
        self.assertEqual([], list(leftovers(self.node)))
        changes = state.difference(self.before, self.snapshot())
        if changes:
            self.fail("left behind:\n" + "\n".join(changes))

    def test_adds_and_dels_overlap(self):
        """Half of the pods leave while the other half arrives."""
        half = PODS // 2
        for number in range(half):
            self.pods[number].add(self.suite, case_of(number), VERSION)
        with concurrent.futures.ThreadPoolExecutor(PODS) as threads:
            moves = [threads.submit(self.pods[number].delete if number < half else self.pods[number].add, self.suite,
                                    case_of(number), VERSION) for number in range(PODS)]
        for move in moves:
            move.result()
        addresses = [each["address"] for pod in self.pods[half:] for each in pod.result["ips"]]
        self.assertEqual(2 * half, len(set(addresses)))
        for number in range(half, PODS):
            self.pods[number].check(self.suite, case_of(number), VERSION)
            self.pods[number].delete(self.suite, case_of(number), VERSION)
        self.assertEqual([], list(leftovers(self.node)))


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
