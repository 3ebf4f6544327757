#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each mode once, with both families or the one that differs most; all_modes_test.py has the other combinations."""
import unittest

from modes import DUAL, IPV4, IPV6, ModeTest, world


class ModesTest(ModeTest):
    def test_vxlan(self):
        self.check("vxlan")

    def test_vxlan_of_both_families_over_ipv6(self):
        self.check("vxlan", DUAL, IPV6)

    def test_nodes_see_pods(self):
        self.check("vxlan", DUAL, IPV6, nodes_see_pods=True)

    def test_auto_is_direct_on_a_subnet_and_tunnelled_across_a_router(self):
        self.check("auto", subnets=2)

    def test_host_gw(self):
        self.check("host-gw", IPV4, IPV4)

    def test_bgp(self):
        self.check("bgp")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
