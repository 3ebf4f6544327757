# SPDX-License-Identifier: Apache-2.0
"""The verdict of Kubernetes' network policies on a packet, by a direct walk over the API's objects.

Written from the requirements alone (NP-nnn in the comments), without the planner's code, index or types: tests compare the two.
Nothing here is made to be fast.
"""
import dataclasses

from policy import tiers
from policy.label_selectors import Unreadable, selects
from policy.view import View, block_contains, labels_of, named_ports, parse

INGRESS, EGRESS = "Ingress", "Egress"


@dataclasses.dataclass(frozen=True)
class Packet:
    """The first packet of a connection as the node of the pod sees it: after DNAT and before SNAT (NP-064).

    `node` names the node whose own stack sends the packet, if one does. `translated` says that the destination was another
    address before, such as a Service's.
    """
    source: str
    destination: str
    protocol: str = "TCP"  # TCP, UDP, SCTP, or any other name for a protocol without ports
    port: int = None
    node: str = None
    translated: bool = False


@dataclasses.dataclass(frozen=True)
class Decision:
    """The verdict of one direction, and who gave it."""
    accept: bool
    tier: str
    policy: str = ""
    rule: int = None

    def __str__(self):
        return f"{'accept' if self.accept else 'deny'} by {self.tier} {self.policy}{'' if self.rule is None else f' rule {self.rule}'}"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Both directions (NP-027); true when the packet passes."""
    egress: Decision
    ingress: Decision

    def __bool__(self):
        return self.egress.accept and self.ingress.accept

    def __str__(self):
        return f"egress {self.egress}, ingress {self.ingress}"


NOT_SUBJECT = Decision(True, "none", "not a pod that policies select")
EXEMPT_NODE = Decision(True, "exempt", "the pod's own node")
SELF = Decision(True, "exempt", "the pod itself")


def types_of(spec):
    """NP-020, NP-021."""
    if spec.get("policyTypes"):
        return spec["policyTypes"]
    return [INGRESS, EGRESS] if spec.get("egress") else [INGRESS]


def peer_matches(view, namespace, peer, address):
    """NP-005, NP-006; `namespace` is the policy's own."""
    by_pods, by_namespaces, block = peer.get("podSelector"), peer.get("namespaceSelector"), peer.get("ipBlock")
    if block is not None:
        return by_pods is None and by_namespaces is None and block_contains(block, address)
    pod = view.pod_at(address)
    if pod is None or by_pods is None and by_namespaces is None:
        return False
    if by_namespaces is None:
        in_namespaces = pod["metadata"]["namespace"] == namespace
    else:
        in_namespaces = selects(by_namespaces, view.namespace_labels(pod["metadata"]["namespace"]))
    return in_namespaces and (by_pods is None or selects(by_pods, labels_of(pod)))


def port_matches(entry, packet, destination, is_block):
    """NP-040 to NP-047; `destination` is the pod at the packet's destination, `is_block` whether an egress ipBlock is the peer."""
    if packet.protocol not in ("TCP", "UDP", "SCTP") or (entry.get("protocol") or "TCP") != packet.protocol:
        return False
    port, end = entry.get("port"), entry.get("endPort")
    if port is None:
        return end is None
    if isinstance(port, str):
        if end is not None or destination is None or is_block:
            return False
        return named_ports(destination).get((port, packet.protocol)) == packet.port
    if end is None:
        return packet.port == port
    return port <= packet.port <= end  # never when end is below port


def rule_allows(view, namespace, rule, packet, direction):
    """NP-024, NP-025, NP-029."""
    peers = rule.get("from" if direction == INGRESS else "to") or [None]
    ports = rule.get("ports") or [None]
    address = packet.source if direction == INGRESS else packet.destination
    destination = view.pod_at(packet.destination)

    def matches(peer, port):
        is_block = direction == EGRESS and peer is not None and peer.get("ipBlock") is not None
        return ((port is None or port_matches(port, packet, destination, is_block))
                and (peer is None or readable(lambda: peer_matches(view, namespace, peer, address))))
    return any(matches(peer, port) for peer in peers for port in ports)


def readable(question):
    """NP-004: a selector that cannot be read selects nothing."""
    try:
        return question()
    except Unreadable:
        return False


def isolates(policy, pod):
    """(whether the policy selects the pod, whether its rules count). NP-001, NP-004: a subject that cannot be read closes the namespace."""
    if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False, False
    try:
        return (selects((policy.get("spec") or {}).get("podSelector") or {}, labels_of(pod)), True)
    except Unreadable:
        return True, False


def by_network_policies(view, pod, packet, direction):
    """The decision of networking.k8s.io/v1, or None when no policy isolates the pod for this direction (NP-022)."""
    isolated = None
    for policy in view.of("NetworkPolicy"):
        spec, name = policy.get("spec") or {}, f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
        selected, rules_count = isolates(policy, pod)
        if not selected or direction not in types_of(spec):
            continue
        isolated = isolated or Decision(False, "NetworkPolicy", name)
        if is_exempt(view, pod, packet, direction):
            return Decision(True, "NetworkPolicy", "exempt: the pod itself or its node")
        if is_group(packet.destination):
            continue  # NP-091
        for number, rule in enumerate((spec.get("ingress" if direction == INGRESS else "egress") or []) if rules_count else []):
            if rule_allows(view, policy["metadata"]["namespace"], rule, packet, direction):
                return Decision(True, "NetworkPolicy", name, number)  # NP-026: the union
    return isolated


def is_group(address):
    parsed = parse(address)
    return parsed.is_multicast or address == "255.255.255.255"


def is_exempt(view, pod, packet, direction):
    """NP-082, NP-085: NetworkPolicy alone lets a pod reach its own node, and itself by a Service."""
    if view.pod_at(packet.source) is view.pod_at(packet.destination):
        return True
    return direction == EGRESS and view.node_at(packet.destination) == node_of(pod)


def node_of(pod):
    """The node's name; a pod without a node is on none, not on the same one as all others."""
    return (pod.get("spec") or {}).get("nodeName") or object()


def decide(view, packet, direction):
    pod = view.pod_at(packet.destination if direction == INGRESS else packet.source)
    if pod is None or (direction == EGRESS and packet.node):
        return NOT_SUBJECT
    if packet.source == packet.destination and not packet.translated:
        return SELF  # NP-084: it never leaves the pod
    if direction == INGRESS and (packet.node or view.node_at(packet.source)) == node_of(pod):
        return EXEMPT_NODE  # NP-080, NP-210; not NP-081's other nodes
    decision = tiers.decide(view, pod, packet, direction, tier="Admin")
    decision = decision or by_network_policies(view, pod, packet, direction)  # NP-203: final when it isolates
    decision = decision or tiers.decide(view, pod, packet, direction, tier="Baseline")
    return Decision(*decision) if decision and not isinstance(decision, Decision) else decision or Decision(True, "default")


def verdict(objects, packet):
    """Returns the decisions on the packet, from objects of the kinds Pod, Namespace, Node, NetworkPolicy and ClusterNetworkPolicy."""
    view = objects if isinstance(objects, View) else View(objects)
    return Verdict(decide(view, packet, EGRESS), decide(view, packet, INGRESS))
