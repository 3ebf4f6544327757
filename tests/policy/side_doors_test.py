#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets of isolated pods that look like those for which no policy is asked."""
import pathlib
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from lab.cluster_traffic import FAMILIES, inside  # noqa: E402
from policy.cases import Cluster, Step  # noqa: E402
from policy.matrix import Network, opened, rules_of  # noqa: E402
from policy.objects import labels, policy  # noqa: E402

NEIGHBOUR_MESSAGES = (*range(130, 138), 143)
GROUPS = {4: "224.1.1.1", 6: "ff05::1:1"}
PORT = 9000
SECRET = b"a secret"
PATIENCE = 0.3  # seconds; a packet that arrives needs microseconds


def socket_in(network, name, family, kind, protocol=0):
    with inside(network.spaces[name].path):
        made = opened(family, kind, protocol)
    made.settimeout(PATIENCE)
    return made


def receives(receiver):
    """Returns whether the secret arrives; other packets do not count."""
    try:
        while not receiver.recv(256).endswith(SECRET):
            pass
        return True
    except TimeoutError:
        return False


class SideDoorsTest(unittest.TestCase):
    def load(self, wiring, policies):
        network = Network(Cluster(), wiring)
        self.addCleanup(network.close)
        network.load("node1", rules_of(network.cluster.objects(Step(policies)), "node1"))
        return network

    def message_arrives(self, network, kind, source, target):
        receiver, sender = (socket_in(network, each, 6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) for each in (target, source))
        with receiver, sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
            sender.sendto(struct.pack("!BBH", kind, 0, 0) + SECRET, (network.addresses[target, 6], 0))
            return receives(receiver)

    def group_arrives(self, network, source, target, family):
        receiver, sender = (socket_in(network, each, family, socket.SOCK_DGRAM) for each in (target, source))
        with receiver, sender:
            receiver.bind(("", PORT))
            with inside(network.spaces[target].path):
                index = struct.pack("=I", socket.if_nametoindex("eth0"))
            group = socket.inet_pton(FAMILIES[family], GROUPS[family])
            if family == 4:
                receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + bytes(4) + index)
            else:
                receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + index)
            sender.sendto(SECRET, (GROUPS[family], PORT))
            return receives(receiver)

    def test_types_of_neighbour_discovery_do_not_pass_a_router_to_or_from_an_isolated_pod(self):
        """NP-088, NP-089"""
        network = self.load("routed", [policy("x/closed", labels(pod="a"), types=["Ingress", "Egress"])])
        for kind in NEIGHBOUR_MESSAGES:
            with self.subTest(kind):
                self.assertFalse(self.message_arrives(network, kind, "x/a", "outside"))
                self.assertFalse(self.message_arrives(network, kind, "x/b", "x/a"))
        self.assertTrue(self.message_arrives(network, 134, "x/b", "outside"))

    def test_a_rule_for_everything_does_not_open_groups_to_an_isolated_pod_of_a_bridge(self):
        """NP-091"""
        network = self.load("bridge", [policy("x/all", labels(pod="a"), types=["Egress"], egress=[{}])])
        for family in FAMILIES:
            with self.subTest(family=family):
                self.assertFalse(self.group_arrives(network, "x/a", "x/b", family))
                self.assertTrue(self.group_arrives(network, "x/c", "x/b", family))


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
