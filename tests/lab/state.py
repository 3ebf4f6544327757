# SPDX-License-Identifier: Apache-2.0
"""The state of plugins in the kernel and on disk, as text lines that can be compared."""
import difflib
import json
import os
import re

from lab import world

FOLDERS = ("/var/lib/cni", "/run/cni")
FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
LINK_SYSCTLS = {"ipv4": ("forwarding", "route_localnet"), "ipv6": ("disable_ipv6", "forwarding")}
# Files that stay with a network by design: the next-address cursor, the locks, and our index of reservations.
CURSORS = re.compile(r"/(last_reserved_ip\.\d+|lock|locks/network-[^/]*|\.plumb-[^/]*)$")
# Objects that the kernel derives from addresses, and values that differ from run to run.
DERIVED_ROUTES = ("fe80:", "ff00::", "table local")
ROUTE_NOISE = re.compile(r" (linkdown|pref medium|metric 1024|metric 256)\b")


class Here:
    """The current network namespace, with the interface of world.Namespace."""
    run = staticmethod(world.run)


def _json(namespace, *command):
    return json.loads(namespace.run("ip", "-j", *command).stdout or "[]")


def links(namespace):
    for link in sorted(_json(namespace, "-d", "link"), key=lambda each: each["ifname"]):
        info = link.get("linkinfo", {})
        port = info.get("info_slave_data", {})
        yield " ".join(["link", link["ifname"], info.get("info_kind", ""), f"mtu={link['mtu']}",
                        "up" if "UP" in link["flags"] else "down", f"master={link.get('master')}",
                        f"promisc={'PROMISC' in link['flags']}", f"hairpin={port.get('hairpin')}",
                        f"vlan_filtering={info.get('info_data', {}).get('vlan_filtering')}"])


def qdiscs(namespace):
    """The configured ones with their numbers; default ones have the handle 0."""
    for line in namespace.run("tc", "-d", "qdisc").stdout.splitlines():
        if " 0: " not in line:
            yield line.strip()


def addresses(namespace):
    for link in sorted(_json(namespace, "address"), key=lambda each: each["ifname"]):
        for each in link["addr_info"]:
            if each["scope"] != "link":
                yield (f"address {link['ifname']} {each['local']}/{each['prefixlen']} scope={each['scope']} "
                       f"broadcast={each.get('broadcast')} label={each.get('label')}")


def routes(namespace):
    for family in ("-4", "-6"):
        for line in namespace.run("ip", family, "route", "show", "table", "all").stdout.splitlines():
            if not any(each in line for each in DERIVED_ROUTES):
                yield f"route {family} {' '.join(ROUTE_NOISE.sub('', line).split())}"


def rules(namespace):
    for family in ("-4", "-6"):
        for line in namespace.run("ip", family, "rule").stdout.splitlines():
            yield f"rule {family} {' '.join(line.split())}"


def _sysctls(namespace, paths):
    """The values in one go."""
    for line in namespace.run("grep", "-H", "", *(f"/proc/sys/net/{path}" for path in paths)).stdout.splitlines():
        path, _, value = line.partition(":")
        yield f"sysctl {path.removeprefix('/proc/sys/net/')} {value}"


def link_sysctls(namespace):
    names = [link["ifname"] for link in _json(namespace, "link")]
    return _sysctls(namespace, [f"{family}/conf/{name}/{knob}" for name in names for family, knobs in LINK_SYSCTLS.items()
                                for knob in knobs])


def forwarding(namespace):
    return _sysctls(namespace, FORWARDING)


def nftables(namespace):
    """The ruleset without counters."""
    for line in namespace.run("nft", "list", "ruleset").stdout.splitlines():
        line = re.sub(r"counter packets \d+ bytes \d+", "counter", line.strip())
        if line and not line.startswith("#"):
            yield f"nft {line}"


def iptables(namespace):
    """The nat tables as iptables sees them, and rules and added chains of the filter tables, order of rules included."""
    for tool in ("iptables", "ip6tables"):
        for line in _saved(namespace, tool, "nat"):
            if not line.startswith("#"):
                yield f"{tool} {line}"
        # Looking for rules makes the built-in chains.
        for line in _saved(namespace, tool, "filter"):
            if line.startswith(("-A", ":CNI-")):
                yield f"{tool} filter {line}"


def _saved(namespace, tool, table):
    for line in namespace.run(f"{tool}-save", "-t", table).stdout.splitlines():
        yield re.sub(r" ?\[\d+:\d+\]", "", line).strip()


def legacy_iptables(namespace):
    for tool in ("iptables-legacy-save", "ip6tables-legacy-save"):
        for line in namespace.run(tool, check=False).stdout.splitlines():
            if line.startswith("-A"):
                yield f"{tool} {line}"


def files():
    """Every file of an attachment with its content."""
    for folder in FOLDERS:
        for parent, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if CURSORS.search(f"{parent}/{name}"):
                    continue
                with open(f"{parent}/{name}", encoding="utf-8", errors="replace", newline="") as content:
                    yield f"file {parent}/{name} {content.read(300)!r}"


def snapshot(namespace=Here):
    """All state that a test must leave unchanged."""
    return [*links(namespace), *addresses(namespace), *routes(namespace), *rules(namespace), *nftables(namespace),
            *legacy_iptables(namespace), *files(), *forwarding(namespace), *(f"netns {name}" for name in sorted(os.listdir("/run/netns")))]


def difference(before, after):
    """New lines (+) and removed lines (-); empty when the states are the same."""
    return [line for line in difflib.unified_diff(before, after, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
