#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VLANs of the bridge plugin, on a kernel with bridge VLAN filtering: tests/vm/run starts one."""
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import state, world  # noqa: E402
from lab.runtime import Case, Node, PluginFailed, Suite  # noqa: E402

VERSION = "1.0.0"
BRIDGE = "cni0"
UNTAGGED = {"PVID", "Egress Untagged"}


def network(number, **keys):
    """A bridge network with 10.61.<number>.0/24; `keys` are those of the plugin."""
    return Case(f"net-{number}", [{"type": "bridge", "bridge": BRIDGE, **keys, "ipam": {
        "type": "host-local", "ranges": [[{"subnet": f"10.61.{number}.0/24"}]]}}])


def access(vlan, **keys):
    return network(vlan, vlan=vlan, **keys)


def port_of(pod):
    return pod.result["interfaces"][1]["name"]


def address_of(pod):
    return pod.result["ips"][0]["address"].partition("/")[0]


class BridgeVlanTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite("ours", world.plugin_folder())

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def add(self, name, case):
        pod = self.node.add_pod(name)
        pod.add(self.suite, case, VERSION)
        return pod

    def vlans(self, port):
        """VLAN -> its flags."""
        entries = json.loads(self.node.host.run("bridge", "-c", "-j", "vlan", "show", "dev", port).stdout or "[]")
        return {vlan: set(each.get("flags", ())) for entry in entries for each in entry["vlans"]
                for vlan in range(each["vlan"], each.get("vlanEnd", each["vlan"]) + 1)}

    def links(self):
        return {each["ifname"]: each for each in json.loads(self.node.host.run("ip", "-j", "-d", "link").stdout)}

    def port_of_gateway(self, vlan):
        return self.links()[f"{BRIDGE}.{vlan}"]["link"]

    def assert_reaches(self, pod, address):
        pod.sandbox.run("ping", "-c", "1", "-W", "5", address)

    def assert_cannot_reach(self, pod, address):
        self.assertNotEqual(0, pod.sandbox.run("ping", "-c", "1", "-W", "1", address, check=False).returncode)

    def check_fails(self, pod, case):
        with self.assertRaises(PluginFailed) as failure:
            pod.check(self.suite, case, VERSION)
        return failure.exception.text

    def test_access_port_and_gateway_link(self):
        pod = self.add("pod-a", access(7, isGateway=True))
        self.assertEqual([BRIDGE, port_of(pod), "eth0", "cni0.7"], [each["name"] for each in pod.result["interfaces"]])
        self.assertEqual(1, self.links()[BRIDGE]["linkinfo"]["info_data"]["vlan_filtering"])
        self.assertEqual({7: UNTAGGED}, self.vlans(port_of(pod)))
        self.assertEqual({7: UNTAGGED}, self.vlans(self.port_of_gateway(7)))
        self.assert_reaches(pod, "10.61.7.1")
        pod.check(self.suite, access(7, isGateway=True), VERSION)

    def test_a_gateway_link_left_unfinished_is_finished(self):
        """The state of an ADD that is killed between creating the pair and setting it up."""
        self.add("pod-a", access(8))
        self.node.host.run("ip", "link", "add", "cni0.7", "type", "veth", "peer", "name", "vethkilled")
        self.node.host.run("ip", "link", "set", "vethkilled", "up", "master", BRIDGE)
        pod = self.add("pod-b", access(7, isGateway=True))
        self.assertEqual({7: UNTAGGED}, self.vlans("vethkilled"))
        self.assert_reaches(pod, "10.61.7.1")

    def test_pods_reach_those_of_their_vlan_only(self):
        """The pods share a subnet, so that nothing but the VLAN is between them."""
        one, same, other = (self.add(name, network(9, vlan=vlan)) for name, vlan in (("pod-a", 7), ("pod-b", 7), ("pod-c", 8)))
        self.assert_reaches(one, address_of(same))
        self.assert_cannot_reach(one, address_of(other))
        self.assert_cannot_reach(other, address_of(one))

    def test_a_gateway_is_reached_from_its_vlan_only(self):
        inside = self.add("pod-7", access(7, isGateway=True))
        others = [self.add("pod-8", network(7, vlan=8)), self.add("pod-none", network(7))]
        self.assert_reaches(inside, "10.61.7.1")
        for pod in others:
            self.assert_cannot_reach(pod, "10.61.7.1")

    def test_trunk_of_ids_and_ranges(self):
        case = network(9, vlanTrunk=[{"id": 30}, {"minID": 10, "maxID": 12}, {"id": 11}])
        pod = self.add("pod-a", case)
        self.assertEqual({1: UNTAGGED, 10: set(), 11: set(), 12: set(), 30: set()}, self.vlans(port_of(pod)))
        pod.check(self.suite, case, VERSION)

    def test_trunk_beside_an_access_vlan(self):
        case = access(7, vlanTrunk=[{"minID": 7, "maxID": 8}])
        pod = self.add("pod-a", case)
        self.assertEqual({7: UNTAGGED, 8: set()}, self.vlans(port_of(pod)))
        pod.check(self.suite, case, VERSION)

    def test_empty_trunk_only_turns_filtering_on(self):
        pod = self.add("pod-a", network(9, vlanTrunk=[]))
        self.assertEqual(1, self.links()[BRIDGE]["linkinfo"]["info_data"]["vlan_filtering"])
        self.assertEqual({1: UNTAGGED}, self.vlans(port_of(pod)))

    def test_trunk_of_every_vlan(self):
        """A port that fills the kernel's answer disturbs neither its own CHECK nor the next ADD."""
        case = network(9, vlanTrunk=[{"minID": 1, "maxID": 4094}])
        pod = self.add("pod-a", case)
        self.assertEqual({1: UNTAGGED} | {vlan: set() for vlan in range(2, 4095)}, self.vlans(port_of(pod)))
        pod.check(self.suite, case, VERSION)
        self.assertEqual({7: UNTAGGED}, self.vlans(port_of(self.add("pod-b", access(7)))))
        self.node.host.run("bridge", "vlan", "del", "dev", port_of(pod), "vid", "2000")
        self.assertIn("VLAN 2000", self.check_fails(pod, case))

    def test_default_vlan_is_preserved_on_request(self):
        case = access(7, preserveDefaultVlan=True)
        pod = self.add("pod-a", case)
        self.assertEqual({1: {"Egress Untagged"}, 7: UNTAGGED}, self.vlans(port_of(pod)))
        pod.check(self.suite, case, VERSION)

    def test_S180_check_misses_a_vlan(self):
        for case, vlan in ((access(7), 7), (network(9, vlanTrunk=[{"minID": 10, "maxID": 12}]), 11)):
            with self.subTest(vlan=vlan):
                pod = self.add(f"pod-{vlan}", case)
                pod.check(self.suite, case, VERSION)
                self.node.host.run("bridge", "vlan", "del", "dev", port_of(pod), "vid", str(vlan))
                self.assertIn(f"is not in VLAN {vlan}", self.check_fails(pod, case))

    def test_S185_check_passes_while_other_pods_come_and_go(self):
        """A bridge without an address of its own follows its ports' lowest."""
        case = access(7, isGateway=True)
        pod = self.add("pod-a", case)
        for number in range(4):
            other = self.add(f"pod-{number}", case)
            pod.check(self.suite, case, VERSION)
            if number % 2:
                other.delete(self.suite, case, VERSION)
                pod.check(self.suite, case, VERSION)

    def test_del_leaves_bridge_and_gateway_link(self):
        case = access(7, isGateway=True)
        pod = self.add("pod-a", case)
        gateway_port = self.port_of_gateway(7)
        pod.delete(self.suite, case, VERSION)
        pod.delete(self.suite, case, VERSION)
        self.assertEqual({"lo", BRIDGE, "cni0.7", gateway_port}, set(self.links()))
        self.assertEqual([], list(state.files()))
        again = self.add("pod-b", case)
        self.assertEqual(gateway_port, self.port_of_gateway(7))
        self.assert_reaches(again, "10.61.7.1")

    def test_S194_S198_gc_takes_stale_pods_and_keeps_the_gateway_link(self):
        case = access(7, isGateway=True)
        kept, stale = self.add("pod-kept", case), self.add("pod-stale", case)
        config = {"cniVersion": "1.1.0", "name": "interop", **case.plugins[0],
                  "cni.dev/valid-attachments": [{"containerID": kept.container_id, "ifname": "eth0"}]}
        self.node.host.run(f"{self.suite.path}/bridge", text=json.dumps(config),
                           env={"PATH": os.environ["PATH"], "CNI_COMMAND": "GC", "CNI_PATH": self.suite.path})
        self.assertEqual({"lo", BRIDGE, "cni0.7", self.port_of_gateway(7), port_of(kept)}, set(self.links()))
        self.assertFalse([line for line in state.files() if "pod-stale" in line], stale.container_id)
        self.assert_reaches(kept, "10.61.7.1")
        kept.check(self.suite, case, VERSION)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
