#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins that make links of a kind that not every kernel has (LINK_KIND in their CMakeLists.txt), on Debian's kernel: tests/vm/run starts
it. Conformance, their examples, and pods that change between the reference and this suite."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, Suite, leftovers  # noqa: E402

V4, V6 = [{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]
# The host has a link with the name of the pods' links, which old kernels look for in both namespaces.
MASTER = (("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0"), ("ip", "link", "set", "lan0", "up"),
          ("ip", "link", "set", "eth0", "up"))


def case(name, *ranges, **keys):
    ipam = {"type": "host-local", "ranges": ranges or [V4]}
    return Case(name, [{"type": name.split("-")[0], "master": "lan0", "ipam": ipam, **keys}], prepare=MASTER, versions=("1.0.0",))


CASES = {"ipvlan": [case("ipvlan", V4, V6), case("ipvlan-l3", mode="l3"), case("ipvlan-l3s", mode="l3s", mtu=1400)]}


def plugins():
    for path in sorted(ROOT.glob("plugins/*/CMakeLists.txt")):
        if re.search(r"LINK_KIND", path.read_text(encoding="utf-8")):
            yield path.parent.name


class ConformanceTest(unittest.TestCase):
    """All rows: minutes under emulation."""
    groups = ()

    def test_conformance(self):
        self.bin = world.plugin_folder()
        for plugin in plugins():
            with self.subTest(plugin):
                rows = [word for group in self.groups for word in ("--row", group)]
                done = world.run(f"{self.bin}/cnitool", "conformance", f"{self.bin}/{plugin}", *rows, timeout=900, check=False)
                failed = set(re.findall(r"^(\S+) +FAIL", done.stdout, re.M))
                # A million keys within 2 s of processor time: not under emulation.
                self.assertLessEqual(failed, {"S-052"}, done.stdout + done.stderr)
                self.assertRegex(done.stdout, r"MUST +[1-9]")
                print(f"\nconformance: {plugin}", flush=True)  # for scripts/check_skipped.py


class SampleTest(ConformanceTest):
    groups = ("A4", "A6", "A10")


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
        for pod in pods:
            pod.add(adds, each, "1.0.0")
        for ip in pods[1].result["ips"]:
            pods[0].sandbox.run("ping", "-c1", "-W5", ip["address"].split("/")[0])
        for pod in pods:
            pod.check(then, each, "1.0.0")
            pod.delete(then, each, "1.0.0")
            pod.delete(then, each, "1.0.0")
        self.assertEqual([], list(leftovers(node)))


if __name__ == "__main__":
    world.enter()
    subprocess.run(["modprobe", "-a", "ipvlan"], check=True)
    unittest.main(verbosity=2)
