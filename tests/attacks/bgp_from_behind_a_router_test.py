#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S4: a machine behind a router uses the address of a node that is down, and writes a whole BGP session without reading.

BIRD 2.0.12 tells the kernel the least TTL of a connection after it has accepted it. What arrives before that is read: a password of the
sessions covers that moment, as a connection without it does not come about.
"""
import pathlib
import re
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bgp")]
import bgp_lab  # noqa: E402
from attacks.bgp_speaker import Speaker  # noqa: E402
from lab import world  # noqa: E402

# TTL of the packets that come in; the router has taken one off.
TTLS = (1, 2, 64, 128, 253, 254)
ADDRESS, RANGE = {4: "192.0.2.3", 6: "fd00:a::3"}, {4: "10.244.3.0/24", 6: "fd00:244:0:3::/64"}
ACCEPTED = 0.5  # seconds within which BIRD has accepted a connection
GATEWAY = {4: "169.254.7.1", 6: "fe80::1"}


class BehindARouterTest(unittest.TestCase):
    def begin(self, defended, family):
        """n1 is the victim; n3 is a node of the cluster that is down, and its address is the attacker's."""
        self.family = family
        self.lab = bgp_lab.Lab(self)
        self.victim, = self.lab.add_nodes((1,), str(family))
        self.connect_attacker()
        self.victim.apply([self.victim, {"name": "n3", "addresses": [ADDRESS[family]], "ranges": [RANGE[family]]}])
        self.victim.kill_agent()
        path = self.victim.folder / "bird.conf"
        text = path.read_text(encoding="utf-8")
        self.assertIn("ttl security on;", text)
        if not defended:
            path.write_text(text.replace("ttl security on;", ""), encoding="utf-8")
        self.victim.start_bird()
        world.wait_until(self.victim.bird_ready, "BIRD")

    def connect_attacker(self):
        """A link behind a router that answers for the address of n3."""
        router = self.lab.add_router("router", "192.0.2.254/16", "fd00:a::fe/64").space
        self.attacker = world.Namespace("attacker")
        self.addCleanup(self.attacker.remove)
        router.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", self.attacker.path)
        for space, link in ((router, "eth1"), (self.attacker, "eth0")):
            space.run("sysctl", "-qw", f"net.ipv6.conf.{link}.accept_dad=0")
            space.run("ip", "link", "set", link, "up")
        router.run("sysctl", "-qw", "net.ipv4.conf.eth0.proxy_arp=1", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.eth0.proxy_ndp=1")
        router.run("ip", "-6", "neighbour", "add", "proxy", ADDRESS[6], "dev", "eth0")
        for family, gateway in GATEWAY.items():
            router.run("ip", "address", "add", f"{gateway}/{32 if family == 4 else 64}", "dev", "eth1")
            router.run("ip", f"-{family}", "route", "add", ADDRESS[family], "dev", "eth1")
            self.attacker.run("ip", "address", "add", f"{ADDRESS[family]}/{32 if family == 4 else 128}", "dev", "eth0")
            self.attacker.run("ip", f"-{family}", "route", "add", "default", "via", gateway, "dev", "eth0", "onlink")

    def write(self, ttl):
        """Packets from the attacker reach the victim with this TTL. Returns the speaker, unless BIRD refuses the connection."""
        target = self.victim.v4 if self.family == 4 else self.victim.v6
        try:
            speaker = Speaker(self.attacker.path, ADDRESS[self.family], target, ttl + 1)
        except OSError:
            return None
        self.addCleanup(speaker.close)
        time.sleep(ACCEPTED)
        try:
            speaker.write_blindly([RANGE[self.family]])
        except OSError:
            return None
        return speaker

    def took_over(self):
        return RANGE[self.family] in self.victim.routes()

    def restart_session(self):
        """BIRD has neither a connection nor a pause after a failed one."""
        self.victim.birdc("restart", f"'node.n3.v{self.family}'")
        world.wait_until(lambda: not self.took_over(), "the session is over", 10)

    def dropped(self):
        counters = self.victim.space.run("nstat", "-asz", "TcpExtTCPMinTTLDrop").stdout
        return int(re.search(r"TCPMinTTLDrop\s+(\d+)", counters)[1])

    def attack_once(self, ttl):
        """Returns whether the attack worked, when BIRD has read all or the kernel has dropped something."""
        before = self.dropped()
        self.restart_session()

        def has_effect():
            return self.took_over() or self.dropped() > before

        def try_it():
            """BIRD refuses connections for some seconds after a failed one."""
            speaker = self.write(ttl)
            deadline = time.monotonic() + 2
            while speaker and not has_effect() and time.monotonic() < deadline:
                time.sleep(0.05)
            return has_effect()
        world.wait_until(try_it, f"an attack with TTL {ttl} has an effect", 60)
        return self.took_over()

    def check(self, works):
        for family in (4, 6):
            self.begin(not works, family)
            for ttl in TTLS:
                with self.subTest(family=family, ttl=ttl):
                    self.assertEqual(works, self.attack_once(ttl))
            self.doCleanups()

    def test_takes_over_a_node_without_ttl_security(self):
        self.check(True)

    def test_takes_over_nothing(self):
        self.check(False)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
