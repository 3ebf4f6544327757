#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pods of every wiring under the rules of a real kube-proxy (services.py explains how its addresses become the lab's): every connection of the
recording, K2, K4; all recordings are in kube_proxy_all_test.py."""
import json
import unittest

from services import CALLS, USUAL, ServicesTest, Traffic, wait_until, world

CONDITION = "bridged-services"
# From a pod to a Service with an endpoint on its own node.
BY_THE_BRIDGE = ("pod b -> self", "pod a -> self (hairpin)", "pod b -> dns udp", "pod b -> internal-local, 6 times")


class KubeProxyTest(ServicesTest):
    def test_vxlan(self):
        self.check_loaded_late("vxlan", USUAL)

    def test_bgp(self):
        self.check_loaded_late("bgp", USUAL)

    def test_ptp(self):
        self.check_loaded_late("ptp", USUAL)

    def test_bridge(self):
        self.check_loaded_late("bridge", USUAL)

    def test_rules_before_plumbd_vxlan(self):
        self.check_loaded_early("vxlan", USUAL)

    def test_rules_before_plumbd_bgp(self):
        self.check_loaded_early("bgp", USUAL[:1])

    def test_rules_before_plumbd_ptp(self):
        self.check_loaded_early("ptp", USUAL[1:])

    def test_rules_before_plumbd_bridge(self):
        self.check_loaded_early("bridge", USUAL[1:])

    def test_bridge_shows_packets_to_rules_that_come_later(self):
        """K4; also when another program turns the bridge's settings off."""
        self.begin("vxlan", self.call_no_rules)
        for recording in (*USUAL, "iptables-legacy-cluster-cidr"):
            with self.subTest(recording=recording):
                self.node.run("ip", "link", "set", "cni0", "type", "bridge", *(word for each in CALLS.values() for word in (f"nf_call_{each}", "0")))
                services = self.services(recording)
                self.assertEqual({4: False, 6: False}, self.bridge_calls(), "without a kube-proxy")
                services.load()
                try:
                    self.wait_bridge_calls()
                    self.check(recording, BY_THE_BRIDGE)
                finally:
                    services.unload()

    def test_status_says_that_br_netfilter_is_missing(self):
        """K4: with a tmpfs in the place of the module's settings."""
        self.begin("vxlan", lambda node: node.run("mount", "-t", "tmpfs", "hidden", "/proc/sys/net/bridge"))

        def conditions():
            status = json.loads(self.node.control("status", "--json", check=False).stdout)
            return {each["name"]: each for each in status["conditions"]}
        self.assertNotIn(CONDITION, conditions())
        services = self.services(USUAL[1])
        services.load()
        found = wait_until(lambda: conditions().get(CONDITION), "status names the condition", 10)
        self.assertEqual("degraded", found["severity"])
        self.assertEqual(2, len(found["lines"]), found)
        for line, each in zip(found["lines"], CALLS.values()):
            for word in (f"net.bridge.bridge-nf-call-{each}", "modprobe br_netfilter", "Service", "cni0"):
                self.assertIn(word, line)
        self.assertEqual(3, self.node.control("status", check=False).returncode)
        self.assertIn("modprobe br_netfilter", self.node.control("check", check=False).stdout)
        self.assertIn("modprobe br_netfilter", self.node.control("explain", self.pods["a"].addresses[4], check=False).stdout)
        self.assertEqual(200, self.node.get("/readyz")[0])
        services.unload()
        wait_until(lambda: CONDITION not in conditions(), "status is well again", 10)

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
