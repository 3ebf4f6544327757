#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every fault put into the planner's rules or objects on purpose shows in a matrix."""
import copy
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from policy import rich, services  # noqa: E402
from policy.cases import Cluster, Step, expected_matrix  # noqa: E402
from policy.matrix import Network, differences, rules_of  # noqa: E402

ALL = "--all" in sys.argv
# (fault, pattern in the script, text instead)
SCRIPTS = [
    ("every chain ends open", r"counter goto refuse", "counter return"),
    ("TCP is not refused", r"meta l4proto tcp reject with tcp reset", "meta l4proto tcp accept"),
    ("every protocol but TCP is not refused", r"reject with icmpx type admin-prohibited", "accept"),
    ("replies are asked", r"ct direction reply ct state established accept\n", "\n"),
    ("neighbour discovery is asked", r"icmpv6 type 133-137 accept\n", "\n"),
    *((f"no look-up in {name}", rf"ip6? [sd]addr vmap @{name}\n", "\n") for name in ("out4", "out6", "in4", "in6")),
    ("a range ends early", r"dport 70-80", "dport 70-79"),
    ("a range begins late", r"dport 70-80", "dport 81-90"),
    ("a port of another protocol", r"udp dport 81", "tcp dport 81"),
    ("another port", r"tcp dport 80 return", "tcp dport 81 return"),
    ("a rule without its ports", r"(ip saddr @p4_\w+) tcp dport 80 return", r"\1 return"),
    ("a rule without its peers", r"ip saddr @p4_\w+ (tcp dport 80 return)", r"\1"),
    ("the wrong end of a rule", r"ip saddr (@p4_\w+ tcp dport 80)", r"ip daddr \1"),
    ("an exception that is not cut out", r"10\.244\.1\.0-10\.244\.1\.11", "10.244.1.0-10.244.1.13"),
    ("an exception that is not cut out, IPv6", r"fd00:244:1::e-fd00:244:1::f", "fd00:244:1::d-fd00:244:1::f"),
    ("a named port with another number", r"10\.244\.1\.19 \. tcp \. 81", "10.244.1.19 . tcp . 80"),
    ("a pod that is not isolated", r"10\.244\.1\.11 : jump i_\w+,\n *", ""),
    ("a pod with the chain of another", r"(10\.244\.1\.11 : jump )i_\w+(,\n *10\.244\.1\.12 : jump )(i_\w+)", r"\1\3\2\3"),
    ("a peer that is missing", r"(set p4_\w+ \{\n *type ipv4_addr;\n *elements = \{ )10\.244\.1\.14,", r"\1"),
    ("a peer too many", r"(set p6_\w+ \{\n *type ipv6_addr;\n *elements = \{ )(fd00:244:1::c \})", r"\1fd00:244:1::d, \2"),
]


def in_policy(name, change):
    """A function that changes the spec of one policy of a step."""
    def apply(step):
        policies = copy.deepcopy(step.policies)
        change(next(each["spec"] for each in policies if each["metadata"]["name"] == name))
        return Step(policies, labels=step.labels)
    return apply


def split_peer(spec):
    peer = spec["ingress"][0]["from"][0]
    spec["ingress"][0]["from"] = [{key: value} for key, value in peer.items()]


OBJECTS = {
    "NP-001: another subject": in_policy("in", lambda spec: spec.update(podSelector={})),
    "NP-003: NotIn that needs the key": in_policy("b-one", lambda spec: spec["ingress"][0]["from"][0].update(
        namespaceSelector={"matchExpressions": [{"key": "team", "operator": "Exists"}]})),
    "NP-005: or for and": in_policy("in", split_peer),
    "NP-006: absent for empty": in_policy("some", lambda spec: spec["ingress"][0]["from"][0].pop("namespaceSelector")),
    "NP-007: labels of namespaces": lambda step: Step(step.policies, labels={"z/c": step.labels["z/c"]}),
    "NP-021: one type only": in_policy("closed", lambda spec: spec.update(policyTypes=["Ingress"])),
    "NP-025: no rules for a rule without a match": in_policy("b-two", lambda spec: spec.update(ingress=[{}])),
    "NP-026: one policy of two": lambda step: Step([each for each in step.policies if each["metadata"]["name"] != "b-two"], labels=step.labels),
    "NP-029: ports of another rule": in_policy("in", lambda spec: spec["ingress"][1].update(ports=spec["ingress"][0]["ports"])),
    "NP-040: another protocol": in_policy("b-one", lambda spec: spec["ingress"][0]["ports"][0].update(protocol="UDP")),
    "NP-042: no endPort": in_policy("in", lambda spec: spec["ingress"][1]["ports"][0].pop("endPort")),
    "NP-043: another name": in_policy("out", lambda spec: spec["egress"][1]["ports"][0].update(port="serve-80-tcp")),
    "NP-060: no block": in_policy("some", lambda spec: spec["egress"].pop(0)),
    "NP-061: no exception": in_policy("out", lambda spec: spec["egress"][0]["to"][0]["ipBlock"].pop("except")),
    "NP-011: one family": in_policy("out", lambda spec: spec["egress"][0]["to"].pop(1)),
}


def broken(script, pattern, instead):
    changed, count = re.subn(pattern, instead, script)
    if not count:
        raise AssertionError(f"the rules do not have: {pattern}")
    return changed


class MutantsTest(unittest.TestCase):
    def setUp(self):
        # On a bridge the rules also see neighbour discovery.
        self.network = Network(Cluster(), "bridge")
        self.addCleanup(self.network.close)
        self.expected = expected_matrix(self.network.cluster, rich.STEP)

    def measure(self, script):
        for space in self.network.spaces.values():
            space.run("ip", "neigh", "flush", "all")
        self.network.load("node1", script)
        return differences(self.expected, self.network.measure(self.expected, limit=2.0))

    def rules(self, step):
        return rules_of(self.network.cluster.objects(step), "node1")

    def test_every_fault_in_the_rules_shows(self):
        script = self.rules(rich.STEP)
        self.network.load("node1", script)
        self.assertEqual([], differences(self.expected, self.network.measure(self.expected)))
        for fault, pattern, instead in SCRIPTS if ALL else SCRIPTS[::8]:
            with self.subTest(fault):
                self.assertNotEqual([], self.measure(broken(script, pattern, instead)))

    def test_every_fault_in_the_objects_shows(self):
        for fault, change in list(OBJECTS.items())[::1 if ALL else 8]:
            with self.subTest(fault):
                self.assertNotEqual([], self.measure(self.rules(change(rich.STEP))))

    def test_a_pod_that_does_not_come_back_to_itself_shows(self):
        """NP-085"""
        services.add(self.network)
        script, self.expected = self.rules(rich.STEP), services.expected(self.network.cluster, rich.STEP)
        self.network.load("node1", script)
        self.assertEqual([], differences(self.expected, self.network.measure(self.expected)))
        self.assertNotEqual([], self.measure(broken(script, r"ip6? saddr \. ip6? daddr @self[46] return\n", "\n")))


if __name__ == "__main__":
    world.enter()
    sys.argv = [each for each in sys.argv if each != "--all"]
    unittest.main(verbosity=2)
