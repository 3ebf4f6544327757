# SPDX-License-Identifier: Apache-2.0
"""The tiers of ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), as part of the """
from policy.label_selectors import Unreadable, selects
from policy.view import labels_of, named_ports, network, parse

PEERS = {"Ingress": ("namespaces", "pods"), "Egress": ("namespaces", "pods", "networks", "nodes")}
ACTIONS = ("Accept", "Deny", "Pass")
PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}


def decide(view, pod, packet, direction, tier):
    """(accept, tier, policy, rule) of the first rule that decides, or None (NP-202)."""
    policies = [each for each in view.of("ClusterNetworkPolicy") if each["spec"].get("tier") == tier]
    for policy in sorted(policies, key=lambda each: (each["spec"].get("priority", 0), each["metadata"]["name"])):  # NP-200
        if not is_subject(view, policy["spec"].get("subject") or {}, pod):
            continue
        for number, rule in enumerate(policy["spec"].get("ingress" if direction == "Ingress" else "egress") or []):
            action = outcome(view, rule, packet, direction)
            if action == "Pass":
                return None  # NP-201: leaves the tier
            if action:
                return action == "Accept", tier, policy["metadata"]["name"], number
    return None


def is_subject(view, subject, pod):
    """NP-204."""
    try:
        return pod_matches(view, subject, pod)
    except Unreadable:
        return False


def pod_matches(view, peer, pod):
    """Says whether `namespaces` or `pods` of a subject or peer selects the pod. In `pods` an absent selector is an empty one."""
    labels = view.namespace_labels(pod["metadata"]["namespace"])
    if peer.get("namespaces") is not None:
        return selects(peer["namespaces"], labels)
    if peer.get("pods") is None:
        return False
    of_namespaces = selects(peer["pods"].get("namespaceSelector") or {}, labels)
    return selects(peer["pods"].get("podSelector") or {}, labels_of(pod)) and of_namespaces


def outcome(view, rule, packet, direction):
    """The action that the rule takes on the packet, or None. NP-208: what is unknown closes."""
    action = rule.get("action")
    try:
        if action not in ACTIONS:
            raise Unreadable(f"action {action}")
        peers = [peer_test(view, each, packet, direction) for each in rule.get("from" if direction == "Ingress" else "to") or []]
        ports = [protocol_test(view, each, packet) for each in rule.get("protocols") or []]
    except (Unreadable, ValueError):
        return None if action == "Accept" else "Deny"
    return action if any(peers) and (not ports or any(ports)) else None


def peer_test(view, peer, packet, direction):
    """NP-205, NP-206."""
    known = [key for key in PEERS[direction] if peer.get(key) is not None]
    if len(known) != 1 or len(peer) != 1:
        raise Unreadable(f"peer {peer}")
    address = packet.source if direction == "Ingress" else packet.destination
    if known == ["networks"]:
        # A list: all of it has to be readable before one of it may match.
        return any([parse(address) in network(each) for each in peer["networks"]])
    if known == ["nodes"]:
        name = view.node_at(address)
        return selects(peer["nodes"], None if name is None else labels_of(view.nodes[name]))
    pod = view.pod_at(address)
    if pod is None:
        check_selectors(peer)
        return False
    return pod_matches(view, peer, pod)


def check_selectors(peer):
    pods = peer.get("pods") or {}
    for selector in (peer.get("namespaces"), pods.get("namespaceSelector"), pods.get("podSelector")):
        selects(selector or {}, None)


def protocol_test(view, entry, packet):
    """NP-207."""
    known = [key for key in (*PROTOCOLS, "destinationNamedPort") if entry.get(key) is not None]
    if len(known) != 1 or len(entry) != 1:
        raise Unreadable(f"protocol {entry}")
    if known == ["destinationNamedPort"]:
        pod = view.pod_at(packet.destination)
        return pod is not None and named_ports(pod).get((entry["destinationNamedPort"], packet.protocol)) == packet.port
    port = entry[known[0]].get("destinationPort")
    if port is not None and set(port) not in ({"number"}, {"range"}):
        raise Unreadable(f"port {port}")
    if packet.protocol != PROTOCOLS[known[0]]:
        return False
    if port is None:
        return True
    if "number" in port:
        return packet.port == port["number"]
    return port["range"]["start"] <= packet.port <= port["range"]["end"]
