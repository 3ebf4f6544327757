# SPDX-License-Identifier: Apache-2.0
"""Objects of the Kubernetes API, as short calls."""

NAME_LABEL = "kubernetes.io/metadata.name"
SERVED = (80, 81)
PROTOCOLS = ("TCP", "UDP", "SCTP")


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {NAME_LABEL: name, **labels}}}


def node(name, *addresses, **labels):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "status": {"addresses": [{"type": "InternalIP", "address": each} for each in addresses]}}


def served_ports():
    """The names of the end-to-end suite: serve-80-tcp and so on."""
    return [{"name": f"serve-{port}-{protocol.lower()}", "containerPort": port, "protocol": protocol}
            for protocol in PROTOCOLS for port in SERVED]


def pod(name, addresses, labels=None, **spec):
    """`name` is namespace/name; `phase` and `created` go where they belong, and the rest is the spec."""
    space, _, short = name.partition("/")
    status = {"phase": spec.pop("phase", "Running"), "podIPs": [{"ip": each} for each in addresses]}
    if addresses:
        status["podIP"] = addresses[0]
    metadata = {"namespace": space, "name": short, "uid": f"uid-{space}-{short}", "labels": dict(labels or {}),
                "creationTimestamp": spec.pop("created", "2026-11-30T03:00:00Z")}
    spec = {"nodeName": "node1", "containers": [{"name": "c", "ports": spec.pop("ports", None) or served_ports()}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def policy(name, subject=None, **spec):
    """`name` is namespace/name, `subject` the podSelector; `types` are the policyTypes. Keys that are not given are absent."""
    space, _, short = name.partition("/")
    if "types" in spec:
        spec["policyTypes"] = spec.pop("types")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": space, "name": short},
            "spec": {"podSelector": {} if subject is None else subject, **spec}}


def cluster_policy(name, priority, subject, tier="Admin", **spec):
    return {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": name},
            "spec": {"tier": tier, "priority": priority, "subject": subject, **spec}}


def labels(**wanted):
    """A selector by matchLabels."""
    return {"matchLabels": wanted}


def expression(key, operator, *values):
    """A selector by one expression."""
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def rule(*peers, ports=None, direction="from"):
    """A rule of a NetworkPolicy; an ingress rule unless `direction` is "to"."""
    return {**({direction: list(peers)} if peers else {}), **({"ports": ports} if ports is not None else {})}


def pods_in(namespaces=None, pods=None):
    """A peer by selectors; None leaves one out."""
    peer = {} if namespaces is None else {"namespaceSelector": namespaces}
    return peer if pods is None else {**peer, "podSelector": pods}


def block(cidr, *excepted):
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}


def port(number=None, protocol=None, end=None):
    """An entry of `ports`; absent keys stay absent."""
    given = {"port": number, "protocol": protocol, "endPort": end}
    return {key: value for key, value in given.items() if value is not None}


def destination(protocol, number=None, end=None):
    """An entry of `protocols` of a ClusterNetworkPolicy."""
    if number is None:
        return {protocol: {}}
    return {protocol: {"destinationPort": {"number": number} if end is None else {"range": {"start": number, "end": end}}}}
