#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pods come while failing ADDs create and remove the bridge: all pods work, and nothing is left behind."""
import concurrent.futures
import threading
import unittest

from faults import BRIDGE, BRIDGE_ITSELF, TABLES, Attachment, Node, error_of, leftovers, require_success, snapshot, world

PODS = 16
# Fails after the bridge and the pair are made: this route's gateway is out of reach.
FAILING = {**BRIDGE, "ipam": {**BRIDGE["ipam"], "routes": [{"dst": "192.0.2.0/24", "gw": "198.51.100.1"}]}}


class ParallelTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.broken = [Attachment(self.node, f"pod-broken-{number}", [FAILING]) for number in range(2)]
        self.pods = [Attachment(self.node, f"pod-{number}", [BRIDGE]) for number in range(PODS)]
        self.all = [*self.pods, *self.broken]

    def snapshots(self):
        return [snapshot(attachment) for attachment in self.all]

    def assert_nothing_left(self, before):
        for old, new in zip(before, self.snapshots()):
            self.assertEqual(leftovers(old, new, TABLES, BRIDGE_ITSELF), [])

    def keep_failing(self, attachment, stop):
        """How often."""
        count = 0
        while not stop.is_set():
            error_of(attachment.add())
            count += 1
        return count

    def add_and_delete(self, attachment):
        require_success(attachment.add())
        require_success(attachment.delete())

    def test_bridge_comes_and_goes(self):
        before = self.snapshots()
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(len(self.all)) as pool:
            failing = [pool.submit(self.keep_failing, attachment, stop) for attachment in self.broken]
            try:
                for _ in range(3):
                    list(pool.map(self.add_and_delete, self.pods))
                    self.node.host.run("ip", "link", "delete", "br0", check=False)
            finally:
                stop.set()
            failures = sum(each.result() for each in failing)
        self.assertGreater(failures, 5)
        self.assert_nothing_left(before)

    def test_addresses_are_unique(self):
        """Successful pods beside the failing ones get unique addresses."""
        before = self.snapshots()
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(len(self.all)) as pool:
            failing = [pool.submit(self.keep_failing, attachment, stop) for attachment in self.broken]
            try:
                for done in pool.map(Attachment.add, self.pods):
                    require_success(done)
            finally:
                stop.set()
            for each in failing:
                each.result()
        given = [each["address"] for pod in self.pods for each in pod.results[0]["ips"]]
        self.assertEqual(len(set(given)), 2 * PODS, given)
        for pod in self.pods:
            pod.pod.sandbox.run("ping", "-c1", "-W5", "10.61.0.1")
            require_success(pod.delete())
        self.assert_nothing_left(before)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
