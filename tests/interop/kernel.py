# SPDX-License-Identifier: Apache-2.0
"""What one namespace looks like after an ADD, in words that can be compared between two suites."""
import json
import os
import re

LINK_SYSCTLS = {"4": ("forwarding", "route_localnet"), "6": ("disable_ipv6", "forwarding")}


def _json(namespace, *command):
    return json.loads(namespace.run("ip", "-j", *command).stdout or "[]")


def links(namespace, names):
    for link in _json(namespace, "-d", "link"):
        info = link.get("linkinfo", {})
        port, kind = info.get("info_slave_data", {}), info.get("info_kind", "")
        words = [link["ifname"], kind, f"mtu={link['mtu']}", "up" if "UP" in link["flags"] else "down",
                 f"master={link.get('master')}", f"promisc={'PROMISC' in link['flags']}",
                 f"hairpin={port.get('hairpin')}", f"vlan_filtering={info.get('info_data', {}).get('vlan_filtering')}"]
        yield names("link " + " ".join(words))


def addresses(namespace, names):
    for link in _json(namespace, "address"):
        for each in link["addr_info"]:
            if each["scope"] != "link":
                yield names(f"address {link['ifname']} {each['local']}/{each['prefixlen']} scope={each['scope']} "
                            f"broadcast={each.get('broadcast')} label={each.get('label')}")


def routes(namespace, names):
    for family in ("-4", "-6"):
        for line in namespace.run("ip", family, "route", "show", "table", "all").stdout.splitlines():
            if not any(each in line for each in ("fe80:", "ff00::", "table local")):
                line = re.sub(r" (linkdown|pref medium|metric 1024|metric 256)\b", "", line)
                yield names(f"route {family} {' '.join(line.split())}")


def sysctls(namespace, names):
    for link in _json(namespace, "link"):
        for family, knobs in LINK_SYSCTLS.items():
            for knob in knobs:
                path = f"/proc/sys/net/ipv{family}/conf/{link['ifname']}/{knob}"
                yield names(f"sysctl {link['ifname']} {family} {knob} {namespace.run('cat', path).stdout.strip()}")


def iptables(namespace):
    """The nat tables, order of rules included."""
    for tool in ("iptables", "ip6tables"):
        for line in namespace.run(f"{tool}-save", "-t", "nat").stdout.splitlines():
            line = re.sub(r"\[\d+:\d+\]", "", line)
            if not line.startswith("#"):
                yield f"{tool} {line.strip()}"


def describe(namespace, names, with_iptables=False):
    lines = [*links(namespace, names), *addresses(namespace, names), *routes(namespace, names), *sysctls(namespace, names)]
    return sorted(lines) + (list(iptables(namespace)) if with_iptables else [])


def reservations():
    """host-local's files: name and content."""
    for parent, _, files in sorted(os.walk("/var/lib/cni/networks")):
        for file in sorted(files):
            with open(f"{parent}/{file}", encoding="utf-8", newline="") as content:
                yield f"{parent}/{file} {content.read()!r}"


def leftovers(namespace):
    """What an attachment must take with it: links but bridges, rules and chains of its own, reservations."""
    for link in _json(namespace, "-d", "link"):
        if link.get("linkinfo", {}).get("info_kind") not in (None, "bridge"):
            yield f"link {link['ifname']}"
    for line in iptables(namespace):
        if re.search(r"CNI-[0-9a-f]{24}|CNI-(DN|SN)-[0-9a-f]{21}|10\.61\.|fd00:61:", line):
            yield line
    for line in namespace.run("nft", "list", "ruleset").stdout.splitlines():
        if re.search(r"pod-|10\.61\.|fd00:61:", line):
            yield f"nft {line.strip()}"
    for line in reservations():
        if not re.search(r"/(last_reserved_ip\.\d+|lock) ", line):
            yield f"file {line}"
