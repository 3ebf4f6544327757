#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The oracle's tiers, requirement by requirement (ClusterNetworkPolicy)."""
import unittest

from oracle_test import DB, DB6, DENY_ALL, JOB, NODE1, NODE2, OTHER, OUTSIDE, WEB, WEB6, OracleTest
from policy.objects import cluster_policy, destination, expression, labels, pod, policy, port, rule

ALL = {"namespaces": {}}
TEAM_A, TEAM_B = {"namespaces": labels(team="a")}, {"namespaces": labels(team="b")}
ALLOW_IN = policy("x/allow", ingress=[{}])


def into(action, *peers, protocols=None):
    return {"action": action, "from": list(peers), **({"protocols": protocols} if protocols is not None else {})}


def out(action, *peers, protocols=None):
    return {"action": action, "to": list(peers), **({"protocols": protocols} if protocols is not None else {})}


def ingress(name, priority, *rules, tier="Admin", subject=None):
    return cluster_policy(name, priority, subject or TEAM_A, tier, ingress=list(rules))


def egress(name, priority, *rules, tier="Admin", subject=None):
    return cluster_policy(name, priority, subject or TEAM_A, tier, egress=list(rules))


class OrderTest(OracleTest):
    def test_tiers_and_priorities_are_in_order(self):
        """NP-200: equal priorities go by name."""
        deny, accept = ingress("deny", 10, into("Deny", ALL)), ingress("accept", 20, into("Accept", ALL))
        self.check(False, [accept, deny], OTHER, WEB)
        self.check(True, [ingress("deny", 10, into("Deny", ALL)), ingress("accept", 0, into("Accept", ALL))], OTHER, WEB)
        self.check(True, [ingress("b", 10, into("Deny", ALL)), ingress("a", 10, into("Accept", ALL))], OTHER, WEB)
        self.check(False, [ingress("a", 10, into("Deny", ALL)), ingress("b", 10, into("Accept", ALL))], OTHER, WEB)
        self.check(True, [accept, DENY_ALL], OTHER, WEB)
        self.check(False, [deny, ALLOW_IN], OTHER, WEB)
        self.check(True, [ingress("deny", 0, into("Deny", ALL), tier="Baseline"), ALLOW_IN], OTHER, WEB)
        self.check(False, [ingress("deny", 0, into("Deny", ALL), tier="Baseline")], OTHER, WEB)

    def test_the_first_rule_that_matches_decides(self):
        """NP-201"""
        self.check(False, [ingress("p", 10, into("Deny", TEAM_B), into("Accept", ALL))], OTHER, WEB)
        self.check(True, [ingress("p", 10, into("Accept", TEAM_B), into("Deny", ALL))], OTHER, WEB)
        self.check(True, [ingress("p", 10, into("Pass", TEAM_B), into("Deny", ALL)), ingress("q", 20, into("Deny", ALL))], OTHER, WEB)
        self.check(False, [ingress("p", 10, into("Pass", TEAM_B)), DENY_ALL], OTHER, WEB)
        self.check(False, [ingress("p", 10, into("Pass", TEAM_B)), ingress("base", 0, into("Deny", ALL), tier="Baseline")], OTHER, WEB)
        self.check(True, [ingress("p", 0, into("Pass", ALL), tier="Baseline"), ingress("q", 1, into("Deny", ALL), tier="Baseline")], OTHER, WEB)

    def test_an_accepted_egress_does_not_spare_the_ingress(self):
        """NP-201"""
        self.check(False, [egress("p", 10, out("Accept", ALL)), policy("y/deny")], WEB, OTHER)

    def test_a_tier_without_a_match_leaves_pods_open(self):
        """NP-202"""
        self.check(True, [ingress("p", 10, into("Accept", TEAM_A))], OTHER, WEB)
        self.check(True, [ingress("p", 10)], OTHER, WEB)

    def test_baseline_is_not_asked_where_a_policy_isolates_this_direction(self):
        """NP-203"""
        base = ingress("base", 0, into("Deny", ALL), tier="Baseline")
        self.check(True, [base, ALLOW_IN], OTHER, WEB)
        self.check(False, [base, policy("x/out", types=["Egress"], egress=[{}])], OTHER, WEB)
        accept = ingress("base", 0, into("Accept", ALL), tier="Baseline")
        self.check(False, [accept, DENY_ALL], OTHER, WEB)


class MatchTest(OracleTest):
    def test_subjects_are_namespaces_or_pods(self):
        """NP-204: pods of the node's network are none."""
        pods = {"pods": {"namespaceSelector": labels(team="a"), "podSelector": labels(app="web")}}
        for subject, web, db, other in ((TEAM_A, False, False, True), (ALL, False, False, False), (pods, False, True, True),
                                        ({"pods": {"podSelector": labels(app="web")}}, False, True, False),
                                        ({"namespaces": expression("team", "NotIn", "a")}, True, True, False)):
            with self.subTest(subject=subject):
                for target, wanted in ((WEB, web), (DB, db), (OTHER, other)):
                    self.check(wanted, [ingress("p", 0, into("Deny", ALL), subject=subject)], JOB, target)
        self.pods["agent"] = pod("x/agent", [NODE2], {"app": "web"}, hostNetwork=True, nodeName="node2")
        self.check(True, [egress("p", 0, out("Deny", ALL))], NODE2, OTHER)
        self.check(True, [ingress("p", 0, into("Deny", ALL))], NODE2, WEB)

    def test_networks_match_pods_and_protocols_without_ports(self):
        """NP-205, NP-206"""
        for target, networks, wanted in ((OUTSIDE, ["198.51.100.0/24"], False), (OTHER, ["10.244.1.0/24", "::/0"], False),
                                         (DB, ["10.244.1.0/24"], True), (DB6, ["0.0.0.0/0"], True), (DB6, ["::/0"], False)):
            for protocol, number in (("TCP", 80), ("ICMP", None)):
                self.check(wanted, [egress("p", 0, out("Deny", {"networks": networks}))], WEB6 if ":" in target else WEB, target, number, protocol)

    def test_nodes_match_by_the_labels_and_addresses_of_nodes(self):
        """NP-205"""
        self.rest[3]["metadata"]["labels"]["zone"] = "b"
        for selector, wanted in (({}, False), (labels(zone="b"), False), (labels(zone="a"), True)):
            self.check(wanted, [egress("p", 0, out("Deny", {"nodes": selector}))], WEB, NODE2)
        self.check(True, [egress("p", 0, out("Deny", {"nodes": {}}))], WEB, OTHER)

    def test_protocols_and_ports(self):
        """NP-207"""
        for entries, wanted in (([], {"TCP", "UDP", "ICMP"}), ([destination("tcp")], {"TCP"}), ([destination("udp", 80)], {"UDP"}),
                                ([destination("tcp", 81)], set()), ([destination("tcp", 70, 80)], {"TCP"}),
                                ([destination("tcp", 81, 90)], set()), ([destination("sctp", 80)], set()),
                                ([destination("sctp", 80), destination("udp", 80, 80)], {"UDP"})):
            for protocol in ("TCP", "UDP", "ICMP"):
                with self.subTest(entries=entries, protocol=protocol):
                    self.check(protocol not in wanted, [ingress("p", 0, into("Deny", ALL, protocols=entries))], OTHER, WEB,
                               None if protocol == "ICMP" else 80, protocol)

    def test_a_named_port_has_every_protocol_of_that_name(self):
        """NP-207"""
        self.pods["web"] = pod("x/web", [WEB], {"app": "web"}, ports=[{"name": "main", "containerPort": 80},
                                                                      {"name": "main", "containerPort": 53, "protocol": "UDP"}])
        named = [ingress("p", 0, into("Deny", ALL, protocols=[{"destinationNamedPort": "main"}]))]
        for protocol, number, wanted in (("TCP", 80, False), ("UDP", 53, False), ("UDP", 80, True), ("TCP", 53, True)):
            self.check(wanted, named, OTHER, WEB, number, protocol)
        self.check(True, named, OTHER, DB)
        self.check(False, [egress("p", 0, out("Deny", ALL, protocols=[{"destinationNamedPort": "main"}]))], DB, WEB)

    def test_unknown_things_close(self):
        """NP-208"""
        bad_selector = {"namespaces": expression("team", "Like", "b")}
        for peer in ({}, {"serviceAccounts": {}}, {"domainNames": ["example.org"]}, {**ALL, "more": {}}, bad_selector,
                     {"networks": ["ten"]}, {"networks": ["::ffff:198.51.100.0/120"]}):
            for action, wanted in (("Accept", True), ("Deny", False), ("Pass", False)):
                with self.subTest(peer=peer, action=action):
                    self.check(wanted, [egress("p", 0, out(action, peer)), egress("q", 1, out("Accept", ALL))], WEB, OTHER)
        self.check(False, [egress("p", 0, out("Accept", bad_selector)), DENY_ALL], WEB, OTHER)
        for entry in ({}, {"icmp": {}}, {"tcp": {"destinationPort": {"name": "x"}}}):
            for action, wanted in (("Accept", False), ("Deny", False)):
                self.check(wanted, [egress("p", 0, out(action, ALL, protocols=[entry])), DENY_ALL], WEB, OTHER)
        self.check(False, [ingress("p", 0, into("Maybe", ALL))], OTHER, WEB)


class ExemptionTest(OracleTest):
    def test_a_pod_that_comes_back_to_itself_is_subject_to_tiers(self):
        """NP-086"""
        for one in (egress("p", 0, out("Deny", ALL)), ingress("p", 0, into("Deny", ALL))):
            self.check(False, [one], WEB, WEB, translated=True)
            self.check(True, [one], WEB, WEB)

    def test_the_own_node_reaches_its_pods(self):
        """NP-210"""
        self.check(True, [ingress("p", 0, into("Deny", ALL))], NODE1, WEB)

    def test_egress_to_the_own_node_is_subject_to_tiers(self):
        """NP-212"""
        for peer in ({"networks": [NODE1 + "/32"]}, {"nodes": {}}):
            self.check(False, [egress("p", 0, out("Deny", peer))], WEB, NODE1)
            self.check(False, [egress("p", 0, out("Deny", peer), tier="Baseline")], WEB, NODE1)
        self.check(True, [DENY_ALL, egress("p", 0, out("Deny", {"nodes": {}}, protocols=[destination("tcp", 81)]))], WEB, NODE1)

    def test_policies_with_ports_do_not_change_the_order(self):
        """NP-200, NP-026"""
        policies = [ingress("p", 0, into("Accept", ALL, protocols=[destination("tcp", 80)])), policy("x/in", ingress=[rule(ports=[port(81)])]),
                    ingress("b", 0, into("Accept", ALL), tier="Baseline")]
        for number, wanted in ((80, True), (81, True), (82, False)):
            self.check(wanted, policies, JOB, WEB, number)


if __name__ == "__main__":
    unittest.main()
