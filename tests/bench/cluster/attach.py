# SPDX-License-Identifier: Apache-2.0
"""ADD with the plugins that span nodes against ADD with those that do not, in turn."""
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
IPAM = {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/16"}], [{"subnet": "fd00:99::/64"}]]}
BRIDGE = {"type": "bridge", "bridge": "cni-bench", "isDefaultGateway": True, "ipam": IPAM}
PTP = {"type": "ptp", "ipam": IPAM}


def measure():
    for backend, plugin, other in (("vxlan", "vxlan", BRIDGE), ("bgp", "bgp", PTP)):
        cluster = Cluster(backend)
        try:
            cluster.add_nodes(2)
            cluster.start()
            node = cluster.nodes[0]
            conflist = json.loads(next(node.path("/etc/cni/net.d").glob("*.conflist")).read_text(encoding="utf-8"))
            ours = {**conflist["plugins"][0], "name": conflist["name"]}
            if ours["type"] != plugin:
                raise AssertionError(f"plumbd's list for {backend} begins with {ours['type']}")
            worker = (*node.enter, sys.executable, str(pathlib.Path(__file__).resolve()))
            answer = world.run(*worker, text=json.dumps([ours, {**other, "name": "compared"}]), timeout=300)
            yield from judge(plugin, other["type"], json.loads(answer.stdout))
        finally:
            cluster.close()


def judge(plugin, other, times):
    ours, theirs = (median(each) * 1000 for each in zip(*times))
    yield Figure(f"ADD {plugin}", ours, "ms", note=f"median of {ROUNDS}, dual-stack, configuration of plumbd")
    yield Figure(f"ADD {other}", theirs, "ms", note="dual-stack, host-local")
    yield Figure(f"ADD {plugin} / ADD {other}", ours / theirs, "x", limit=1.2, note="of the medians")


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
