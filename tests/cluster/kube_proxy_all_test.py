#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every recording of kube-proxy with every wiring."""
import unittest

from services import RECORDINGS, ServicesTest, table, world


class AllRecordingsTest(ServicesTest):
    def check_wiring(self, wiring):
        self.begin(wiring)
        for recording in sorted({key[2] for key in table()}):
            with self.subTest(wiring=wiring, recording=recording):
                services = self.services(recording)
                services.load()
                try:
                    self.check(recording)
                finally:
                    services.unload()

    def test_every_recording_is_in_the_table(self):
        files = {each.name.split(".")[0] for each in RECORDINGS.iterdir() if each.suffix in (".save", ".nft")}
        self.assertEqual(files, {key[2] for key in table()})

    def test_vxlan(self):
        self.check_wiring("vxlan")

    def test_bgp(self):
        self.check_wiring("bgp")

    def test_ptp(self):
        self.check_wiring("ptp")

    def test_bridge(self):
        self.check_wiring("bridge")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
