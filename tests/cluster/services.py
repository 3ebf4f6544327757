# SPDX-License-Identifier: Apache-2.0
"""Two nodes, kube-proxy's recorded rules on the first, and the required result of each recorded connection.

The recordings and connections.tsv are of kube-proxy 1.36 on "node1". The lab's addresses take the place of the recorded ones, everywhere:
192.0.2.11 and 2001:db8::11 (node1) become 10.0.1.1 and fd00:0:0:1::1; fd00:10:244::/48 (pods) becomes fd00:244::/32; the endpoints
10.244.1.5 and .6 (a and b, on node1) and 10.244.2.7 (c, on node2), with their IPv6 addresses, become those that IPAM gave. IPv4 pod ranges
and the addresses of Services are as recorded."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402, F401
from lab.cluster import Cluster, OUTSIDE  # noqa: E402
from lab.world import wait_until  # noqa: E402
from lab.cluster_services import RECORDINGS, Servers, Services, Traffic, ask, ask_all, local_addresses  # noqa: E402, F401

ENDPOINTS = {"a": ("10.244.1.5", "fd00:10:244:1::5"), "b": ("10.244.1.6", "fd00:10:244:1::6"), "c": ("10.244.2.7", "fd00:10:244:2::7")}
NODE = {4: "192.0.2.11", 6: "2001:db8::11"}
LOAD_BALANCER = {4: "203.0.113.{}", 6: "2001:db8:ffff::{}"}
ALLOWED = {4: "198.51.100.7", 6: "2001:db8:100::7"}
# Where each line of the table begins and where it goes: a Service's number in 10.96.0.0/16, a node port, or a load balancer's number.
LINES = {
    "pod b -> no-endpoints": ("b", "service", 112, 80), "pod b -> ClusterIP of web, port without service": ("b", "service", 80, 81),
    "pod b -> unused address of the service range": ("b", "service", 200, 80), "pod a -> web": ("a", "service", 80, 80),
    "node1 -> web": ("node1", "service", 80, 80), "pod a -> self (hairpin)": ("a", "service", 81, 80),
    "pod b -> self": ("b", "service", 81, 80), "pod b -> dns tcp": ("b", "service", 10, 53), "pod b -> dns udp": ("b", "service", 10, 53),
    "pod b -> internal-local, 6 times": ("b", "service", 111, 80),
    "outside -> ClusterIP of web through node1": ("outside", "service", 80, 80), "outside -> np-cluster": ("outside", "node", 0, 30080),
    "outside -> np-local": ("outside", "node", 0, 30081), "outside -> np-local-none": ("outside", "node", 0, 30082),
    "pod a -> np-local-none on own node": ("a", "node", 0, 30082), "pod b -> np-cluster on own node": ("b", "node", 0, 30080),
    "node1 -> loopback np-cluster": ("node1", "loopback", 0, 30080), "outside, allowed -> lb": ("allowed", "balancer", 10, 80),
    "outside, not allowed -> lb": ("outside", "balancer", 10, 80), "pod b -> lb": ("b", "balancer", 10, 80),
    "node1 -> lb": ("node1", "balancer", 10, 80), "outside -> lb-local": ("outside", "balancer", 11, 80),
    "pod a -> lb-local": ("a", "balancer", 11, 80),
}
USUAL = ("iptables-cluster-cidr", "nftables-cluster-cidr")
# Wirings whose pods of one node reach each other by a bridge, and what its packets need for the rules to see them.
WITH_BRIDGE = ("vxlan", "bridge")
CALLS = {4: "iptables", 6: "ip6tables"}
BRIDGED = {"cniVersion": "1.0.0", "name": "bridged", "plugins": [{"type": "bridge", "isDefaultGateway": True, "hairpinMode": True, "ipam": {
    "type": "host-local"}}]}
ROUTED = {"cniVersion": "1.0.0", "name": "plumb", "plugins": [{"type": "vxlan", "podInterface": "ptp"}]}


def table():
    """(line, family, recording) -> cell."""
    head, *rows = [line.split("\t") for line in (RECORDINGS / "connections.tsv").read_text(encoding="utf-8").splitlines()]
    return {(row[0], int(row[1][1:]), recording): cell for row in rows for recording, cell in zip(head[2:], row[2:])}


class ServicesTest(unittest.TestCase):
    """A cluster with pods of one wiring; subclasses ask."""

    def begin(self, wiring, before_start=lambda node: None, with_pods=True):
        """`wiring`: vxlan and bgp by the list that plumbd writes, ptp by a template, bridge by a list of the operator's own.
        `before_start` is called with the first node before plumbd runs on any."""
        if wiring in WITH_BRIDGE and not pathlib.Path("/proc/sys/net/bridge").exists():
            self.skipTest("br_netfilter is not loaded; tests/vm loads it")
        backend = {"ptp": "auto", "bridge": "host-gw"}.get(wiring, wiring)
        self.wiring, self.cluster, self.servers, self.pods = wiring, Cluster(backend), Servers(), {}
        self.addCleanup(self.cluster.close)
        self.addCleanup(self.servers.close)
        self.cluster.add_nodes(2)
        self.node, self.other = self.cluster.nodes
        if wiring == "ptp":
            for node in self.cluster.nodes:
                self.write_json(node, "/etc/plumb/list", ROUTED)
            self.cluster.config["cniTemplate"] = "/etc/plumb/list"
        before_start(self.node)
        self.cluster.start()
        if with_pods:
            self.add_pods()

    @staticmethod
    def write_json(node, path, value):
        node.path(path).write_text(json.dumps(value), encoding="utf-8")

    def add_pods(self):
        """a and b on the first node, c on the second."""
        network = "bridged" if self.wiring == "bridge" else "plumb"
        if self.wiring == "bridge":
            for node in self.cluster.nodes:
                BRIDGED["plugins"][0]["ipam"]["ranges"] = [[{"subnet": each}] for each in node.ranges.values()]
                self.write_json(node, "/etc/cni/net.d/20-bridged.conflist", BRIDGED)
        self.pods = {name: node.add_pod(name, network) for name, node in (("a", self.node), ("b", self.node), ("c", self.other))}
        for name, pod in self.pods.items():
            self.servers.add(name, pod.path)
        # BIRD's sessions may need a moment more than plumbd.
        for family in (4, 6):
            wait_until(lambda family=family: "<-" in ask(self.path_of("a"), self.pods["c"].addresses[family], 8080, timeout=0.5),
                       f"pods of the two nodes reach each other by IPv{family}")
        self.open_ways_from_outside()

    def open_ways_from_outside(self):
        """Routes Services' addresses to the first node for clients outside; one more address there is that of an allowed client."""
        router, outside = self.cluster.underlay.router, self.cluster.underlay.outside
        for family, length in ((4, 32), (6, 128)):
            router.run("ip", f"-{family}", "rule", "add", "iif", "beyond", "lookup", "100")
            for address in (self.service(80, family), *(self.balancer(number, family) for number in (10, 11))):
                router.run("ip", f"-{family}", "route", "add", f"{address}/{length}", "via", self.node.addresses[family], "table", "100")
            via = "192.0.2.1" if family == 4 else "2001:db8:ff::1"
            outside.run("ip", "address", "add", f"{ALLOWED[family]}/{length}", "dev", "lo")
            outside.run("ip", "route", "replace", "default", "via", via)
            router.run("ip", "route", "add", f"{ALLOWED[family]}/{length}", "via", OUTSIDE[family])

    @staticmethod
    def service(number, family):
        return f"10.96.0.{number}" if family == 4 else f"fd00:10:96::{number}"

    @staticmethod
    def balancer(number, family):
        return LOAD_BALANCER[family].format(number)

    def pod_addresses(self):
        """The pods' addresses, or before the first ADD those that they will get: the second and later ones of each range."""
        if self.pods:
            return {name: pod.addresses for name, pod in self.pods.items()}
        return {name: {family: prefix.partition("/")[0].removesuffix("0" if family == 4 else "") + str(number)
                       for family, prefix in node.ranges.items()}
                for name, node, number in (("a", self.node, 2), ("b", self.node, 3), ("c", self.other, 2))}

    def substitution(self):
        addresses = {NODE[family]: self.node.addresses[family] for family in (4, 6)}
        pods = self.pod_addresses()
        for name, recorded in ENDPOINTS.items():
            addresses.update({recorded[0]: pods[name][4], recorded[1]: pods[name][6]})
        return addresses

    def services(self, recording):
        return Services(self.node, recording, self.substitution())

    def path_of(self, source):
        """The namespace that a line of the table begins in."""
        return {"node1": self.node.namespace.path, "outside": self.cluster.outside.path, "allowed": self.cluster.outside.path}.get(
            source) or self.pods[source].path

    def goal(self, line, family):
        """An ask for ask_all()."""
        source, kind, number, port = LINES[line]
        address = {"service": lambda: self.service(number, family), "node": lambda: self.node.addresses[family],
                   "balancer": lambda: self.balancer(number, family), "loopback": lambda: {4: "127.0.0.1", 6: "::1"}[family]}[kind]()
        return (self.path_of(source), address, port, "udp" if line.endswith("udp") else "tcp",
                ALLOWED[family] if source == "allowed" else None)

    # Ways of a bridge around the rules (K4)

    @staticmethod
    def call_no_rules(node):
        """Packets that a bridge passes from port to port meet no rules, as where br_netfilter's settings are off."""
        node.run("sysctl", "-qw", *(f"net.bridge.bridge-nf-call-{each}=0" for each in CALLS.values()))

    def bridge_calls(self):
        """By family, whether the bridge of the first node's pods shows its packets to the rules; empty without a bridge."""
        links = world.run_json(*self.node.enter, "ip", "-j", "-d", "link", "show", "type", "bridge")
        return {family: bool(link["linkinfo"]["info_data"][f"nf_call_{each}"]) for link in links for family, each in CALLS.items()}

    def wait_bridge_calls(self, seconds=10):
        if self.wiring in WITH_BRIDGE:
            wait_until(lambda: self.bridge_calls() == {4: True, 6: True}, "the bridge's packets meet the rules", seconds)

    # Whole tests

    def check_loaded_late(self, wiring, recordings):
        """Loads the rules when plumbd and the pods are running."""
        self.begin(wiring)
        for recording in recordings:
            with self.subTest(wiring=wiring, recording=recording):
                services = self.services(recording)
                services.load()
                try:
                    self.check(recording)
                finally:
                    services.unload()

    def check_loaded_early(self, wiring, recordings):
        """Loads the rules before plumbd and before the first pod, with br_netfilter's settings off."""
        for recording in recordings:
            def prepare(node, recording=recording):
                self.call_no_rules(node)
                self.services(recording).load()
            self.doCleanups()  # the cluster of the recording before
            with self.subTest(wiring=wiring, recording=recording):
                self.begin(wiring, prepare, with_pods=False)
                foretold = self.pod_addresses()
                self.add_pods()
                self.assertEqual(foretold, self.pod_addresses())
                self.wait_bridge_calls()
                self.check(recording)

    # Observed and recorded answers, with names in place of addresses

    def named(self, answer):
        """`c<-node1`."""
        name, arrow, address = answer.partition("<-")
        return f"{name}<-{self.names.get(address, address)}" if arrow else answer

    def name_addresses(self):
        self.names = {address: "node1" for address in local_addresses(self.node)}
        for name, pod in self.pods.items():
            self.names.update({address: name for address in pod.addresses.values()})
        self.names.update({address: "outside" for address in OUTSIDE.values()})

    @staticmethod
    def recorded(cell):
        names = {"10.244.1.1": "node1", "fd00:10:244:1::1": "node1", **{each: "node1" for each in NODE.values()},
                 "192.0.2.1": "outside", "2001:db8::1": "outside", **{each: name for name, both in ENDPOINTS.items() for each in both}}
        return {f"{each[:3]}{names[each[3:]]}" if "<-" in each else each for each in re.findall(r"\w<-\S+|timeout|refused", cell)}

    def check(self, recording, lines=tuple(LINES)):
        """Every line of the table, both families: each recorded answer comes, and no other."""
        self.name_addresses()
        cells = table()
        expected = {(line, family): self.recorded(cells[line, family, recording]) for line in lines for family in (4, 6)}
        seen = {key: set() for key in expected}
        for _ in range(6):
            missing = [key for key in expected if not expected[key] <= seen[key]]
            # Several endpoints are chosen at random.
            keys = [key for key in missing for _ in range(1 if len(expected[key]) == 1 else 10)]
            for key, answer in zip(keys, ask_all([self.goal(*key) for key in keys])):
                seen[key].add(self.named(answer))
        problems = [f"{line}, IPv{family}: {sorted(seen[line, family])} for {sorted(wanted)}"
                    for (line, family), wanted in expected.items() if seen[line, family] != wanted]
        problems += self.affinity()
        self.assertEqual([], problems, "\n".join([f"{self.wiring}, {recording}:", *problems]))

    def affinity(self):
        """Problems of the Service that keeps a client at one endpoint."""
        for family in (4, 6):
            answers = {ask(self.path_of("a"), self.service(110, family), 80) for _ in range(6)}
            if len(answers) != 1 or "<-" not in min(answers):
                yield f"pod a -> sticky, IPv{family}: {sorted(answers)}"
