# SPDX-License-Identifier: Apache-2.0
"""What plugins leave in the kernel and on disk, as text lines that can be compared."""
import difflib
import os
import re

from lab.world import run, run_json

FOLDERS = ("/var/lib/cni", "/run/cni")
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
# What the reference never removes either: the place of the next-address cursor and the lock.
CURSORS = re.compile(r"/(last_reserved_ip\.\d+|lock)$")


def links():
    for link in sorted(run_json("ip", "-d", "-j", "link"), key=lambda each: each["ifname"]):
        info = link.get("linkinfo", {})
        yield f"link {link['ifname']} {info.get('info_kind', '')} master={link.get('master', '')} mtu={link['mtu']}"


def addresses():
    for link in sorted(run_json("ip", "-j", "address"), key=lambda each: each["ifname"]):
        for address in link["addr_info"]:
            if address["scope"] != "link":
                yield f"address {link['ifname']} {address['local']}/{address['prefixlen']}"


def routes_and_rules():
    """Without what the kernel derives from addresses by itself: link-local, multicast and the local table."""
    for family in ("-4", "-6"):
        for route in run("ip", family, "route", "show", "table", "all").stdout.splitlines():
            if not any(each in route for each in ("fe80:", "ff00::", "table local")):
                yield f"route {family} {' '.join(route.replace(' linkdown', '').split())}"
        for rule in run("ip", family, "rule").stdout.splitlines():
            yield f"rule {family} {' '.join(rule.split())}"


def packet_filter():
    """nf_tables as it is, and what the old xtables kernel interface holds. Counters and handles say nothing."""
    for line in run("nft", "list", "ruleset").stdout.splitlines():
        line = re.sub(r"counter packets \d+ bytes \d+", "counter", line.strip())
        if line and not line.startswith("#"):
            yield f"nft {line}"
    for tool in ("iptables-legacy-save", "ip6tables-legacy-save"):
        for line in run(tool, check=False).stdout.splitlines():
            if line.startswith("-A"):
                yield f"{tool} {line}"


def files():
    for folder in FOLDERS:
        for parent, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(parent, name)
                if not CURSORS.search(path):
                    yield f"file {path}"


def sysctls():
    for name in SYSCTLS:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            yield f"sysctl {name} {file.read().strip()}"


def snapshot():
    """The current network namespace and the folders of state."""
    lines = [*links(), *addresses(), *routes_and_rules(), *packet_filter(), *sorted(files()), *sysctls()]
    lines += [f"netns {name}" for name in sorted(os.listdir("/run/netns"))]
    return lines


def difference(before, after):
    """The lines that came (+) and went (-), empty when the states are the same."""
    return [line for line in difflib.unified_diff(before, after, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
