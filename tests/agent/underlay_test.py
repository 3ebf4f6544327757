#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""This node among the others: its own range, its address and the way to the others."""
import json
import unittest

from machine import Machine, node_line, node_lines, wait_until


class UnderlayTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)

    def node_json(self):
        return json.loads((self.machine.folder / "run/node.json").read_text(encoding="utf-8"))

    def test_a_line_that_claims_everything_takes_no_range_from_others(self):
        """P16: on a fresh start, whatever the name of the wrong line."""
        m = self.machine
        for wrong in ("a0", "n9"):
            m.write_nodes(node_lines(3) + f"{wrong} addresses=192.0.2.99 ranges=10.244.0.0/16\n")
            m.start()
            m.wait_routes("10.244.2.0/24", "10.244.3.0/24")
            self.assertEqual(["10.244.1.0/24"], self.node_json()["ranges"])
            reported = [line for line in m.status()["problems"] if f'"{wrong}"' in line]
            self.assertEqual(1, len(reported), m.status()["problems"])
            self.assertIn("is left out: its range 10.244.0.0/16 overlaps", reported[0])
            m.stop()

    def test_a_node_that_left_the_list_finds_its_address_by_its_route(self):
        """U1: the addresses of documents work like others."""
        m = self.machine
        m.ip("route", "add", "default", "via", "192.0.2.254")
        m.write_nodes(node_lines(3))
        m.configure("ranges: [10.244.1.0/24]")
        m.start()
        m.write_nodes(node_lines(2, first=2) + node_line(4))
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24")
        self.assertEqual("", m.driver("plan").get("problem", ""))

    def test_the_mtu_is_that_of_the_way_to_the_others(self):
        """P17: the MTU is not that of the link which has the address."""
        m = self.machine
        m.ip("link", "add", "holder", "mtu", "9000", "type", "ifb")
        m.ip("link", "set", "holder", "up")
        m.ip("address", "add", "10.77.0.1/24", "dev", "holder")
        m.configure("backend: vxlan")
        m.write_nodes(node_line(1, address="10.77.0.1") + node_lines(2, first=2))
        m.start()
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24")
        self.assertEqual((1450, 1450), (self.node_json()["mtu"], m.link()["mtu"]))
        m.write_nodes(node_line(1, address="10.77.0.1") + node_line(2, address="10.77.0.2"))
        wait_until(lambda: self.node_json()["mtu"] == 8950, "the way through the wide link")


if __name__ == "__main__":
    unittest.main(verbosity=2)
