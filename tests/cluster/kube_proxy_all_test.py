#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every recording of kube-proxy with every wiring."""
import unittest

from services import RECORDINGS, ServicesTest, table, world

ALL = sorted({key[2] for key in table()})


class AllRecordingsTest(ServicesTest):
    def test_every_recording_is_in_the_table(self):
        files = {each.name.split(".")[0] for each in RECORDINGS.iterdir() if each.suffix in (".save", ".nft")}
        self.assertEqual(files, set(ALL))

    def test_vxlan(self):
        self.check_loaded_late("vxlan", ALL)

    def test_bgp(self):
        self.check_loaded_late("bgp", ALL)

    def test_ptp(self):
        self.check_loaded_late("ptp", ALL)

    def test_bridge(self):
        self.check_loaded_late("bridge", ALL)

    def test_rules_before_plumbd_vxlan(self):
        self.check_loaded_early("vxlan", ALL)

    def test_rules_before_plumbd_bgp(self):
        self.check_loaded_early("bgp", ALL)

    def test_rules_before_plumbd_ptp(self):
        self.check_loaded_early("ptp", ALL)

    def test_rules_before_plumbd_bridge(self):
        self.check_loaded_early("bridge", ALL)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
