#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dozens of pods come and go while plumbd is killed, starts again and gets other ranges and nodes."""
import concurrent.futures
import contextlib
import ipaddress
import itertools
import pathlib
import signal
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import state, world  # noqa: E402
from lab.cluster import Cluster, Pod  # noqa: E402

PODS = 32
OTHER_RANGES = {4: "10.244.101.0/24", 6: "fd00:244:0:101::/64"}


class Unrest:
    """Repeats the faults of a node's plumbd until the context ends."""

    def __init__(self, cluster, node):
        self.cluster, self.node, self.ranges = cluster, node, dict(node.ranges)
        self.rounds, self.stopped, self.failure = 0, threading.Event(), None
        self.thread = threading.Thread(target=self._run)

    def _steps(self):
        """The node has its first ranges again at the end."""
        newcomer = "newcomer addresses=10.0.1.77,fd00:0:0:1::77 ranges=10.244.77.0/24,fd00:244:0:77::/64"
        yield lambda: self.cluster.write_nodes(more=[newcomer])
        yield lambda: self.node.stop_plumbd(signal.SIGKILL)
        yield lambda: self.node.start_plumbd(wait=False)
        yield lambda: self._give(OTHER_RANGES)
        yield self.node.wait_ready
        yield lambda: self._give(self.ranges)
        yield self.node.restart_plumbd

    def _give(self, ranges):
        self.node.ranges = dict(ranges)
        self.cluster.write_nodes()

    def _run(self):
        try:
            while not self.stopped.is_set():
                for step in self._steps():
                    step()
                self.rounds += 1
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        if self.failure:
            raise self.failure


class AgentTest(unittest.TestCase):
    def open(self, backend):
        self.cluster = Cluster(backend)
        self.addCleanup(self.cluster.close)
        self.cluster.add_nodes(2)
        self.cluster.start()
        self.node, other = self.cluster.nodes
        far = other.add_pod("far")
        # Objects that pods share, and the routes to the other node, exist before the first snapshot.
        first = Pod(self.node, "first").add()
        world.wait_until(lambda: all(self.reaches(first, address) for address in far.addresses.values()), "the nodes know each other")
        first.delete()

    def snapshot(self):
        """The node's state: its kernel, and the files of attachments."""
        host = self.node.namespace
        lines = [*state.links(host), *state.routes(host), *state.nftables(host), *state.forwarding(host)]
        for words in (("-4", "nud", "permanent"), ("-6", "nud", "permanent"), ("-4", "proxy"), ("-6", "proxy")):
            lines += sorted(host.run("ip", words[0], "neigh", "show", *words[1:]).stdout.splitlines())
        for folder in ("/var/lib/cni", "/run/cni"):
            lines += sorted(f"file {path.name}" for path in self.node.path(folder).rglob("*")
                            if path.is_file() and not state.CURSORS.search(str(path)))
        return lines

    @staticmethod
    def at_once(work, pods):
        with concurrent.futures.ThreadPoolExecutor(len(pods)) as threads:
            return list(threads.map(work, pods))

    @staticmethod
    def reaches(pod, address):
        return pod.namespace.run("ping", "-c1", "-W1", "-n", address, check=False).returncode == 0

    def is_of_the_node(self, address):
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in self.node.ranges.values())

    def assert_reaches(self, pod, other, is_meant=lambda address: True):
        """
        In the families where the pod's own address is meant. The other node may still be learning that this node has its first
        ranges again: that it is ready says nothing of others.
        """
        for family, address in other.addresses.items():
            if is_meant(pod.addresses[family]):
                world.wait_until(lambda address=address: self.reaches(pod, address), f"{pod.addresses} reach {address}", 10)

    def come_and_go(self, backend):
        self.open(backend)
        far = self.cluster.nodes[1].pods[0]
        pods = [Pod(self.node, f"pod{number}") for number in range(PODS)]
        self.node.pods += pods  # removed with the node
        before = self.snapshot()
        with Unrest(self.cluster, self.node) as unrest:
            for _ in range(3):
                self.at_once(Pod.add, pods)
                addresses = [address for pod in pods for address in pod.addresses.values()]
                self.assertEqual(2 * PODS, len(set(addresses)), addresses)
                self.at_once(Pod.delete, pods)
        self.assertGreater(unrest.rounds, 0)
        self.node.wait_ready()
        self.assert_nothing_left(before)
        with Unrest(self.cluster, self.node):
            self.at_once(Pod.add, pods)
        self.node.wait_ready()
        # The other node uses the list of nodes, which does not have replaced ranges.
        self.at_once(lambda pod: self.assert_reaches(pod, far, self.is_of_the_node), pods)
        for pod, other in itertools.pairwise(pods):
            self.assert_reaches(pod, other)
        self.at_once(Pod.delete, pods)
        self.assert_nothing_left(before)

    def assert_nothing_left(self, before):
        """Waits until plumbd has its first ranges again and has given up those without pods."""
        def changes():
            self.node.control("resync", check=False)
            return state.difference(before, self.snapshot())
        with contextlib.suppress(AssertionError):
            world.wait_until(lambda: not changes(), "nothing is left", 15)
        self.assertEqual([], changes())

    def test_vxlan(self):
        self.come_and_go("vxlan")

    def test_bgp(self):
        self.come_and_go("bgp")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
