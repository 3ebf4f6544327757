#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node whose plugins are exchanged while pods run: what one suite added, the other checks and deletes."""
import concurrent.futures
import dataclasses
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cases import IPAM, MAIN  # noqa: E402
from lab import world  # noqa: E402
from lab.runtime import REFERENCE, Node, Suite, leftovers  # noqa: E402

PARALLEL = 32
ALL = MAIN + IPAM
SHARED = next(case for case in MAIN if case.name == "masquerade-and-portmap")


def shared(number):
    """Its host ports are the pod's own: one that another pod has is refused (L8)."""
    mappings = [{**each, "hostPort": each["hostPort"] + 100 * number} for each in SHARED.runtime["portMappings"]]
    return dataclasses.replace(SHARED, runtime={"portMappings": mappings})


class UpgradeTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        ours = world.plugin_folder()
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", ours)
        cls.our_ipam, cls.their_ipam = Suite("reference with our IPAM", REFERENCE, ours), Suite("ours with their IPAM", ours, REFERENCE)

    def exchange(self, cases, adds, then, lose_sandbox=False):
        """ADD by one suite; CHECK and DEL, twice, by the other."""
        for case in cases:
            version = case.versions[-1]
            with self.subTest(case=case.name, version=version):
                node = Node(case)
                try:
                    pod = node.add_pod("pod-one")
                    pod.add(adds, case, version)
                    pod.check(then, case, version)
                    if lose_sandbox:
                        pod.remove_sandbox()
                        world.wait_until(lambda node=node: "veth" not in node.host.run("ip", "link").stdout, "the links go too")
                    pod.delete(then, case, version)
                    self.assert_clean(node)
                    pod.delete(then, case, version)
                    self.assert_clean(node)
                finally:
                    node.close()

    def assert_clean(self, node):
        left = list(leftovers(node))
        if left:
            self.fail("left behind:\n" + "\n".join(left))

    def test_upgrade(self):
        self.exchange(ALL, self.theirs, self.ours)

    def test_upgrade_then_the_sandbox_is_lost(self):
        """The kernel takes the links with the sandbox; rules and reservations are ours to find."""
        self.exchange([case for case in MAIN if case.name != "loopback"], self.theirs, self.ours, lose_sandbox=True)

    def test_downgrade(self):
        self.exchange([case for case in ALL if case.backends_agree], self.ours, self.theirs)

    def test_our_plugins_with_their_ipam(self):
        for adds, then in ((self.their_ipam, self.their_ipam), (self.their_ipam, self.ours)):
            self.exchange(MAIN, adds, then)

    def test_their_plugins_with_our_ipam(self):
        cases = [case for case in MAIN if case.backends_agree]
        for adds, then in ((self.our_ipam, self.our_ipam), (self.our_ipam, self.theirs)):
            self.exchange(cases, adds, then)

    def test_both_suites_share_one_network(self):
        node = Node(SHARED)
        try:
            pods = [node.add_pod(name) for name in ("pod-one", "pod-two", "pod-three")]
            cases = [shared(number) for number in range(len(pods))]
            for pod, suite, case in zip(pods, (self.theirs, self.ours, self.theirs), cases):
                pod.add(suite, case, "1.0.0")
            addresses = [each["address"] for pod in pods for each in pod.result["ips"]]
            self.assertEqual(["10.61.0.2/24", "fd00:61::2/64", "10.61.0.3/24", "fd00:61::3/64", "10.61.0.4/24", "fd00:61::4/64"],
                             addresses)
            for pod, suite, case in zip(pods, (self.ours, self.theirs, self.ours), cases):
                pod.delete(suite, case, "1.0.0")
            self.assert_clean(node)
        finally:
            node.close()

    def test_both_suites_work_at_the_same_time(self):
        node = Node(SHARED)
        try:
            pods = [node.add_pod(f"pod-{number}") for number in range(PARALLEL)]
            suites = [(self.theirs, self.ours)[number % 2] for number in range(PARALLEL)]
            cases = [shared(number) for number in range(PARALLEL)]
            with concurrent.futures.ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda pod, suite, case: pod.add(suite, case, "1.0.0"), pods, suites, cases))
                addresses = [each["address"] for pod in pods for each in pod.result["ips"]]
                self.assertEqual(len(addresses), len(set(addresses)), "an address was given twice")
                list(threads.map(lambda pod, suite, case: pod.delete(suite, case, "1.0.0"), pods, reversed(suites), cases))
            self.assert_clean(node)
        finally:
            node.close()


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
