#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""K4 on a kernel that has br_netfilter as an unloaded module: tests/vm/run starts one."""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402

SYSCTL = "net.bridge.bridge-nf-call-iptables"
PATIENCE = 60  # seconds, under emulation


class BrNetfilterTest(unittest.TestCase):
    def problems(self):
        status = json.loads(self.node.control("status", "--json", check=False).stdout)
        return [line for each in status["conditions"] if each["name"] == "bridged-services" for line in each["lines"]]

    def bridge_calls(self):
        link, = world.run_json(*self.node.enter, "ip", "-j", "-d", "link", "show", "cni0")
        return link["linkinfo"]["info_data"]["nf_call_iptables"]

    def test_status_names_the_module_until_it_is_loaded(self):
        cluster = Cluster("vxlan", (4,), (4,))
        self.addCleanup(cluster.close)
        self.node = cluster.add_node()
        cluster.write_nodes()
        self.node.write_config()
        self.node.start_plumbd(wait=False)
        self.node.wait_ready(PATIENCE)
        self.node.add_pod("a")
        self.assertEqual([], self.problems())
        self.node.run("nft", "add", "table", "ip", "kube-proxy")
        line, = world.wait_until(self.problems, "status names the module", PATIENCE)
        self.assertIn("modprobe br_netfilter", line)
        self.assertEqual(0, self.bridge_calls(), "a setting without effect")
        world.run("modprobe", "br_netfilter")
        world.wait_until(lambda: self.problems() == [], "status is well with the module", PATIENCE)
        self.assertEqual(0, self.bridge_calls(), "the sysctl is 1")
        self.node.run("sysctl", "-qw", f"{SYSCTL}=0")
        world.wait_until(lambda: self.bridge_calls() == 1, "the bridge's own setting is on", PATIENCE)
        self.assertEqual([], self.problems())


if __name__ == "__main__":
    # The kernel of the machine may have it loaded or built in.
    if pathlib.Path("/proc/sys/net/bridge").exists():
        sys.exit("br_netfilter is loaded already: run this by tests/vm/run")
    subprocess.run(["modprobe", "-n", "br_netfilter"], check=True)
    world.enter()
    unittest.main(verbosity=2)
