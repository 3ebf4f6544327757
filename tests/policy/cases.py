# SPDX-License-Identifier: Apache-2.0
"""A cluster of nine pods, and cases: policies with the connections that they allow, written down by hand."""
import copy
import dataclasses
import fnmatch
import itertools

from policy.objects import namespace, node, pod
from policy.oracle import Packet, verdict
from policy.view import View

NAMES = [f"{space}/{name}" for space in "xyz" for name in "abc"]
FAMILIES = (4, 6)
OUTSIDE = {4: "192.0.2.1", 6: "2001:db8::1"}
PROBES = (("TCP", 80), ("TCP", 81), ("UDP", 80), ("UDP", 81), ("ICMP", None))  # ICMP: an echo


def pod_address(index, family, nodes=1):
    """The pods of a node share a range, as they do with host-local."""
    home, number = index % nodes + 1, index + 11
    return f"10.244.{home}.{number}" if family == 4 else f"fd00:244:{home}::{number:x}"


def node_address(number, family):
    return f"192.0.2.{10 + number}" if family == 4 else f"2001:db8::{10 + number:x}"


class Cluster:
    """Namespaces x, y and z, each with pods a, b and c, on one node or several in turns. Labels are ns and pod."""
    names = NAMES

    def __init__(self, nodes=1):
        self.nodes = nodes
        self.namespaces = {name: self.make_namespace(name) for name in dict.fromkeys(each.partition("/")[0] for each in self.names)}
        self.pods = {name: pod(name, [pod_address(index, family, nodes) for family in FAMILIES], self.pod_labels(name),
                               nodeName=f"node{index % nodes + 1}") for index, name in enumerate(self.names)}
        self.node_objects = [node(f"node{number}", *(node_address(number, family) for family in FAMILIES))
                             for number in range(1, nodes + 1)]

    @staticmethod
    def make_namespace(name):
        return namespace(name, ns=name)

    @staticmethod
    def pod_labels(name):
        return {"pod": name.partition("/")[2]}

    def objects(self, step):
        """All objects of a step: its policies, and its labels in addition to the cluster's own."""
        pods, namespaces = copy.deepcopy(self.pods), copy.deepcopy(self.namespaces)
        for name, more in step.labels.items():
            (pods if "/" in name else namespaces)[name]["metadata"]["labels"].update(more)
        for name, more in step.changes.items():
            for part, values in more.items():
                pods[name][part].update(values)
        names = [(each["metadata"].get("namespace"), each["metadata"]["name"], each["kind"]) for each in step.policies]
        assert len(names) == len(set(names)), f"two policies of one name: {names}"
        return list(namespaces.values()) + list(pods.values()) + self.node_objects + list(step.policies)

    def addresses(self):
        """(name, family) -> address, of every source and destination of a matrix."""
        found = {(name, family): pod_address(index, family, self.nodes) for index, name in enumerate(self.names) for family in FAMILIES}
        found |= {(f"node{number}", family): node_address(number, family) for number in range(1, self.nodes + 1) for family in FAMILIES}
        return found | {("outside", family): OUTSIDE[family] for family in FAMILIES}


@dataclasses.dataclass
class Check:
    """Lines such as "x,y/b > x/a: no" for one protocol and port; the last that matches counts, and without one it is yes."""
    protocol: str
    port: int
    lines: str

    def wanted(self, source, destination):
        answer = True
        for line in filter(None, (each.strip() for each in self.lines.split(";"))):
            pair, _, word = line.partition(":")
            left, _, right = pair.partition(">")
            if is_among(source, left.strip()) and is_among(destination, right.strip()):
                answer = {"yes": True, "no": False}[word.strip()]
        return answer


def is_among(name, patterns):
    """A pattern is *, a namespace, a pod, or several with commas."""
    return any(fnmatch.fnmatchcase(name, each if "/" in each or each == "*" else f"{each}/*") for each in patterns.split(","))


@dataclasses.dataclass
class Step:
    """`labels` are added to the pod (namespace/name) or namespace; `changes` to a part (metadata, spec, status) of a pod."""
    policies: list
    checks: list = dataclasses.field(default_factory=list)
    labels: dict = dataclasses.field(default_factory=dict)
    changes: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Case:
    name: str
    steps: list


def tcp(port, lines=""):
    return Check("TCP", port, lines)


def udp(port, lines=""):
    return Check("UDP", port, lines)


def sctp(port, lines=""):
    return Check("SCTP", port, lines)


def case(name, policies, *checks, **more):
    return Case(name, [Step(policies, list(checks), **more)])


def mismatches(cluster, step):
    """Where the oracle differs from the step's own lines."""
    view, found = View(cluster.objects(step)), []
    addresses = cluster.addresses()
    for check, source, destination, family in itertools.product(step.checks, cluster.names, cluster.names, FAMILIES):
        packet = Packet(addresses[source, family], addresses[destination, family], check.protocol, check.port)
        answer = verdict(view, packet)
        if source != destination and bool(answer) != check.wanted(source, destination):
            found.append(f"{source} > {destination} {check.protocol} {check.port} IPv{family}: {answer}")
    return found


def expected_matrix(cluster, step, probes=PROBES):
    """(source, destination, family, protocol, port) -> whether it connects, by the oracle; between pods, nodes and outside.

    A node's own connections to another node or to the outside are not in it: policies never look at them.
    """
    view, addresses, matrix = View(cluster.objects(step)), cluster.addresses(), {}
    for (source, family), (destination, other) in itertools.product(addresses, addresses):
        if family == other and source != destination and ("/" in source or "/" in destination):
            for protocol, port in probes:
                packet = Packet(addresses[source, family], addresses[destination, family], protocol, port,
                                node=source if source.startswith("node") else None)
                matrix[source, destination, family, protocol, port] = bool(verdict(view, packet))
    return matrix
