# SPDX-License-Identifier: Apache-2.0
"""A cluster of three nodes in one mode and one combination of families: all endpoints reach each other, by routes of the right kind."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402

IPV4, IPV6, DUAL = (4,), (6,), (4, 6)
TUNNEL, DIRECT = "86", "87"  # protocol numbers of plumbd's routes
OVERHEAD = {4: 50, 6: 70}


def words(families):
    return "dual" if families == DUAL else f"ipv{families[0]}"


class ModeTest(unittest.TestCase):
    def check(self, backend, pods=DUAL, underlay=DUAL, subnets=1, nodes_see_pods=False):
        """Three nodes, two pods each."""
        with self.subTest(f"{backend}, {words(pods)} pods over {words(underlay)}, {subnets} subnets"):
            self.cluster = Cluster(backend, underlay, pods)
            try:
                if nodes_see_pods:
                    self.cluster.show_pods_to_nodes()
                self.cluster.add_nodes(3, subnets)
                self.cluster.start()
                self.cluster.add_pods(2)
                self.cluster.check_matrix(20)
                self._check_mtu()
                for node in self.cluster.nodes:
                    for other in self.cluster.nodes:
                        if other is not node:
                            self._check_routes(node, other)
            finally:
                self.cluster.close()

    def _check_mtu(self):
        tunnelled = self.cluster.backend in ("vxlan", "auto")
        expected = 1500 - OVERHEAD[min(self.cluster.underlay.families)] if tunnelled else 1500
        for pod in self.cluster.pods():
            self.assertEqual(expected, pod.mtu, f"MTU of {pod.node.name}/{pod.name}")

    def _check_routes(self, node, other):
        """The route to each range of the other node, as `ip` prints it."""
        on_link = node.subnet == other.subnet
        for family, prefix in other.ranges.items():
            route = world.run_json(*node.enter, "ip", "-j", f"-{family}", "route", "show", "exact", prefix)
            route = next((each for each in route if each.get("type") != "blackhole"), None)
            self.assertIsNotNone(route, f"{node.name} has a route to {prefix}")
            direct = self.cluster.backend in ("host-gw", "bgp") or (self.cluster.backend == "auto" and on_link)
            if direct:
                self.assertEqual("eth0", route["dev"])
                self.assertEqual("bird" if self.cluster.backend == "bgp" else DIRECT, route["protocol"])
                if self.cluster.backend != "bgp":
                    self.assertEqual(other.addresses[family], route["gateway"])
            else:
                self.assertEqual((TUNNEL, "plumb-vxlan"), (route["protocol"], route["dev"]))
                self.assertEqual(prefix.partition("/")[0], route["gateway"])
