#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A list that lacks most of the nodes, or all: plumbd holds it back before it applies it."""
import unittest

from machine import Machine, node_line, node_lines, wait_until


class SafetyTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine("safetySeconds: 4\naddresses: [192.0.2.1]\nranges: [10.244.1.0/24]")
        self.addCleanup(self.machine.close)

    def test_an_empty_list_is_held_back_and_applied_when_it_stays(self):
        m = self.machine
        m.write_nodes(node_lines(20))
        m.start()
        self.assertEqual(len(m.routes()), 19)
        m.write_nodes("# empty\n")
        wait_until(lambda: any("lacks 19 of 20" in line for line in m.status()["problems"]), "the list is held back", 4)
        self.assertEqual(len(m.routes()), 19)

    def test_an_empty_list_is_held_back_after_a_restart_too(self):
        m = self.machine
        m.write_nodes(node_lines(20))
        m.start()
        wait_until((m.folder / "state/snapshot.json").exists, "the cache is written")
        m.stop()
        m.write_nodes(node_line(1))
        m.start()
        self.assertEqual(len(m.routes()), 19)
        m.wait_routes()


class OwnRangeTest(unittest.TestCase):
    """The range of this node comes from the list only."""

    def setUp(self):
        self.machine = Machine("safetySeconds: 4\naddresses: [192.0.2.1]")
        self.addCleanup(self.machine.close)

    def kernel(self):
        m = self.machine
        return m.routes(), m.link()["address"], m.run("nft", "list", "table", "inet", "plumb").stdout

    def held_back(self, list_without_own_range):
        m = self.machine
        m.write_nodes(node_lines(4) + node_line(9, address="198.51.100.9"))
        m.start()
        before, node_json = self.kernel(), (m.folder / "run/node.json").read_text()
        m.write_nodes(list_without_own_range)
        wait_until(lambda: any("lacks this node" in line for line in m.status()["problems"]), "the list is held back", 4)
        self.assertEqual((self.kernel(), (m.folder / "run/node.json").read_text()), (before, node_json))
        self.assertEqual(m.ctl("diff").returncode, 0)
        wait_until(lambda: not any("lacks this node" in line for line in m.status()["problems"]), "it is applied in the end")
        self.assertIn("no pod range", m.driver("files")["problem"])

    def test_a_list_without_this_node_is_held_back(self):
        self.held_back(node_lines(3, first=2) + node_line(9, address="198.51.100.9"))

    def test_a_list_that_takes_this_nodes_range_is_held_back(self):
        self.held_back("n1 addresses=192.0.2.1\n" + node_lines(3, first=2) + node_line(9, address="198.51.100.9"))

    def test_a_changed_range_is_applied_at_once(self):
        m = self.machine
        m.write_nodes(node_lines(2))
        m.start()
        m.write_nodes(node_line(1, pods="10.244.7.0/24") + node_line(2))
        wait_until(lambda: "10.244.7.0/24" in (m.folder / "run/node.json").read_text(), "the new range", 4)


if __name__ == "__main__":
    unittest.main()
