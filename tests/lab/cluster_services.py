# SPDX-License-Identifier: Apache-2.0
"""Services as a real kube-proxy makes them: its recorded rules in a node's namespace, servers in pods, and clients."""
import contextlib
import itertools
import pathlib
import re
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lab.cluster_traffic import FAMILIES, family_of, inside
from lab.world import run

RECORDINGS = pathlib.Path(__file__).resolve().parents[1] / "cluster/kube-proxy"
TIMEOUT = 2.5  # a REJECT over IPv6 is seen at the second SYN, after one second
SERVED = (("tcp", 8080), ("tcp", 5353), ("udp", 5353))
# Counters that the rules use and that only kube-proxy makes; the match does not change a verdict.
ACCOUNTING = re.compile(r"-m nfacct --nfacct-name *\S+ ")


class Services:
    """A recording in a node's namespace, with the recorded addresses replaced by those of the lab."""

    def __init__(self, node, recording, addresses):
        """`addresses` maps recorded text to the lab's."""
        self.node, self.recording = node, recording
        self.pattern = re.compile("|".join(rf"(?<![\w:.]){re.escape(each)}(?![\w{':' if ':' in each else '.'}])" for each in addresses))
        self.addresses = addresses

    def text(self, name):
        text = (RECORDINGS / name).read_text(encoding="utf-8")
        text = text.replace("fd00:10:244::/48", "fd00:244::/32")
        return ACCOUNTING.sub("", self.pattern.sub(lambda match: self.addresses[match[0]], text))

    def load(self):
        """Loads the rules as kube-proxy does at its start, or again, in one transaction for each table."""
        if self.recording.startswith("nftables-"):
            tables = ("ip kube-proxy", "ip6 kube-proxy")
            anew = "".join(f"table {each}\ndelete table {each}\n" for each in tables)
            self.node.run("nft", "-f", "-", text=anew + self.text(f"{self.recording}.nft"))
            return
        for family, tool in ((4, "iptables"), (6, "ip6tables")):
            self.node.run(f"{tool}-{self._variant()}-restore", text=self.text(f"{self.recording}.v{family}.save"))
        self.node.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")

    def _variant(self):
        return "legacy" if "legacy" in self.recording else "nft"

    def unload(self):
        if self.recording.startswith("nftables-"):
            self.node.run("nft", "-f", "-", text="delete table ip kube-proxy\ndelete table ip6 kube-proxy\n")
        elif self._variant() == "nft":
            for family, table in itertools.product(("ip", "ip6"), ("filter", "nat", "mangle")):
                self.node.run("nft", "delete", "table", family, table, check=False)
        else:
            for tool, table in itertools.product(("iptables", "ip6tables"), ("filter", "nat", "mangle")):
                for word in ("-F", "-X"):
                    self.node.run(f"{tool}-legacy", "-t", table, word)
        self.node.run("conntrack", "-F")


class Servers:
    """Servers that send their own name and the client's address, then echo. One thread for all."""

    def __init__(self):
        self.selector, self.running = selectors.DefaultSelector(), True
        self.wake, wake = socket.socketpair()
        self.selector.register(wake, selectors.EVENT_READ, (lambda _: None, ""))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def add(self, name, path):
        for (kind, port), family in itertools.product(SERVED, FAMILIES.values()):
            with inside(path):
                opened = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(("", port))
            opened.setblocking(False)
            if kind == "tcp":
                opened.listen(64)
            self.selector.register(opened, selectors.EVENT_READ, (self._accept if kind == "tcp" else self._answer, name))
        self.wake.send(b".")

    def _serve(self):
        while self.running:
            for key, _ in self.selector.select(1):
                action, name = key.data
                with contextlib.suppress(OSError):
                    action(key.fileobj) if not name else action(key.fileobj, name)

    def _accept(self, server, name):
        connection, peer = server.accept()
        connection.setblocking(False)
        connection.send(f"{name}<-{peer[0]}\n".encode())
        self.selector.register(connection, selectors.EVENT_READ, (self._echo, name))

    def _echo(self, connection, _):
        try:
            data = connection.recv(4096)
            connection.send(data)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(connection)
            connection.close()

    @staticmethod
    def _answer(server, name):
        _, peer = server.recvfrom(4096)
        server.sendto(f"{name}<-{peer[0]}\n".encode(), peer)

    def close(self):
        self.running = False
        self.wake.send(b".")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        self.wake.close()


def ask(path, address, port, kind="tcp", source=None, timeout=TIMEOUT):
    """`a<-10.244.1.6` as the server answers, `refused` or `timeout`."""
    with inside(path):
        client = socket.socket(FAMILIES[family_of(address)], socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    with client:
        client.settimeout(timeout)
        try:
            if source:
                client.bind((source, 0))
            client.connect((address, port))
            if kind == "udp":
                client.send(b".")
            return client.recv(200).decode().strip()
        except ConnectionError:
            return "refused"
        except OSError:
            return "timeout"


def ask_all(asks):
    """The answers to many, all at the same time; each ask is (path, address, port, kind, source)."""
    with ThreadPoolExecutor(min(64, max(1, len(asks)))) as pool:
        return list(pool.map(lambda each: ask(*each), asks))


class Traffic:
    """Short connections one after another, and one that stays, until stop(), which returns the errors."""

    def __init__(self, path, address, port):
        self.goal, self.problems, self.count, self.running = (path, address, port), [], 0, True
        with inside(path):
            self.lasting = socket.socket(FAMILIES[family_of(address)])
        self.lasting.settimeout(TIMEOUT)
        self.lasting.connect((address, port))
        self.lasting.recv(200)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.running:
            answer = ask(*self.goal)
            if "<-" not in answer:
                self.problems.append(f"a new connection: {answer}")
            try:
                self.lasting.sendall(b"still there\n")
                self.lasting.recv(200)
            except OSError as error:
                self.problems.append(f"the old connection: {error}")
                self.running = False
            self.count += 1
            time.sleep(0.002)

    def stop(self):
        self.running = False
        self.thread.join()
        self.lasting.close()
        return self.problems


def local_addresses(node):
    """All addresses of the node, as text."""
    text = run(*node.enter, "ip", "-o", "address").stdout
    return {each.partition("/")[0] for each in re.findall(r"inet6? (\S+)", text)}
