#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd on three machines with a real etcd beside them: ranges from the store, tunnels between them, and what happens while etcd is
away."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster, gateway  # noqa: E402
from lab.cluster_traffic import Ask, Endpoint, Monitor, Probe  # noqa: E402

URL = f"http://{gateway(1, 4)}:2379"
NETWORK = {"Network": "10.244.0.0/16", "EnableIPv6": True, "IPv6Network": "fd00:244::/48", "Backend": {"Type": "vxlan"}}
SUBNETS = "/coreos.com/network/subnets/"


class Etcd:
    """On the router between the nodes."""

    def __init__(self, cluster):
        self.enter = ["nsenter", f"--net={cluster.underlay.router.path}"]
        self.folder = tempfile.mkdtemp(dir=cluster.folder, prefix="etcd-")
        self.process = None
        self.start()

    def start(self):
        peer = "http://127.0.0.1:2380"
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen([*self.enter, "etcd", f"--data-dir={self.folder}/data", f"--listen-client-urls={URL}",
                                             f"--advertise-client-urls={URL}", f"--listen-peer-urls={peer}",
                                             f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.ctl("--dial-timeout=30s", "--command-timeout=30s", "get", "/ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ctl(self, *arguments):
        return world.run(*self.enter, "env", "ETCDCTL_API=3", "etcdctl", f"--endpoints={URL}", *arguments).stdout

    def keys(self):
        return self.ctl("get", "--prefix", "--keys-only", SUBNETS).split()


class PlumbdTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.cluster.config = {"source": "etcd", "etcd": {"endpoints": [URL]}, "ranges": None}
        self.addCleanup(self.cluster.close)
        self.etcd = Etcd(self.cluster)
        self.addCleanup(self.etcd.kill)
        self.etcd.ctl("put", "/coreos.com/network/config", json.dumps(NETWORK))
        for subnet in (1, 1, 2):
            self.cluster.add_node(subnet)
        self.cluster.start()
        for node in self.cluster.nodes:
            world.wait_until(lambda node=node: node.path("/run/plumb/subnet.env").exists(), f"{node.name} has a range", 20)

    @staticmethod
    def published(node):
        return json.loads(node.path("/run/plumb/node.json").read_text(encoding="utf-8"))

    def tunnel_end(self, node):
        """The node by the addresses of its tunnel, which are the bases of its ranges."""
        bases = {6 if ":" in text else 4: text.partition("/")[0] for text in self.published(node)["ranges"]}
        return Endpoint(f"{node.name}'s tunnel", node.namespace.path, bases)

    def check_tunnels(self, ends):
        for end in ends:
            self.cluster.wire.listen(end)
        asks = [Ask(source, target, address) for source in ends for target in ends if source is not target
                for address in target.addresses.values()]
        self.assertEqual([], [str(ask) for ask in self.cluster.wire.unanswered(asks, 10)])

    def test_nodes_take_ranges_and_tunnels_connect_them(self):
        self.check_tunnels([self.tunnel_end(node) for node in self.cluster.nodes])
        keys = {SUBNETS + "&".join(text.replace("/", "-") for text in self.published(node)["ranges"]) for node in self.cluster.nodes}
        self.assertEqual(keys, set(self.etcd.keys()))

    def test_flannels_mtu_and_direct_routes_are_followed(self):
        """L6."""
        first, second, third = self.cluster.nodes
        network = {**NETWORK, "Backend": {"Type": "vxlan", "MTU": 1400, "DirectRouting": True}}
        self.etcd.ctl("put", "/coreos.com/network/config", json.dumps(network))
        world.wait_until(lambda: [self.published(node)["mtu"] for node in self.cluster.nodes] == [1350] * 3, "the MTU is the network's")
        near, far = (self.published(node)["ranges"][0] for node in (second, third))
        world.wait_until(lambda: f"via {second.addresses[4]} dev eth0" in first.run("ip", "route", "show", near).stdout, "a direct route")
        self.assertIn("plumb-vxlan", first.run("ip", "route", "show", far).stdout)

    def test_a_range_that_is_replaced_is_routed_until_its_last_pod_is_gone(self):
        self.cluster.add_pods()
        first, _, third = self.cluster.nodes
        peer, old_pod = first.pods[0], third.pods[0]
        self.cluster.wait_reaches(peer.endpoint(), old_pod.endpoint(), 4, 20)
        taken = [text for node in self.cluster.nodes for text in self.published(node)["ranges"]]  # by chance
        number = next(number for number in range(200, 256) if f"10.244.{number}.0/24" not in taken)
        old, new = self.published(third)["ranges"], [f"10.244.{number}.0/24", f"fd00:244:0:{number:x}::/64"]
        with Probe(peer, old_pod) as probe, Probe(peer, old_pod, family=6) as probe_v6:
            third.write_config(ranges=new)
            third.restart_plumbd()
            world.wait_until(lambda: self.published(third)["ranges"] == [*new, *old], "node.json has the new ranges first, and the old ones")
            world.wait_until(lambda: old[0] in self.etcd.ctl("get", SUBNETS + f"10.244.{number}.0-24&fd00:244:0:{number:x}::-64"),
                             "the new ranges are claimed, the old ones published beside them")
            self.cluster.listen(new_pod := third.add_pod("pod2"))
            self.assertTrue(new_pod.addresses[4].startswith(f"10.244.{number}."), new_pod.addresses)
            for family in (4, 6):
                self.cluster.wait_reaches(peer.endpoint(), new_pod.endpoint(), family)
                self.cluster.wait_reaches(old_pod.endpoint(), new_pod.endpoint(), family)
            for report in (probe.stop(), probe_v6.stop()):
                self.assertEqual(0, report.lost, report)
        old_pod.delete()
        world.wait_until(lambda: third.control("resync", check=False) and self.published(third)["ranges"] == new, "the old ranges are given up")
        world.wait_until(lambda: old[0] not in first.run("ip", "route").stdout and old[1] not in first.run("ip", "-6", "route").stdout,
                         "no node routes them any more")
        self.assertEqual(3, len(self.etcd.keys()))

    def test_pods_keep_their_network_when_etcd_is_killed_and_plumbd_restarted(self):
        ends = [self.tunnel_end(node) for node in self.cluster.nodes]
        self.check_tunnels(ends)
        first, before = self.cluster.nodes[0], sorted(self.etcd.keys())
        cache = first.path("/var/lib/plumb/snapshot.json")
        known = [text for node in self.cluster.nodes for text in self.published(node)["ranges"]]
        world.wait_until(lambda: cache.exists() and all(text in cache.read_text(encoding="utf-8") for text in known),
                         "the cache is complete", 30)
        with Monitor(first, self.cluster.folder) as monitor, Probe(ends[0], ends[2]) as probe:
            self.etcd.kill()
            first.stop_plumbd()
            first.start_plumbd(wait=False)
            world.wait_until(lambda: "programmed from the cache" in first.log(), "plumbd uses its cache", 20)
            self.etcd.start()
            world.wait_until(lambda: "etcd: watching again" in first.log(), "plumbd is back in sync", 40)
            self.assertEqual([], monitor.deletions(), first.log())
            self.assertEqual(0, probe.stop().lost)
        self.assertEqual(before, sorted(self.etcd.keys()))

    def test_plumbd_that_starts_from_its_cache_has_published_its_address(self):
        """Otherwise the node would be claimed only after a list that lacks it."""
        node = self.cluster.nodes[0]
        cache = node.path("/var/lib/plumb/snapshot.json")
        world.wait_until(cache.exists, "there is a cache", 30)
        node.write_config(addresses=None, interface="eth0")
        self.etcd.kill()
        node.stop_plumbd()
        node.start_plumbd(wait=False)
        world.wait_until(lambda: "programmed from the cache" in node.log(), "plumbd uses its cache", 20)
        state = json.loads(node.control("status", "--json", check=False).stdout)["source"]["state"]
        self.assertNotIn("waiting for this node's address", state)

    def test_a_machine_that_comes_back_has_its_range_again(self):
        node = self.cluster.nodes[1]
        before = self.published(node)["ranges"]
        node.reboot()
        node.start_plumbd()
        world.wait_until(lambda: node.path("/run/plumb/node.json").exists(), "node.json", 20)
        self.assertEqual(before, self.published(node)["ranges"])


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
