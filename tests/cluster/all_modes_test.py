#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every mode with IPv4, IPv6 and both, over every underlay that can carry it."""
import unittest

from modes import DUAL, IPV4, IPV6, ModeTest, world

FAMILIES = (IPV4, IPV6, DUAL)


class AllModesTest(ModeTest):
    def test_vxlan_carries_any_family_over_any_other(self):
        for pods in FAMILIES:
            for underlay in FAMILIES:
                for subnets in (1, 2):
                    self.check("vxlan", pods, underlay, subnets)

    def test_direct_routes_need_the_family_of_the_pods(self):
        for families in FAMILIES:
            for backend in ("host-gw", "bgp", "auto"):
                self.check(backend, families, families)

    def test_auto_across_a_router(self):
        for families in FAMILIES:
            self.check("auto", families, families, 2)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
