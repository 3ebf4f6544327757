#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chain of kube-flannel, and pods that change between this plugin and flannel's own.

Flannel's own plugin is not in Debian. FlannelsPlugin is a double that does what its source does: it merges subnet.env into the delegate's
configuration, keeps that in a file, and runs the reference's bridge with it."""
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, Suite  # noqa: E402

SUBNET = ("FLANNEL_NETWORK=10.200.0.0/16\nFLANNEL_SUBNET=10.200.3.1/24\nFLANNEL_IPV6_NETWORK=fd20::/48\n"
          "FLANNEL_IPV6_SUBNET=fd20:0:0:3::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n")
OTHER_SUBNET = SUBNET.replace("10.200.3.1", "10.200.9.1").replace("fd20:0:0:3", "fd20:0:0:9")
FLANNEL = {"type": "flannel", "delegate": {"hairpinMode": True, "forceAddress": True, "isDefaultGateway": True}}
CHAIN = Case("kube-flannel", [FLANNEL, {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "iptables"}],
             runtime={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}, versions=("0.3.1", "1.0.0"))
ALONE = Case("flannel", [FLANNEL], versions=("1.0.0",))
SUBNET_FILE, SCRATCH = pathlib.Path("/run/flannel/subnet.env"), pathlib.Path("/var/lib/cni/flannel")


class FlannelsPlugin:
    """The double."""

    def __init__(self, node, suite):
        self.node, self.suite = node, suite

    def add(self, pod):
        config = {**FLANNEL["delegate"], "cniVersion": "1.0.0", "name": "interop", "type": "bridge", "ipMasq": False, "mtu": 1450,
                  "isGateway": True, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.200.3.0/24"}], [{"subnet": "fd20:0:0:3::/64"}]],
                                              "routes": [{"dst": "10.200.0.0/16"}, {"dst": "fd20::/48"}]}}
        SCRATCH.mkdir(mode=0o700, exist_ok=True)
        text = json.dumps(config, sort_keys=True, separators=(",", ":"))
        (SCRATCH / pod.container_id).write_text(text, encoding="utf-8")
        pod.result = json.loads(self._run("ADD", pod, text))

    def delete(self, pod):
        file = SCRATCH / pod.container_id
        self._run("DEL", pod, file.read_text(encoding="utf-8"))
        file.unlink()

    def _run(self, verb, pod, text):
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": pod.container_id, "CNI_NETNS": pod.path,
               "CNI_IFNAME": "eth0", "CNI_PATH": self.suite.path}
        return self.node.host.run(f"{self.suite.path}/{json.loads(text)['type']}", text=text, env=env).stdout


class FlannelTest(unittest.TestCase):
    def setUp(self):
        SUBNET_FILE.write_text(SUBNET, encoding="utf-8")
        self.plumb, self.reference = Suite("plumb", world.plugin_folder()), Suite("reference", REFERENCE)
        self.node = Node()
        self.addCleanup(self.node.close)
        # The bridge and its gateways belong to the network and stay.
        pod = self.node.add_pod("first")
        pod.add(self.plumb, CHAIN, "1.0.0")
        pod.delete(self.plumb, CHAIN, "1.0.0")
        self.before = self.snapshot()

    def snapshot(self):
        return [line for line in (*state.links(self.node.host), *state.routes(self.node.host), *state.nftables(self.node.host), *state.files())
                if not state.CURSORS.search(line)]

    def assert_nothing_left(self):
        self.assertEqual([], state.difference(self.before, self.snapshot()))

    def test_chain_of_kube_flannel(self):
        for version in CHAIN.versions:
            with self.subTest(version):
                pods = [self.node.add_pod(f"{version}-{name}") for name in "ab"]
                pods[0].add(self.plumb, CHAIN, version)
                pods[1].add(self.plumb, ALONE, version)
                for ip in pods[1].result["ips"]:
                    pods[0].sandbox.run("ping", "-c1", "-W5", ip["address"].split("/")[0])
                route = pods[0].sandbox.run("ip", "route", "show", "10.200.0.0/16").stdout
                self.assertIn("via 10.200.3.1", route)
                pods[0].check(self.plumb, CHAIN, version)
                pods[0].delete(self.plumb, CHAIN, version)
                pods[1].delete(self.plumb, ALONE, version)
                self.assert_nothing_left()

    def test_a_pod_of_flannels_plugin_is_checked_and_removed(self):
        pod = self.node.add_pod("of-flannel")
        FlannelsPlugin(self.node, self.reference).add(pod)
        pod.check(self.plumb, ALONE, "1.0.0")
        pod.delete(self.plumb, ALONE, "1.0.0")
        self.assert_nothing_left()

    def test_flannels_plugin_removes_a_pod(self):
        pod = self.node.add_pod("of-plumb")
        pod.add(self.plumb, ALONE, "1.0.0")
        FlannelsPlugin(self.node, self.reference).delete(pod)
        self.assert_nothing_left()

    def test_a_pod_is_removed_although_the_node_has_another_subnet(self):
        pod = self.node.add_pod("old")
        pod.add(self.plumb, ALONE, "1.0.0")
        SUBNET_FILE.write_text(OTHER_SUBNET, encoding="utf-8")
        pod.delete(self.plumb, ALONE, "1.0.0")
        self.assert_nothing_left()

    def test_a_pod_of_the_new_subnet_gets_the_bridge_of_the_old_one(self):
        """kubernetes#70202: forceAddress in the delegate moves the bridge's address."""
        SUBNET_FILE.write_text(OTHER_SUBNET, encoding="utf-8")
        pod = self.node.add_pod("new")
        pod.add(self.plumb, ALONE, "1.0.0")
        pod.sandbox.run("ping", "-c1", "-W5", "10.200.9.1")
        pod.delete(self.plumb, ALONE, "1.0.0")

    def test_garbage_collection_keeps_what_lives(self):
        kept, gone = self.node.add_pod("kept"), self.node.add_pod("gone")
        for pod in (kept, gone):
            pod.add(self.plumb, ALONE, "1.0.0")
        for file in SCRATCH.iterdir():
            os.utime(file, (1, 1))
        config = {**FLANNEL, "cniVersion": "1.1.0", "name": "interop",
                  "cni.dev/valid-attachments": [{"containerID": "kept", "ifname": "eth0"}]}
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": "GC", "CNI_PATH": self.plumb.path}
        self.node.host.run(f"{self.plumb.path}/flannel", text=json.dumps(config), env=env)
        self.assertEqual(["kept"], [file.name for file in SCRATCH.iterdir()])
        kept.check(self.plumb, ALONE, "1.0.0")
        self.assertNotIn("gone", "".join(state.files()))
        kept.delete(self.plumb, ALONE, "1.0.0")
        self.assert_nothing_left()


if __name__ == "__main__":
    world.enter()
    SUBNET_FILE.parent.mkdir()
    unittest.main(verbosity=2)
