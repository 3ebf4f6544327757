# SPDX-License-Identifier: Apache-2.0
"""Injects a fault into each of a plugin's system calls with strace, and compares the state afterwards with the state before."""
import collections
import dataclasses
import json
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import state, world  # noqa: E402
from lab.runtime import Node  # noqa: E402

IPAM = {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]]}
BRIDGE = {"type": "bridge", "bridge": "br0", "isGateway": True, "ipMasq": True, "ipam": IPAM}
PTP = {"type": "ptp", "ipMasq": True, "ipam": IPAM}
NODE_FILE = pathlib.Path("/run/faults-node.json")
NODE = {"version": 1, "name": "a", "network": ["10.61.0.0/16", "fd00:61::/48"], "ranges": ["10.61.0.0/24", "fd00:61::/64"],
        "mtu": 1400, "backend": "vxlan", "ipMasq": True, "stale": False}
SUBNET_FILE = pathlib.Path("/run/faults-subnet.env")
SUBNET = ("FLANNEL_NETWORK=10.61.0.0/16\nFLANNEL_SUBNET=10.61.0.1/24\nFLANNEL_IPV6_NETWORK=fd00:61::/48\nFLANNEL_IPV6_SUBNET=fd00:61::1/64\n"
          "FLANNEL_MTU=1400\nFLANNEL_IPMASQ=false\n")
FLANNEL = {"type": "flannel", "subnetFile": str(SUBNET_FILE), "delegate": {"bridge": "br0"}}
# Without IPv6: duplicate address detection takes seconds.
MACVLAN = {"type": "macvlan", "master": "lan0", "ipam": {**IPAM, "ranges": IPAM["ranges"][:1]}}
OVERLAY = {"type": "vxlan", "bridge": "br0", "vni": 7, "peers": [
    {"name": "a", "address": "10.60.0.1", "ranges": ["10.61.0.0/24", "fd00:61::/64"]},
    {"name": "b", "address": "10.60.0.2", "ranges": ["10.61.1.0/24", "fd00:61:0:1::/64"]}]}
SEGMENT = {**OVERLAY, "mode": "l2", "ipam": IPAM}
PORTMAP = {"type": "portmap", "runtimeConfig": {"portMappings": [
    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}, {"hostPort": 5353, "containerPort": 53, "protocol": "udp"}]}}
TUNING = {"type": "tuning", "sysctl": {"net.core.somaxconn": "1024"}, "mac": "02:00:5e:00:53:08", "mtu": 1400, "promisc": True, "txQLen": 77}
FIREWALL = {"type": "firewall", "ingressPolicy": "isolated"}
BANDWIDTH = {"type": "bandwidth", "ingressRate": 10**8, "ingressBurst": 10**6, "egressRate": 10**8, "egressBurst": 10**6}
TAP = {"type": "tap", "owner": 107, "mtu": 1400, "ipam": IPAM}
SBR = {"type": "sbr", "addSourceHints": True}
# The rest of a process's calls: its start, its memory, and calls that practically cannot fail.
SETTLED = ("execve", "brk", "mmap", "munmap", "mprotect", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64",
           "readlink", "close", "exit_group", "rt_sigaction", "rt_sigprocmask", "getpid", "gettid", "rt_sigreturn")
CHANGING = ("mkdir", "renameat", "renameat2", "rename", "linkat", "unlink", "unlinkat", "write", "pwrite64", "ftruncate",
            "utimensat", "fchmod", "fsync", "setns")
# The forwarding sysctls try the lock of all network configuration without waiting: while another process has it, the kernel
# restarts the call hundreds of times.
BEGUN_ANEW = "ERESTARTNOINTR"
MESSAGE_TYPE = re.compile(r"nlmsg_type=(?:0x([0-9a-f]+)|(\S+?)[,} ])")


@dataclasses.dataclass(frozen=True)
class Call:
    """The `number`-th call of its name in a run."""
    name: str
    number: int
    text: str

    def __str__(self):
        return f"{self.name} {self.number}: {self.text[:100]}"

    def changes(self):
        """Returns whether the call can change state."""
        if self.name == "openat":
            return "O_CREAT" in self.text
        if self.name in ("sendto", "sendmsg"):
            return not self._only_asks()
        return self.name in CHANGING

    def _only_asks(self):
        """strace knows no names for the messages of a socket that it cannot find in its own namespace."""
        found = MESSAGE_TYPE.search(self.text)
        if not found or found[2]:
            return found and "_GET" in found[2]
        subsystem, message = divmod(int(found[1], 16), 256)
        if subsystem == 0:
            return message % 4 == 2  # rtnetlink counts new, delete, get, set
        return subsystem == 10 and message % 3 == 1  # nf_tables: new, get, delete


class Tracer:
    """Wraps commands in strace."""
    LOG = "/run/strace.log"

    @staticmethod
    def recording():
        return ("strace", "-f", "-s", "64", "-o", Tracer.LOG)

    @staticmethod
    def injecting(call, fault):
        return ("strace", "-f", "-o", Tracer.LOG, "-e", f"trace={call.name}",
                "-e", f"inject={call.name}:{fault}:when={call.number}")

    @staticmethod
    def injections():
        """The number of processes of the last run that got the fault: strace counts calls per process."""
        lines = pathlib.Path(Tracer.LOG).read_text(errors="replace").splitlines()
        return len({line.split()[0] for line in lines if line.endswith("(INJECTED)")})

    @staticmethod
    def calls():
        """The calls of the recorded run."""
        seen, calls = collections.Counter(), {}
        for line in pathlib.Path(Tracer.LOG).read_text(errors="replace").splitlines():
            found = re.match(r"(?:(\d+) +)?(\w+)\(", line)
            if not found or found[2] in SETTLED or BEGUN_ANEW in line:
                continue
            seen[found[1], found[2]] += 1
            key = found[2], seen[found[1], found[2]]
            calls.setdefault(key, Call(*key, line[found.end():]))
        return list(calls.values())


class Attachment:
    """One pod and the list of plugins that connects it; the last plugin gets the faults."""

    def __init__(self, node, container_id, plugins, ifname="eth0"):
        self.node, self.plugins, self.container_id, self.ifname = node, plugins, container_id, ifname
        self.pod, self.folder, self.results = node.add_pod(container_id), world.plugin_folder(), {}

    def call(self, verb, plugin, wrapper=(), timeout=60):
        config = {"cniVersion": "1.0.0", "name": "faults", **plugin}
        index = self.plugins.index(plugin)
        if verb == "ADD":
            self.results.pop(index, None)
        previous = self.results.get(index - 1) if verb == "ADD" else self.results.get(len(self.plugins) - 1)
        if previous:
            config["prevResult"] = previous
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": self.container_id,
               "CNI_NETNS": self.pod.path, "CNI_IFNAME": self.ifname, "CNI_PATH": self.folder}
        done = self.node.host.run(*wrapper, f"{self.folder}/{plugin['type']}", text=json.dumps(config), env=env, check=False,
                                  timeout=timeout)
        if verb == "ADD" and done.returncode == 0:
            self.results[index] = json.loads(done.stdout)
        return done

    def prepare(self):
        """ADD of all but the last plugin."""
        for plugin in self.plugins[:-1]:
            require_success(self.call("ADD", plugin))

    def add(self, wrapper=()):
        return self.call("ADD", self.plugins[-1], wrapper)

    def delete(self, wrapper=()):
        return self.call("DEL", self.plugins[-1], wrapper)

    def gc(self, valid, wrapper=()):
        """GC of the last plugin's network."""
        config = {"cniVersion": "1.1.0", "name": "faults", **self.plugins[-1], "cni.dev/valid-attachments": valid}
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": "GC", "CNI_PATH": self.folder}
        return self.node.host.run(*wrapper, f"{self.folder}/{config['type']}", text=json.dumps(config), env=env, check=False, timeout=60)

    def finish(self):
        """DEL of the rest."""
        for plugin in reversed(self.plugins[:-1]):
            require_success(self.call("DEL", plugin))
        self.results.clear()


def make_node():
    """A node with an address for overlays, a link of a network with other machines, and the files that the agents leave for plugins."""
    NODE_FILE.write_text(json.dumps(NODE), encoding="utf-8")
    SUBNET_FILE.write_text(SUBNET, encoding="utf-8")
    node = Node()
    for words in ("address add 10.60.0.1/32 dev lo", "link add lan0 type veth peer name far0", "link set lan0 up", "link set far0 up"):
        node.host.run("ip", *words.split())
    return node


def require_success(done):
    assert done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}"


def error_of(done):
    """The one error object that a failed call prints."""
    assert done.returncode == 1, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    error = json.loads(done.stdout)
    assert error["code"] and error["msg"], done.stdout
    return error


def was_killed(done):
    return done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)


@dataclasses.dataclass
class Scene:
    """A list of plugins on a node. With `neighbour` the network already has another pod, else everything is new."""
    name: str
    plugins: list
    neighbour: bool = False
    forget: str = "true"
    by_design: re.Pattern = re.compile("(?!)")

    def open(self):
        node = make_node()
        if self.neighbour:
            other = Attachment(node, "pod-neighbour", self.plugins_of_neighbour())
            other.prepare()
            require_success(other.add())
        attachment = Attachment(node, "pod-victim", self.plugins)
        attachment.prepare()
        return attachment

    def plugins_of_neighbour(self):
        """The plugins with another host port, because only one pod can have a port."""
        mappings = {"portMappings": [{"hostPort": 9090, "containerPort": 80, "protocol": "tcp"}]}
        return [{**plugin, "runtimeConfig": mappings} if plugin["type"] == "portmap" else plugin for plugin in self.plugins]

    def reset(self, attachment):
        """Resets the network to an unused one, unless it has a neighbour."""
        attachment.node.host.run("sh", "-c", self.forget)


FORGET = """for link in br0 plumb.7; do ip link delete $link; done
for family in -4 -6; do ip $family route flush proto 84; done
nft flush ruleset; rm -rf /var/lib/cni/networks
echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; true"""
# The node's side of an overlay, which all pods share, and their bridge, because a failed ADD removes the pod with bridge's DEL.
FABRIC = re.compile(r"(link (plumb\.7|br0 bridge) |address (plumb\.7|br0) |route .* (dev plumb\.7|proto 84|dev br0) |nft )")
CHAIN = [{**PTP, "ipMasq": False}, PORTMAP]
SCENES = (Scene("bridge, first pod", [{**BRIDGE, "spoofCheck": True}], forget=FORGET), Scene("bridge, next pod", [BRIDGE], neighbour=True),
          Scene("ptp", [PTP], forget=FORGET), Scene("portmap, first pod", CHAIN, forget="nft flush ruleset"),
          Scene("portmap, next pod", CHAIN, neighbour=True),
          Scene("tuning", [CHAIN[0], TUNING]), Scene("bandwidth", [CHAIN[0], BANDWIDTH]),
          Scene("firewall, first pod", [CHAIN[0], FIREWALL], forget="nft flush ruleset"),
          Scene("firewall by nftables", [CHAIN[0], {**FIREWALL, "backend": "nftables"}], neighbour=True),
          Scene("sbr", [BRIDGE, SBR]), Scene("tap", [TAP]),
          Scene("vxlan alone, first pod", [OVERLAY], forget=FORGET, by_design=FABRIC),
          Scene("vxlan alone, next pod by ptp", [{**OVERLAY, "podInterface": "ptp"}], neighbour=True),
          Scene("vxlan alone, one segment", [SEGMENT], forget=FORGET, by_design=FABRIC),
          Scene("bgp", [{"type": "bgp", "nodeFile": str(NODE_FILE)}], forget=FORGET),
          Scene("flannel", [FLANNEL], neighbour=True), Scene("macvlan", [MACVLAN]))


def snapshot(attachment):
    """All state that an attachment can change, in the host and in the pod, and on disk."""
    host, pod = attachment.node.host, attachment.pod.sandbox
    lines = [*state.links(host), *state.addresses(host), *state.routes(host), *state.nftables(host), *state.files()]
    return lines + [f"pod {line}" for part in (state.links, state.addresses, state.routes, state.rules) for line in part(pod)]


# Objects that stay with a network by design. They are only seen with an unused network.
TABLES = re.compile(r"nft (?!.*(elements|pod-|10\.61\.|fd00:61:))")
BRIDGE_ITSELF = re.compile(r"(link br0 bridge|address br0 |route .* dev br0 )")


def leftovers(before, after, *by_design):
    """The lines that differ, except new ones by design."""
    return [line for line in state.difference(before, after)
            if not (line.startswith("+") and any(each.match(line[1:]) for each in by_design))]
