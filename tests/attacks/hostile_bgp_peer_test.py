#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S4: a node of the cluster announces by BGP what is not its own, in a mesh and to a reflector."""
import contextlib
import ipaddress
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

FLOOD = 50_000
LIMIT = 4096  # single addresses that plumbd accepts of one node
FLOATING = {4: "10.250.0.0/16", 6: "fd00:250::/64"}
RANGE = {4: "10.244.66.0/24", 6: "fd00:244:0:66::/64"}
ADDRESS = {4: "192.0.2.66", 6: "fd00:a::66"}
# Each by what it takes over; the cluster's ranges are 10.244.0.0/15 and fd00:244::/48, and n2 has number 2.
LIES = {
    4: {"another node's range": "10.244.2.0/24", "a more specific part of it": "10.244.2.0/25", "one of its pods": "10.244.2.7/32",
        "a range of no node": "10.244.77.0/24", "an address of no node": "10.244.77.7/32", "a part of its own range": "10.244.66.0/25",
        "more than its own range": "10.244.66.0/23", "the cluster": "10.244.0.0/15", "all destinations": "0.0.0.0/0",
        "half of all destinations": "128.0.0.0/1", "the nodes' network": "192.0.3.0/24", "a node": "192.0.2.2/32",
        "a Service": "10.96.0.10/32", "one of this node's pods": "10.244.1.7/32"},
    6: {"another node's range": "fd00:244:0:2::/64", "a more specific part of it": "fd00:244:0:2::/65",
        "one of its pods": "fd00:244:0:2::7/128", "a range of no node": "fd00:244:0:77::/64", "all destinations": "::/0",
        "a node": "fd00:a::2/128", "a Service": "fd00:96::10/128", "one of this node's pods": "fd00:244:0:1::7/128"},
}


def singles(count):
    start = int(ipaddress.ip_address("10.245.0.0"))
    return [f"{ipaddress.ip_address(start + number)}/32" for number in range(count)]


class HostileTest(unittest.TestCase):
    maxDiff = None

    def begin(self, defended, family=4, **bgp):
        """n1 is the victim, n2 an honest node, and the attacker a node with a range of its own."""
        self.family = family
        self.lab = bgp_lab.Lab(self)
        self.victim, self.honest = self.lab.add_nodes((1, 2), str(family))
        if "reflectors" in bgp:
            self.victim.labels = {"reflector": "yes"}
        self.machine = self.lab.add_router("evil", f"{ADDRESS[family]}/{16 if family == 4 else 64}")
        evil = {"name": "evil", "addresses": [ADDRESS[family]], "ranges": [RANGE[family]]}
        for node in (self.victim, self.honest):
            node.apply([*self.lab.nodes, evil], **bgp)
            if not defended:
                self.remove_filters(node)
            node.start_bird()
        world.wait_until(lambda: self.range_of(self.honest) in self.victim.routes(), "n1 knows n2's range", 20)
        self.speaker = world.wait_until(self.connect, "the attacker's session", 30)

    def remove_filters(self, node):
        """The switch of this test: BIRD with plumbd's configuration, except for what it refuses of others."""
        node.kill_agent()
        path = node.folder / "bird.conf"
        text = re.sub(r"import (where|filter import).*;", "import all;", path.read_text(encoding="utf-8"))
        path.write_text(re.sub(r" *(import limit .*|ttl security on);\n", "", text), encoding="utf-8")

    def connect(self):
        try:
            speaker = Speaker(self.machine.space.path, ADDRESS[self.family], self.address_of(self.victim))
        except OSError:
            return None
        self.addCleanup(speaker.close)
        speaker.start()

        def decided():
            # BIRD 2.0.12 sometimes sleeps until its next timer; a command wakes it up.
            self.victim.birdc("show", "status")
            return speaker.established.is_set() or not speaker.reader.is_alive()
        with contextlib.suppress(AssertionError):
            world.wait_until(decided, "BIRD takes or refuses the session", 10)
        if speaker.established.is_set():
            return speaker
        # BIRD refuses connections for a while after its own has failed.
        speaker.close()
        time.sleep(0.5)
        return None

    def address_of(self, node):
        return node.v4 if self.family == 4 else node.v6

    def range_of(self, node):
        return node.range4 if self.family == 4 else node.range6

    def accepted(self, prefix=None):
        """Says whether the victim's BIRD uses the attacker's route to `prefix`; without one, the number of its routes."""
        where = ("primary", "where", "bgp_next_hop", "=", self.speaker.local)
        control = str(self.victim.folder / "bird.ctl")
        if prefix:
            return prefix in world.run("birdc", "-s", control, "show", "route", prefix, *where, check=False).stdout
        return int(re.search(r"(\d+) of \d+ routes", self.victim.birdc("show", "route", *where, "count"))[1])

    def announce_truth(self):
        self.speaker.announce([RANGE[self.family]])
        world.wait_until(lambda: self.accepted(RANGE[self.family]), "the attacker's own range is accepted", 10)

    def check_honest(self):
        """The honest routes, and the attacker's own range, which comes after all it announced before."""
        self.announce_truth()
        own = self.range_of(self.honest)
        routes = self.victim.routes()
        self.assertIn(routes.get(own), (self.address_of(self.honest), self.honest.link_local))
        self.assertEqual({own, RANGE[self.family]}, set(routes))

    def check_lies(self, works, family=4, **bgp):
        self.begin(not works, family, **bgp)
        for what, prefix in LIES[family].items():
            with self.subTest(what, prefix=prefix):
                self.speaker.announce([prefix])
                if works:
                    world.wait_until(lambda prefix=prefix: self.accepted(prefix), f"{what} is taken over", 10)
                else:
                    self.check_honest()
                    self.assertFalse(self.accepted(prefix))
                self.speaker.withdraw([prefix, RANGE[family]])

    def test_takes_over_destinations_without_the_filters(self):
        self.check_lies(True)

    def test_takes_over_nothing(self):
        self.check_lies(False)

    def test_takes_over_ipv6_destinations_without_the_filters(self):
        self.check_lies(True, 6)

    def test_takes_over_no_ipv6_destination(self):
        self.check_lies(False, 6)

    def test_takes_over_destinations_of_a_reflector_without_the_filters(self):
        self.check_lies(True, reflectors={"reflector": "yes"})

    def test_takes_over_nothing_of_a_reflector_and_its_clients(self):
        self.check_lies(False, reflectors={"reflector": "yes"})
        self.announce_truth()
        self.speaker.announce(list(LIES[4].values()))
        world.wait_until(lambda: RANGE[4] in self.honest.routes(), "the client has the attacker's own range", 10)
        self.assertEqual({self.victim.range4, RANGE[4]}, set(self.honest.routes()))

    def test_fills_the_table_without_the_filters(self):
        self.begin(False)
        self.speaker.announce(singles(FLOOD))
        world.wait_until(lambda: self.accepted() == FLOOD, f"{FLOOD} routes", 60)

    def test_fills_no_table(self):
        self.begin(True)
        before = self.victim.sessions()
        self.speaker.announce(singles(FLOOD))
        self.check_honest()
        self.assertEqual(before, {name: since for name, since in self.victim.sessions().items() if name in before})
        self.assertEqual(b"", self.speaker.notification)

    def test_fills_the_floating_ranges_to_the_limit_and_its_session_stays(self):
        self.begin(True, floatingRanges=["10.245.0.0/16"])
        self.announce_truth()
        self.speaker.announce(singles(FLOOD))
        world.wait_until(lambda: self.accepted() >= LIMIT, "the limit is reached", 30)
        self.speaker.announce(singles(FLOOD))
        self.speaker.withdraw([RANGE[4]])
        world.wait_until(lambda: not self.accepted(RANGE[4]), "all is read", 30)
        self.assertEqual(LIMIT - 1, self.accepted())
        self.assertIn(self.honest.range4, self.victim.routes())
        self.assertEqual(b"", self.speaker.notification)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
