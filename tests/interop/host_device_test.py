#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""host-device of both suites on the same devices, by every key that names one. The folders of the kernel that list devices are made up, because
a link that a test can make belongs to no bus."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, PluginFailed, Suite, comparable, Names  # noqa: E402

VERSION, MAC, PCI, USER_SPACE = "1.0.0", "02:00:00:00:00:2a", "0000:00:99.0", "0000:00:98.0"
IPAM = {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]], "routes": [{"dst": "10.99.0.0/16", "gw": "10.61.0.1"}]}
PREPARE = (("ip", "link", "add", "nic0", "address", MAC, "type", "veth", "peer", "name", "far0"), ("ip", "link", "set", "far0", "up"))
BUS = "/sys/bus/pci/devices"
FOLDERS = {BUS: (f"{PCI}/net/nic0", USER_SPACE, "drivers/mlx5_core", "drivers/vfio-pci"), "/sys/devices/virtual/net": ("nic0",)}


def case(name, **keys):
    runtime = keys.pop("runtime", {})
    return Case(name, [{"type": "host-device", "ipam": IPAM, **keys}], prepare=PREPARE, versions=(VERSION,), runtime=runtime)


CASES = (case("device", device="nic0"), case("hwaddr", hwaddr=MAC.upper()), case("kernelpath", kernelpath="/sys/devices/virtual"),
         case("pciBusID", pciBusID=PCI), case("deviceID", capabilities={"deviceID": True}, runtime={"deviceID": PCI}),
         case("L2", device="nic0", ipam={}))
# S-253: the runtime's choice is for a program in user space.
DPDK = case("DPDK", capabilities={"deviceID": True}, runtime={"deviceID": USER_SPACE})


class HostDeviceTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def open(self, each, suite):
        node = Node(each)
        self.addCleanup(node.close)
        before = self.links(node.host)
        pod = node.add_pod("pod-one")
        pod.add(suite, each, VERSION)
        return pod, before

    def links(self, namespace):
        """The reference in Debian leaves the alias on the device."""
        return [line.replace(" alias nic0", "") for line in state.links(namespace) if not line.startswith("link lo ")]

    def expect_returned(self, pod, before):
        self.assertEqual(before, self.links(pod.node.host))
        self.assertEqual([], self.links(pod.sandbox))
        self.assertEqual([], [line for line in state.files() if "pod-one" in line])

    def test_both_make_the_same(self):
        for each in CASES:
            with self.subTest(each.name):
                seen = []
                for suite in (self.theirs, self.ours):
                    pod, _ = self.open(each, suite)
                    inside = [*state.links(pod.sandbox), *state.addresses(pod.sandbox), *state.routes(pod.sandbox)]
                    seen.append((comparable(pod.result, pod, Names(MAC)), inside))
                # Ours names the PCI device as well, as it does the MTU.
                self.assertEqual(PCI if "pciBusID" in each.plugins[0] or each.runtime else None, seen[1][0]["interfaces"][0].pop("pciID", None))
                self.assertEqual(*seen)

    def test_pods_change_between_the_suites(self):
        for each in CASES:
            for adds, then in ((self.theirs, self.ours), (self.ours, self.theirs), (self.ours, self.ours)):
                with self.subTest(each.name, adds=adds.name, then=then.name):
                    pod, before = self.open(each, adds)
                    pod.check(then, each, VERSION)
                    pod.delete(then, each, VERSION)
                    self.expect_returned(pod, before)
                    pod.delete(self.ours, each, VERSION)  # the reference's second DEL fails
                    self.expect_returned(pod, before)

    def test_a_device_of_user_space_is_not_moved(self):
        for adds, then in ((self.theirs, self.ours), (self.ours, self.theirs)):
            with self.subTest(adds=adds.name):
                pod, before = self.open(DPDK, adds)
                # Debian's release forgets the interface when there is IPAM.
                for interface in pod.result.get("interfaces", ()) if adds is self.theirs else pod.result["interfaces"]:
                    self.assertEqual(("eth0", pod.path, None), (interface["name"], interface["sandbox"], interface.get("mac")))
                self.assertEqual(["10.61.0.2/24", "fd00:61::2/64"], [ip["address"] for ip in pod.result["ips"]])
                self.assertEqual([], self.links(pod.sandbox))
                pod.check(then, DPDK, VERSION)
                pod.delete(self.ours, DPDK, VERSION)
                self.expect_returned(pod, before)

    def test_the_references_del_that_failed_succeeds_here(self):
        """A pod whose path is missing, one that has renamed its device, and one whose device is no longer on the bus."""
        each = CASES[0]
        pod, before = self.open(each, self.theirs)
        pod.sandbox.run("ip", "link", "set", "eth0", "down")
        pod.sandbox.run("ip", "link", "set", "eth0", "name", "renamed0")
        with self.assertRaisesRegex(PluginFailed, "Link not found"):
            pod.delete(self.theirs, each, VERSION)
        pod.delete(self.ours, each, VERSION)
        self.expect_returned(pod, before)
        with self.assertRaisesRegex(PluginFailed, "no such file"):
            pod.delete(self.theirs, each, VERSION, CNI_NETNS="/run/netns/missing")
        pod.delete(self.ours, each, VERSION, CNI_NETNS="/run/netns/missing")
        pod, before = self.open(case("unplugged", pciBusID=PCI), self.theirs)
        pod.delete(self.ours, case("unplugged", pciBusID="0000:00:97.0"), VERSION)
        self.expect_returned(pod, before)

    def test_each_device_returns_to_its_name(self):
        """Two devices of one pod."""
        node = Node(CASES[0])
        self.addCleanup(node.close)
        node.host.run("ip", "link", "add", "nic1", "type", "veth", "peer", "name", "far1")
        before = self.links(node.host)
        pod, results = node.add_pod("pod-one"), {}
        for number in (0, 1):
            each = Case("one", [{"type": "host-device", "device": f"nic{number}"}], ifname=f"net{1 - number}")
            results[each.ifname] = pod.add((self.ours, self.theirs)[number], each, VERSION), each
        for ifname in ("net1", "net0"):
            pod.result, each = results[ifname]
            pod.delete(self.ours, each, VERSION)
        self.assertEqual([line.replace(" alias nic1", "") for line in self.links(node.host)], before)


def make_up_devices():
    for folder, entries in FOLDERS.items():
        world.run("mount", "-t", "tmpfs", "plumb-test", folder)
        for entry in entries:
            os.makedirs(f"{folder}/{entry}")
    for device, driver in ((PCI, "mlx5_core"), (USER_SPACE, "vfio-pci")):
        os.symlink(f"../drivers/{driver}", f"{BUS}/{device}/driver")


if __name__ == "__main__":
    world.enter()
    make_up_devices()
    unittest.main(verbosity=2)
