#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A router, inside or outside the cluster, that announces routes that it must not, and the routes that it gets."""
import unittest

import bgp_lab
from lab import world

# A peer that accepts and announces everything.
ROUTER = """
log stderr {{ info, remote, warning, error, auth, fatal, bug }};
router id 192.0.2.254;
protocol device {{ }}
protocol static lies4 {{ ipv4; {lies4} }}
protocol static lies6 {{ ipv6; {lies6} }}
protocol bgp n1v4 {{
  local 192.0.2.254 as {asn}; neighbor 192.0.2.1 as 64512; direct; connect delay time 1; {ttl}
  ipv4 {{ import all; export where source = RTS_STATIC; }};
}}
protocol bgp n1v6 {{
  local fd00:a::fe as {asn}; neighbor fd00:a::1 as 64512; direct; connect delay time 1; {ttl}
  ipv6 {{ import all; export where source = RTS_STATIC; }};
}}
"""
LIES4 = ["0.0.0.0/0", "10.244.1.0/24", "10.244.1.128/25", "10.244.1.7/32", "10.244.0.0/16", "10.0.0.0/8", "198.51.100.0/24",
         "192.0.2.128/25", "192.0.2.2/32", "10.244.9.0/25", "10.244.9.0/30", "10.244.8.0/23", "203.0.113.9/32", "128.0.0.0/1"]
LIES6 = ["::/0", "fd00:244:0:1::/64", "fd00:244:0:1::7/128", "fd00:244::/48", "2001:db8::/32", "fd00:a::2/128",
         "fd00:244:0:9::/65", "fd00:244:0:8::/63", "2000::/3"]
RANGES = ["10.244.9.0/24", "fd00:244:0:9::/64"]  # of a node that the router is, or announces
SINGLE4, SINGLE6 = "10.244.10.10/32", "fd00:244:0:10::10/128"  # in no node's range


def statics(prefixes):
    return " ".join(f"route {prefix} blackhole;" for prefix in prefixes)


class FiltersTest(unittest.TestCase):
    def start(self, asn, peers=True, more4=(), **bgp):
        self.lab = bgp_lab.Lab(self)
        self.nodes = self.lab.add_nodes((1, 2))
        self.router = self.lab.add_router("tor", "192.0.2.254/24", "fd00:a::fe/64")
        self.router.start_bird(ROUTER.format(asn=asn, ttl="" if peers else "ttl security on;", lies4=statics([*LIES4, RANGES[0], SINGLE4, *more4]),
                                              lies6=statics([*LIES6, RANGES[1], SINGLE6])))
        cluster, settings = list(self.nodes), dict(bgp)
        if peers:
            settings["peers"] = [{"name": "tor4", "address": "192.0.2.254", "asNumber": asn, "node": "n1", **bgp.pop("peer", {})},
                                 {"name": "tor6", "address": "fd00:a::fe", "asNumber": asn, "node": "n1"}]
            settings.pop("peer", None)
        else:
            # A node with a correct record and wrong announcements.
            cluster.append({"name": "tor", "addresses": ["192.0.2.254", "fd00:a::fe"], "ranges": RANGES})
        bgp_lab.start(self.nodes, cluster, **settings)
        return settings

    def accepted(self, node):
        routes = node.routes()
        return {route if "/" in route else route + ("/128" if ":" in route else "/32") for route in routes}

    def announced(self):
        """The routes that the router got, by session."""
        out = set()
        for line in self.router.birdc("show", "route", "where", "source", "=", "RTS_BGP").splitlines():
            if "unicast" in line and "/" in line.split()[0]:
                out.add(line.split()[0])
        return out

    def check_lies(self, *truth):
        first, second = self.nodes
        truth, own = set(truth), {second.range4, second.range6}
        world.wait_until(lambda: self.accepted(first) >= truth | own, "correct routes are accepted", 15)
        self.assertEqual(self.accepted(first), truth | own)

    def test_only_routes_to_pods_are_accepted_from_a_router_outside(self):
        self.start(65000)
        self.check_lies(*RANGES, SINGLE4, SINGLE6)
        # The other node does not get it, and the router gets neither routes of other nodes nor its own.
        first, second = self.nodes
        world.wait_until(lambda: self.announced() >= {first.range4, first.range6}, "the router knows n1")
        self.assertEqual(self.announced(), {first.range4, first.range6})
        world.wait_until(lambda: self.accepted(second) == {first.range4, first.range6}, "the other node's routes", 10)

    def test_only_its_own_ranges_are_accepted_from_a_node(self):
        self.start(64512, peers=False)
        self.check_lies(*RANGES)
        first = self.nodes[0]
        self.assertEqual(self.announced(), {first.range4, first.range6})

    def test_ranges_of_a_peer_are_accepted_from_it_and_not_announced(self):
        self.start(65000, more4=["198.18.0.0/15", "198.18.7.0/24"], peer={"importRanges": ["198.18.0.0/15"]})
        first, second = self.nodes
        wanted = {*RANGES, SINGLE4, SINGLE6, second.range4, second.range6, "198.18.0.0/15", "198.18.7.0/24"}
        world.wait_until(lambda: self.accepted(first) == wanted, "the peer's ranges", 15)
        world.wait_until(lambda: self.accepted(second) == {first.range4, first.range6}, "the other node's routes", 10)

    def test_kernel_routes_of_others_do_not_leak(self):
        settings = self.start(65000, floatingRanges=["10.250.0.0/16"])
        first = self.nodes[0]
        first.space.run("ip", "route", "add", "default", "via", "192.0.2.253")
        first.space.run("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.253", "proto", "89")
        first.space.run("ip", "route", "add", "10.250.0.0/24", "via", "192.0.2.253", "proto", "89")
        first.space.run("ip", "route", "add", "10.250.0.1/32", "via", "192.0.2.253", "proto", "89")
        wanted = {first.range4, first.range6, "10.250.0.1/32"}
        world.wait_until(lambda: self.announced() >= wanted, "both ranges and the pod's address", 15)
        self.assertEqual(self.announced(), wanted)
        self.assertTrue(settings)

    def test_services_are_announced_outside_and_follow_their_policy(self):
        ranges = {"clusterIPs": ["10.96.0.0/16"], "loadBalancerIPs": ["203.0.113.0/24"], "externalIPs": ["198.51.100.0/28"]}
        settings = self.start(65000, **ranges)
        first, second = self.nodes
        own = {first.range4, first.range6}
        services = [{"name": "a/web", "clusterIPs": ["10.96.0.10"], "loadBalancerIPs": ["203.0.113.10", "192.0.2.77"]},
                    {"name": "a/local", "externalIPs": ["198.51.100.1"], "local": True, "endpointNodes": ["n2"]}]
        self.assertEqual(world.wait_until(lambda: first.apply(self.nodes, services, **settings) == "" and "done", "applied"), "done")
        world.wait_until(lambda: self.announced() == own | {"10.96.0.10/32", "203.0.113.10/32"}, "services", 10)
        services[1]["endpointNodes"] = ["n1", "n2"]
        first.apply(self.nodes, services, **settings)
        world.wait_until(lambda: "198.51.100.1/32" in self.announced(), "an endpoint became ready here", 10)
        first.apply(self.nodes, [], **settings)
        world.wait_until(lambda: self.announced() == own, "no service any more", 10)
        # Nodes reach Services without BGP.
        world.wait_until(lambda: self.accepted(second) == own, "the other node's routes", 10)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
