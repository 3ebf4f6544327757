#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred nodes, each with a real BIRD, through two reflectors; $PLUMB_BGP_NODES changes the number."""
import os
import re
import time
import unittest

import bgp_lab
from lab import world

COUNT = int(os.environ.get("PLUMB_BGP_NODES", "100"))


class ManyTest(unittest.TestCase):
    def test_many_nodes_complete_through_two_reflectors(self):
        nodes = bgp_lab.Lab(self).add_nodes(range(1, COUNT + 1), "4")
        for node in nodes[:2]:
            node.labels = {"reflector": "yes"}
        for node in nodes:
            node.apply(nodes, reflectors={"reflector": "yes"})
            node.kill_agent()
        started = time.monotonic()
        for node in nodes:
            node.start_bird()
        launched = time.monotonic()
        for node in nodes:
            world.wait_until(lambda node=node: len(node.routes()) == COUNT - 1, f"routes of {node.name}", 120)
        print(f"{COUNT} nodes complete {time.monotonic() - launched:.1f} s after the last of them started, which took {launched - started:.1f} s")
        for node in (nodes[0], nodes[-1]):
            self.assertEqual(node.routes(), bgp_lab.expected(node, nodes))
            with open(f"/proc/{node.bird.pid}/status", encoding="utf-8") as status:
                resident = int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])
            print(f"{node.name}: BIRD has {resident / 1024:.1f} MB resident")
            self.assertLess(resident, 15 * 1024)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
