# SPDX-License-Identifier: Apache-2.0
"""The API's objects as the oracle looks at them: pods by address, names of ports, prefixes."""
import functools
import ipaddress

TERMINAL = ("Succeeded", "Failed")


class View:
    """The objects by kind, and pods by address."""

    def __init__(self, objects):
        self.by_kind = {}
        for each in objects:
            self.by_kind.setdefault(each.get("kind"), []).append(each)
        self.namespaces = {each["metadata"]["name"]: labels_of(each) for each in self.of("Namespace")}
        self.nodes = {each["metadata"]["name"]: each for each in self.of("Node")}
        self.by_address = {}
        # NP-012: of two live pods with one address, the newer counts.
        for pod in sorted(filter(is_known, self.of("Pod")), key=lambda each: each["metadata"].get("creationTimestamp") or ""):
            for address in addresses_of(pod):
                self.by_address[address] = pod

    def of(self, kind):
        return self.by_kind.get(kind, [])

    def pod_at(self, address):
        return self.by_address.get(parse(address))

    def node_at(self, address):
        """The name of the node with this address, or None."""
        wanted = parse(address)
        for name, node in self.nodes.items():
            if wanted in node_addresses(node):
                return name
        return None

    def namespace_labels(self, name):
        """None while the namespace is not known: no selector selects it, not even an empty one."""
        return self.namespaces.get(name)


parse = functools.lru_cache(maxsize=None)(ipaddress.ip_address)


def labels_of(thing):
    return thing["metadata"].get("labels") or {}


def is_known(pod):
    """NP-008, NP-009: pods of the node's network and finished pods are neither subjects nor peers. NP-010: terminating ones are."""
    return not (pod.get("spec") or {}).get("hostNetwork") and (pod.get("status") or {}).get("phase") not in TERMINAL


def addresses_of(pod):
    """NP-011: of each family."""
    status = pod.get("status") or {}
    listed = [each["ip"] for each in status.get("podIPs") or []] or [status.get("podIP")]
    return [ipaddress.ip_address(each) for each in listed if each]


def node_addresses(node):
    found = []
    for each in (node.get("status") or {}).get("addresses") or []:
        try:
            found.append(ipaddress.ip_address(each["address"]))
        except ValueError:
            pass  # a host name
    return found


def named_ports(pod):
    """(name, protocol) -> number. NP-046: sidecars count as containers do; other init containers do not."""
    spec = pod.get("spec") or {}
    sidecars = [each for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"]
    ports = {}
    for container in (spec.get("containers") or []) + sidecars:
        for port in container.get("ports") or []:
            if port.get("name"):
                ports.setdefault((port["name"], port.get("protocol") or "TCP"), port["containerPort"])
    return ports


def block_contains(block, address):
    """NP-060 to NP-063. An unreadable block or exception contains nothing."""
    try:
        whole = network(block.get("cidr"))
        excepted = [network(each) for each in block.get("except") or []]
    except ValueError:
        return False
    address = parse(address)
    return address in whole and not any(address in each for each in excepted)


def network(text):
    """Masks host bits (NP-063). Raises ValueError also for IPv4-mapped IPv6."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a prefix")
    parsed = ipaddress.ip_network(text, strict=False)
    if parsed.version == 6 and parsed.network_address.ipv4_mapped is not None:
        raise ValueError(f"{text} is IPv4-mapped")
    return parsed
