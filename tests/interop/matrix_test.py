#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The effect of each suite's verbs on the state of the other suite. Prints the tables of docs/operations.md, which must have the same contents."""
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import reference_nft  # noqa: E402
from lab import state, world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, PluginFailed, Suite  # noqa: E402

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/operations.md"
IPAM = {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]]}
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
TUNING = {"type": "tuning", "mtu": 1400, "sysctl": {"net.core.somaxconn": "1024"}}
BANDWIDTH = {"type": "bandwidth", "ingressRate": 10**9, "ingressBurst": 10**7, "egressRate": 10**9, "egressBurst": 10**7}
VERSION, NETWORK = "1.0.0", "interop"


def case(masquerade=True, spoof_check=True, ports=True, backend=None):
    """bridge, portmap, tuning, bandwidth and firewall as one list; without a backend each suite takes its own."""
    bridge = {"type": "bridge", "bridge": "br-interop", "isGateway": True, "ipMasq": masquerade, "macspoofchk": spoof_check, "ipam": IPAM}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    if backend:
        bridge["ipMasqBackend"] = portmap["backend"] = backend
    return Case("matrix", [bridge, portmap, TUNING, BANDWIDTH, {"type": "firewall"}], runtime=PORTS if ports else {})


def what_is_left(node, container_id):
    """The kinds of objects of the pod that are left."""
    tables = {"masquerade": ("inet cni_plugins_masquerade",), "host port": ("ip cni_hostport", "ip6 cni_hostport"),
              "MAC filter": ("bridge nat",)}
    iptables = "\n".join(state.iptables(node.host))
    kinds = []
    if any(line.split()[1].startswith("veth") for line in state.links(node.host)):
        kinds.append("link")
    if any(line.split()[1].startswith("bwp") for line in state.links(node.host)):
        kinds.append("limits")
    if any(f"'{container_id}" in line for line in state.files()):
        kinds.append("address")
    if any(f"/tuning/{container_id}" in line for line in state.files()):
        kinds.append("tuning's backup")
    if re.search(r"CNI-FORWARD -[sd] (10\.61\.|fd00:61:)", iptables):
        kinds.append("forward rules")
    for kind, names in tables.items():
        text = "".join(node.host.run("nft", "list", "table", *name.split(), check=False).stdout for name in names)
        chain = {"masquerade": r"CNI-[0-9a-f]{24}", "host port": "CNI-DN-"}.get(kind, "(?!)")
        if container_id in text or re.search(chain, iptables):
            kinds.append(kind)
    return kinds


def collect_garbage(node, suite, conf, valid=()):
    """GC of each plugin of the list."""
    for plugin in conf.plugins:
        config = {"cniVersion": "1.1.0", "name": NETWORK, **plugin, "cni.dev/valid-attachments": list(valid)}
        config.pop("capabilities", None)
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": "GC", "CNI_PATH": suite.path}
        node.host.run(f"{suite.path}/{plugin['type']}", text=json.dumps(config), env=env)


def removes(left):
    return "removes all" if not left else f"leaves {', '.join(left)}"


class MatrixTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def open(self, adds):
        """A node with one pod in the state that `adds` makes."""
        node = Node()
        self.addCleanup(node.close)
        pod = node.add_pod("pod-one")
        adds(node, pod)
        return node, pod

    # The states.
    def by_iptables(self, _node, pod):
        pod.add(self.theirs, case(), VERSION)

    def by_newer_iptables(self, node, pod):
        """The same chains and rules (upgrade from 1.1.1 to 1.9 changes none of them); the result lost its empty dns."""
        self.by_iptables(node, pod)
        pod.result.pop("dns", None)

    def by_nftables(self, node, pod):
        pod.add(self.theirs, case(masquerade=False, spoof_check=False, ports=False), VERSION)
        pod.result.pop("dns", None)
        host_end, container = pod.result["interfaces"][1:3]
        reference_nft.write(node.host, [
            *reference_nft.masquerade(NETWORK, "eth0", pod.container_id, pod.result["ips"]),
            *reference_nft.host_ports(pod.container_id, pod.result["ips"], PORTS["portMappings"]),
            *reference_nft.mac_spoof_check("eth0", pod.container_id, host_end["name"], container["mac"])])

    def by_ours(self, backend):
        return lambda _node, pod: pod.add(self.ours, case(backend=backend), VERSION)

    # The verbs.
    def try_check(self, pod, suite, conf):
        try:
            for plugin in conf.plugins:
                pod._call("CHECK", suite, conf, VERSION, plugin)  # pylint: disable=protected-access
        except (PluginFailed, AssertionError) as failure:
            print(f"  CHECK by {suite.name}: {failure}")
            return "fails"
        return "passes"

    def try_add(self, adds, conf):
        """Another pod beside the first: it works, the first still passes CHECK, and its host port is taken."""
        node, first = self.open(adds)
        second = node.add_pod("pod-two")
        with self.assertRaisesRegex(PluginFailed, "open host port tcp 8080 .held by .*pod-one"):
            second.add(self.ours, conf, VERSION)
        second.delete(self.ours, conf, VERSION)
        second.add(self.ours, case(ports=False), VERSION)
        self.assertEqual("passes", self.try_check(second, self.ours, case(ports=False)))
        self.assertEqual("passes", self.try_check(first, self.ours, conf))
        return "works; the host port is taken"

    def our_verbs(self, adds):
        conf = case()
        node, pod = self.open(adds)
        check = self.try_check(pod, self.ours, conf)
        pod.delete(self.ours, conf, VERSION)
        deletion = removes(what_is_left(node, pod.container_id))
        node, pod = self.open(adds)
        collect_garbage(node, self.ours, conf, [{"containerID": pod.container_id, "ifname": "eth0"}])
        self.assertEqual("passes", self.try_check(pod, self.ours, conf))
        collect_garbage(node, self.ours, conf)
        garbage = removes(what_is_left(node, pod.container_id))
        return [self.try_add(adds, conf), check, deletion, garbage]

    def their_verbs(self, adds, conf):
        """DEL by the reference, then GC by our suite of the leftovers."""
        node, pod = self.open(adds)
        check = [self.try_check(pod, self.theirs, Case("one", [plugin], runtime=conf.runtime)) for plugin in conf.plugins]
        deletion = self.delete_until_it_works(pod, conf)
        deletion += removes(what_is_left(node, pod.container_id))
        collect_garbage(node, self.ours, conf)
        return [f"bridge {check[0]}, portmap {check[1]}, bandwidth {check[3]}, firewall {check[4]}", deletion, removes(what_is_left(node, pod.container_id))]

    def delete_until_it_works(self, pod, conf):
        """DEL by the reference, repeated as runtimes do."""
        for failed in range(3):
            try:
                pod.delete(self.theirs, conf, VERSION)
                return "" if failed == 0 else "fails once, then "
            except PluginFailed as failure:
                print(f"  {failure}")
        return "fails, "

    def require_documented(self, rows):
        document = DOCUMENT.read_text(encoding="utf-8")
        for row in rows:
            line = f"| {' | '.join(row)} |"
            print(line, flush=True)
            with self.subTest(row[0]):
                self.assertTrue(line in document, f"docs/operations.md does not say: {line}")

    def test_our_verbs_on_the_references_state(self):
        self.require_documented([
            ["1.1.1 (iptables)", *self.our_verbs(self.by_iptables)],
            ["1.9 with iptables", *self.our_verbs(self.by_newer_iptables)],
            ["1.9 with nftables", *self.our_verbs(self.by_nftables)]])

    # R4
    def test_the_references_verbs_on_our_state(self):
        self.require_documented([
            ["Plumb, no backend key", *self.their_verbs(self.by_ours(None), case())],
            ["Plumb, iptables backends", *self.their_verbs(self.by_ours("iptables"), case(backend="iptables"))]])


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
