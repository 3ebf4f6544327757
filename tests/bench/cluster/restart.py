# SPDX-License-Identifier: Apache-2.0
"""plumbd killed, restarted and replaced while iperf3 and a probe run between pods."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

from figures import Figure
from lab import world
from lab.cluster import Cluster
from lab.cluster_traffic import Monitor, Probe
from lab.world import wait_until

SECONDS, RATE = 20, "300M"


def measure():
    cluster = Cluster("vxlan")
    try:
        cluster.add_nodes(2)
        cluster.start()
        cluster.add_pods()
        cluster.check_matrix()
        return list(under_load(cluster))
    finally:
        cluster.close()


def under_load(cluster):
    left, right = cluster.pods()
    node = cluster.nodes[0]
    server = right.namespace.start("iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
    wait_until(lambda: ":5201" in right.namespace.run("ss", "-Hltn").stdout, "iperf3 listens")
    client = left.namespace.start("iperf3", "-c", right.addresses[4], "-t", str(SECONDS), "-b", RATE, "-J", stdout=subprocess.PIPE, text=True)
    done = 0
    with Probe(left, right) as probe, Probe(left, right, family=6) as probe_v6, Monitor(node, cluster.folder) as monitor:
        while client.poll() is None:
            for step in (killed, restarted, upgraded):
                step(node, cluster.folder)
                done += 1
        reports, deleted = (probe.stop(), probe_v6.stop()), monitor.deletions()
    report = json.loads(client.communicate()[0])
    server.wait(timeout=10)
    silent = sum(1 for each in report["intervals"] if each["sum"]["bytes"] == 0)
    yield Figure("SIGKILL, restart and upgrade: packets of the probe lost", sum(each.lost for each in reports), "", limit=0,
                 note=f"{done} times; of {sum(each.sent for each in reports)}, a packet per ms, way and family")
    yield Figure("longest span without a packet", max(each.outage for each in reports) * 1000, "ms", note="the machine's scheduling included")
    yield Figure("seconds of iperf3 without a byte", silent, "", limit=0,
                 note=f"{report['end']['sum_received']['bits_per_second'] / 1e6:.0f} Mbit/s of {RATE}, {SECONDS} s")
    yield Figure("routes, neighbours, FDB entries, links deleted", len(deleted), "", limit=0, note="ip monitor")


def killed(node, _):
    node.stop_plumbd(signal.SIGKILL)
    node.start_plumbd()


def restarted(node, _):
    node.stop_plumbd()
    node.start_plumbd()


def upgraded(node, folder):
    """A new file under the name of the running program, as a package manager replaces it."""
    program = pathlib.Path(folder, "plumbd")
    shutil.copy(f"{world.plugin_folder()}/plumbd", f"{program}.new")
    os.rename(f"{program}.new", program)
    node.stop_plumbd()
    node.start_plumbd(program=program)
