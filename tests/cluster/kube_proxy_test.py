#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pods of every wiring under the rules of a real kube-proxy (services.py says how its addresses become the lab's): every connection of the
recording, K2; all recordings are in kube_proxy_all_test.py."""
import unittest

from services import ServicesTest, Traffic, world

USUAL = ("iptables-cluster-cidr", "nftables-cluster-cidr")


class KubeProxyTest(ServicesTest):
    def check_wiring(self, wiring, recordings=USUAL):
        self.begin(wiring)
        for recording in recordings:
            with self.subTest(wiring=wiring, recording=recording):
                services = self.services(recording)
                services.load()
                try:
                    self.check(recording)
                finally:
                    services.unload()

    def test_vxlan(self):
        self.check_wiring("vxlan")

    def test_bgp(self):
        self.check_wiring("bgp")

    def test_ptp(self):
        self.check_wiring("ptp")

    def test_bridge(self):
        self.check_wiring("bridge")

    def test_connections_survive_when_rules_are_loaded_again(self):
        self.begin("vxlan")
        for recording in USUAL:
            with self.subTest(recording=recording):
                services = self.services(recording)
                services.load()
                streams = [Traffic(self.path_of("b"), self.service(81, family), 80) for family in (4, 6)]
                for _ in range(5):
                    services.load()
                self.assertEqual([], [problem for stream in streams for problem in stream.stop()])
                self.assertGreater(min(stream.count for stream in streams), 5)
                services.unload()


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
