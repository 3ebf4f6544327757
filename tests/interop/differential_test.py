#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same configuration, run by the reference suite and by ours: same result, same state of host and sandbox."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cases import IPAM, MAIN  # noqa: E402
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Names, Node, Suite, comparable  # noqa: E402


# P10: with our suite connections to ::1 are refused at once; with the reference they hang until they time out.
SPARES_LOOPBACK = "ip6tables -A CNI-HOSTPORT-DNAT -d ::1/128 -j RETURN"


def describe(namespace, names, with_iptables=False):
    """The state of a namespace, without random names and the one rule that only our suite has."""
    views = (state.links, state.addresses, state.routes, state.link_sysctls, state.qdiscs)
    lines = sorted(names(line) for view in views for line in view(namespace))
    rules = state.iptables(namespace) if with_iptables else ()
    return lines + [line for line in rules if line != SPARES_LOOPBACK]


def without_default_gateways(result):
    """L7: our suite gives the gateway of a default route; with the reference readers must find it among the addresses."""
    gateways = {ip.get("gateway") for ip in result.get("ips", [])} | {result.get(key, {}).get("gateway") for key in ("ip4", "ip6")}
    for routes in (result.get("routes", []), *(result.get(key, {}).get("routes", []) for key in ("ip4", "ip6"))):
        for route in routes:
            if route["dst"] in ("0.0.0.0/0", "::/0") and route.get("gw") in gateways:
                route.pop("gw", None)
    return result


def observe(suite, case, version):
    """The whole state after an ADD, and after the following DEL."""
    node = Node(case)
    try:
        pod, names = node.add_pod("pod-one"), Names(case.runtime.get("mac"), "02:00:5e:00:53:08")
        result = comparable(pod.add(suite, case, version), pod, names)
        seen = {"result": result, "host": describe(node.host, names, case.backends_agree),
                "sandbox": describe(pod.sandbox, names), "files": list(state.files())}
        pod.check(suite, case, version)
        pod.delete(suite, case, version)
        pod.delete(suite, case, version)
        seen["host after DEL"] = describe(node.host, names, case.backends_agree)
        seen["sandbox after DEL"] = describe(pod.sandbox, names)
        seen["files after DEL"] = list(state.files())
        return seen
    finally:
        node.close()


class DifferentialTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def compare(self, cases):
        for case in cases:
            for version in case.versions:
                with self.subTest(case=case.name, version=version):
                    theirs, ours = observe(self.theirs, case, version), observe(self.ours, case, version)
                    self.assertEqual(*map(without_default_gateways, (theirs["result"], ours["result"])))
                    changes = [f"{what}: {line}" for what in theirs if what != "result"
                               for line in state.difference(theirs[what], ours[what])]
                    if changes:
                        self.fail("reference (-) and ours (+) differ:\n" + "\n".join(changes))

    def test_interface_plugins_and_chains(self):
        self.compare(MAIN)

    def test_ipam_plugins(self):
        self.compare(IPAM)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
