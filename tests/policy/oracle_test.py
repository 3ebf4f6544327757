#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The oracle, requirement by requirement (NetworkPolicy; tiers_test.py has ClusterNetworkPolicy)."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from policy.objects import block, expression, labels, namespace, node, pod, pods_in, policy, port, rule  # noqa: E402
from policy.oracle import Packet, verdict  # noqa: E402

WEB, DB, JOB, OTHER = "10.244.0.1", "10.244.0.2", "10.244.1.3", "10.244.1.4"
WEB6, DB6 = "fd00:244::1", "fd00:244::2"
NODE1, NODE2, OUTSIDE = "192.0.2.11", "192.0.2.12", "198.51.100.9"
DENY_ALL = policy("x/deny", types=["Ingress", "Egress"])


class OracleTest(unittest.TestCase):
    """Two pods of namespace x on node1, one of x and one of y on node2; tests change `pods`."""

    def setUp(self):
        self.pods = {"web": pod("x/web", [WEB, WEB6], {"app": "web", "tier": "front"}), "db": pod("x/db", [DB, DB6], {"app": "db"}),
                     "job": pod("x/job", [JOB], {"app": "job"}, nodeName="node2"),
                     "other": pod("y/other", [OTHER], {"app": "web"}, nodeName="node2")}
        self.rest = [namespace("x", team="a"), namespace("y", team="b"), node("node1", NODE1, "2001:db8::11", "node1.example"),
                     node("node2", NODE2)]

    def passes(self, policies, source, destination, number=80, protocol="TCP", **more):
        return bool(verdict(self.rest + list(self.pods.values()) + list(policies), Packet(source, destination, protocol, number, **more)))

    def check(self, wanted, *packet, **more):
        """`packet` begins with the policies."""
        self.assertEqual(wanted, self.passes(*packet, **more), packet[1:])

    def check_sources(self, policies, destination, **wanted):
        """Which of the pods reach `destination`, by name."""
        for name, passes in wanted.items():
            with self.subTest(source=name):
                self.check(passes, policies, self.pods[name]["status"]["podIP"], destination)


class SelectionTest(OracleTest):
    def test_empty_or_absent_subject_selects_the_namespace(self):
        """NP-001"""
        absent = policy("x/deny", types=["Ingress"])
        del absent["spec"]["podSelector"]
        for each in (absent, policy("x/deny", types=["Ingress"]), policy("x/deny", labels(), types=["Ingress"])):
            self.check(False, [each], DB, WEB)
            self.check(True, [each], DB, OTHER)

    def test_all_entries_of_a_selector_hold(self):
        """NP-002"""
        both = {**labels(app="web"), **expression("tier", "In", "back")}
        self.check(True, [policy("x/deny", both)], DB, WEB)
        self.check(False, [policy("x/deny", {**labels(app="web"), **expression("tier", "In", "back", "front")})], DB, WEB)
        self.check(True, [policy("x/deny", labels(app="web", tier="back"))], DB, WEB)

    def test_operators(self):
        """NP-003: NotIn also selects pods without the key."""
        for selector, wanted in ((expression("tier", "In", "front"), (False, True)), (expression("tier", "NotIn", "front"), (True, False)),
                                 (expression("tier", "NotIn", "back"), (False, False)), (expression("tier", "Exists"), (False, True)),
                                 (expression("tier", "DoesNotExist"), (True, False))):
            with self.subTest(selector=selector):
                self.check(wanted[0], [policy("x/deny", selector)], JOB, WEB)
                self.check(wanted[1], [policy("x/deny", selector)], JOB, DB)

    def test_unreadable_selectors_select_nothing_and_close(self):
        """NP-004"""
        for bad in (expression("app", "Like", "web"), expression("app", "In"), expression("app", "NotIn"),
                    {**labels(app="web"), **expression("app", "Like", "web")}):
            with self.subTest(selector=bad):
                self.check(False, [policy("x/p", labels(app="web"), ingress=[rule(pods_in(pods=bad))])], DB, WEB)
                self.check(False, [policy("x/p", labels(app="web"), ingress=[rule(pods_in(bad))])], DB, WEB)
                self.check(False, [policy("x/p", bad, ingress=[{}])], WEB, DB)
                self.check(True, [policy("x/p", bad, ingress=[{}])], WEB, OTHER)

    def test_peers_are_of_the_own_namespace_unless_another_is_selected(self):
        """NP-005"""
        for peers, wanted in (
                ([pods_in(pods=labels(app="web"))], {"job": False, "other": False}),
                ([pods_in(pods=labels(app="job"))], {"job": True, "other": False}),
                ([pods_in(labels(team="b"))], {"job": False, "other": True}),
                ([pods_in(labels(team="b"), labels(app="job"))], {"job": False, "other": False}),
                ([pods_in(labels(team="b")), pods_in(pods=labels(app="job"))], {"job": True, "other": True})):
            with self.subTest(peers=peers):
                self.check_sources([policy("x/p", ingress=[rule(*peers)])], DB, **wanted)

    def test_empty_selectors_select_all_and_absent_ones_nothing(self):
        """NP-006"""
        for peer, wanted in ((pods_in(pods={}), {"job": True, "other": False}), (pods_in({}), {"job": True, "other": True}),
                             (pods_in({}, {}), {"job": True, "other": True}), ({}, {"job": False, "other": False}),
                             ({"podSelector": None}, {"job": False, "other": False})):
            with self.subTest(peer=peer):
                self.check_sources([policy("x/p", ingress=[rule(peer)])], DB, **wanted)

    def test_labels_of_namespaces_count(self):
        """NP-007: kubernetes.io/metadata.name among them; a namespace that is not known is selected by nothing."""
        by_name = [policy("x/p", ingress=[rule(pods_in(labels(**{"kubernetes.io/metadata.name": "y"})))])]
        self.check_sources(by_name, DB, job=False, other=True)
        del self.rest[1]
        self.check_sources(by_name, DB, other=False)
        self.check_sources([policy("x/p", ingress=[rule(pods_in({}))])], DB, job=True, other=False)

    def test_pods_of_the_nodes_network_are_neither_subjects_nor_peers(self):
        """NP-008"""
        self.pods["agent"] = pod("x/agent", [NODE2], {"app": "web"}, hostNetwork=True, nodeName="node2")
        self.check(True, [policy("x/deny", types=["Egress", "Ingress"])], NODE2, OTHER)
        self.check(False, [policy("x/p", ingress=[rule(pods_in({}))])], NODE2, DB)
        self.check(True, [policy("x/p", ingress=[rule(block(NODE2 + "/32"))])], NODE2, DB)

    def test_finished_pods_are_neither_and_terminating_pods_are_both(self):
        """NP-009, NP-010"""
        for phase in ("Succeeded", "Failed"):
            self.pods["job"]["status"]["phase"] = phase
            self.check(False, [policy("x/p", labels(app="db"), ingress=[rule(pods_in({}))])], JOB, DB)
            self.check(True, [policy("x/deny", labels(app="job"))], DB, JOB)
        self.pods["job"]["status"]["phase"] = "Running"
        self.pods["job"]["metadata"]["deletionTimestamp"] = "2026-11-30T04:00:00Z"
        self.check(True, [policy("x/p", labels(app="db"), ingress=[rule(pods_in({}))])], JOB, DB)
        self.check(False, [policy("x/deny", labels(app="job"))], DB, JOB)

    def test_every_address_of_a_pod_counts(self):
        """NP-011"""
        for source, target in ((WEB, DB), (WEB6, DB6)):
            self.check(False, [policy("x/deny")], source, target)
            self.check(True, [policy("x/p", ingress=[rule(pods_in(pods=labels(app="web")))])], source, target)

    def test_the_newer_of_two_pods_with_one_address_counts(self):
        """NP-012"""
        old = pod("x/old", [JOB], {"app": "old"}, created="2026-11-29T03:00:00Z", nodeName="node2")
        for pods in ({"old": old, **self.pods}, {**self.pods, "old": old}):
            self.pods = pods
            self.check(True, [policy("x/p", labels(app="db"), ingress=[rule(pods_in(pods=labels(app="job")))])], JOB, DB)
            self.check(False, [policy("x/p", labels(app="db"), ingress=[rule(pods_in(pods=labels(app="old")))])], JOB, DB)


class DirectionTest(OracleTest):
    def test_absent_types_follow_the_rules(self):
        """NP-020, NP-021"""
        for spec, into, out in (({}, False, True), ({"egress": []}, False, True), ({"egress": [{}]}, False, True),
                                ({"egress": [rule(pods_in({}), direction="to")]}, False, True),
                                ({"egress": [rule(block("192.0.2.0/24"), direction="to")]}, False, False),
                                ({"types": ["Egress"], "ingress": [{"from": [{}]}]}, True, False), ({"types": ["Ingress"], "egress": []}, False, True),
                                ({"types": ["Ingress"], "ingress": [{}], "egress": [{"to": [{}]}]}, True, True)):
            with self.subTest(spec=spec):
                self.check(into, [policy("x/p", labels(app="web"), **spec)], OTHER, WEB)
                self.check(out, [policy("x/p", labels(app="web"), **spec)], WEB, OTHER)

    def test_one_policy_isolates_one_direction_of_one_pod(self):
        """NP-022, NP-023, NP-024"""
        self.check(False, [policy("x/p", labels(app="web"))], DB, WEB)
        self.check(True, [policy("x/p", labels(app="web"))], WEB, DB)
        self.check(True, [policy("x/p", labels(app="web"))], JOB, DB)
        for empty in ([], None):
            self.check(False, [policy("x/p", types=["Ingress"], ingress=empty)], DB, WEB)
            self.check(False, [policy("x/p", types=["Egress"], egress=empty)], DB, WEB)
        self.check(True, [policy("x/p", types=["Ingress", "Egress"], ingress=[{}], egress=[{}])], DB, WEB)

    def test_empty_lists_restrict_nothing_and_lists_without_a_match_allow_nothing(self):
        """NP-025"""
        for one in ({"from": [], "ports": []}, {"from": None, "ports": None}, {}):
            self.check(True, [policy("x/p", ingress=[one])], DB, WEB)
        for one in (rule(pods_in(pods=labels(app="none"))), rule(block("203.0.113.0/24")), rule(ports=[port(81)]), rule({})):
            self.check(False, [policy("x/p", ingress=[one])], DB, WEB)

    def test_policies_and_rules_add_up(self):
        """NP-026, NP-029"""
        one = rule(pods_in(pods=labels(app="db")), ports=[port(80)])
        two = rule(pods_in(pods=labels(app="job")), ports=[port(81)])
        for policies in ([policy("x/p", ingress=[one, two])], [policy("x/p", ingress=[two]), policy("x/a", ingress=[one]), DENY_ALL]):
            policies = policies + [policy("x/out", types=["Egress"], egress=[{}])]
            for source, number, wanted in ((DB, 80, True), (DB, 81, False), (JOB, 80, False), (JOB, 81, True)):
                self.check(wanted, policies, source, WEB, number)

    def test_both_ends_have_to_allow(self):
        """NP-027"""
        out, into = policy("x/out", types=["Egress"]), policy("y/in")
        self.check(False, [out], WEB, OTHER)
        self.check(False, [into], WEB, OTHER)
        self.check(True, [policy("x/out", types=["Egress"], egress=[{}]), policy("y/in", ingress=[{}])], WEB, OTHER)


class PortTest(OracleTest):
    def ingress(self, *ports):
        return [policy("x/p", labels(app="web"), ingress=[rule(ports=list(ports))])]

    def test_protocol_and_number(self):
        """NP-040, NP-041, NP-047"""
        for entry, wanted in ((port(80), {("TCP", 80)}), (port(80, "UDP"), {("UDP", 80)}), (port(), {("TCP", 80), ("TCP", 81)}),
                              (port(protocol="UDP"), {("UDP", 80), ("UDP", 81)}), (port(80, "SCTP"), {("SCTP", 80)})):
            for protocol in ("TCP", "UDP", "SCTP"):
                for number in (80, 81):
                    with self.subTest(entry=entry, protocol=protocol, number=number):
                        self.check((protocol, number) in wanted, self.ingress(entry), DB, WEB, number, protocol)

    def test_ranges_are_inclusive_and_wrong_ones_match_nothing(self):
        """NP-042"""
        for number, wanted in ((79, False), (80, True), (85, True), (90, True), (91, False)):
            self.check(wanted, self.ingress(port(80, end=90)), DB, WEB, number)
        for wrong in (port(80, end=79), port(end=90), port("serve-80-tcp", end=90)):
            self.check(False, self.ingress(wrong), DB, WEB, 80)

    def test_names_are_those_of_the_destination(self):
        """NP-043, NP-044, NP-045"""
        self.pods["web"] = pod("x/web", [WEB], {"app": "web"}, ports=[{"name": "main", "containerPort": 80, "protocol": "TCP"},
                                                                      {"name": "main", "containerPort": 53, "protocol": "UDP"}])
        self.pods["db"] = pod("x/db", [DB], {"app": "db"}, ports=[{"name": "main", "containerPort": 81}])
        into = [policy("x/p", ingress=[rule(ports=[port("main")])])]
        out = [policy("x/p", types=["Egress"], egress=[rule(ports=[port("main")])])]
        udp = [policy("x/p", ingress=[rule(ports=[port("main", "UDP")])])]
        for target, number, wanted in ((WEB, 80, True), (WEB, 81, False), (DB, 81, True), (DB, 80, False), (JOB, 80, False)):
            self.check(wanted, into, OTHER, target, number)
        for target, number, wanted in ((WEB, 80, True), (DB, 81, True), (DB, 80, False), (OTHER, 80, False), (OUTSIDE, 80, False)):
            self.check(wanted, out, JOB, target, number)
        self.check(True, udp, OTHER, WEB, 53, "UDP")
        self.check(False, udp, OTHER, WEB, 80, "UDP")
        self.check(False, [policy("x/p", types=["Egress"], egress=[rule(block("10.0.0.0/8"), ports=[port("main")], direction="to")])], JOB, WEB)

    def test_names_of_sidecars_count(self):
        """NP-046"""
        named = {"name": "c", "ports": [{"name": "extra", "containerPort": 80}]}
        self.pods["web"]["spec"]["initContainers"] = [named]
        self.check(False, self.ingress(port("extra")), DB, WEB)
        self.pods["web"]["spec"]["initContainers"] = [{**named, "restartPolicy": "Always"}]
        self.check(True, self.ingress(port("extra")), DB, WEB)

    def test_protocols_without_ports_need_a_rule_without_ports(self):
        """NP-088"""
        self.check(True, [], DB, WEB, None, "ICMP")
        self.check(True, [policy("x/p", ingress=[rule(pods_in(pods={}))])], DB, WEB, None, "ICMP")
        for entry in (port(), port(80), port(protocol="UDP"), port(protocol="ICMP")):
            self.check(False, self.ingress(entry), DB, WEB, None, "ICMP")


class AddressTest(OracleTest):
    def test_blocks_match_pods_and_others_alike(self):
        """NP-060, NP-062"""
        for cidr, source, wanted in (("198.51.100.0/24", OUTSIDE, True), ("198.51.101.0/24", OUTSIDE, False), (DB + "/32", DB, True),
                                     (DB6 + "/128", DB6, True), ("10.244.1.0/24", DB, False)):
            self.check(wanted, [policy("x/p", ingress=[rule(block(cidr))])], source, WEB6 if ":" in source else WEB)
        self.check(True, [policy("x/p", types=["Egress"], egress=[rule(block("198.51.100.0/24"), direction="to")])], WEB, OUTSIDE)

    def test_exceptions_cut_only_their_own_block(self):
        """NP-061"""
        cut = block("10.0.0.0/8", DB + "/32")
        self.check(False, [policy("x/p", ingress=[rule(cut)])], DB, WEB)
        self.check(True, [policy("x/p", ingress=[rule(cut)])], JOB, WEB)
        self.check(True, [policy("x/p", ingress=[rule(cut, block(DB + "/31"))])], DB, WEB)
        self.check(True, [policy("x/p", ingress=[rule(cut), rule(pods_in(pods=labels(app="db")))])], DB, WEB)

    def test_host_bits_families_and_mapped_addresses(self):
        """NP-063"""
        self.check(True, [policy("x/p", ingress=[rule(block("10.244.0.77/24"))])], DB, WEB)
        self.check(False, [policy("x/p", ingress=[rule(block("0.0.0.0/0"))])], DB6, WEB6)
        self.check(False, [policy("x/p", ingress=[rule(block("::/0"))])], DB, WEB)
        for wrong in ("::ffff:10.244.0.0/112", "ten", "", "10.0.0.0/40"):
            self.check(False, [policy("x/p", ingress=[rule(block(wrong))])], DB, WEB)


class NodeTest(OracleTest):
    def test_the_own_node_reaches_its_pods_and_other_nodes_do_not(self):
        """NP-080, NP-081"""
        for source, target in ((NODE1, WEB), ("2001:db8::11", WEB6)):
            self.check(True, [DENY_ALL], source, target)
        self.check(False, [DENY_ALL], NODE2, WEB)
        self.check(True, [DENY_ALL], "172.17.0.1", WEB, node="node1")
        self.check(False, [DENY_ALL], "172.17.0.1", WEB, node="node2")

    def test_a_pod_reaches_its_own_node(self):
        """NP-082"""
        self.check(True, [DENY_ALL], WEB, NODE1)
        self.check(False, [DENY_ALL], WEB, NODE2)

    def test_a_pod_reaches_itself(self):
        """NP-084, NP-085"""
        self.check(True, [DENY_ALL], WEB, WEB)
        self.check(True, [DENY_ALL], WEB, WEB, translated=True)

    def test_groups_are_denied_where_isolated(self):
        """NP-091"""
        self.check(True, [], WEB, "224.0.0.251", 5353, "UDP")
        self.check(False, [policy("x/p", types=["Egress"], egress=[{}])], WEB, "224.0.0.251", 5353, "UDP")


if __name__ == "__main__":
    unittest.main()
