# SPDX-License-Identifier: Apache-2.0
"""Five thousand nodes from a file: time to the kernel, memory, silence when nothing changed, one node more and less."""
import pathlib
import re
import time

from figures import Figure, median, processor_ms, resident_mb
from lab.cluster import Cluster
from lab.cluster_scale import COUNT, RANGE, entries, line, lines
from lab.cluster_traffic import Monitor
from lab.world import wait_until

ROUNDS = 15
FEW = 300
WRITES = re.compile(r"nlmsg_type=(RTM_(?:NEW|DEL|SET)\w+|NFNL_SUBSYS_NFTABLES<<8\|NFT_MSG_(?:NEW|DEL)\w+)")


def measure():
    cluster = Cluster("vxlan", underlay_families=(4,), pod_families=(4,))
    try:
        cluster.config["network"]["ranges"] = [RANGE]
        cluster.add_nodes(1)
        cluster.start()
        node = cluster.nodes[0]
        return [*fill(cluster, node), *silence(node), *one_more_and_less(cluster, node), *start_full(cluster, node), *start_small(cluster, node)]
    finally:
        cluster.close()


def fill(cluster, node):
    """The time from the rename of the file to the last change in the kernel; includes reading and parsing the file."""
    with Monitor(node, cluster.folder) as monitor:
        cluster.write_nodes(more=lines(COUNT))
        begun = pathlib.Path(cluster.nodes_file).stat().st_ctime
        wanted = {"routes": COUNT, "neighbours": COUNT, "fdb": COUNT}
        wait_until(lambda: time.sleep(0.2) or entries(node) == wanted, "5000 nodes are in the kernel", 60)
        last = max(stamp for stamp, text in monitor.lines() if "plumb-vxlan" in text and "STALE" not in text)
    yield Figure(f"{COUNT} nodes: list replaced -> kernel complete", last - begun, "s", limit=1,
                 note="routes, neighbours, FDB; the reading of the file is part of it")
    yield Figure("resident memory then", resident_mb(node.plumbd.pid), "MB", limit=20, note="VmRSS, shared pages included")
    yield Figure("peak of it", resident_mb(node.plumbd.pid, "VmHWM"), "MB", note="VmHWM")


def silence(node):
    """Checks that a full dump and comparison writes nothing: by plumbd's own count, and by its system calls."""
    log = f"{node.folder}/strace.log"
    before, runs = node.metric("plumb_reconcile_writes_total"), node.metric("plumb_reconcile_runs_total")
    tracer = node.start("strace", "-qq", "-f", "-s", "64", "-e", "trace=sendto,sendmsg,sendmmsg", "-o", log, "-p", str(node.plumbd.pid))
    try:
        wait_until(lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{node.plumbd.pid}/status").read_text(encoding="utf-8"),
                   "strace has attached")
        node.control("resync")
        wait_until(lambda: (node.metric("plumb_reconcile_runs_total") or 0) > (runs or 0), "plumbd has looked again")
    finally:
        tracer.terminate()
        tracer.wait()
    sent = pathlib.Path(log).read_text(encoding="utf-8", errors="replace")
    if "RTM_GET" not in sent:
        raise AssertionError("strace saw no dump: the count of writes would mean nothing")
    yield Figure("writes of an unchanged reconcile, counted by plumbd", (node.metric("plumb_reconcile_writes_total") or 0) - (before or 0),
                 "", limit=0, note="plumb_reconcile_writes_total")
    yield Figure("writes of an unchanged reconcile, counted by strace", len(WRITES.findall(sent)), "", limit=0,
                 note=f"{sent.count('RTM_GET')} dumps were seen")


def one_more_and_less(cluster, node):
    """The time from the rename of the file to the time stamp of the route in `ip monitor`."""
    added, removed, begun_cpu = [], [], processor_ms(node.plumbd.pid)
    with Monitor(node, cluster.folder) as monitor:
        for number in range(ROUNDS):
            extra = line(COUNT + number)
            prefix = extra.rpartition("=")[2]
            for more, times in (([extra], added), ([], removed)):
                time.sleep(0.3)  # one change at a time: plumbd has finished the work after the change before
                cluster.write_nodes(more=lines(COUNT) + more)
                begun = pathlib.Path(cluster.nodes_file).stat().st_ctime
                stamp = wait_until(lambda: stamp_of(monitor, prefix, begun), f"{prefix} in the kernel")
                times.append((stamp - begun) * 1000)
    spent = processor_ms(node.plumbd.pid) - begun_cpu
    for what, times in (("added", added), ("removed", removed)):
        yield Figure(f"one node {what}: list replaced -> route in the kernel", median(times), "ms", limit=15,
                     note=f"median of {ROUNDS}, slowest {max(times):.0f} ms; {COUNT} others in the list")
    yield Figure("processor time of plumbd for one such change", spent / (2 * ROUNDS), "ms")


def stamp_of(monitor, prefix, after):
    return next((stamp for stamp, text in reversed(monitor.lines()) if prefix in text and "plumb-vxlan" in text and stamp >= after), None)


def start_full(cluster, node):
    """With an empty kernel: from exec to complete."""
    begun = start_anew(cluster, node, COUNT)
    yield Figure("program started with an empty kernel -> complete", time.monotonic() - begun, "s", note="seen by asking every 20 ms")
    yield Figure("resident memory then", resident_mb(node.plumbd.pid), "MB", limit=20)


def start_small(cluster, node):
    """A plumbd that has never had a longer list: memory that was freed can stay resident."""
    start_anew(cluster, node, FEW)
    yield Figure(f"resident memory with {FEW} nodes", resident_mb(node.plumbd.pid), "MB", limit=8, note="VmRSS, shared pages included; just started")
    yield Figure("of it written by plumbd", resident_mb(node.plumbd.pid, "RssAnon"), "MB", limit=1.5, note="RssAnon: without the pages of program and libraries")


def start_anew(cluster, node, count):
    """Starts plumbd with an empty kernel and waits until it is complete. Returns the time of the start."""
    cluster.write_nodes(more=lines(count))
    node.stop_plumbd()
    node.control("cleanup")
    begun = time.monotonic()
    node.start_plumbd(wait=False)
    wait_until(lambda: entries(node) == {"routes": count, "neighbours": count, "fdb": count}, f"{count} nodes are in the kernel", 60)
    return begun
