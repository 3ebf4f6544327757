#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that run while a policy changes."""
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from lab.cluster_traffic import FAMILIES, inside  # noqa: E402
from policy.cases import Cluster, Step  # noqa: E402
from policy.matrix import Network, rules_of  # noqa: E402
from policy.objects import labels, pods_in, policy, rule  # noqa: E402

PORT = 8080
ONLY_C = Step([policy("x/only-c", labels(pod="b"), ingress=[rule(pods_in(pods=labels(pod="c")))])])


class RunningTest(unittest.TestCase):
    def setUp(self):
        self.network = Network(Cluster())
        self.addCleanup(self.network.close)

    def load(self, step, change=lambda script: script):
        self.network.load("node1", change(rules_of(self.network.cluster.objects(step), "node1")))

    def connect(self, source, target, family):
        """Both ends of a TCP connection over which a byte has passed."""
        with inside(self.network.spaces[target].path):
            server = socket.create_server(("", PORT), family=FAMILIES[family])
        with inside(self.network.spaces[source].path):
            client = socket.create_connection((self.network.addresses[target, family], PORT), timeout=10)
        peer = server.accept()[0]
        server.close()
        for each in (client, peer):
            each.settimeout(10)
            self.addCleanup(each.close)
        self.assertTrue(self.passes(client, peer))
        return client, peer

    def passes(self, client, peer):
        """Says whether a byte passes; no byte passes over a connection that was reset."""
        try:
            client.sendall(b"x")
            return peer.recv(1) == b"x"
        except ConnectionResetError:
            return False

    def test_newly_denied_connections_are_reset_and_allowed_ones_go_on(self):
        """NP-104, NP-105"""
        for family in FAMILIES:
            with self.subTest(family=family):
                self.load(Step([]))
                denied, allowed = self.connect("x/a", "x/b", family), self.connect("x/c", "x/b", family)
                self.load(ONLY_C)
                self.assertTrue(self.passes(*allowed))
                denied[0].sendall(b"x")
                with self.assertRaises(ConnectionResetError):
                    denied[0].recv(1)
                self.assertTrue(self.passes(*allowed))

    def test_a_rule_that_spares_every_established_packet_shows(self):
        self.load(Step([]))
        denied = self.connect("x/a", "x/b", 4)
        self.load(ONLY_C, lambda script: script.replace("ct direction reply ct state established", "ct state established"))
        self.assertTrue(self.passes(*denied))


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
