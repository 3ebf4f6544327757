#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists of plugins as podman, nerdctl, Nomad, microVM builders and Kubernetes write them, through all verbs, with both suites mixed in one list."""
import itertools
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, leftovers  # noqa: E402

DEFAULTS = [{"dst": "0.0.0.0/0"}]
V4, V6 = [{"subnet": "10.61.0.0/16", "gateway": "10.61.0.1"}], [{"subnet": "fd00:61::/64"}]
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
TUNING = {"type": "tuning"}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
# A kubelet writes the burst.
LIMITS = {"bandwidth": {"ingressRate": 10**6, "ingressBurst": 2**31 - 1, "egressRate": 10**9, "egressBurst": 2**31 - 1}}


def bridge(name, *ranges, **options):
    return {"type": "bridge", "bridge": name, "hairpinMode": True, "ipam": {"type": "host-local", "ranges": [*ranges], "routes": DEFAULTS},
            **options}


GATEWAY = {"isGateway": True, "ipMasq": True}
LISTS = [
    Case("podman", [bridge("cni-podman0", V4, **GATEWAY), PORTMAP, {"type": "firewall"}, TUNING], runtime=PORTS, versions=("0.4.0",)),
    Case("podman network create", [bridge("cni-podman1", V4, V6, **GATEWAY), PORTMAP, {"type": "firewall", "backend": ""}, TUNING],
         runtime=PORTS, versions=("0.4.0",)),
    Case("podman internal", [{"type": "bridge", "bridge": "cni-podman2", "hairpinMode": True,
                              "ipam": {"type": "host-local", "ranges": [V4]}}, PORTMAP, {"type": "firewall", "backend": ""}, TUNING],
         versions=("0.4.0",)),
    Case("nerdctl", [bridge("nerdctl0", V4, **GATEWAY), PORTMAP, {"type": "firewall", "ingressPolicy": "same-bridge"}, TUNING],
         runtime=PORTS, versions=("1.0.0",)),
    Case("microVM", [{"type": "ptp", "ipMasq": True, "ipam": {"type": "host-local", "ranges": [V4], "routes": DEFAULTS}}, {"type": "firewall"}],
         versions=("0.4.0", "1.0.0")),
    Case("Nomad", [bridge("nomad", V4, forceAddress=True, **GATEWAY),
                   {"type": "firewall", "backend": "iptables", "iptablesAdminChainName": "NOMAD-ADMIN"}, {**PORTMAP, "snat": True}],
         runtime=PORTS, versions=("0.4.0",)),
    Case("Kubernetes", [bridge("cni0", V4, V6, **GATEWAY), PORTMAP, BANDWIDTH],
         runtime={**PORTS, **LIMITS}, versions=("0.4.0", "1.0.0")),
]
META = ("firewall", "tuning", "bandwidth")


class Mixture:
    """A folder for CNI_PATH: firewall, tuning and bandwidth of one suite, all others of another."""

    def __init__(self, main, meta):
        names = {REFERENCE: "the reference's", world.plugin_folder(): "our"}
        self.name = f"{names[meta]} chained plugins behind {names[main]} others"
        self.main, self.meta, self.path = main, meta, tempfile.mkdtemp(dir="/run", prefix="mixture-")
        self.is_reference = REFERENCE in (main, meta)
        for plugin in os.listdir(main):
            folder = self.folder_of(plugin)
            if pathlib.Path(folder, plugin).exists():
                os.symlink(f"{folder}/{plugin}", f"{self.path}/{plugin}")

    def folder_of(self, plugin):
        return self.meta if plugin in META else self.main


class PracticeTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        suites = (world.plugin_folder(), REFERENCE)
        cls.mixtures = [Mixture(main, meta) for main, meta in itertools.product(suites, suites)]

    def run_through(self, case, version, adds, then):
        node = Node(case)
        try:
            # Docker is there as well.
            node.host.run("iptables", "-P", "FORWARD", "DROP")
            pod, neighbour = node.add_pod("pod-one"), node.add_pod("pod-two")
            quiet = Case(case.name, case.plugins)
            neighbour.add(adds, quiet, version)
            pod.add(adds, case, version)
            for suite in (adds, then):
                pod.check(suite, case, version)
            neighbour.delete(then, quiet, version)
            pod.check(then, case, version)
            self.collect(node, case, then, [{"containerID": "pod-one", "ifname": "eth0"}])
            pod.check(then, case, version)
            for _ in range(2):
                pod.delete(then, case, version)
            self.assertEqual([], list(leftovers(node)))
            self.collect(node, case, then, [])
        finally:
            node.close()

    @staticmethod
    def collect(node, case, suite, valid):
        """GC and STATUS of every plugin that knows them."""
        for verb, plugin in itertools.product(("STATUS", "GC"), case.plugins):
            if suite.folder_of(plugin["type"]) == REFERENCE:
                continue
            config = {"cniVersion": "1.1.0", "name": "interop", **plugin, "cni.dev/valid-attachments": valid}
            config.pop("capabilities", None)
            env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_PATH": suite.path}
            node.host.run(f"{suite.path}/{plugin['type']}", text=json.dumps(config), env=env)

    def test_lists_of_practice(self):
        for case in LISTS:
            for version, adds, then in itertools.product(case.versions, self.mixtures, self.mixtures):
                # bridge and portmap without a backend keep their rules in other places than the reference's.
                if adds.main != then.main:
                    continue
                with self.subTest(case.name, version=version, add=adds.name, then=then.name):
                    self.run_through(case, version, adds, then)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
