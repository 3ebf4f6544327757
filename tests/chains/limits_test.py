#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bandwidth behind every wiring: packets of both families pass the limits, CHECK accepts the final result, DEL and GC leave nothing."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from chains.ownership_test import WiringTest, each_wiring  # noqa: E402
from lab import world  # noqa: E402

HOST = "192.0.2.1"
PORTS = {"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
LIMITS = {"type": "bandwidth", "ingressRate": 10**8, "ingressBurst": 10**6, "egressRate": 10**8, "egressBurst": 10**6}


class ChainTest(WiringTest):
    def add_chain(self, chain, pod, container="c1"):
        result = None
        for plugin in chain:
            result = self.node.add(plugin, pod, container=container, previous=result)
        return result

    def ifbs(self):
        return [name for name in self.node.links() if name.startswith("bwp")]

    def passed(self, link):
        """Packets that the token bucket of a link of the host has sent."""
        qdiscs = json.loads(self.node.host.run("tc", "-j", "-s", "qdisc", "show", "dev", link).stdout)
        return sum(each["packets"] for each in qdiscs if each["kind"] == "tbf")

    @each_wiring
    def test_packets_of_both_families_pass_the_limits(self, config):
        pod = self.node.namespace()
        self.node.host.run("ip", "address", "add", "2001:db8::1/64", "dev", "up0", "nodad")
        self.add_chain([config, PORTS, LIMITS], pod)
        (ifb,), (end,) = self.ifbs(), self.node.host_ends()
        for address in (HOST, "2001:db8::1"):
            before = self.passed(ifb), self.passed(end)
            pod.run("ping", "-c3", "-i0.05", "-W5", address)
            self.assertGreaterEqual(self.passed(ifb), before[0] + 3)
            self.assertGreaterEqual(self.passed(end), before[1] + 3)

    @each_wiring
    def test_check_of_every_plugin_accepts_the_final_result_and_del_leaves_nothing(self, config):
        pod, chain = self.node.namespace(), [config, PORTS, LIMITS]
        result = self.add_chain(chain, pod)
        for plugin in chain:
            self.node.call("CHECK", plugin, pod, previous=result)
        for plugin in [*reversed(chain), *reversed(chain)]:
            self.node.call("DEL", plugin, pod, previous=result)
        self.assertEqual(([], set()), (self.ifbs(), self.node.host_ends()))

    @each_wiring
    def test_gc_leaves_valid_pods_and_other_networks(self, config):
        chain, pods = [config, LIMITS], {}
        for container in ("c1", "c2"):
            pods[container] = self.node.namespace()
            self.add_chain(chain, pods[container], container)
        kept = self.ifbs()[0]
        for network, left in (("net2", 2), ("net1", 1)):
            for plugin in chain:
                self.node.call("GC", plugin, None, network=network,
                               **{"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]})
            self.assertEqual(left, len(self.ifbs()), network)
        self.assertEqual([kept], self.ifbs())
        pods["c1"].run("ping", "-c1", "-W5", HOST)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
