# SPDX-License-Identifier: Apache-2.0
"""One TCP stream between the same two pods: through plumbd's tunnel, through one made by hand, and routed directly."""
import json
import subprocess

from figures import Figure, median
from lab.cluster import Cluster
from lab.world import run_json, wait_until

ROUNDS, SECONDS = 27, "1"  # short runs in turn, so that other work of the machine affects all three ways equally
BYHAND, DIRECT = "10.245", "10.246"


def measure():
    cluster = Cluster("vxlan", underlay_families=(4,), pod_families=(4,))
    try:
        # Only the route differs: pods, bridge, MTU and packet filter are the same.
        cluster.config["network"]["noMasquerade"] = [f"{BYHAND}.0.0/16", f"{DIRECT}.0.0/16"]
        cluster.add_nodes(2)
        cluster.start()
        cluster.add_pods()
        for node, other in (cluster.nodes, reversed(cluster.nodes)):
            further_ways(node, other)
        return list(alternate(*cluster.pods()))
    finally:
        cluster.close()


def handmade_mac(node):
    return f"02:00:0a:00:01:{node.number:02x}"


def further_ways(node, other):
    """Two more addresses for the pod, one behind `ip link add vxlan` with flannel's options, one behind the node's address."""
    pod = node.pods[0]
    bridge = node.run("ip", "-o", "link", "show", "type", "bridge").stdout.split(":")[1].strip()
    for stem in (BYHAND, DIRECT):
        pod.namespace.run("ip", "address", "add", f"{stem}.{node.number}.2/24", "dev", "eth0")
        pod.namespace.run("ip", "route", "add", f"{stem}.0.0/16", "via", next(iter(default_gateways(pod))), "src", f"{stem}.{node.number}.2")
        allow_source(node, pod, f"{stem}.{node.number}.2")
        node.run("ip", "route", "add", f"{stem}.{node.number}.0/24", "dev", bridge)
    node.run("ip", "link", "add", "flannel.9", "mtu", str(pod.mtu), "address", handmade_mac(node), "type", "vxlan", "id", "9",
             "local", node.addresses[4], "dev", "eth0", "dstport", "8472", "nolearning")
    node.run("ip", "address", "add", f"{BYHAND}.{node.number}.0/32", "dev", "flannel.9")
    node.run("ip", "link", "set", "flannel.9", "up")
    node.run("bridge", "fdb", "add", handmade_mac(other), "dev", "flannel.9", "dst", other.addresses[4], "self", "permanent")
    node.run("ip", "neigh", "add", f"{BYHAND}.{other.number}.0", "lladdr", handmade_mac(other), "dev", "flannel.9", "nud", "permanent")
    node.run("ip", "route", "add", f"{BYHAND}.{other.number}.0/24", "via", f"{BYHAND}.{other.number}.0", "dev", "flannel.9", "onlink")
    node.run("ip", "route", "add", f"{DIRECT}.{other.number}.0/24", "via", other.addresses[4])


def allow_source(node, pod, address):
    """Lets the pod's link send from a further address, so that its packets pass the same source check on every way."""
    inside = run_json("ip", "-n", pod.namespace.name, "-j", "link", "show", "eth0")[0]
    links = run_json(*node.enter, "ip", "-j", "link", "show", "type", "veth")
    link = next(each["ifname"] for each in links if each["ifindex"] == inside["link_index"])
    node.run("nft", "add", "element", "bridge", "plumb_links", "ipv4", f'{{ "{link}" . {inside["address"]} . {address} }}')


def default_gateways(pod):
    return [route["gateway"] for route in run_json("ip", "-n", pod.namespace.name, "-j", "-4", "route", "show", "default")]


def stream(pod, address):
    """Gbit/s, and seconds of processor time per GB: sender, receiver and the network's work that is done in their name."""
    def ask():
        answer = json.loads(pod.namespace.run("iperf3", "-c", address, "-t", SECONDS, "-J", check=False, timeout=60).stdout)
        error = answer.get("error")
        if error and "busy" not in error:
            raise AssertionError(f"iperf3 to {address}: {error}")
        return None if error else answer["end"]
    end = wait_until(ask, "the server has ended the run before")
    received, busy = end["sum_received"], end["cpu_utilization_percent"]
    seconds = (busy["host_total"] + busy["remote_total"]) / 100 * received["seconds"]
    return received["bits_per_second"] / 1e9, seconds * 1e9 / received["bytes"]


def alternate(left, right):
    server = right.namespace.start("iperf3", "-s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: ":5201" in right.namespace.run("ss", "-Hltn").stdout, "iperf3 listens")
        ways = {"plumb": right.addresses[4], "by hand": f"{BYHAND}.2.2", "direct": f"{DIRECT}.2.2"}
        rounds = []
        for number in range(ROUNDS):
            order = list(ways)[number % 3:] + list(ways)[:number % 3]
            rounds.append({way: stream(left, ways[way]) for way in order})
    finally:
        server.terminate()
        server.wait()
    for way in ways:
        rates, costs = zip(*(each[way] for each in rounds))
        yield Figure(f"one stream, {way}", median(rates), "Gbit/s",
                     note=f"median of {ROUNDS} runs in turn, MTU {left.mtu}; {median(costs):.2f} s of processor time per GB")
    for other, what, least, note in (("direct", "direct routing", 85, "median of the ratios of each round"),
                                     ("by hand", "tunnel made by hand", 98,
                                      "flannel's options: nolearning, dev, port 8472; none of plumbd's checks of link, sender and source")):
        ratio = median([each["plumb"][0] / each[other][0] for each in rounds])
        yield Figure(f"plumbd's tunnel / {what}", 100 * ratio, "%", least=least, note=note)
