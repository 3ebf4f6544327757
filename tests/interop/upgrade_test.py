#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node whose plugins are exchanged while pods run: one suite adds, the other checks and deletes."""
import concurrent.futures
import copy
import dataclasses
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cases import IPAM, MAIN  # noqa: E402
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, Suite, leftovers  # noqa: E402

PARALLEL = 32
MANY = 200
ALL = MAIN + IPAM
SHARED = next(case for case in MAIN if case.name == "masquerade-and-portmap")


def shared(number):
    """The pod has its own host ports: a port of another pod is refused (L8)."""
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
        """The kernel removes the links with the sandbox; our suite must find rules and reservations."""
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

    def test_ranges_of_the_node_with_their_ipam(self):
        """L5: host-local of another build asks for ranges on DEL, too; the node's are known only while its file is there."""
        node_file = pathlib.Path("/run/interop-node.json")
        ranges = ["10.61.0.0/24", "fd00:61::/64"]
        content = {"version": 1, "name": "a", "network": ["10.61.0.0/16", "fd00:61::/48"], "ranges": ranges, "mtu": 1400}
        by_file = {"nodeFile": str(node_file)}
        alone = {"type": "vxlan", "vni": 7, "bridge": "br-interop", "parent": "up0",
                 "peers": [{"address": "192.0.2.1", "ranges": ranges}, {"address": "192.0.2.2", "ranges": ["10.61.1.0/24"]}]}
        prepare = (("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1"), ("ip", "link", "set", "up0", "up"),
                   ("ip", "address", "add", "192.0.2.1/24", "dev", "up0"))
        for name, plugin in (("vxlan", {"type": "vxlan", "bridge": "br-interop", **by_file}), ("bgp", {"type": "bgp", **by_file}),
                             ("vxlan by ptp", {"type": "vxlan", "podInterface": "ptp", **by_file}), ("vxlan alone", alone)):
            case = Case(name, [plugin], prepare=prepare)
            with self.subTest(name):
                node_file.write_text(json.dumps(content), encoding="utf-8")
                node = Node(case)
                try:
                    pod = node.add_pod("pod-one")
                    pod.add(self.their_ipam, case, "1.0.0")
                    node_file.unlink()
                    for _ in range(2):
                        pod.delete(self.their_ipam, case, "1.0.0")
                    self.assertEqual([], [line for line in state.files() if line.startswith("file /var/lib/cni/networks")])
                    self.assertNotIn("veth", node.host.run("ip", "link").stdout)
                finally:
                    node.close()

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

    def test_two_hundred_pods_change_hands(self):
        """firewall alone: its rules are the same in both suites, and all pods share two chains."""
        case = Case("many", [{"type": "firewall"}])
        plugin = case.plugins[0]
        for adds, then in ((self.theirs, self.ours), (self.ours, self.theirs)):
            with self.subTest(adds=adds.name, then=then.name):
                node = Node(case)
                try:
                    pods = [copy.copy(pod) for pod in [node.add_pod("pod-0")] * MANY]
                    for number, pod in enumerate(pods):
                        pod.container_id = f"pod-{number}"
                        pod.result = {"cniVersion": "1.0.0", "interfaces": [{"name": "br0"}, {"name": "eth0", "sandbox": pod.path}], "ips": [
                            {"address": f"10.61.1.{number + 2}/16", "interface": 1}, {"address": f"fd00:61::{number + 2:x}/64", "interface": 1}]}
                    pods[0].call("ADD", adds, case, plugin)
                    pods[0].call("DEL", adds, case, plugin)
                    before = list(state.iptables(node.host))
                    for verb, suite in (("ADD", adds), ("CHECK", then), ("DEL", then)):
                        for pod in pods:
                            pod.call(verb, suite, case, plugin)
                    self.assertEqual(before, list(state.iptables(node.host)))
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
