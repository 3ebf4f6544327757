#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file includes what its layer may not include: docs/architecture.md, "Include graph"."""
import pathlib
import re
import sys

BASE, NET, NFT, FIREWALL = "libcni/base", "libcni/net", "libcni/nft", "libcni/firewall"
ATTACH, SPEC = "libcni/attach", "libcni/spec"
JSON, PLUGIN, RUNTIME = "libcni/json", "libcni/plugin", "libcni/runtime"
FABRIC, NODES, LOG = "libcni/fabric", "libcni/nodes", "libcni/log"
ALLOCATOR, STORE = "ipam/allocator", "ipam/store"

# Layer -> layers it may include. A layer always includes itself; under the folders of ONE_EACH each sub-folder is a layer.
ALLOWED = {
    BASE: set(),
    NET: {BASE},
    NFT: {BASE, NET},
    FIREWALL: {BASE, NET, NFT},
    SPEC: {BASE},
    ATTACH: {BASE, NET, NFT, FIREWALL, SPEC, JSON, PLUGIN},
    FABRIC: {BASE, NET, NFT, FIREWALL},
    JSON: {BASE, SPEC},
    LOG: {BASE, SPEC, JSON},
    NODES: {BASE, FABRIC, SPEC, JSON},
    PLUGIN: {BASE, SPEC, JSON},
    RUNTIME: {BASE, SPEC, JSON},
    ALLOCATOR: {BASE},
    STORE: {BASE},
    "ipam": {BASE, NET, SPEC, JSON, PLUGIN, ALLOCATOR, STORE},
    "plugins": {BASE, NET, NFT, FIREWALL, FABRIC, NODES, ATTACH, SPEC, JSON, PLUGIN},
    "tools": {BASE, SPEC, JSON, LOG, RUNTIME},
    "agent": {BASE, NET, NFT, FIREWALL, FABRIC, NODES, SPEC, JSON, LOG, RUNTIME, STORE},
    "tests": {BASE, NET, NFT, FIREWALL, FABRIC, NODES, ATTACH, SPEC, JSON, LOG, PLUGIN, RUNTIME, ALLOCATOR,
              STORE},
}
ONE_EACH = ("ipam", "plugins", "tools")

# Room of agent/ -> rooms that it may include, lowest first: each also includes itself and what ALLOWED gives to agent.
ROOMS = {
    "config": set(),
    "loop": {"config"},
    "http": {"loop", "config"},
    "policy": {"config"},
    "source": {"loop", "config"},
    "source/etcd": {"source", "http", "loop", "config"},
    "source/kubernetes": {"source", "http", "loop", "config"},
    "plan": {"source", "loop", "config"},
    "triggers": {"plan", "loop", "config"},
    "drivers": {"triggers", "plan", "policy", "source", "loop", "config"},
    "drivers/bird": {"triggers", "source", "loop", "config"},
    "obstacles": {"plan", "loop", "config"},
    "daemon": {"policy", "obstacles", "drivers", "drivers/bird", "triggers", "plan", "source", "http", "loop", "config"},
    "commands": {"daemon", "policy", "obstacles", "drivers", "drivers/bird", "plan", "source", "source/etcd", "loop", "config"},
    "": {"commands"},
}

# Third-party header -> files that may include it. Tests may include anything that is not a command-line library.
KERNEL = (r"(linux/(rtnetlink|netlink|genetlink|netfilter|if_|veth|neighbour|fib_rules|pkt_|tc_|bpf|net_namespace)"
          r"|libmnl/|libnftnl/|libnetfilter|netlink/|bpf/)")
FENCES = [
    (KERNEL, r"libcni/(net|nft|firewall)/.*|tests/.*|.*_test\.cpp"),
    (r"nlohmann/", r"libcni/(json|runtime)/.*|.*/conf\.cpp|agent/.*|(tools|tests)/.*|.*_test\.cpp"),
    (r"CLI/", r"(tools/[^/]+|agent/commands)/(main|command_line)\.cpp"),
    (r"(spdlog|fmt)/", r"libcni/log/log\.cpp"),
    (r"(curl/|microhttpd)", r"agent/http/.*"),
    (r"yaml-cpp/", r"agent/(config|source/kubernetes)/.*"),
    (r"(gtest/|gmock/)", r"tests/.*|.*_test\.cpp"),
]
INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def layer_of(path):
    """The layer a path belongs to, or None for a generated or third-party header."""
    for name in ALLOWED:
        if not path.startswith(name + "/"):
            continue
        parts = path.split("/")
        return "/".join(parts[:2]) if name in ONE_EACH and len(parts) > 2 else name
    return None


def may_include(path, layer, target):
    if target == layer or layer == "tests":
        return True
    if target == "tests":
        return path.endswith("_test.cpp")
    key = layer if layer in ALLOWED else layer.split("/")[0]
    if path.endswith("_test.cpp") and target.startswith("libcni/"):
        return True
    return target in ALLOWED[key]


def room_of(path):
    """The room of agent/ that a path belongs to; the deepest that is known. None outside agent/."""
    parts = path.split("/")
    if parts[0] != "agent":
        return None
    folders = parts[1:-1]
    while folders and "/".join(folders) not in ROOMS:
        folders = folders[:-1]
    return "/".join(folders)


def may_enter(path, target):
    """Returns whether a file of one room of agent/ may include a header of another."""
    room, other = room_of(path), room_of(target)
    return other is None or room in (None, other) or path.endswith("_test.cpp") or other in ROOMS[room]


def includes(path):
    """Yields (line number, header, whether it is quoted)."""
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] or found[2], bool(found[1])


def complaints(path, internal):
    layer = layer_of(path)
    for number, header, quoted in includes(path):
        target = layer_of(header) if quoted else None
        if target and not may_include(path, layer, target):
            yield f"{path}:{number}: {layer} must not include {header}"
        if target and not may_enter(path, header):
            yield f"{path}:{number}: agent/{room_of(path)} must not include {header}"
        if header in internal and layer not in (NET, NFT, FIREWALL, "tests") and not path.endswith("_test.cpp"):
            yield f"{path}:{number}: {header} is internal to {NET}: it shows netlink's own types"
        for pattern, places in FENCES:
            if re.match(pattern, header) and not re.fullmatch(places, path):
                yield f"{path}:{number}: <{header}> does not belong here: only in {places}"


def sources():
    for top in sorted({name.split("/")[0] for name in ALLOWED}):
        for path in sorted(pathlib.Path(top).rglob("*")):
            if path.suffix in (".h", ".cpp", ".c") and layer_of(path.as_posix()):
                yield path.as_posix()


def main():
    files = list(sources())
    internal = {path for path in files if path.startswith(NET) and path.endswith(".h")
                and any(re.match(KERNEL, header) for _, header, _ in includes(path))}
    bad = [line for path in files for line in complaints(path, internal)]
    print("\n".join(bad) if bad else f"include graph: {len(files)} files ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
