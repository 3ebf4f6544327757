#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Impossible lists and machines: log, status and metric report the problem, and the rest keeps working."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_traffic import Probe  # noqa: E402
from lab.world import wait_until  # noqa: E402


class RefusalTest(unittest.TestCase):
    """A working cluster, and a list or a machine that goes wrong."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("vxlan")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.config["network"]["ranges"] = ["10.0.0.0/8", "fd00:244::/32"]
        cls.cluster.add_nodes(2)
        cls.cluster.start()
        cls.cluster.add_pods()
        cls.node = cls.cluster.nodes[0]
        cls.pods = cls.cluster.pods()
        cls.cluster.check_matrix()

    def reported(self, *words):
        """Status and log name the problem, and the metric counts it."""
        wait_until(lambda: all(word in self.node.control("status", check=False).stdout for word in words), f"status shows {words}", 10)
        self.assertTrue(any(all(word in line for word in words) for line in self.node.log().splitlines()), f"the log has {words}")
        self.assertGreater(self.node.metric("plumb_problems") or 0, 0)

    def while_listed(self, line, *words):
        with Probe(*self.pods) as probe:
            self.cluster.write_nodes(more=[line])
            self.reported(*words)
            self.assertEqual(0, probe.stop().lost)
        self.cluster.write_nodes()
        wait_until(lambda: not self.node.metric("plumb_problems"), "nothing is wrong any more")
        self.cluster.check_matrix()

    def test_two_nodes_with_one_range(self):
        self.while_listed("n9 addresses=10.0.1.9 ranges=10.244.2.0/24", "n9", "n2", "10.244.2.0/24")

    def test_a_range_inside_that_of_another_node(self):
        self.while_listed("n9 addresses=10.0.1.9 ranges=10.244.2.128/25", "n9", "n2")

    def test_two_nodes_with_one_address(self):
        self.while_listed("n9 addresses=10.0.1.2 ranges=10.244.9.0/24", "n9", "n2", "10.0.1.2")

    def test_a_node_with_the_range_of_this_one(self):
        self.while_listed("n9 addresses=10.0.1.9 ranges=10.244.1.0/24", "n9", "n1")

    def test_a_range_outside_the_cluster(self):
        self.while_listed("n9 addresses=10.0.1.9 ranges=172.16.9.0/24", "n9", "172.16.9.0/24", "outside the cluster network")

    def test_a_range_on_the_network_between_the_nodes(self):
        self.while_listed("n9 addresses=10.0.1.9 ranges=10.0.1.128/25", "n9", "10.0.1.128/25", "overlaps the nodes' own network")

    def test_a_default_route_is_refused_as_a_range(self):
        self.while_listed("n9 addresses=10.0.1.9 ranges=0.0.0.0/0", "0.0.0.0/0")

    def test_an_empty_list(self):
        """A list without other nodes is held back for a while, also with two nodes only."""
        with Probe(*self.pods) as probe:
            self.cluster.write_nodes([])
            self.reported("the list is held back: it lacks this node", "2 of 2 nodes")
            self.node.control("resync")
            self.assertEqual(0, probe.stop().lost)
        self.cluster.write_nodes()
        wait_until(lambda: not self.node.metric("plumb_problems"), "nothing is wrong any more")


class MachineTest(unittest.TestCase):
    """A machine on which plumbd cannot do its work."""

    def setUp(self):
        self.cluster = Cluster("vxlan")
        self.addCleanup(self.cluster.close)
        self.cluster.add_nodes(1)
        self.cluster.write_nodes()
        self.node = self.cluster.nodes[0]
        self.node.write_config()

    def reported(self, *words):
        wait_until(lambda: any(all(word in line for word in words) for line in self.node.log().splitlines()), f"the log has {words}")
        status = self.node.control("status", check=False).stdout
        for word in words:
            self.assertIn(word, status)
        self.assertGreater(self.node.metric("plumb_reconcile_failing"), 0)
        self.assertNotEqual(200, self.node.get("/readyz")[0])
        self.assertEqual(200, self.node.get("/healthz")[0])
        self.assertEqual([], list(self.node.path("/etc/cni/net.d").iterdir()))

    def recovers(self):
        self.node.wait_ready()

    def test_the_tunnels_port_and_vni_belong_to_another_device(self):
        self.node.run("ip", "link", "add", "theirs", "type", "vxlan", "id", "1", "dstport", "4789", "local", self.node.addresses[4])
        self.node.run("ip", "link", "set", "theirs", "up")
        self.node.start_plumbd(wait=False)
        self.reported("theirs", "4789")
        self.assertEqual(1, len(world.run_json(*self.node.enter, "ip", "-j", "link", "show", "type", "vxlan")))
        self.node.run("ip", "link", "del", "theirs")
        self.recovers()

    def test_the_tunnels_port_belongs_to_another_program(self):
        program = self.node.start("python3", "-c", "import socket\nit = socket.socket(type=socket.SOCK_DGRAM)\nit.bind(('', 4789))\nprint(flush=True)\ninput()",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(program.communicate)
        program.stdout.readline()
        self.node.start_plumbd(wait=False)
        self.reported("device plumb-vxlan up", "UDP port 4789 must be free", "Address already in use")
        self.assertNotIn("info: kernel: replaced device plumb-vxlan up", self.node.log(), "a refused change is not logged as done")
        program.communicate(b"\n")
        self.recovers()

    def test_the_tunnels_name_belongs_to_another_device(self):
        self.node.run("ip", "link", "add", "plumb-vxlan", "type", "veth", "peer", "name", "other")
        self.node.start_plumbd(wait=False)
        self.reported("plumb-vxlan")
        self.assertEqual(1, len(world.run_json(*self.node.enter, "ip", "-j", "link", "show", "plumb-vxlan", "type", "veth")))
        self.node.run("ip", "link", "del", "plumb-vxlan")
        self.recovers()

    def test_the_mtu_is_too_small_for_ipv6(self):
        self.node.run("ip", "link", "set", "eth0", "mtu", "1300")
        self.node.start_plumbd(wait=False)
        self.reported("1250", "1280", "eth0")
        self.node.run("ip", "link", "set", "eth0", "mtu", "1500")
        self.node.address_link("eth0")
        self.recovers()

    def test_no_link_has_the_nodes_address(self):
        self.node.run("ip", "address", "del", f"{self.node.addresses[4]}/24", "dev", "eth0")
        self.node.start_plumbd(wait=False)
        self.reported(self.node.addresses[4])
        self.node.run("ip", "address", "add", f"{self.node.addresses[4]}/24", "dev", "eth0")
        self.recovers()

    def test_this_node_is_not_listed(self):
        self.cluster.write_nodes(more=["n9 addresses=10.0.1.9 ranges=10.244.9.0/24"], nodes=[])
        self.node.start_plumbd(wait=False)
        self.reported("this node has no pod range")
        self.cluster.write_nodes()
        self.recovers()


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
