#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two reflectors chosen by label, and nodes that have sessions with those only."""
import unittest

import bgp_lab
from lab import world


class ReflectorsTest(unittest.TestCase):
    def start(self, families="46"):
        self.nodes = bgp_lab.Lab(self).add_nodes(range(1, 7), families)
        self.reflectors, self.clients = self.nodes[:2], self.nodes[2:]
        for node in self.reflectors:
            node.labels = {"reflector": "yes"}
        self.settings = {"reflectors": {"reflector": "yes"}}
        bgp_lab.start(self.nodes, **self.settings)
        bgp_lab.wait_converged(self.nodes)

    def test_everybody_hears_of_everybody_through_them(self):
        self.start()
        for client in self.clients:
            self.assertEqual(sorted(client.sessions()), ["node.n1.v4", "node.n1.v6", "node.n2.v4", "node.n2.v6"])
        self.assertEqual(len(self.reflectors[0].sessions()), 2 * 5)

    def test_one_of_two_can_die(self):
        self.start("4")
        dead, others = self.reflectors[0], self.nodes[1:]
        dead.unplug()
        # The hold time, and no moment in which the others lose each other.
        world.wait_until(lambda: dead.range4 not in self.clients[0].routes(), "the dead reflector's own route", 15)
        for client in self.clients:
            self.assertEqual(client.routes(), bgp_lab.expected(client, others))

    def test_a_new_node_changes_nothing_on_the_reflectors(self):
        self.start("4")
        reflector = self.reflectors[0]
        before = (reflector.folder / "bird.conf").read_text(encoding="utf-8")
        self.assertEqual(reflector.apply(self.nodes[:-1], **self.settings), "")
        self.assertEqual((reflector.folder / "bird.conf").read_text(encoding="utf-8"), before)

    def test_labels_that_are_gone_change_nothing(self):
        self.start("4")
        client = self.clients[0]
        before = (client.folder / "bird.conf").read_text(encoding="utf-8")
        error = client.apply([{**node.record(), "labels": {}} for node in self.nodes], **self.settings)
        self.assertEqual(error, "no node has the labels of bgp.reflectors")
        self.assertEqual((client.folder / "bird.conf").read_text(encoding="utf-8"), before)
        bgp_lab.wait_converged(self.nodes, 1)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
