#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Routers of other makes outside the cluster: FRR and GoBGP, with passwords, TTL security and communities;
routers that share packets, watched by BFD."""
import json
import shutil
import unittest

import bgp_lab
from lab import world

FRR = """
log stdout
router bgp {asn}
 bgp router-id 192.0.2.253
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 neighbor 192.0.2.1 remote-as {peer_asn}
 neighbor 192.0.2.1 password {password}
 neighbor 192.0.2.1 ttl-security hops 1
 neighbor fd00:a::1 remote-as {peer_asn}
 address-family ipv4 unicast
  network 10.244.50.0/24
  network 198.51.100.0/24
  neighbor 192.0.2.1 activate
  neighbor 192.0.2.1 default-originate
 exit-address-family
 address-family ipv6 unicast
  network fd00:244:0:50::/64
  neighbor fd00:a::1 activate
 exit-address-family
"""
GOBGP = """
[global.config]
  as = 65001
  router-id = "192.0.2.252"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "192.0.2.1"
    peer-as = 64512
    auth-password = "{password}"
  [neighbors.ttl-security.config]
    enabled = true
    ttl-min = 255
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
"""

# One of two routers that reach the same network.
SPINE = """
router id {address};
protocol device {{ }}
protocol static reached {{ ipv4; route 198.18.0.0/24 blackhole; }}
protocol bfd {{ interface "*" {{ interval 100 ms; multiplier 3; }}; }}
protocol bgp n1 {{
  local {address} as 65000; neighbor 192.0.2.1 as 64512; direct; connect delay time 1; bfd on;
  ipv4 {{ import all; export where source = RTS_STATIC; }};
}}
"""

# Between two subnets, as top-of-rack routers are: it passes on what each side announces.
RACK = """
router id 192.0.2.254;
protocol device {{ }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol direct {{ ipv4; }}
template bgp nodes {{
  connect delay time 1; direct;
  ipv4 {{ import all; export where source = RTS_BGP; next hop self; }};
}}
protocol bgp n1 from nodes {{ local 192.0.2.254 as 65000; neighbor 192.0.2.1 as 64512; }}
protocol bgp n3 from nodes {{ local 198.51.100.254 as 65000; neighbor 198.51.100.3 as 64512; }}
"""


class PeersTest(unittest.TestCase):
    def setUp(self):
        self.lab = bgp_lab.Lab(self)
        self.nodes = self.lab.add_nodes((1, 2))

    def start_frr(self, password="s3cret", asn=65000, peer_asn=64512, bfd=False):
        router = self.lab.add_router("frr", "192.0.2.253/24", "fd00:a::fd/64")
        text = FRR.format(password=password, asn=asn, peer_asn=peer_asn)
        zebra = ["-Z"]
        if bfd:
            # FRR 8.4 treats a neighbour with ttl-security as a distant one, and uses multihop BFD.
            text += f"router bgp {asn}\n no neighbor 192.0.2.1 ttl-security hops 1\n neighbor 192.0.2.1 bfd 3 100 100\n"
            zebra = ["-n", "-z", str(router.folder / "zserv")]
            # The socket between bgpd and bfdd.
            self.start_frr_daemon(router, "zebra", "-z", zebra[-1])
            self.start_frr_daemon(router, "bfdd", "-z", zebra[-1], "--bfdctl", str(router.folder / "bfdctl"))
        self.start_frr_daemon(router, "bgpd", *zebra, text=text)
        return router

    def start_frr_daemon(self, router, daemon, *flags, text=""):
        conf = router.file(f"{daemon}.conf", text)
        for path in (router.folder, conf):
            shutil.chown(path, "frr", "frr")
        router.start(f"/usr/lib/frr/{daemon}", "-f", conf, "--vty_socket", str(router.folder),
                     "-i", str(router.folder / f"{daemon}.pid"), "-P", "0", *flags)
        world.wait_until((router.folder / f"{daemon}.vty").exists, daemon)

    def frr(self, router, command):
        answer = self.vtysh(router, command)
        return json.loads(answer) if answer.startswith("{") else {}

    def vtysh(self, router, command):
        return world.run("vtysh", "--vty_socket", str(router.folder), "-c", command, check=False).stdout

    def start_gobgp(self, password="s3cret"):
        router = self.lab.add_router("gobgp", "192.0.2.252/24")
        conf = router.file("gobgpd.toml", GOBGP.format(password=password))
        router.start("gobgpd", "-t", "toml", "-f", conf, "--api-hosts", "127.0.0.1:50051", "--pprof-disable")
        for prefix in ("10.244.51.0/24", "0.0.0.0/0", "198.51.100.0/24"):
            world.wait_until(lambda prefix=prefix: router.space.run("gobgp", "global", "rib", "add", prefix, check=False)
                             .returncode == 0, "GoBGP listens")
        return router

    def secret(self, text="s3cret"):
        path = self.nodes[0].folder / "secret"
        path.write_text(text + "\n", encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    def accepted(self, *wanted):
        first, second = self.nodes
        expected = {*wanted, second.range4, second.range6}
        world.wait_until(lambda: set(first.routes()) == expected, f"routes {expected}", 20)

    def test_frr_with_password_ttl_security_and_communities(self):
        router = self.start_frr()
        peers = [{"name": "frr4", "address": "192.0.2.253", "asNumber": 65000, "node": "n1", "passwordFile": self.secret(),
                  "ttlSecurity": True, "communities": ["64512:100", "64512:1:100"]},
                 {"name": "frr6", "address": "fd00:a::fd", "asNumber": 65000, "node": "n1"}]
        bgp_lab.start(self.nodes, peers=peers)
        self.accepted("10.244.50.0/24", "fd00:244:0:50::/64")
        first = self.nodes[0]
        route = world.wait_until(lambda: self.frr(router, f"show bgp ipv4 unicast {first.range4} json").get("paths"), "FRR knows n1's route")[0]
        self.assertEqual(route["community"]["list"], ["64512:100"])
        self.assertEqual(route["largeCommunity"]["list"], ["64512:1:100"])
        self.assertEqual(route["nexthops"][0]["ip"], first.v4)
        received = {prefix for prefix, paths in self.frr(router, "show bgp ipv4 unicast json")["routes"].items()
                 if any(path.get("peerId") == first.v4 for path in paths)}
        self.assertEqual(received, {first.range4})

    def test_gobgp_with_password_and_ttl_security(self):
        router = self.start_gobgp()
        peers = [{"name": "gobgp", "address": "192.0.2.252", "asNumber": 65001, "node": "n1", "passwordFile": self.secret(),
                  "ttlSecurity": True}]
        bgp_lab.start(self.nodes, peers=peers)
        self.accepted("10.244.51.0/24")
        first = self.nodes[0]
        rib = world.wait_until(lambda: json.loads(router.space.run("gobgp", "neighbor", first.v4, "adj-in", "-j").stdout or "{}"),
                               "GoBGP has the route of n1")
        self.assertEqual(list(rib), [first.range4])

    def test_a_wrong_password_keeps_the_peer_out_and_the_cluster_up(self):
        self.start_frr("right")
        bgp_lab.start(self.nodes, peers=[{"name": "frr4", "address": "192.0.2.253", "asNumber": 65000, "node": "n1",
                                          "passwordFile": self.secret("wrong"), "ttlSecurity": True}])
        self.accepted()
        first = self.nodes[0]
        world.wait_until(lambda: any(peer["peer"] == "frr4" and peer["state"] != "Established" for peer in first.status()["peers"]),
                         "the peer is shown as down", 20)
        self.assertNotIn("wrong", json.dumps(first.status()))

    def test_another_as_for_a_peer(self):
        router = self.start_frr(peer_asn=64777)
        peers = [{"name": "frr4", "address": "192.0.2.253", "asNumber": 65000, "node": "n1", "passwordFile": self.secret(),
                  "ttlSecurity": True, "localAS": 64777}]
        bgp_lab.start(self.nodes, peers=peers)
        self.accepted("10.244.50.0/24")
        path = world.wait_until(lambda: self.frr(router, f"show bgp ipv4 unicast {self.nodes[0].range4} json").get("paths"), "FRR")[0]
        self.assertEqual(path["aspath"]["string"], "64777")

    def test_two_routers_share_the_packets_until_bfd_misses_one(self):
        addresses = ["192.0.2.250", "192.0.2.251"]
        routers = [self.lab.add_router(f"spine{address[-1]}", f"{address}/24") for address in addresses]
        for router, address in zip(routers, addresses):
            router.start_bird(SPINE.format(address=address))
        peers = [{"name": router.name, "address": address, "asNumber": 65000, "node": "n1", "bfd": True, "importRanges": ["198.18.0.0/15"]}
                 for router, address in zip(routers, addresses)]
        bgp_lab.start(self.nodes, peers=peers, bfdIntervalMs=100)
        first = self.nodes[0]

        def ways():
            routes = world.run_json("ip", "-n", first.space.name, "-j", "route", "show", "198.18.0.0/24")
            return {hop["gateway"] for route in routes for hop in route.get("nexthops", [route])}
        world.wait_until(lambda: ways() == set(addresses), "both routers in one route", 20)
        world.wait_until(lambda: first.birdc("show", "bfd", "sessions").count(" Up ") == 2, "BFD with both", 10)
        routers[1].space.run("ip", "link", "set", "eth0", "down")
        world.wait_until(lambda: ways() == {addresses[0]}, "the other router alone", 3)

    def test_bfd_with_frr(self):
        """FRR's BFD daemon and ours agree, and each side removes the other's routes when it is gone."""
        router = self.start_frr(bfd=True)
        bgp_lab.start(self.nodes, bfdIntervalMs=100,
                      peers=[{"name": "frr4", "address": "192.0.2.253", "asNumber": 65000, "node": "n1", "bfd": True,
                              "passwordFile": self.secret()}])
        first = self.nodes[0]
        self.accepted("10.244.50.0/24")
        world.wait_until(lambda: first.birdc("show", "bfd", "sessions").count(" Up ") == 1, "BFD with FRR", 10)

        def received():
            return self.frr(router, f"show bgp ipv4 unicast {first.range4} json").get("paths")
        world.wait_until(received, "FRR knows n1's route")
        self.assertIn('"status":"up"', self.vtysh(router, "show bfd peers json").replace(" ", ""))
        router.space.run("ip", "link", "set", "eth0", "down")
        # Both hold times are minutes.
        world.wait_until(lambda: "10.244.50.0/24" not in first.routes(), "FRR's route goes", 3)
        world.wait_until(lambda: not received(), "FRR drops n1's route", 3)

    def test_a_router_between_two_subnets_carries_the_pods(self):
        first = self.nodes[0]
        other = bgp_lab.Switch("switch2")
        self.addCleanup(other.space.remove)
        third = bgp_lab.Node(other, 3, "4")
        self.addCleanup(third.close)
        third.space.run("ip", "address", "flush", "dev", "eth0", "scope", "global")
        third.v4 = "198.51.100.3"
        third.space.run("ip", "address", "add", "198.51.100.3/24", "dev", "eth0")
        router = self.lab.add_router("rack", "192.0.2.254/24")
        other.plug(router.space, "198.51.100.254/24", device="eth1")
        first.space.run("ip", "route", "add", "default", "via", "192.0.2.254")
        third.space.run("ip", "route", "add", "default", "via", "198.51.100.254")
        first.families = "4"
        cluster = [first, third]
        peers = [{"name": "rack-a", "address": "192.0.2.254", "asNumber": 65000, "node": "n1"},
                 {"name": "rack-b", "address": "198.51.100.254", "asNumber": 65000, "node": "n3"}]
        bgp_lab.start(cluster, peers=peers)
        router.start_bird(RACK.format())
        world.wait_until(lambda: first.routes() == {third.range4: "192.0.2.254"}, "n3's pods by the router", 20)
        world.wait_until(lambda: third.routes() == {first.range4: "198.51.100.254"}, "n1's pods by the router", 20)
        # The nodes' session with each other has no next hop on the link, and does no harm.
        world.wait_until(lambda: "node.n3.v4" in first.sessions(), "the mesh reaches across", 20)
        self.assertEqual(first.routes(), {third.range4: "192.0.2.254"})


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
