#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three nodes in a full mesh: convergence, the death of a node and of its BIRD, and a reconfiguration that keeps sessions up."""
import re
import time
import unittest

import bgp_lab
from lab import world


class MeshTest(unittest.TestCase):
    def mesh(self, families="46", count=3, **bgp):
        self.nodes = bgp_lab.Lab(self).add_nodes(range(1, count + 1), families)
        return bgp_lab.start(self.nodes, **bgp)

    def converge(self, families):
        started = self.mesh(families)
        bgp_lab.wait_converged(self.nodes)
        took = time.monotonic() - started
        print(f"3 nodes, families {families}: {took:.2f} s")
        self.assertLess(took, 3)

    def test_ipv4_converges_in_three_seconds(self):
        self.converge("4")

    def test_ipv6_converges_in_three_seconds(self):
        self.converge("6")

    def test_both_families_converge_in_three_seconds(self):
        self.converge("46")

    def test_ipv4_pods_over_an_ipv6_underlay(self):
        nodes = bgp_lab.Lab(self).add_nodes((1, 2), "6")
        bgp_lab.start(nodes, [{**node.record(), "ranges": [node.range4, node.range6]} for node in nodes])
        first, second = nodes
        world.wait_until(lambda: first.routes() == {second.range4: second.link_local, second.range6: second.link_local}, "both families", 10)

    def test_each_node_in_an_as_of_its_own(self):
        self.nodes = bgp_lab.Lab(self).add_nodes((1, 2, 3))
        bgp_lab.start(self.nodes, [node.record(asNumber=64600 + node.number) for node in self.nodes])
        bgp_lab.wait_converged(self.nodes)
        first = self.nodes[0]
        path = re.search(r"BGP.as_path: (.*)", first.birdc("show", "route", self.nodes[1].range4, "all"))
        self.assertEqual("64602", path[1].strip())

    def test_bfd_sees_a_dead_node_in_half_a_second(self):
        self.mesh(bfd=True, bfdIntervalMs=100)
        bgp_lab.wait_converged(self.nodes)
        first, second, third = self.nodes
        world.wait_until(lambda: all(node.birdc("show", "bfd", "sessions").count(" Up ") == 4 for node in self.nodes), "BFD", 10)
        third.unplug()
        died = time.monotonic()
        world.wait_until(lambda: first.routes() == bgp_lab.expected(first, [first, second]), "routes of the dead are gone", 5)
        took = time.monotonic() - died
        print(f"with BFD a dead node's routes go in {took:.2f} s")
        self.assertLess(took, 0.5)

    def test_hold_time_sees_a_dead_node(self):
        self.mesh("4")
        bgp_lab.wait_converged(self.nodes)
        first, second, third = self.nodes
        third.unplug()
        died = time.monotonic()
        world.wait_until(lambda: first.routes() == bgp_lab.expected(first, [first, second]), "routes of the dead are gone", 15)
        print(f"without BFD a dead node's routes go in {time.monotonic() - died:.2f} s")

    def test_routes_outlive_a_killed_bird(self):
        self.mesh()
        bgp_lab.wait_converged(self.nodes)
        everything = [node.routes() for node in self.nodes]
        monitors = [node.start_monitor() for node in self.nodes]
        first = self.nodes[0]
        first.kill_bird()
        self.assertEqual([node.routes() for node in self.nodes], everything)
        first.start_bird("-R")
        world.wait_until(lambda: first.bird_ready() and len(first.sessions()) == 4, "sessions are back", 20)
        world.wait_until(lambda: "Graceful restart" not in first.birdc("show", "status"), "recovery is over", 20)
        self.assertEqual([node.routes() for node in self.nodes], everything)
        for monitor in monitors:
            monitor.kill()
            changes = monitor.communicate()[0].splitlines()
            self.assertEqual([line for line in changes if line.startswith("Deleted") and "bird" in line], [])

    def test_reconfiguration_leaves_sessions_up(self):
        self.mesh("4", count=4)
        bgp_lab.wait_converged(self.nodes)
        first = self.nodes[0]
        world.wait_until(lambda: first.status()["running"], "the agent has found BIRD")
        before = first.sessions()
        self.assertEqual(first.apply(self.nodes[:3]), "")
        left = first.sessions()
        self.assertEqual(left, {name: since for name, since in before.items() if "n4" not in name})
        self.assertEqual(first.apply(self.nodes), "")
        world.wait_until(lambda: len(first.sessions()) == 3, "the fourth node is back", 15)
        self.assertEqual({**first.sessions(), **left}, first.sessions())

    def test_a_restarted_agent_disturbs_nothing(self):
        self.mesh("4")
        bgp_lab.wait_converged(self.nodes)
        first = self.nodes[0]
        before, routes = first.sessions(), first.routes()
        first.kill_agent()
        first.start_agent()
        world.wait_until(lambda: first.apply(self.nodes) == "", "the new agent is content")
        self.assertEqual((first.sessions(), first.routes()), (before, routes))

    @staticmethod
    def add_pod_link(node):
        node.space.run("ip", "link", "add", "pod0", "type", "veth", "peer", "name", "inside")
        node.space.run("ip", "link", "set", "inside", "up")
        node.space.run("ip", "link", "set", "pod0", "up")

    def test_single_pods_are_announced_from_where_they_are(self):
        self.mesh(floatingRanges=["10.250.0.0/16", "10.244.77.0/24", "fd00:244:0:77::/64"])
        bgp_lab.wait_converged(self.nodes)
        first, second, third = self.nodes

        def route(node, what, *words):
            node.space.run("ip", "route", what, *words)

        self.add_pod_link(second)
        route(second, "add", "10.250.1.1/32", "dev", "pod0", "proto", "89")
        route(second, "add", "10.244.77.7/32", "dev", "pod0", "proto", "89")
        route(second, "add", "fd00:244:0:77::7/128", "dev", "pod0", "proto", "89")
        route(second, "add", "10.244.2.9/32", "dev", "pod0", "proto", "89")  # in the aggregate
        route(second, "add", "10.251.0.1/32", "dev", "pod0", "proto", "89")  # nowhere
        route(second, "add", "10.250.1.2/32", "dev", "pod0")                 # no pod
        wanted = {**bgp_lab.expected(first, self.nodes), "10.250.1.1": second.v4, "10.244.77.7": second.v4, "fd00:244:0:77::7": second.link_local}
        world.wait_until(lambda: first.routes() == wanted, "single addresses", 10)
        self.assertNotIn("10.250.1.1", second.routes())
        # An address that other nodes do not accept from this one, which has a range.
        route(second, "add", "10.244.78.7/32", "dev", "pod0", "proto", "89")
        world.wait_until(lambda: "10.244.78.7/32" in second.birdc("show", "route", "export", "'node.n1.v4'"), "it is announced", 20)
        # The pod moves: both have it for a moment, and each keeps its own.
        self.add_pod_link(third)
        route(third, "add", "10.250.1.1/32", "dev", "pod0", "proto", "89")
        world.wait_until(lambda: "10.250.1.1" not in third.routes(), "the local pod wins", 10)
        self.assertNotIn("10.244.78.7", first.routes())
        route(second, "del", "10.250.1.1/32", "dev", "pod0")
        world.wait_until(lambda: first.routes().get("10.250.1.1") == third.v4, "the pod has moved", 10)

    def test_nodes_without_a_range_announce_pods_in_no_nodes_range(self):
        """Addresses come from one pool of the cluster, beside a node with a range of its own."""
        nodes = bgp_lab.Lab(self).add_nodes((1, 2, 3), "4")
        bgp_lab.start(nodes, [{**node.record(), "ranges": [node.range4] if node.number == 3 else []} for node in nodes])
        first, second, third = nodes
        self.add_pod_link(second)
        for pod in ("10.244.9.9", "10.244.3.9"):
            second.space.run("ip", "route", "add", f"{pod}/32", "dev", "pod0", "proto", "89")
        for node in (first, third):
            wanted = {"10.244.9.9": second.v4, **({third.range4: third.v4} if node is first else {})}
            world.wait_until(lambda node=node, wanted=wanted: node.routes() == wanted, f"routes of {node.name}", 20)
        self.assertIn("10.244.3.9/32", second.birdc("show", "route", "export", "'node.n1.v4'"))


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
