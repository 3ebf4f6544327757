# SPDX-License-Identifier: Apache-2.0
"""Five thousand nodes from a Kubernetes API: time to the kernel, and memory."""
import time

from api import Api
from figures import Figure, resident_mb
from lab.cluster import Cluster
from lab.cluster_scale import COUNT, RANGE, entries, lines
from lab.cluster_traffic import Monitor
from lab.world import wait_until


def measure():
    cluster = Cluster("vxlan", underlay_families=(4,), pod_families=(4,))
    try:
        cluster.config["network"]["ranges"] = [RANGE]
        cluster.add_nodes(1)
        cluster.write_nodes(more=lines(COUNT))
        node = cluster.nodes[0]
        with Api(node, cluster.nodes_file) as api:
            node.write_config(**api.config)
            return list(fill(cluster, node, api))
    finally:
        cluster.close()


def fill(cluster, node, api):
    """From the moment the last page is with the kernel's sockets to the last change in the routes, neighbours and FDB."""
    with Monitor(node, cluster.folder) as monitor:
        begun = time.time()
        node.start_plumbd(wait=False)
        wanted = {"routes": COUNT, "neighbours": COUNT, "fdb": COUNT}
        wait_until(lambda: time.sleep(0.2) or entries(node) == wanted, f"{COUNT} nodes are in the kernel", 120)
        last = max(stamp for stamp, text in monitor.lines() if "plumb-vxlan" in text and "STALE" not in text)
    # The snapshot for the next start is written a while after the list, and costs memory while it is.
    wait_until(node.path("/var/lib/plumb/snapshot.json").exists, "the snapshot is written", 60)
    ended = api.stats()["listed"]
    yield Figure(f"{COUNT} nodes: list ends -> kernel complete", last - ended, "s", limit=1,
                 note=f"started with an empty kernel; the list took {ended - begun:.1f} s, most of them the double's")
    yield Figure("resident memory then", resident_mb(node.plumbd.pid), "MB", limit=20, note="VmRSS, shared pages included; over TLS")
    yield Figure("peak of it", resident_mb(node.plumbd.pid, "VmHWM"), "MB", note="VmHWM")
