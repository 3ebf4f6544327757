#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every configuration in conf-examples/plumbd is one that plumbd accepts and plans from, and its firewall rules load."""
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "conf-examples/plumbd"
PLUMBD = f"{world.plugin_folder()}/plumbd"
# The ports of docs/ports.md, for node-a of the list of nodes.
PORTS = {
    "vxlan": {"udp dport 4789": {"192.0.2.2", "198.51.100.3"}},
    "auto": {"udp dport 4789": {"192.0.2.2", "198.51.100.3"}},
    "host-gw": {},
    "bgp-mesh": {"tcp dport 179": {"192.0.2.2", "198.51.100.3"}, "udp dport 3784": {"192.0.2.2"},
                 "udp dport 4784": {"198.51.100.3"}},
    "bgp-reflectors": {"tcp dport 179": {"192.0.2.2"}},
    "bgp-top-of-rack": {"tcp dport 179": {"192.0.2.254"}, "udp dport 3784": {"192.0.2.254"}},
}


def plumbd(*arguments):
    return world.run(PLUMBD, *arguments, env=world.environment()).stdout


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs("/etc/cni/net.d")
        shutil.copy(EXAMPLES / "nodes", "/etc/plumb/nodes")
        secret = pathlib.Path("/etc/plumb/bgp-password")
        secret.write_text("correct horse\n", encoding="utf-8")
        secret.chmod(0o600)
        world.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "switch")
        for link in ("eth0", "switch"):
            world.run("ip", "link", "set", link, "up")
        world.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
        world.run("ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")

    def test_plumbd_finds_no_mistake(self):
        for path in sorted(EXAMPLES.glob("*.yaml")):
            with self.subTest(path.name):
                self.assertEqual(plumbd("check", "--config", str(path), "--node", "node-a"), "ok\n")

    def test_all_are_here(self):
        self.assertEqual({path.stem for path in EXAMPLES.glob("*.yaml")}, set(PORTS) | {"flannel"})

    def test_the_firewall_opens_the_ports_of_the_mode(self):
        for mode, wanted in PORTS.items():
            with self.subTest(mode):
                rules = self.firewall(mode, "nft")
                opened = {}
                for line in rules.splitlines():
                    words = line.split("{")
                    if " accept" in line and "ip saddr" in line:
                        sources, _, rest = words[1].partition("}")
                        opened[rest.partition(" accept")[0].strip()] = {source.strip() for source in sources.split(",")}
                self.assertEqual(opened, wanted)
                world.run("nft", "-c", "-f", "-", text=rules)
                world.run("iptables-restore", "--test", "--noflush", text=self.firewall(mode, "iptables"))
                world.run("ip6tables-restore", "--test", "--noflush", text=self.firewall(mode, "iptables"))

    def firewall(self, mode, form):
        return plumbd("firewall", "--format", form, "--config", str(EXAMPLES / f"{mode}.yaml"), "--node", "node-a")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
