#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbr of both suites in one pod with two networks. The reference's CHECK of the interface plugins looks for routes in the main table only,
and its second DEL fails: so it runs ADD, and one DEL."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, Suite  # noqa: E402

FIRST = Case("first", [{"type": "bridge", "bridge": "br-first", "isDefaultGateway": True,
                        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]]}}])
VERSION = "1.0.0"


def second(*subnets, **options):
    """The network that packets from its own address must use."""
    ranges = [[{"subnet": subnet}] for subnet in subnets]
    ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "10.99.0.0/16"}]}
    return Case("second", [{"type": "bridge", "bridge": "br-second", "isGateway": True, "ipam": ipam}, {"type": "sbr", **options}], ifname="net1")


def macvlan(*subnets):
    """The second network without a bridge, as Multus attaches it."""
    case = second(*subnets)
    ipam = case.plugins[0]["ipam"]
    return Case("macvlan", [{"type": "macvlan", "master": "up0", "ipam": ipam}, case.plugins[1]], ifname=case.ifname)


class SbrTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def open(self, suite, case):
        """A pod with eth0 by our suite and net1 by `suite`."""
        node = Node()
        self.addCleanup(node.close)
        node.host.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        for link in ("up0", "up1"):
            node.host.run("ip", "link", "set", link, "up")
        pod = node.add_pod("pod-one")
        pod.add(self.ours, FIRST, VERSION)
        before = self.routing(pod)
        pod.add(suite, case, VERSION)
        return pod, before

    def routing(self, pod):
        return [*state.routes(pod.sandbox), *state.rules(pod.sandbox)]

    def test_one_family_gives_the_same_routes_and_rules(self):
        for case in (second("10.62.0.0/24"), macvlan("10.62.0.0/24")):
            self.assertEqual(self.routing(self.open(self.theirs, case)[0]), self.routing(self.open(self.ours, case)[0]))

    def test_our_check_and_del_of_the_references_state(self):
        for case in (second("10.62.0.0/24"), second("10.62.0.0/24", "fd00:62::/64"), macvlan("10.62.0.0/24", "fd00:62::/64")):
            pod, before = self.open(self.theirs, case)
            pod.check(self.ours, case, VERSION)
            for _ in range(2):
                pod.delete(self.ours, case, VERSION)
                self.assertEqual(before, self.routing(pod))

    def test_the_references_del_of_our_state(self):
        for case in (second("10.62.0.0/24"), second("10.62.0.0/24", "fd00:62::/64"), second("10.62.0.0/24", addSourceHints=True),
                     macvlan("10.62.0.0/24", "fd00:62::/64")):
            pod, before = self.open(self.ours, case)
            pod.check(self.ours, case, VERSION)
            pod.delete(self.theirs, case, VERSION)
            self.assertEqual(before, self.routing(pod))

    def test_packets_leave_by_the_interface_of_their_source(self):
        for suite in (self.ours, self.theirs):
            pod, _ = self.open(suite, second("10.62.0.0/24"))
            for source, device in (("10.61.0.2", "eth0"), ("10.62.0.2", "net1")):
                self.assertIn(f"dev {device}", pod.sandbox.run("ip", "route", "get", "192.0.2.1", "from", source).stdout)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
