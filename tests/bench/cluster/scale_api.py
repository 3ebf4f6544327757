# SPDX-License-Identifier: Apache-2.0
"""Five thousand nodes from a Kubernetes API: time to the kernel, memory, one node more and less."""
import time

from api import Api
from figures import Figure, median, resident_mb
from lab.cluster import Cluster
from lab.cluster_scale import COUNT, RANGE, entries, lines
from lab.cluster_traffic import Monitor
from lab.world import wait_until
from scale import ROUNDS, stamp_of

EXTRA = "10.19.137.0/24"  # the double's range for a node that follows COUNT of the list and this one


def measure():
    cluster = Cluster("vxlan", underlay_families=(4,), pod_families=(4,))
    try:
        cluster.config["network"]["ranges"] = [RANGE]
        cluster.add_nodes(1)
        cluster.write_nodes(more=lines(COUNT))
        node = cluster.nodes[0]
        with Api(node, cluster.nodes_file) as api:
            node.write_config(**api.config)
            return [*fill(cluster, node, api), *one_more_and_less(cluster, node, api)]
    finally:
        cluster.close()


def fill(cluster, node, api):
    """The time from the last page's write to the socket to the last change in the routes, neighbours and FDB."""
    with Monitor(node, cluster.folder) as monitor:
        begun = time.time()
        node.start_plumbd(wait=False)
        wanted = {"routes": COUNT, "neighbours": COUNT, "fdb": COUNT}
        wait_until(lambda: time.sleep(0.2) or entries(node) == wanted, f"{COUNT} nodes are in the kernel", 120)
        last = max(stamp for stamp, text in monitor.lines() if "plumb-vxlan" in text and "STALE" not in text)
    resident = settled_mb(node.plumbd.pid)
    ended = api.stats()["listed"]
    yield Figure(f"{COUNT} nodes: list ends -> kernel complete", last - ended, "s", limit=1,
                 note=f"started with an empty kernel; the list took {ended - begun:.1f} s, most of them the double's")
    yield Figure("resident memory then", resident, "MB", limit=20, note="VmRSS, shared pages included, unchanged for 2 s; over TLS")
    yield Figure("peak of it", resident_mb(node.plumbd.pid, "VmHWM"), "MB", note="VmHWM")


def one_more_and_less(cluster, node, api):
    """The time from the double's write of the event to the time stamp of the route in `ip monitor`."""
    times = {"add": [], "remove": []}
    with Monitor(node, cluster.folder) as monitor:
        for _ in range(ROUNDS):
            for order, found in times.items():
                time.sleep(0.3)  # one event at a time: plumbd has finished the work after the event before
                begun = time.time()
                api.order(f"{order} 1")
                stamp = wait_until(lambda begun=begun: stamp_of(monitor, EXTRA, begun), f"{EXTRA} in the kernel")
                found.append((stamp - api.stats()["sent"]) * 1000)
    for what, found in (("added", times["add"]), ("removed", times["remove"])):
        yield Figure(f"one node {what}: event of the watch -> route in the kernel", median(found), "ms", limit=15,
                     note=f"median of {ROUNDS}, slowest {max(found):.0f} ms; {COUNT} others; over TLS")


def settled_mb(pid):
    """Once it stays: the list is followed by this node's own change, which the API tells back, and by the file for the next start."""
    seen = []

    def stays():
        time.sleep(0.2)
        seen.append(resident_mb(pid))
        return len(seen) > 10 and len(set(seen[-10:])) == 1
    wait_until(stays, "plumbd's memory stays as it is", 60)
    return seen[-1]
