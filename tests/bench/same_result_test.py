#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The floor program leaves the same links, addresses and routes as the plugins do, and its DEL leaves the same, too.

Without this the floor would be a number without a meaning: a program that does less is always faster.
$PLUMB_BIN names the plugins' folder, $PLUMB_FLOOR the floor program.
"""
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402

FLOOR = os.environ.get("PLUMB_FLOOR") or str(pathlib.Path(world.plugin_folder()).parent / "bench/floor")
RANGES = {False: [[{"subnet": "10.88.0.0/16"}]], True: [[{"subnet": "10.88.0.0/16"}], [{"subnet": "fd00:88::/64"}]]}
LINK_KEYS = ("ifname", "mtu", "master", "txqlen", "link_type")
PORT_KEYS = ("hairpin", "isolated", "learning", "state")
ADDRESS_KEYS = ("family", "local", "prefixlen", "broadcast", "scope")
ROUTE_KEYS = ("dst", "gateway", "dev", "scope", "prefsrc", "metric", "type")


def plain_name(name):
    """Host ends have random names."""
    return re.sub(r"^veth[0-9a-f]{8}$", "veth*", name)


def pick(item, keys):
    return {key: plain_name(item[key]) if isinstance(item[key], str) else item[key] for key in keys if key in item}


def dump(namespace):
    """The kernel's objects, without values that differ from run to run: indexes, random names and MACs, link-local."""
    ip = ("ip", "-n", namespace, "-d", "-j")
    links = []
    for link in world.run_json(*ip, "link"):
        info = link.get("linkinfo", {})
        port = pick(info.get("info_slave_data", {}), PORT_KEYS)
        links.append(pick(link, LINK_KEYS) | {"up": "UP" in link["flags"], "kind": info.get("info_kind"), "port": port})
    addresses = [
        {"dev": plain_name(link["ifname"])} | pick(address, ADDRESS_KEYS)
        for link in world.run_json(*ip, "address")
        for address in link["addr_info"]
        if address["scope"] != "link"
    ]
    routes = [
        pick(route, ROUTE_KEYS)
        for family in ("-4", "-6")
        for route in world.run_json(*ip, family, "route", "show", "table", "main")
        if not route["dst"].startswith("fe80")
    ]
    forwarding = [
        world.run("ip", "netns", "exec", namespace, "cat", f"/proc/sys/net/{key}").stdout.strip()
        for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
    ]
    by_text = {"key": lambda item: json.dumps(item, sort_keys=True)}
    return {
        "links": sorted(links, **by_text),
        "addresses": sorted(addresses, **by_text),
        "routes": sorted(routes, **by_text),
        "forwarding": forwarding,
    }


class Side:
    """A host and a pod namespace, and how to call one side's program in them."""

    def __init__(self, name, kind, dual, program):
        self.kind, self.dual, self.program = kind, dual, program
        self.host, self.pod = f"{name}-host", f"{name}-pod"
        self.store = f"/run/{name}-{kind}-{dual}"
        os.makedirs(f"{self.store}/net")
        for namespace in (self.host, self.pod):
            world.run("ip", "netns", "add", namespace)
        world.run("ip", "-n", self.host, "link", "set", "lo", "up")
        if kind == "macvlan":
            world.run("ip", "-n", self.host, "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
            world.run("ip", "-n", self.host, "link", "set", "lan0", "up")
            world.run("ip", "-n", self.host, "link", "set", "lan1", "up")

    def close(self):
        for namespace in (self.host, self.pod):
            world.run("ip", "netns", "del", namespace)

    def call(self, verb, result):
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": "same",
            "CNI_NETNS": f"/run/netns/{self.pod}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": os.path.dirname(self.program),
            "PATH": os.environ["PATH"],
        }
        program = self.argv(verb, result)
        return world.run("ip", "netns", "exec", self.host, *program, text=self.config(result), env=environment).stdout

    def stages(self):
        """The state after ADD, and after the DEL that follows."""
        try:
            result = self.call("ADD", "")
            added = {"host": dump(self.host), "pod": dump(self.pod)}
            self.call("DEL", result)
            return {"after ADD": added, "after DEL": {"host": dump(self.host), "pod": dump(self.pod)}}
        finally:
            self.close()

    def argv(self, _verb, _result):
        return [self.program]

    def config(self, result):
        config = {"cniVersion": "1.0.0", "name": "net", "type": self.kind}
        if self.kind != "loopback":
            routes = [{"dst": "0.0.0.0/0"}] + ([{"dst": "::/0"}] if self.dual else [])
            config["ipam"] = {"type": "host-local", "dataDir": self.store, "ranges": RANGES[self.dual], "routes": routes}
        if self.kind == "bridge":
            config |= {"bridge": "cni0", "isGateway": True}
        if self.kind == "macvlan":
            config["master"] = "lan0"
        if result:
            config["prevResult"] = json.loads(result)
        return json.dumps(config)


class Floor(Side):
    def argv(self, verb, result):
        argv = [self.program, self.kind] + (["dual"] if self.dual else [])
        if self.kind == "loopback":
            return argv
        argv.append(f"store={self.store}/net")
        if verb == "DEL":
            argv += [f"{key}={ip['address'].split('/')[0]}" for key, ip in zip(("addr4", "addr6"), json.loads(result)["ips"])]
        return argv


class SameResult(unittest.TestCase):
    maxDiff = None

    def same(self, kind, dual):
        plugin = Side("plugin", kind, dual, f"{world.plugin_folder()}/{kind}").stages()
        self.assertEqual(plugin, Floor("floor", kind, dual, FLOOR).stages())

    def test_loopback(self):
        self.same("loopback", dual=False)

    def test_bridge(self):
        self.same("bridge", dual=False)

    def test_bridge_dual_stack(self):
        self.same("bridge", dual=True)

    def test_ptp_dual_stack(self):
        self.same("ptp", dual=True)

    def test_macvlan(self):
        self.same("macvlan", dual=False)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
