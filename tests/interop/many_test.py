#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An upgrade and a way back with many pods on the whole chain: one suite adds all of them, the other checks and deletes them."""
import concurrent.futures
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cases import DEFAULTS, GATEWAY, LIMITS, V4, V6, bridge, firewall, host_local, iptables_masquerade, portmap  # noqa: E402
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, Suite  # noqa: E402

PODS = int(os.environ.get("PLUMB_INTEROP_PODS", "200"))
VERSION = "1.0.0"
PLUGINS = [bridge(ipam=host_local(V4, V6, routes=DEFAULTS), **GATEWAY, **iptables_masquerade()), portmap(), firewall(),
           {"type": "tuning", "mtu": 1400, "sysctl": {"net.core.somaxconn": "1024"}},
           {"type": "bandwidth", "capabilities": {"bandwidth": True}}]


def case(number):
    """The chain with a host port of the pod's own."""
    mapping = {"hostPort": 10000 + number, "containerPort": 80, "protocol": "tcp"}
    return Case("many", PLUGINS, runtime={"portMappings": [mapping], "bandwidth": LIMITS})


def snapshot(node):
    """All state of the host."""
    host = node.host
    views = (state.links, state.addresses, state.routes, state.rules, state.qdiscs, state.nftables, state.forwarding)
    return [*(line for view in views for line in view(host)), *state.files()]


class ManyTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def check(self, pod, suite, conf):
        """The reference's CHECK of portmap fails after its own ADD."""
        for plugin in conf.plugins:
            if not (suite.is_reference and plugin["type"] == "portmap"):
                pod._call("CHECK", suite, conf, VERSION, plugin)  # pylint: disable=protected-access

    def exchange(self, adds, then):
        node = Node()
        self.addCleanup(node.close)
        first = node.add_pod("pod-first")
        for suite in (adds, then):  # makes what stays with a network: bridge, shared chains
            first.add(suite, case(0), VERSION)
            first.delete(suite, case(0), VERSION)
        before = snapshot(node)
        pods = [node.add_pod(f"pod-{number}") for number in range(1, PODS + 1)]
        cases = [case(number) for number in range(1, PODS + 1)]
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda pod, conf: pod.add(adds, conf, VERSION), pods, cases))
            self.assertEqual(PODS, len(set(pod.result["ips"][0]["address"] for pod in pods)))
            list(threads.map(lambda pod, conf: self.check(pod, then, conf), pods, cases))
            list(threads.map(lambda pod, conf: pod.delete(then, conf, VERSION), pods, cases))
        self.assertEqual([], state.difference(before, snapshot(node)))

    def test_upgrade(self):
        self.exchange(self.theirs, self.ours)

    def test_way_back(self):
        self.exchange(self.ours, self.theirs)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
