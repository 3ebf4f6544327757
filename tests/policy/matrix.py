# SPDX-License-Identifier: Apache-2.0
"""Pods, nodes and an outside host as network namespaces, and a matrix of real connections between them, from one process.

A socket stays in the namespace where it was opened: all of them are in one loop.
"""
import contextlib
import json
import os
import resource
import select
import socket
import struct
import subprocess
import tempfile
import time

from lab import world
from lab.cluster_traffic import FAMILIES, inside
from policy.cases import OUTSIDE, PROBES, node_address

GATEWAY = {4: "169.254.1.1", 6: "fe80::1"}
LENGTH = {4: 32, 6: 128}
LIMIT, QUIET, REPEAT = 10.0, 0.2, 0.5  # seconds; the limit is reached only when something differs
SERVED = [each for each in PROBES if each[0] in ("TCP", "UDP")]
ECHO = {4: (socket.IPPROTO_ICMP, 8), 6: (socket.IPPROTO_ICMPV6, 128)}  # protocol, type of a request
SETTINGS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")


class Network:
    """The namespaces of a cluster. Pods are wired by "routed" (a link each to the node's routing) or "bridge"."""

    def __init__(self, cluster, wiring="routed", filtered=True):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.cluster, self.wiring, self.filtered = cluster, wiring, filtered
        self.addresses, self.spaces = cluster.addresses(), {}
        self.outside = self.add("outside")
        self.batch(self.outside, ["link add hub type bridge", "link set hub up"]
                   + [f"address add {OUTSIDE[family]}/{24 if family == 4 else 64} dev hub nodad" for family in FAMILIES])
        self.route(self.outside)
        for number in range(1, cluster.nodes + 1):
            self.add_node(number)
        for index, name in enumerate(cluster.names):
            self.add_pod(index, name, f"node{index % cluster.nodes + 1}")
        self.listeners = Listeners(self)

    def add(self, name):
        self.spaces[name] = world.Namespace(name.replace("/", "-"))
        self.spaces[name].run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        return self.spaces[name]

    @staticmethod
    def batch(namespace, lines):
        world.run("ip", "-n", namespace.name, "-batch", "-", text="\n".join(lines) + "\n")

    @staticmethod
    def route(namespace):
        namespace.run("sysctl", "-qw", *(f"{each}=1" for each in SETTINGS))

    def add_node(self, number):
        name = f"node{number}"
        node, lines = self.add(name), []
        self.batch(self.outside, [f"link add {name} type veth peer name eth0 netns {name}", f"link set {name} up master hub"]
                   + [f"route add {prefix} via {node_address(number, family)}" for family, prefix in ranges(number)])
        lines += ["link set eth0 up"] + [f"address add {node_address(number, family)}/{24 if family == 4 else 64} dev eth0 nodad"
                                         for family in FAMILIES]
        for other in range(1, self.cluster.nodes + 1):
            if other != number:
                lines += [f"route add {prefix} via {node_address(other, family)}" for family, prefix in ranges(other)]
        if self.wiring == "bridge":
            calls = int(self.filtered)
            lines += [f"link add br0 type bridge nf_call_iptables {calls} nf_call_ip6tables {calls}", "link set br0 up",
                      f"address add {GATEWAY[4]}/32 dev br0", f"address add {GATEWAY[6]}/64 dev br0 nodad"]
            lines += [f"route add {prefix} dev br0" for _, prefix in ranges(number)]
        self.batch(node, lines)
        self.route(node)

    def add_pod(self, index, name, node):
        pod, link = self.add(name), f"pod{index}"
        own = {family: f"{self.addresses[name, family]}/{LENGTH[family]}" for family in FAMILIES}
        if self.wiring == "bridge":
            host = [f"link set {link} up master br0"]
            wide = [f"route add {prefix} dev eth0" for _, prefix in ranges(int(node[4:]))]
        else:
            host = [f"link set {link} up", f"address add {GATEWAY[4]}/32 dev {link}", f"address add {GATEWAY[6]}/64 dev {link} nodad"]
            host += [f"route add {own[family]} dev {link}" for family in FAMILIES]
            wide = []
        self.batch(self.spaces[node], [f"link add {link} type veth peer name eth0 netns {pod.name}", *host])
        self.batch(pod, ["link set eth0 up", f"address add {own[4]} dev eth0", f"address add {own[6]} dev eth0 nodad",
                         f"route add {GATEWAY[4]} dev eth0", *wide,
                         f"route add default via {GATEWAY[4]} dev eth0", f"route add ::/0 via {GATEWAY[6]} dev eth0"])

    def load(self, node, script):
        """Loads an nft script; a failure prints it."""
        done = self.spaces[node].run("nft", "-f", "-", text=script, check=False)
        if done.returncode != 0:
            raise AssertionError(f"nft in {node}: {done.stderr}\n{script}")

    def close(self):
        for each in [*self.listeners.streams, *self.listeners.datagrams.values()]:
            each.close()
        for space in self.spaces.values():
            space.remove()

    def measure(self, expected, limit=LIMIT):
        """The matrix of real connections for the keys of `expected`, which also says how long to wait for what."""
        run = Run(self, expected)
        try:
            return run.matrix(limit)
        finally:
            run.close()
            self.listeners.drain()


def ranges(number):
    return (4, f"10.244.{number}.0/24"), (6, f"fd00:244:{number}::/64")


def opened(family, kind, protocol=0):
    each = socket.socket(FAMILIES[family], kind | socket.SOCK_NONBLOCK, protocol)
    if family == 6 and not protocol:
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return each


class Listeners:
    """TCP and UDP servers of every namespace. A connection is complete without accept()."""

    def __init__(self, network):
        self.streams, self.datagrams = [], {}
        for space in network.spaces.values():
            with inside(space.path):
                for family in FAMILIES:
                    for protocol, port in SERVED:
                        kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
                        server = opened(family, kind)
                        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        server.bind(("", port))
                        if protocol == "TCP":
                            server.listen(1024)
                            self.streams.append(server)
                        else:
                            self.datagrams[server.fileno()] = server

    def drain(self):
        for server in self.streams:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()


class Run:
    """One measurement: all connections at once."""

    def __init__(self, network, expected):
        self.network, self.expected = network, expected
        self.poll, self.keys, self.sockets = select.epoll(), {}, []
        self.passed, self.refused, self.numbers, self.asks = set(), set(), {}, {}
        for each in network.listeners.datagrams:
            self.poll.register(each, select.EPOLLIN)
        by_source = {}
        for key in expected:
            by_source.setdefault(key[0], []).append(key)
        for source, keys in by_source.items():
            with inside(network.spaces[source].path):
                self.start(keys)

    def start(self, keys):
        senders = {("UDP", family): self.keep(opened(family, socket.SOCK_DGRAM)) for family in FAMILIES}
        senders |= {("ICMP", family): self.keep(opened(family, socket.SOCK_DGRAM, ECHO[family][0])) for family in FAMILIES}
        for each in senders.values():
            self.poll.register(each, select.EPOLLIN)
            self.keys[each.fileno()] = each
        for key in keys:
            _, destination, family, protocol, port = key
            target = (self.network.addresses[destination, family], port or 0)
            if protocol in ("UDP", "ICMP"):
                number = len(self.numbers)
                header = struct.pack("!BBHHH", ECHO[family][1], 0, 0, 0, number & 0xffff) if protocol == "ICMP" else b""
                self.numbers[number], self.asks[key] = key, (senders[protocol, family], header + struct.pack("!Q", number), target)
                self.send(key)
            elif protocol == "TCP":
                self.connect(key, self.keep(opened(family, socket.SOCK_STREAM)), target)

    def keep(self, each):
        self.sockets.append(each)
        return each

    def send(self, key):
        sender, packet, target = self.asks[key]
        with contextlib.suppress(OSError):
            sender.sendto(packet, target)

    def connect(self, key, each, target):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.connect_ex(target)
        self.keys[each.fileno()] = key
        self.poll.register(each, select.EPOLLOUT | select.EPOLLONESHOT)
        self.asks[key] = each

    def matrix(self, limit):
        begun = last = time.monotonic()
        repeated = begun
        wanted = {key for key, passes in self.expected.items() if passes}
        while time.monotonic() < begun + limit:
            if self.turn(0.05):
                last = time.monotonic()
            quiet = time.monotonic() - last > QUIET
            if len(self.passed) + len(self.refused) == len(self.expected) or quiet and wanted <= self.passed:
                break
            if time.monotonic() - repeated > REPEAT:
                repeated = time.monotonic()
                for key in wanted - self.passed:
                    if key[3] != "TCP":
                        self.send(key)
        return {key: key in self.passed for key in self.expected}

    def turn(self, seconds):
        """Returns whether anything became known."""
        before = len(self.passed) + len(self.refused)
        for descriptor, _ in self.poll.poll(seconds):
            if descriptor in self.network.listeners.datagrams:
                self.answer(self.network.listeners.datagrams[descriptor])
            elif isinstance(self.keys[descriptor], socket.socket):
                self.collect(self.keys[descriptor])
            else:
                key = self.keys[descriptor]
                error = self.asks[key].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                (self.refused if error else self.passed).add(key)
        return len(self.passed) + len(self.refused) > before

    @staticmethod
    def answer(server):
        with contextlib.suppress(OSError):
            while True:
                packet, sender = server.recvfrom(64)
                with contextlib.suppress(OSError):
                    server.sendto(packet, sender)

    def collect(self, sender):
        with contextlib.suppress(OSError):
            while True:
                self.passed.add(self.numbers[struct.unpack("!Q", sender.recv(64)[-8:])[0]])

    def close(self):
        self.poll.close()
        for each in self.sockets:
            each.close()


def differences(expected, measured):
    """Lines "x/a > x/b TCP 80 IPv4: connects, but must not"."""
    word = {True: "connects, but must not", False: "does not connect, but must"}
    return [f"{source} > {destination} {protocol} {port or ''} IPv{family}: {word[measured[key]]}"
            for key in expected if measured[key] != expected[key] for source, destination, family, protocol, port in [key]]


def plumbd(objects, *words):
    """The output of plumbd with a folder of these objects in place of the word FOLDER."""
    with tempfile.TemporaryDirectory() as folder:
        for number, each in enumerate(objects):
            with open(f"{folder}/{number:03}.json", "w", encoding="utf-8") as file:
                json.dump(each, file)
        program = os.path.join(world.plugin_folder(), "plumbd")
        command = [program, *(each.replace("FOLDER", folder) for each in words)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rules_of(objects, node):
    """Returns the script that `plumbd policy rules` prints for these objects."""
    return plumbd(objects, "policy", "rules", "FOLDER", "--node", node)
