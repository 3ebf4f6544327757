# SPDX-License-Identifier: Apache-2.0
"""The five figures of README.md. A case or figure that a report lacks is an error that names it."""
from plugins import SIDES, Results, megabytes, three_digits


def of_cluster(report, section, what):
    for each in report["figures"]:
        if each["section"] == section and each["what"] == what:
            return each["value"]
    raise KeyError(f"the report of scripts/bench cluster has no \"{what}\" in \"{section}\"")


def highest(results, side, key):
    return max(row[side].get(key) or 0 for row in results.rows.values())


def add_times(results, case):
    reference, plumb, floor = (three_digits(results.value(case, "ADD", side, "median_ms")) for side in SIDES)
    ratio = results.value(case, "ADD", "plumb", "times_faster")
    return f"**{plumb} ms**; the reference {reference} ms ({ratio:.0f} x), the kernel's messages alone {floor} ms"


def figures(plugins, cluster):
    """The Markdown between README.md's markers."""
    results = Results(plugins)
    scale, restart = "5000 nodes, from a static file", "plumbd dies, traffic lives"
    memory = of_cluster(cluster, scale, "resident memory then")
    lines = [
        ("ADD of a dual-stack pod: bridge, host-local, masquerade", add_times(results, "bridge-dual-masq")),
        ("ADD of a published port, on a node with 500 others", add_times(results, "portmap-500")),
        ("peak memory of a plugin call, and its child processes", f"**{megabytes(highest(results, 'plumb', 'peak_kib'))} MB**, "
         f"{highest(results, 'plumb', 'processes')}; the reference {megabytes(highest(results, 'reference', 'peak_kib'))} MB, "
         f"{highest(results, 'reference', 'processes')}"),
        ("a list of 5000 nodes is replaced", f"all routes are in the kernel after "
         f"**{of_cluster(cluster, scale, '5000 nodes: list replaced -> kernel complete'):.2f} s**; plumbd then has {memory:.1f} MB"),
        ("plumbd is killed, restarted and upgraded under traffic",
         f"**{of_cluster(cluster, restart, 'SIGKILL, restart and upgrade: packets of the probe lost'):.0f} packets** lost"),
    ]
    return "| | |\n|---|---|\n" + "".join(f"| {what} | {value} |\n" for what, value in lines)
