# SPDX-License-Identifier: Apache-2.0
"""BGP: three nodes from their start, one that dies, and three hundred behind two reflectors."""
import pathlib
import subprocess
import sys
import time

from api import Api
from figures import Figure, median, resident_mb
from lab.cluster import Cluster, Node
from lab.cluster_traffic import Monitor
from lab.world import run_json, wait_until

AS, NODES, REFLECTORS = 64512, 300, 2
DEATHS = 3


def measure():
    return [*three(), *three_hundred()]


def routes(node):
    return sum(1 for route in run_json(*node.enter, "ip", "-j", "-4", "route", "show", "proto", "bird"))


def start_all(cluster):
    """Starts the processes; returns their start times."""
    cluster.write_nodes()
    for node in cluster.nodes:
        node.write_config()
    begun = time.monotonic()
    for node in cluster.nodes:
        node.start_plumbd(wait=False)
    for node in cluster.nodes:
        node.start_bird()
    return begun


def three():
    cluster = Cluster("bgp", underlay_families=(4,), pod_families=(4,))
    try:
        cluster.config["bgp"] = {"asNumber": AS, "bfd": True}
        cluster.add_nodes(3)
        begun = start_all(cluster)
        wait_until(lambda: all(routes(node) == 2 for node in cluster.nodes), "three nodes know each other", 30)
        yield Figure("3 nodes: start of plumbd and BIRD -> all routes in all kernels", time.monotonic() - begun, "s", limit=3)
        yield Figure("plumbd + BIRD with 3 nodes", resident_mb(cluster.nodes[0].plumbd.pid) + resident_mb(cluster.nodes[0].bird.pid), "MB")
        yield deaths(cluster)
    finally:
        cluster.close()


def deaths(cluster):
    """Cuts the cable of a node at the switch: its neighbours' links stay up, so that only BFD detects it."""
    first, _, third = cluster.nodes
    port, spans = f"port-{third.name}", []
    with Monitor(first, cluster.folder) as monitor:
        for _ in range(DEATHS):
            time.sleep(1)  # until then BFD has agreed on its intervals
            begun = time.time()
            cluster.underlay.router.run("ip", "link", "set", port, "nomaster")
            gone = wait_until(lambda: next((stamp for stamp, text in monitor.lines() if text.startswith("Deleted 10.244.3.0/24")
                                            and stamp >= begun), None), "the dead node's route is gone", 30)
            spans.append(gone - begun)
            cluster.underlay.router.run("ip", "link", "set", port, "master", "br1")
            wait_until(lambda: routes(first) == 2, "the node is back", 60)
    return Figure("dead node -> its route is gone", max(spans), "s", limit=0.5,
                  note=f"BFD 3 x 150 ms, the default; slowest of {DEATHS}, median {median(spans):.2f} s")


def three_hundred():
    cluster = Cluster("bgp", underlay_families=(4,), pod_families=(4,), length=16)
    try:
        cluster.config["bgp"] = {"asNumber": AS, "reflectors": {"role": "reflector"}}
        cluster.config["network"]["ranges"] = ["10.244.0.0/16", "10.245.0.0/16"]
        for _ in range(REFLECTORS):
            cluster.add_node(labels="role=reflector")
        client, other_client = cluster.add_node(), cluster.add_node()
        others = {f"10.0.{10 + number // 200}.{number % 200 + 1}": f"10.{245 if number >= 200 else 244}.{number % 200 + 10}.0/24"
                  for number in range(NODES - len(cluster.nodes))}
        machine = Node(cluster, 253)
        machine.run("ip", "-batch", "-", text="".join(f"address add {address}/16 dev eth0\n" for address in others))
        cluster.write_nodes(more=[f"s{address.replace('.', '-')} addresses={address} ranges={prefix}" for address, prefix in others.items()])
        with Api(other_client, cluster.nodes_file) as api:
            other_client.write_config(**api.config)
            yield from complete(cluster, client, (machine, others))
        machine.power_off()
    finally:
        cluster.close()


def complete(cluster, client, rest):
    machine, others = rest
    for node in cluster.nodes:
        node.write_config()
    reflectors = cluster.nodes[:REFLECTORS]
    begun = time.monotonic()
    speaker = machine.start(sys.executable, str(pathlib.Path(__file__).with_name("speaker.py")), str(AS),
                            ",".join(node.addresses[4] for node in reflectors), *(f"{key}={value}" for key, value in others.items()),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for node in cluster.nodes:
            node.start_plumbd(wait=False)
        for node in cluster.nodes:
            node.start_bird()
        wait_until(lambda: time.sleep(0.1) or routes(client) == NODES - 1, f"{NODES - 1} routes are in the client's kernel", 120)
        seconds = time.monotonic() - begun
        wait_until(lambda: heard(speaker) == (len(others) * REFLECTORS, NODES - 1), "every speaker has received the routes of all nodes", 120)
        everybody = time.monotonic() - begun
        other_client = cluster.nodes[-1]
        wait_until(lambda: routes(other_client) == NODES - 1, "the client with the other source is complete, too", 60)
        memory = [memory_of(client, f"a client, {NODES} nodes", "file"), memory_of(reflectors[0], f"a reflector, {NODES} nodes", "file"),
                  memory_of(other_client, f"a client, {NODES} nodes of a Kubernetes API", "Kubernetes, TLS")]
    finally:
        speaker.kill()
        speaker.communicate()
    how = f"{len(cluster.nodes)} nodes are plumbd and BIRD, the others a speaker that connects as they do"
    yield Figure(f"{NODES} nodes, {REFLECTORS} reflectors: start -> complete in a client's kernel", seconds, "s", limit=10, note=how)
    yield Figure("and every speaker has received the routes of every node", everybody, "s", note="asked when the client was complete")
    yield from memory


def memory_of(node, what, source):
    daemon, bird = resident_mb(node.plumbd.pid), resident_mb(node.bird.pid)
    return Figure(f"plumbd + BIRD of {what}", daemon + bird, "MB", limit=15,
                  note=f"VmRSS: plumbd {daemon:.1f} (source: {source}), BIRD {bird:.1f}")


def heard(speaker):
    speaker.stdin.write("?\n")
    speaker.stdin.flush()
    return tuple(int(word) for word in speaker.stdout.readline().split())
