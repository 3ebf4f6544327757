#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every example configuration through all its verbs by cnitool, as an operator would, and looks for leftovers."""
import json
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import state, world  # noqa: E402
from lab.runtime import Node  # noqa: E402

CAPABILITIES = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}], "mac": "02:00:00:00:00:2a",
                "bandwidth": {"ingressRate": 10**8, "ingressBurst": 10**6, "egressRate": 10**8, "egressBurst": 10**6}}
# The files that plumbd and flannel leave for the plugins that read them.
SUBNET = ("FLANNEL_NETWORK=10.84.0.0/16\nFLANNEL_SUBNET=10.84.1.1/24\nFLANNEL_IPV6_NETWORK=fd00:84::/48\n"
          "FLANNEL_IPV6_SUBNET=fd00:84:0:1::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n")
NODE = {"version": 1, "name": "node-a", "network": ["10.83.0.0/16", "fd00:83::/48"], "mtu": 1450, "backend": "vxlan",
        "ranges": ["10.83.1.0/24", "fd00:83:0:1::/64"], "ipMasq": False, "stale": False}


SILENT = ("dummy", "tap")  # nothing answers on their links


class Cnitool:
    """cnitool on a node, with one folder of configurations."""

    def __init__(self, node, folder):
        self.node, self.bin = node, world.plugin_folder()
        self.env = {"PATH": os.environ["PATH"], "NETCONFPATH": str(folder), "CNI_PATH": self.bin,
                    "CAP_ARGS": json.dumps(CAPABILITIES)}

    def __call__(self, *words, check=True):
        return self.node.host.run(f"{self.bin}/cnitool", *words, env=self.env, check=check)


def plugin_examples():
    """(path, list) of every plugin's example: example.conflist of a chained plugin, example.conf of the others."""
    for path in sorted([*ROOT.glob("*/*/example.conf"), *ROOT.glob("*/*/example.conflist")]):
        if "NEEDS_SERVER" in (path.parent / "CMakeLists.txt").read_text(encoding="utf-8"):
            continue  # its own tests start the server
        example = json.loads(path.read_text())
        if path.parent.parent.name == "ipam":
            example["isGateway"] = True  # the interface plugin of the example: gateways are pinged
        plugins = example.get("plugins", [example])
        yield path, {"cniVersion": example["cniVersion"], "name": example["name"], "plugins": plugins}


def missing_kind(folder):
    """The kind of link that the plugin in `folder` makes, if this kernel has none; tests/vm runs its example on Debian's."""
    found = re.search(r'LINK_KIND "([^"]*)"', (folder / "CMakeLists.txt").read_text(encoding="utf-8"))
    if found and world.run(ROOT / "tests/lab/has_link_kind", *found[1].split(), check=False).returncode != 0:
        return found[1]
    return None


class ExampleTestCase(unittest.TestCase):
    def install(self, name, text):
        """A node of its own with one configuration."""
        self.node = Node()
        self.node.host.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")  # of plugins that have peers
        self.addCleanup(self.node.close)
        plugins = json.loads(text)["plugins"]
        self.add_network(plugins[0])
        folder = pathlib.Path(f"/etc/cni/{self.node.host.name}")
        folder.mkdir()
        (folder / name).write_text(text)
        self.silent = plugins[0]["type"] in SILENT
        self.way = [word for plugin in plugins if plugin["type"] == "vrf" for word in ("-I", plugin["vrfname"])]
        self.cnitool = Cnitool(self.node, folder)

    def add_network(self, plugin):
        """A network of other machines, for plugins that put pods on it. Its router is in the VLAN of `plugin`."""
        run = self.node.host.run
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "router0")
        for link in ("eth0", "router0"):
            run("ip", "link", "set", link, "up")
        router = "router0"
        if plugin["type"] == "vlan":
            router = "vlan0"
            run("ip", "link", "add", router, "link", "router0", "up", "type", "vlan", "id", str(plugin["vlanId"]))
        run("ip", "address", "add", "10.79.0.1/24", "dev", router)
        world.wait_until(lambda: run("ip", "-br", "link", "show", "up").stdout.count(" UP ") >= 2, "the kernel sends by both ends", 5)

    def snapshot(self):
        """Objects that must be removed with an attachment; bridges and the skeleton of tables belong to the network."""
        yield from (line for line in state.links(self.node.host) if line.split()[1].startswith(("veth", "bwp")))
        yield from state.files()
        yield from (line for line in self.node.host.run("nft", "list", "ruleset").stdout.splitlines()
                    if "id: cnitool-" in line or "CNI-DN-" in line)

    def run_network(self, name):
        """ADD, CHECK, STATUS, GC that keeps it, CHECK, DEL twice, and an ADD again."""
        pod = self.node.add_pod(name)
        before = list(self.snapshot())
        for _ in range(2):
            result = json.loads(self.cnitool("add", name, pod.path).stdout)
            self.assertEqual([each["sandbox"] for each in result["interfaces"] if "sandbox" in each][-1], pod.path)
            self.assert_addresses(result, pod)
            self.cnitool("check", name, pod.path)
            if result["cniVersion"] == "1.1.0":
                self.cnitool("status", name, pod.path)
            attachment = json.loads(self.cnitool("attachments", "--json").stdout)
            keep = f"{attachment[0]['containerID']}:{attachment[0]['ifname']}"
            self.cnitool("gc", name, "--keep", keep)
            self.cnitool("check", name, pod.path)
            self.cnitool("del", name, pod.path)
            self.cnitool("del", name, pod.path)
            self.assertEqual(list(self.snapshot()), before)

    def assert_addresses(self, result, pod):
        """S-151: the result says what the kernel has."""
        present = pod.sandbox.run("ip", "address").stdout
        for ip in result.get("ips", ()):
            self.assertIn(f" {ip['address']} ", present)
            if "gateway" in ip and not self.silent:
                pod.sandbox.run("ping", "-c1", "-W5", *self.way, ip["gateway"])

    def run_plugin_example(self, path, network):
        self.install(f"{path.parent.name}.conflist", json.dumps(network))
        self.run_network(network["name"])


class ExamplesTest(ExampleTestCase):
    def test_conf_examples(self):
        for path in sorted((ROOT / "conf-examples").glob("*.conflist")):
            with self.subTest(path.name):
                self.install(path.name, path.read_text())
                self.run_network(json.loads(path.read_text())["name"])

    def test_plugin_examples(self):
        for path, network in plugin_examples():
            with self.subTest(str(path.relative_to(ROOT))):
                if kind := missing_kind(path.parent):
                    self.skipTest(f"this kernel has no links of kind {kind}")
                self.run_plugin_example(path, network)

    def test_examples_are_valid(self):
        """C-23: validate finds nothing to say against any of them."""
        for path in sorted((ROOT / "conf-examples").glob("*.conflist")):
            with self.subTest(path.name):
                self.install(path.name, path.read_text())
                self.cnitool("validate", str(path))


if __name__ == "__main__":
    world.enter()
    for file, text in (("/run/plumb/node.json", json.dumps(NODE)), ("/run/flannel/subnet.env", SUBNET)):
        pathlib.Path(file).parent.mkdir()
        pathlib.Path(file).write_text(text, encoding="utf-8")
    unittest.main(verbosity=2)
