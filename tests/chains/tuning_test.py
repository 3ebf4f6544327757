#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tuning behind every wiring: each plugin's CHECK accepts the final result, DEL sets the link back, GC goes by the network."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from chains.ownership_test import WiringTest, each_wiring  # noqa: E402
from lab import state, world  # noqa: E402

MAC = "02:00:5E:00:53:08"
PORTS = {"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
TUNING = {"type": "tuning", "sysctl": {"net.core.somaxconn": "1024", "net.ipv4.tcp_rmem": "4096 87380 6291456", "net.ipv4.conf.IFNAME.arp_filter": "1"},
          "mac": MAC, "mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 77}
AGAIN = {"type": "tuning", "mtu": 1300, "sysctl": {"net.core.somaxconn": "1024"}}
BACKUPS = pathlib.Path("/run/cni/tuning")


class ChainTest(WiringTest):
    def link(self, pod):
        """The properties that tuning sets."""
        link = self.node.links(pod)["eth0"]
        flags = [flag for flag in ("PROMISC", "ALLMULTI") if flag in link["flags"]]
        return [link["address"], link["mtu"], link["txqlen"], flags]

    @each_wiring
    def test_check_of_every_plugin_accepts_the_final_result_and_del_sets_the_link_back(self, config):
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        untuned = self.link(pod)
        chain = [config, PORTS, TUNING]
        for plugin in chain[1:]:
            result = self.node.add(plugin, pod, previous=result)
        (entry,) = [each for each in result["interfaces"] if each["name"] == "eth0"]
        self.assertEqual([MAC, 1400], [entry["mac"], entry["mtu"]])
        self.assertEqual([MAC.lower(), 1400, 77, ["PROMISC", "ALLMULTI"]], self.link(pod))
        for plugin in chain:
            self.node.call("CHECK", plugin, pod, previous=result)
        self.node.call("DEL", TUNING, pod, previous=result)
        self.assertEqual(untuned, self.link(pod))
        for plugin in reversed(chain):
            self.node.call("DEL", plugin, pod, previous=result)
        self.assertEqual([], [line for line in state.files() if "tuning" in line])

    @each_wiring
    def test_two_in_one_chain_leave_the_first_values(self, config):
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        untuned = self.link(pod)
        for plugin in (TUNING, AGAIN):
            result = self.node.add(plugin, pod, previous=result)
        for plugin in (config, TUNING, AGAIN):
            self.node.call("CHECK", plugin, pod, previous=result)
        for plugin in (AGAIN, TUNING):
            self.node.call("DEL", plugin, pod, previous=result)
        self.assertEqual(untuned, self.link(pod))

    @each_wiring
    def test_gc_removes_the_backups_of_its_own_network_only(self, config):
        for container in ("c1", "c2"):
            pod = self.node.namespace()
            self.node.add(TUNING, pod, container=container, previous=self.node.add(config, pod, container=container))
        self.add_to_another_network(self.node.namespace())
        self.node.call("GC", TUNING, None, **{"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]})
        self.assertEqual({"c1_eth0.json", "c3_eth0.json"}, set(os.listdir(BACKUPS)))

    def add_to_another_network(self, pod):
        """Its link is made by another suite."""
        pod.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0")
        self.node.add(TUNING, pod, container="c3", network="net2", previous={"interfaces": [{"name": "eth0", "sandbox": pod.path}]})


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
