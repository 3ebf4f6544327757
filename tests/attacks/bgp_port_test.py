#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S4: a pod opens a BGP session to a node, which takes it for its own node."""
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames  # noqa: E402
from attacks.bgp_speaker import Speaker  # noqa: E402
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_traffic import inside  # noqa: E402

BFD_PORTS = (3784, 4784)


class BgpPortTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("bgp")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.add_nodes(2)
        cls.cluster.start()
        cls.cluster.add_pods()
        cls.home, cls.other = cls.cluster.nodes
        cls.pod = cls.home.pods[0]

    def establishes(self, node, family):
        """Returns whether the pod gets a session with a node. BIRD's answers have TTL 1, so the pod writes without seeing them."""
        try:
            speaker = Speaker(self.pod.path, self.pod.addresses[family], node.addresses[family])
        except OSError:
            return False

        def established():
            lines = node.run("birdc", "-s", "/run/plumb/bird.ctl", "show", "protocols").stdout.splitlines()
            return any(line.startswith(f"node.{self.home.name}.v{family}") and "Established" in line for line in lines)
        try:
            speaker.write_blindly([self.home.ranges[family]])
            world.wait_until(established, "the session", 2)
        except (AssertionError, OSError):
            return False
        finally:
            speaker.close()
        return True

    def connects(self, node, family):
        """Returns whether a packet of the pod reaches the node's port: a refused connection is an answer."""
        try:
            Speaker(self.pod.path, self.pod.addresses[family], node.addresses[family]).close()
        except (ConnectionRefusedError, ConnectionResetError):
            return True
        except OSError:
            return False
        return True

    def remove_defence(self):
        for node in self.cluster.nodes:
            node.stop_plumbd()
            node.run("nft", "flush", "chain", "inet", "plumb", "prerouting")
        # The second defence: packets that a node has forwarded have a lower TTL.
        bird = self.other.path("/run/plumb/bird.conf")
        bird.write_text(bird.read_text(encoding="utf-8").replace("  ttl security on;\n", ""), encoding="utf-8")
        self.other.run("birdc", "-s", "/run/plumb/bird.ctl", "configure")

    def restore(self):
        for node in self.cluster.nodes:
            node.start_plumbd()

    def test_a_pod_is_not_taken_for_its_node(self):
        self.home.bird.terminate()
        self.home.bird.wait(timeout=10)
        self.addCleanup(self.home.start_bird)
        self.remove_defence()
        try:
            for family in (4, 6):
                # BIRD waits for a while after the end of the true session.
                world.wait_until(lambda family=family: self.establishes(self.other, family), f"it works without the defence, IPv{family}", 40)
        finally:
            self.restore()
        for family in (4, 6):
            for node in self.cluster.nodes:
                self.assertFalse(self.connects(node, family), f"{node.name} IPv{family}")

    def test_a_pod_reaches_bfd_of_no_node(self):
        for node in self.cluster.nodes:
            seen = frames.Wire(node.namespace.path, "eth0")
            self.addCleanup(seen.close)
            for family in (4, 6):
                before = self.dropped()
                for port in BFD_PORTS:
                    with inside(self.pod.path):
                        sender = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
                    with sender:
                        sender.sendto(b"forged", (node.addresses[family], port))
                self.assertGreaterEqual(self.dropped(), before + len(BFD_PORTS), f"{node.name} IPv{family}")
            self.assertFalse(seen.sees(lambda data: data.endswith(b"forged"), 0.5))

    def dropped(self):
        rules = self.home.run("nft", "list", "chain", "inet", "plumb", "speakers").stdout
        return sum(int(line.split("packets ")[1].split()[0]) for line in rules.splitlines() if "packets" in line)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
