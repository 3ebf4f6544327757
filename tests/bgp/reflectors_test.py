#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two reflectors chosen by label, and nodes that have sessions with those only."""
import time
import unittest

import bgp_lab
from lab import world


class ReflectorsTest(unittest.TestCase):
    def start(self, families="46", **bgp):
        self.nodes = bgp_lab.Lab(self).add_nodes(range(1, 7), families)
        self.reflectors, self.clients = self.nodes[:2], self.nodes[2:]
        for node in self.reflectors:
            node.labels = {"reflector": "yes"}
        self.settings = {"reflectors": {"reflector": "yes"}, **bgp}
        bgp_lab.start(self.nodes, **self.settings)
        bgp_lab.wait_converged(self.nodes)

    def test_all_nodes_get_all_routes_through_them(self):
        self.start()
        for client in self.clients:
            world.wait_until(lambda client=client: sorted(client.sessions()) == ["node.n1.v4", "node.n1.v6", "node.n2.v4", "node.n2.v6"],
                             "sessions with both reflectors and no other node", 10)
        world.wait_until(lambda: len(self.reflectors[0].sessions()) == 2 * 5, "sessions of a reflector", 10)

    def test_one_of_two_can_die(self):
        self.start("4")
        dead, others = self.reflectors[0], self.nodes[1:]
        for client in self.clients:
            world.wait_until(lambda client=client: len(client.sessions()) == 2, "sessions with both reflectors", 10)
        monitors = [client.start_monitor() for client in self.clients]
        dead.unplug()
        for client in self.clients:
            wanted = bgp_lab.expected(client, others)
            world.wait_until(lambda client=client, wanted=wanted: client.routes() == wanted, "all but the dead reflector's pods", 20)
        # And no moment in which the others lose each other.
        for monitor in monitors:
            monitor.kill()
            deleted = [line for line in monitor.communicate()[0].splitlines() if line.startswith("Deleted") and "bird" in line]
            self.assertTrue(all(dead.range4 in line for line in deleted), deleted)

    def test_bfd_sees_a_dead_client_in_half_a_second(self):
        self.start("4", bfd=True, bfdIntervalMs=100)
        client, dead = self.clients[0], self.clients[-1]
        for reflector in self.reflectors:
            world.wait_until(lambda reflector=reflector: reflector.birdc("show", "bfd", "sessions").count(" Up ") == 5, "BFD", 10)
        dead.unplug()
        died = time.monotonic()
        world.wait_until(lambda: dead.range4 not in client.routes(), "the dead client's route is gone", 5)
        took = time.monotonic() - died
        print(f"with BFD, through reflectors, a dead node's routes go in {took:.2f} s")
        self.assertLess(took, 0.5)

    def test_a_new_node_changes_no_session_of_the_reflectors(self):
        """Their configuration changes in one line: the ranges that the node may announce."""
        self.start("4")
        reflector, new = self.reflectors[0], self.nodes[-1]
        world.wait_until(lambda: reflector.status()["running"] and len(reflector.sessions()) == 5, "the agent has found BIRD")
        monitor = reflector.start_monitor()
        before, text = reflector.sessions(), (reflector.folder / "bird.conf").read_text(encoding="utf-8").splitlines()
        for each in self.reflectors:
            self.assertEqual(each.apply(self.nodes[:-1], **self.settings), "")
        now = (reflector.folder / "bird.conf").read_text(encoding="utf-8").splitlines()
        self.assertEqual([f"    {new.v4} : return net ~ [ {new.range4} ];"], [line for line in text if line not in now])
        world.wait_until(lambda: new.range4 not in reflector.routes(), "the removed node announces nothing", 10)
        for each in self.reflectors:
            self.assertEqual(each.apply(self.nodes, **self.settings), "")
        for node in self.nodes:
            if node is not new:
                world.wait_until(lambda node=node: new.range4 in node.routes(), f"{node.name} knows the new node", 10)
        self.assertEqual(before, reflector.sessions())
        monitor.kill()
        changes = monitor.communicate()[0].splitlines()
        self.assertEqual([], [line for line in changes if line.startswith("Deleted") and "bird" in line and new.range4 not in line])

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
