#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules for every wiring: turning on forwarding removes no route of the host, STATUS says when source checks cannot be made, CHECK compares the configured routes, and a sysctl that already has its value is not written."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from chains.ownership_test import WiringTest, each_wiring  # noqa: E402
from chains.wirings import IPAM, WIRINGS  # noqa: E402
from lab import world  # noqa: E402

ADVERTISE = """
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"out0")
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, socket.if_nametoindex("out0")))
"""


class ForwardingTest(WiringTest):
    def default_routes(self):
        return self.node.host.run("ip", "-6", "route", "show", "default").stdout

    def accept_ra(self):
        return self.node.host.run("sysctl", "-n", "net.ipv6.conf.up0.accept_ra").stdout.strip()

    @each_wiring
    def test_P3_default_route_by_router_advertisement_survives_the_first_add(self, config):
        self.node.host.run("sysctl", "-qw", "net.ipv6.conf.up0.accept_ra=1")

        def advertised():
            self.node.outside.run(sys.executable, "-c", ADVERTISE, check=False)  # no route before its link is up
            return "proto ra" in self.default_routes()
        world.wait_until(advertised, "the host has a default route")
        self.node.add(config, self.node.namespace())
        self.assertEqual("1", self.node.host.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").stdout.strip())
        self.assertIn("proto ra", self.default_routes())
        self.assertEqual("2", self.accept_ra())

    @each_wiring
    def test_P3_link_that_waits_for_an_advertisement_still_accepts_one(self, config):
        self.node.add(config, self.node.namespace())
        self.assertEqual("2", self.accept_ra())

    @each_wiring
    def test_P3_link_that_ignores_advertisements_still_ignores_them(self, config):
        self.node.host.run("sysctl", "-qw", "net.ipv6.conf.up0.accept_ra=0")
        self.node.add(config, self.node.namespace())
        self.assertEqual("0", self.accept_ra())
        ends = self.node.host_ends()
        for end in ends:
            self.assertEqual("0", self.node.host.run("sysctl", "-n", f"net.ipv6.conf.{end}.accept_ra").stdout.strip())


class StatusTest(WiringTest):
    @each_wiring
    def test_says_50_where_source_checks_cannot_be_made(self, config):
        """The kernel refuses nf_tables to a process without CAP_NET_ADMIN."""
        without = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
        self.node.call("STATUS", {**config, "spoofCheck": True}, None)
        refused = self.node.call("STATUS", {**config, "spoofCheck": True}, None, wrapper=without, check=False)
        error = json.loads(refused.stdout)
        self.assertEqual(50, error["code"])
        if config["type"] == "vxlan":  # has a table of its own, which it looks at first
            self.assertIn("nf_tables table", error["msg"])
            return
        self.assertEqual("spoofCheck needs nf_tables, which cannot be read on this node", error["msg"])
        self.node.call("STATUS", {**config, "spoofCheck": False}, None, wrapper=without)


class CheckTest(WiringTest):
    def second_of(self, config):
        """A second network with addresses of its own."""
        if config["type"] == "vxlan":
            return None
        other = {"type": "host-local", "ranges": [[{"subnet": "10.71.0.0/24"}], [{"subnet": "fd00:71::/64"}]], "routes": IPAM["routes"]}
        return {**config, "ipam": other, **({"bridge": "br1"} if config["type"] == "bridge" else {}),
                **({"network": ["10.71.0.0/16", "fd00:71::/48"]} if config["type"] == "bgp" else {})}

    @each_wiring
    def test_P5_check_of_two_dual_stack_networks_with_default_routes(self, first):
        second = self.second_of(first) or self.second_of(WIRINGS["bridge"])
        pod = self.node.namespace()
        one = self.node.add(first, pod)
        two = self.node.add(second, pod, ifname="net1", network="net2")
        self.node.call("CHECK", first, pod, previous=one)
        self.node.call("CHECK", second, pod, previous=two, ifname="net1", network="net2")

    @each_wiring
    def test_P5_check_finds_a_route_that_sbr_moved_to_its_own_table(self, config):
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        for family in ("-4", "-6"):
            (route,) = pod.run("ip", family, "route", "show", "default").stdout.splitlines()
            pod.run("ip", family, "route", "add", *route.replace("pref medium", "").split(), "table", "100")
            pod.run("ip", family, "route", "delete", "default")
        self.node.call("CHECK", config, pod, previous=result)
        pod.run("ip", "-6", "route", "flush", "table", "100")
        done = self.node.call("CHECK", config, pod, previous=result, check=False)
        self.assertIn("Expected Route ::/0 not found", done.stdout)

    @each_wiring
    def test_P5_check_compares_the_attributes_of_a_route(self, config):
        named = {"mtu": 1300, "advmss": 1200, "priority": 77}
        ipam = {**IPAM, "routes": [{"dst": "10.99.0.0/16", **named}, {"dst": "fd00:99::/64", **named}]}
        if config["type"] == "vxlan":
            return
        config = {**config, "ipam": ipam}
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        self.node.call("CHECK", config, pod, previous=result)
        for family, target in (("-4", "10.99.0.0/16"), ("-6", "fd00:99::/64")):
            (route,) = pod.run("ip", family, "route", "show", target).stdout.splitlines()
            words = route.replace("pref medium", "").split()
            for word in named:
                changed = list(words)
                changed[changed.index({"priority": "metric"}.get(word, word)) + 1] = "1111"
                pod.run("ip", family, "route", "delete", target)
                pod.run("ip", family, "route", "add", *changed)
                done = self.node.call("CHECK", config, pod, previous=result, check=False)
                self.assertIn(f"Expected Route {target} not found", done.stdout, (family, word))
            pod.run("ip", family, "route", "delete", target)
            pod.run("ip", family, "route", "add", *words)
        self.node.call("CHECK", config, pod, previous=result)

    @each_wiring
    def test_P5_check_ignores_attributes_that_are_not_configured(self, config):
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        (end,) = self.node.host_ends()
        if config["type"] == "bridge":
            self.node.host.run("bridge", "link", "set", "dev", end, "hairpin", "on")
            self.node.host.run("bridge", "link", "set", "dev", end, "isolated", "on")
            self.node.host.run("ip", "link", "set", config["bridge"], "promisc", "on")
            self.node.host.run("ip", "address", "add", "10.88.0.1/24", "dev", config["bridge"])
            self.node.call("CHECK", config, pod, previous=result)
            done = self.node.call("CHECK", {**config, "hairpinMode": False}, pod, previous=result, check=False)
            self.assertIn("hairpin mode", done.stdout)
        pod.run("ip", "address", "add", "10.89.0.1/24", "dev", "eth0")
        pod.run("ip", "route", "add", "10.90.0.0/24", "dev", "eth0")
        self.node.call("CHECK", config, pod, previous=result)


class SysctlTest(WiringTest):
    @each_wiring
    def test_P13_add_does_not_write_a_sysctl_that_has_its_value(self, config):
        portmap = {"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
        self.node.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                           "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.proxy_arp=1",
                           "net.ipv4.conf.all.route_localnet=1")
        if config["type"] == "vxlan":  # its device takes 2
            self.node.host.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=2", "net.ipv6.conf.default.accept_ra=0")
        pod = self.node.namespace()
        world.run("mount", "--bind", "/proc/sys", "/proc/sys")
        try:
            world.run("mount", "-o", "remount,bind,ro", "/proc/sys")
            result = self.node.add(config, pod)
            self.node.call("CHECK", config, pod, previous=result)
            self.node.call("ADD", portmap, pod, previous=result)
            self.node.call("CHECK", portmap, pod, previous=result)
        finally:
            world.run("umount", "/proc/sys")


class GatewayTest(WiringTest):
    @each_wiring
    def test_P11_link_local_gateway_works_beside_the_kernels_own_address(self, config):
        ipam = {"type": "host-local", "ranges": [[{"subnet": "fd00:61::/64", "gateway": "fe80::1"}]], "routes": [{"dst": "::/0"}]}
        if config["type"] not in ("bridge", "ptp"):
            return
        self.node.host.run("ip", "address", "add", "2001:db8::1/128", "dev", "lo")
        for force in (False, True):
            config = {**config, "ipam": ipam, "forceAddress": force}
            for number in range(2):
                pod = self.node.namespace()
                container = f"c{number}-{force}"
                result = self.node.add(config, pod, container=container)
                self.node.call("CHECK", config, pod, container=container, previous=result)
                self.assertEqual(["fe80::1"], [route["gw"] for route in result["routes"]])
                if config["type"] == "bridge":  # with a gateway inside the subnet the kernel would have this route
                    self.node.host.run("ip", "route", "replace", "fd00:61::/64", "dev", "br0")
                pod.run("ping", "-c1", "-W5", "2001:db8::1")
                pod.run("ping", "-c1", "-W5", "fe80::1%eth0")
        if config["type"] == "bridge":
            addresses = self.node.host.run("ip", "-6", "-o", "address", "show", "dev", "br0").stdout
            self.assertEqual(2, addresses.count("inet6 fe80::"), addresses)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
