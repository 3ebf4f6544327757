#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd beside a BIRD that is missing, refuses what it is told, or may not be told: log, status and metric say so, and packets flow."""
import pathlib
import re
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.cluster_traffic import Monitor, Probe  # noqa: E402
from lab.world import wait_until  # noqa: E402

CONFIG = "/run/plumb/bird.conf"
SESSIONS = 2  # one for each family


class BirdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("bgp")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.add_nodes(2)
        cls.cluster.start()
        cls.cluster.add_pods()
        cls.node = cls.cluster.nodes[0]
        cls.cluster.check_matrix(20)

    def setUp(self):
        wait_until(lambda: self.node.metric("plumb_bgp_peer_up") == SESSIONS and self.node.metric("plumb_reconcile_failing") == 0, "BIRD is well", 40)
        self.before = self.node.path(CONFIG).read_text(encoding="utf-8")

    def told(self, *words):
        """All three say it, and the node stays alive and ready for pods."""
        wait_until(lambda: all(word in self.node.control("status", check=False).stdout for word in words), f"status tells {words}", 20)
        wait_until(lambda: any(all(word in line for word in words) for line in self.node.log().splitlines()), f"the log tells {words}")
        wait_until(lambda: self.node.metric("plumb_reconcile_failing") == 1, "the metric tells")
        self.assertEqual((200, 200), (self.node.get("/healthz")[0], self.node.get("/readyz")[0]))

    def undisturbed(self, change):
        with Probe(*self.cluster.pods()) as probe, Monitor(self.node, self.cluster.folder) as monitor:
            change()
            self.assertEqual(0, probe.stop().lost)
            self.assertEqual([], monitor.deletions("proto bird"))

    def reload(self, **changes):
        self.node.write_config(**{"bgp": {}, "addresses": [], **changes})
        self.node.plumbd.send_signal(signal.SIGHUP)

    def refused(self, changes, *words):
        def change():
            self.reload(**changes)
            self.told(*words)
        self.undisturbed(change)
        self.assertEqual(self.before, self.node.path(CONFIG).read_text(encoding="utf-8"))
        self.undisturbed(self.reload)

    def test_a_bird_that_is_gone(self):
        def lose():
            self.node.bird.kill()
            self.node.bird.wait()
            self.told("BIRD does not answer", "/run/plumb/bird.ctl")
            self.assertEqual(0, self.node.metric("plumb_bird_running"))
            with open(self.node.folder / "bird.log", "a", encoding="utf-8") as log:
                self.node.bird = self.node.start("bird", "-f", "-R", "-c", CONFIG, "-s", "/run/plumb/bird.ctl", stdout=log, stderr=log)
            wait_until(lambda: self.node.metric("plumb_bgp_peer_up") == SESSIONS, "the session is back", 20)
        self.undisturbed(lose)

    def test_a_bird_that_hangs(self):
        """The others take it for dead when its hold time is over."""
        self.node.bird.send_signal(signal.SIGSTOP)
        self.addCleanup(self.node.bird.send_signal, signal.SIGCONT)
        self.told("BIRD does not answer", "no answer within 10 s")
        self.node.bird.send_signal(signal.SIGCONT)
        wait_until(lambda: self.node.metric("plumb_reconcile_failing") == 0, "it works again", 20)
        self.cluster.check_matrix(20)

    def test_a_configuration_that_bird_refuses(self):
        # The kernel lets a link have a name that no string of BIRD's can hold.
        self.node.run("ip", "link", "add", 'e"1', "type", "veth", "peer", "name", "e2")
        self.addCleanup(self.node.run, "ip", "link", "delete", 'e"1')
        self.node.run("ip", "address", "add", "198.51.100.77/24", "dev", 'e"1')
        self.refused({"addresses": ["198.51.100.77"]}, "BIRD refuses", "the old one stays")

    def test_a_peer_that_bird_could_not_take_is_refused_with_the_configuration(self):
        def change():
            self.reload(bgp={"peers": [{"name": "tor", "address": "fe80::1", "asNumber": 65000}]})
            told = r'configuration stays as it was: \S+:\d+: key "bgp.peers\[0\].address"'
            wait_until(lambda: re.search(told, self.node.log()), "the log tells")
        self.undisturbed(change)
        self.assertEqual(self.before, self.node.path(CONFIG).read_text(encoding="utf-8"))
        self.undisturbed(self.reload)

    def test_a_password_that_cannot_be_read(self):
        self.refused({"bgp": {"passwordFile": "/etc/plumb/secret"}}, "/etc/plumb/secret", "cannot be read", "No such file")

    def test_a_password_that_others_can_read(self):
        secret = self.node.path("/etc/plumb/open-secret")
        secret.write_text("tell nobody\n", encoding="utf-8")
        secret.chmod(0o644)
        self.refused({"bgp": {"passwordFile": "/etc/plumb/open-secret"}}, "/etc/plumb/open-secret", "open to others", "0600")
        self.assertNotIn("tell nobody", self.node.log())


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
