# SPDX-License-Identifier: Apache-2.0
"""Compares ADD of the plugins that span nodes with ADD of those that do not, in turn."""
import json
import os
import pathlib
import sys
import time

from figures import Figure, median
from lab import world
from lab.cluster import Cluster

ROUNDS, WARM_UP = 60, 5
VERSION = "1.0.0"


def measure():
    for backend, other in (("vxlan", "bridge"), ("bgp", "ptp")):
        cluster = Cluster(backend)
        try:
            cluster.add_nodes(2)
            cluster.start()
            node = cluster.nodes[0]
            conflist = json.loads(next(node.path("/etc/cni/net.d").glob("*.conflist")).read_text(encoding="utf-8"))
            ours = {**conflist["plugins"][0], "name": conflist["name"]}
            if ours["type"] != backend:
                raise AssertionError(f"plumbd's list for {backend} begins with {ours['type']}")
            known = json.loads(node.path("/run/plumb/node.json").read_text(encoding="utf-8"))
            yield from compare(node, ours, plain(other, node, known["mtu"]), "configuration of plumbd")
        finally:
            cluster.close()
    yield from measure_alone()


def measure_alone():
    """Without plumbd, vxlan checks the node's side on every ADD."""
    cluster = Cluster("vxlan")
    try:
        cluster.add_nodes(2)
        node = cluster.nodes[0]
        peers = [{"name": each.name, "addresses": list(each.addresses.values()), "ranges": list(each.ranges.values())} for each in cluster.nodes]
        ours = {"type": "vxlan", "name": "alone", "bridge": "cni-alone", "mtu": 1450, "localAddress": node.addresses[4], "peers": peers}
        yield from compare(node, ours, plain("bridge", node, ours["mtu"]), "alone, without plumbd")
    finally:
        cluster.close()


def plain(kind, node, mtu):
    """The plugin that does not span nodes, with the same configuration of the pod as the other one."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": each}] for each in node.ranges.values()],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}
    special = {"bridge": "cni-plain", "isGateway": True} if kind == "bridge" else {}
    return {"type": kind, "name": "compared", "mtu": mtu, "ipMasq": False, "ipam": ipam, **special}


def compare(node, ours, theirs, how):
    """The ratio of calls that follow each other, so that other work of the machine affects both."""
    worker = (*node.enter, sys.executable, str(pathlib.Path(__file__).resolve()))
    times = json.loads(world.run(*worker, text=json.dumps([ours, theirs]), timeout=300).stdout)
    mine, other = (median(each) * 1000 for each in zip(*times))
    name = f"ADD {ours['type']}" + ("" if "peers" not in ours else " alone")
    yield Figure(name, mine, "ms", note=f"median of {ROUNDS}, dual-stack, {how}")
    yield Figure(f"ADD {theirs['type']} beside it", other, "ms", note="same ranges, MTU and routes, host-local")
    yield Figure(f"{name} / ADD {theirs['type']}", median([first / second for first, second in times]), "x", limit=1.2,
                 note=f"median of {ROUNDS} pairs in turn")


def call(verb, config, sandbox, number):
    """Seconds of one call, from before the process is made until it is gone."""
    folder = world.plugin_folder()
    read, write = os.pipe()
    os.write(write, json.dumps({"cniVersion": VERSION, **config}).encode())
    os.close(write)
    sink = os.open(f"/run/plumb/answer-{number}", os.O_CREAT | os.O_TRUNC | os.O_RDWR)
    environment = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": f"bench-{number}", "CNI_NETNS": sandbox,
                   "CNI_IFNAME": "eth0", "CNI_PATH": folder}
    program = f"{folder}/{config['type']}"
    begun = time.perf_counter()
    pid = os.posix_spawn(program, [program], environment, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_DUP2, sink, 1)])
    _, status = os.waitpid(pid, 0)
    spent = time.perf_counter() - begun
    answer = os.pread(sink, 65536, 0).decode()
    os.close(read)
    os.close(sink)
    if status != 0:
        raise AssertionError(f"{config['type']} {verb}: {answer}")
    return spent, answer


def work():
    """Inside a node: alternates, beginning with the other one each time, and prints the pairs of times."""
    configs, times = json.load(sys.stdin), []
    for number in range(ROUNDS + WARM_UP):
        pair = [0, 0]
        for index in ((0, 1), (1, 0))[number % 2]:
            config, sandbox = configs[index], f"bench-{number}-{index}"
            world.run("ip", "netns", "add", sandbox)
            pair[index], answer = call("ADD", config, f"/run/netns/{sandbox}", number)
            call("DEL", {**config, "prevResult": json.loads(answer)}, f"/run/netns/{sandbox}", number)
            world.run("ip", "netns", "delete", sandbox)
        if number >= WARM_UP:
            times.append(pair)
    print(json.dumps(times))


if __name__ == "__main__":
    work()
