#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A list that lacks most of the nodes, or all: plumbd waits before it believes it."""
import unittest

from machine import Machine, node_line, node_lines, wait_until


class SafetyTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine("safetySeconds: 4\naddresses: [192.0.2.1]\nranges: [10.244.1.0/24]")
        self.addCleanup(self.machine.close)

    def test_an_empty_list_is_doubted_and_believed_when_it_lasts(self):
        m = self.machine
        m.write_nodes(node_lines(20))
        m.start()
        self.assertEqual(len(m.routes()), 19)
        m.write_nodes("# empty\n")
        wait_until(lambda: any("lacks 19 of 20" in line for line in m.status()["problems"]), "the doubt is told", 4)
        self.assertEqual(len(m.routes()), 19)

    def test_an_empty_list_is_doubted_after_a_restart_too(self):
        m = self.machine
        m.write_nodes(node_lines(20))
        m.start()
        wait_until((m.folder / "state/snapshot.json").exists, "the cache is written")
        m.stop()
        m.write_nodes(node_line(1))
        m.start()
        self.assertEqual(len(m.routes()), 19)
        m.wait_routes()


if __name__ == "__main__":
    unittest.main()
