#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins that make links of a kind that not every kernel has (LINK_KIND in their CMakeLists.txt), on Debian's kernel: tests/vm/run starts
it. Conformance, their examples, and pods that change between the reference and this suite."""
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from chains.examples_test import ExampleTestCase, plugin_examples  # noqa: E402
from lab import world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, PluginFailed, Suite, leftovers  # noqa: E402
from vlan_cases import VlanTest  # noqa: E402, F401 # pylint: disable=unused-import

V4, V6 = [{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]
# The host has a link with the name of the pods' links, which old kernels look for in both namespaces.
MASTER = (("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0"), ("ip", "link", "set", "lan0", "up"),
          ("ip", "link", "set", "eth0", "up"))


def case(name, *ranges, **keys):
    ipam = {"type": "host-local", "ranges": ranges or [V4]}
    return Case(name, [{"type": name.split("-")[0], "master": "lan0", "ipam": ipam, **keys}], prepare=MASTER, versions=("1.0.0",))


def vrf(name, *ranges, **keys):
    ipam = {"type": "host-local", "ranges": ranges or [V4]}
    return Case(name, [{"type": "bridge", "isGateway": True, "ipam": ipam}, {"type": "vrf", "vrfname": "red", **keys}], versions=("1.0.0",))


CASES = {"ipvlan": [case("ipvlan", V4, V6), case("ipvlan-l3", mode="l3"), case("ipvlan-l3s", mode="l3s", mtu=1400)],
         "vlan": [case("vlan", V4, V6, vlanId=5), case("vlan-mtu", vlanId=4094, mtu=1400)],
         "vrf": [vrf("vrf", V4, V6), vrf("vrf-table", table=10)], "dummy": []}  # the reference in Debian does not have dummy


def of_second(each):
    """The case for a second pod: a master has one link for each VLAN, so that it uses the other end of the wire."""
    first, *others = each.plugins
    return dataclasses.replace(each, plugins=[{**first, "master": "eth0"}, *others]) if first["type"] == "vlan" else each


def plugins():
    for path in sorted(ROOT.glob("plugins/*/CMakeLists.txt")):
        if re.search(r"LINK_KIND", path.read_text(encoding="utf-8")):
            yield path.parent.name


class ConformanceTest(unittest.TestCase):
    """All rows: minutes under emulation."""
    groups = ()

    def check(self, plugin):
        folder = world.plugin_folder()
        rows = [word for group in self.groups for word in ("--row", group)]
        done = world.run(f"{folder}/cnitool", "conformance", f"{folder}/{plugin}", *rows, timeout=900, check=False)
        failed = set(re.findall(r"^(\S+) +FAIL", done.stdout, re.M))
        # A million keys within 2 s of processor time: not under emulation.
        self.assertLessEqual(failed, {"S-052"}, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"MUST +[1-9]")
        print(f"\nconformance: {plugin}", flush=True)  # for scripts/check_skipped.py


for name in plugins():
    setattr(ConformanceTest, f"test_{name}", lambda self, plugin=name: self.check(plugin))


class SampleTest(ConformanceTest):
    groups = ("A4", "A6", "A10")


class ExamplesTest(ExampleTestCase):
    def test_plugin_examples(self):
        examples = {path.parent.name: (path, network) for path, network in plugin_examples()}
        for plugin in plugins():
            with self.subTest(plugin):
                self.run_plugin_example(*examples[plugin])


class LinkKindsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def test_each_has_cases(self):
        self.assertEqual(set(plugins()), set(CASES))

    def test_pods_change_between_the_suites(self):
        for cases in CASES.values():
            for each in cases:
                for adds, then in ((self.theirs, self.ours), (self.ours, self.theirs)):
                    with self.subTest(each.name, adds=adds.name, then=then.name):
                        self.exchange(each, adds, then)

    def exchange(self, each, adds, then):
        node = Node(each)
        self.addCleanup(node.close)
        pods = [node.add_pod(f"pod-{name}") for name in "ab"]
        cases = (each, of_second(each))
        for pod, own in zip(pods, cases):
            pod.add(adds, own, "1.0.0")
        for ip in pods[1].result["ips"]:
            within = ("-I", "red") if each.name.startswith("vrf") else ()
            pods[0].sandbox.run("ping", "-c1", "-W5", *within, ip["address"].split("/")[0])
        for pod, own in zip(pods, cases):
            # The reference's bridge finds its routes in the main table only.
            for plugin in own.plugins[-1:] if then.is_reference else own.plugins:
                pod.call("CHECK", then, own, plugin)
            pod.delete(then, own, "1.0.0")
            pod.delete(then, own, "1.0.0")
        self.assertEqual([], list(leftovers(node)))


class DummyTest(unittest.TestCase):
    def setUp(self):
        self.ours = Suite("ours", world.plugin_folder())
        self.node = Node()
        self.addCleanup(self.node.close)
        self.pod = self.node.add_pod("pod-a")
        ipam = {"type": "host-local", "ranges": [V4, V6], "routes": [{"dst": "10.99.0.0/16"}]}
        self.case = Case("dummy", [{"type": "dummy", "ipam": ipam}])

    def links(self):
        return [link for link in json.loads(self.pod.sandbox.run("ip", "-d", "-j", "link").stdout) if link["ifname"] != "lo"]

    def test_a_pod_has_its_addresses_at_once(self):
        result = self.pod.add(self.ours, self.case, "1.1.0")
        (link,) = self.links()
        self.assertEqual(("eth0", "dummy", result["interfaces"][0]["mac"]), (link["ifname"], link["linkinfo"]["info_kind"], link["address"]))
        for ip in result["ips"]:
            self.pod.sandbox.run("ping", "-c1", "-W1", ip["address"].split("/")[0])
        self.assertIn("dev eth0", self.pod.sandbox.run("ip", "route", "show", "10.99.0.0/16").stdout)
        self.pod.check(self.ours, self.case, "1.1.0")
        self.pod.sandbox.run("ip", "address", "flush", "dev", "eth0", "scope", "global")
        self.assertRaises(PluginFailed, self.pod.check, self.ours, self.case, "1.1.0")

    def test_del_succeeds_again_and_without_ipam(self):
        self.pod.add(self.ours, self.case, "1.0.0")
        self.pod.delete(self.ours, Case("broken", [{"type": "dummy"}]), "1.0.0")
        self.assertEqual([], self.links())
        for _ in range(2):
            self.pod.delete(self.ours, self.case, "1.0.0")
        self.assertEqual([], list(leftovers(self.node)))

    def test_a_failed_add_leaves_nothing(self):
        nothing = Case("full", [{"type": "dummy", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24", "rangeStart": "10.61.0.9",
                                                                                         "rangeEnd": "10.61.0.9"}]]}}])
        self.node.add_pod("pod-b").add(self.ours, nothing, "1.0.0")
        self.assertRaises(PluginFailed, self.pod.add, self.ours, nothing, "1.0.0")
        self.assertEqual([], self.links())
        self.assertRaises(PluginFailed, self.pod.add, self.ours, Case("broken", [{"type": "dummy"}]), "1.0.0")


class VrfTest(unittest.TestCase):
    ROUTES = [{"dst": "10.99.0.0/16"}, {"dst": "0.0.0.0/0"}, {"dst": "::/0"}]

    def setUp(self):
        self.ours = Suite("ours", world.plugin_folder())
        self.node = Node()
        self.addCleanup(self.node.close)
        self.pod = self.node.add_pod("pod-a")

    def bridge(self, ifname="eth0", number=61):
        ipam = {"type": "host-local", "ranges": [[{"subnet": f"10.{number}.0.0/24"}], [{"subnet": f"fd00:{number}::/64"}]], "routes": self.ROUTES}
        return Case("bridge", [{"type": "bridge", "bridge": f"br{number}", "isGateway": True, "ipam": ipam}], ifname=ifname)

    def vrf(self, ifname="eth0", **keys):
        return Case("vrf", [{"type": "vrf", "vrfname": "red", **keys}], ifname=ifname)

    def run_verb(self, verb, case):
        return self.pod.call(verb, self.ours, case, case.plugins[0])

    def add(self, *cases):
        """ADD of each, of which vrf passes the result on."""
        for case in cases:
            passed_on = self.pod.result
            result = self.run_verb("ADD", case)
            if case.name == "vrf":
                self.assertEqual(passed_on, result)
            self.pod.result = result

    def routes(self, *words):
        """The destinations of the routes that are not the kernel's own, with their next hops."""
        routes = [route for family in ("-4", "-6") for route in json.loads(self.pod.sandbox.run("ip", family, "-j", "route", "show", *words).stdout)]
        return sorted((route["dst"], len(route.get("nexthops", [0]))) for route in routes if route.get("protocol") not in ("kernel", "ra"))

    def state(self):
        run = self.pod.sandbox.run
        lines = [run("ip", family, *words).stdout for family in ("-4", "-6") for words in (("address",), ("route", "show", "table", "all"))]
        # The kernel makes link-local addresses again, and a rule with the first VRF.
        return sorted(re.sub(r"(forever|tentative|pref medium|^\d+:|@if\d+|linkdown)", "", line).strip() for line in "".join(lines).splitlines()
                      if "fe80" not in line and "ff00" not in line and "multicast" not in line)

    def test_addresses_and_routes_follow_the_interface(self):
        self.add(self.bridge())
        before = self.routes()
        self.assertEqual(3, len(before))
        self.add(self.vrf(table=10))
        self.assertEqual([], self.routes())
        self.assertEqual(before, self.routes("table", "10"))
        for address in ("10.61.0.1", "fd00:61::1"):
            self.pod.sandbox.run("ping", "-c1", "-W5", "-I", "red", address)
        self.run_verb("CHECK", self.bridge())
        self.run_verb("CHECK", self.vrf(table=10))

    def test_routes_keep_all_of_their_next_hops(self):
        self.add(self.bridge())
        run = self.pod.sandbox.run
        run("ip", "route", "add", "10.98.0.0/16", "nexthop", "via", "10.61.0.7", "dev", "eth0", "nexthop", "via", "10.61.0.8", "dev", "eth0")
        run("ip", "route", "add", "fd00:98::/64", "nexthop", "via", "fd00:61::7", "dev", "eth0", "nexthop", "via", "fd00:61::8", "dev", "eth0")
        before = self.routes()
        self.add(self.vrf(table=10))
        self.assertEqual(before, self.routes("table", "10"))
        self.assertIn(("fd00:98::/64", 2), before)

    def test_a_routed_pod_keeps_its_way_to_the_gateway(self):
        ptp = self.bridge()
        ptp.plugins[0].update(type="ptp", ipMasq=True)
        self.add(ptp, self.vrf())
        for address in ("10.61.0.1", "fd00:61::1"):
            self.pod.sandbox.run("ping", "-c1", "-W5", "-I", "red", address)
        for case in (ptp, self.vrf()):
            self.run_verb("CHECK", case)
        for case in (self.vrf(), ptp):
            self.run_verb("DEL", case)
        self.assertEqual([], list(leftovers(self.node)))

    def test_the_last_interface_takes_the_vrf_with_it(self):
        first, second = self.bridge(), self.bridge("net1", 62)
        self.add(first, self.vrf(), second, self.vrf("net1"))
        self.assertEqual(6, sum(hops for _, hops in self.routes("table", "1")))
        for ifname, stays in (("eth0", True), ("net1", False)):
            for _ in range(2):
                self.run_verb("DEL", self.vrf(ifname))
                self.assertEqual(stays, bool(self.pod.sandbox.run("ip", "link", "show", "type", "vrf").stdout))

    def test_a_free_table_is_one_that_no_route_and_no_rule_uses(self):
        self.add(self.bridge())
        self.pod.sandbox.run("ip", "route", "add", "10.97.0.0/16", "dev", "lo", "table", "1")
        self.pod.sandbox.run("ip", "rule", "add", "from", "10.97.0.1", "table", "2")
        self.add(self.vrf())
        self.assertIn("vrf table 3 ", self.pod.sandbox.run("ip", "-d", "link", "show", "red").stdout)

    def test_add_refuses_what_the_reference_refuses(self):
        self.add(self.bridge())
        run = self.pod.sandbox.run
        for prepare, keys, text in ((("dummy",), {}, "Netlink red is not a VRF"),
                                    (("vrf", "table", "7"), {"table": 8}, "VRF red already exist with different routing table 7")):
            run("ip", "link", "add", "red", "type", *prepare)
            before = self.state()
            with self.assertRaisesRegex(PluginFailed, text):
                self.run_verb("ADD", self.vrf(**keys))
            self.assertEqual(before, self.state())
            run("ip", "link", "delete", "red")
        self.add(self.vrf())
        with self.assertRaisesRegex(PluginFailed, "interface eth0 has already a master set: red"):
            self.run_verb("ADD", self.vrf())

    def test_check_notices_each_difference(self):
        self.add(self.bridge(), self.vrf())
        self.run_verb("CHECK", self.vrf())
        self.assertRaises(PluginFailed, self.run_verb, "CHECK", self.vrf(table=9))
        for words in (("red", "down"), ("eth0", "nomaster")):
            self.pod.sandbox.run("ip", "link", "set", *words)
            self.assertRaises(PluginFailed, self.run_verb, "CHECK", self.vrf())
            self.pod.sandbox.run("ip", "link", "set", "red", "up")

    def test_del_succeeds_whatever_is_gone(self):
        for spoil in (("ip", "link", "delete", "eth0"), ("ip", "link", "delete", "red"), ("true",)):
            self.add(self.bridge(), self.vrf())
            self.pod.sandbox.run(*spoil)
            broken = Case("broken", [{"type": "vrf", "table": -1}])
            for case in (self.vrf(), self.vrf(), broken):
                self.run_verb("DEL", case)
            self.assertEqual("", self.pod.sandbox.run("ip", "link", "show", "type", "vrf").stdout)
            self.run_verb("DEL", self.bridge())
        self.add(self.bridge(), self.vrf())
        self.run_verb("DEL", Case("broken", [{"type": "vrf"}]))
        self.assertEqual("", self.pod.sandbox.run("ip", "link", "show", "type", "vrf").stdout)

    def test_a_failed_add_leaves_everything_as_it_was(self):
        """The kernel refuses each change once."""
        self.add(self.bridge())
        before, call = self.state(), self.vrf()
        plugin = {"cniVersion": "1.0.0", "name": "interop", **call.plugins[0], "prevResult": self.pod.result}
        env = {"PATH": "/usr/sbin:/usr/bin", "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "pod-a", "CNI_NETNS": self.pod.path, "CNI_IFNAME": "eth0",
               "CNI_PATH": self.ours.path}
        for number in range(1, 40):
            done = self.node.host.run("strace", "-qq", "-o", "/dev/null", "-e", f"inject=sendto:error=ENOBUFS:when={number}",
                                      f"{self.ours.path}/vrf", text=json.dumps(plugin), env=env, check=False)
            if done.returncode == 0:
                break
            self.assertEqual(before, self.state(), f"{number}: {done.stdout}")
        self.assertIn(number, range(8, 39))


if __name__ == "__main__":
    world.enter()
    subprocess.run(["modprobe", "-a", "8021q", "dummy", "ipvlan", "vrf"], check=True)
    unittest.main(verbosity=2)
