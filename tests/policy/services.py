# SPDX-License-Identifier: Apache-2.0
"""A Service per pod, as kube-proxy translates it: the destination in prerouting, and the source of a pod that comes back to itself."""
import itertools

from policy.cases import FAMILIES, PROBES, pod_address
from policy.oracle import Packet, verdict
from policy.view import View

RANGE = {4: "10.96.0.0/16", 6: "fd00:96::/64"}
PREFIX = "service "
TABLE = """table inet services {
  chain prerouting { type nat hook prerouting priority dstnat;
    dnat ip to ip daddr map { %s }
    dnat ip6 to ip6 daddr map { %s }
  }
  chain postrouting { type nat hook postrouting priority srcnat;
    ip saddr . ip daddr { %s } masquerade
    ip6 saddr . ip6 daddr { %s } masquerade
  }
}
"""


def address(index, family):
    return f"10.96.0.{index + 1}" if family == 4 else f"fd00:96::{index + 1:x}"


def add(network):
    """Loads the translation into node1, and routes the Services of the outside there."""
    pods = range(len(network.cluster.names))
    to = [", ".join(f"{address(each, family)} : {pod_address(each, family)}" for each in pods) for family in FAMILIES]
    back = [", ".join(f"{pod_address(each, family)} . {pod_address(each, family)}" for each in pods) for family in FAMILIES]
    network.load("node1", TABLE % (*to, *back))
    for family in FAMILIES:
        network.outside.run("ip", "route", "add", RANGE[family], "via", network.addresses["node1", family])
    for index, name in enumerate(network.cluster.names):
        for family in FAMILIES:
            network.addresses[PREFIX + name, family] = address(index, family)
    if network.wiring == "bridge":  # A pod's packet to itself leaves by the port that it came in by.
        for index in pods:
            network.spaces["node1"].run("ip", "link", "set", f"pod{index}", "type", "bridge_slave", "hairpin", "on")


def expected(cluster, step):
    """(source, service, family, protocol, port) -> whether it connects, for pods and the outside as sources."""
    view, addresses, matrix = View(cluster.objects(step)), cluster.addresses(), {}
    for source, target, family, (protocol, port) in itertools.product([*cluster.names, "outside"], cluster.names, FAMILIES, PROBES):
        packet = Packet(addresses[source, family], addresses[target, family], protocol, port, translated=True)
        matrix[source, PREFIX + target, family, protocol, port] = bool(verdict(view, packet))
    return matrix
