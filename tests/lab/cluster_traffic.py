# SPDX-License-Identifier: Apache-2.0
"""UDP between namespaces from one process: a socket stays in the namespace where it was opened."""
import contextlib
import ctypes
import dataclasses
import errno
import itertools
import pathlib
import re
import selectors
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, DISCOVER_DONT, DISCOVER_DO = 10, 23, 0, 2
ECHO_PORT = 7777
HEADERS = {4: 28, 6: 48}  # IP and UDP
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_libc = ctypes.CDLL(None, use_errno=True)


def family_of(address):
    return 6 if ":" in address else 4


@contextlib.contextmanager
def inside(path):
    """Sockets opened in here belong to the network namespace at `path`. Start no processes in here."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(path, "rb") as there:
        def enter(namespace):
            if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"enter {path}")
        enter(there)
        try:
            yield
        finally:
            enter(home)


def udp_socket(path, family, may_fragment=True):
    with inside(path):
        opened = socket.socket(FAMILIES[family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    if family == 6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    level, option = (socket.IPPROTO_IP, IP_MTU_DISCOVER) if family == 4 else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
    opened.setsockopt(level, option, DISCOVER_DONT if may_fragment else DISCOVER_DO)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    return opened


@dataclasses.dataclass
class Endpoint:
    """A namespace that asks and answers. `addresses` are those that others reach it by, by family."""
    name: str
    path: str
    addresses: dict


@dataclasses.dataclass
class Ask:
    """One packet to be answered: `size` counts the IP header."""
    source: Endpoint
    target: Endpoint
    address: str
    size: int = 100
    may_fragment: bool = False
    seen: str = None  # the source address that the target saw
    error: str = None

    def __str__(self):
        return f"{self.source.name} -> {self.target.name} {self.address} {self.size} bytes: {self.error or 'no answer'}"


class Wire:
    """Answers at every endpoint, and asks: everything in one loop of the test's own process."""

    def __init__(self):
        self.selector, self.echoes, self.numbers, self.seen = selectors.DefaultSelector(), {}, itertools.count(1), {}

    def listen(self, endpoint, families=(4, 6)):
        """Answers at every address of the namespace."""
        for family in families:
            echo = udp_socket(endpoint.path, family)
            echo.bind(("", ECHO_PORT))
            self.selector.register(echo, selectors.EVENT_READ, self._answer)
            self.echoes.setdefault(endpoint.path, []).append(echo)

    def forget(self, path):
        for echo in self.echoes.pop(path, ()):
            self.selector.unregister(echo)
            echo.close()

    def close(self):
        for path in list(self.echoes):
            self.forget(path)
        self.selector.close()

    def _answer(self, echo):
        with contextlib.suppress(OSError):
            while True:
                packet, sender = echo.recvfrom(65536)
                self.seen[struct.unpack_from("!Q", packet)[0]] = sender[0]
                echo.sendto(packet, sender)

    def unanswered(self, asks, seconds=5):
        """Sends every packet, again every 0.3 s until it is answered or the time is over; returns those without an answer."""
        open_asks, opened = {next(self.numbers): ask for ask in asks}, []
        deadline, again = time.monotonic() + seconds, 0
        while open_asks and time.monotonic() < deadline:
            if time.monotonic() >= again:
                for number, ask in open_asks.items():
                    opened.append(self._send(number, ask, open_asks))
                again = time.monotonic() + 0.3
            self._turn(min(again, deadline))
        for sender in opened:
            self.selector.unregister(sender)
            sender.close()
        return list(open_asks.values())

    def _send(self, number, ask, open_asks):
        """From a port of its own each time: a flow that began before its rule was loaded continues without it."""
        family = family_of(ask.address)
        sender = udp_socket(ask.source.path, family, ask.may_fragment)
        self.selector.register(sender, selectors.EVENT_READ, lambda each: self._collect(each, open_asks))
        try:
            sender.sendto(struct.pack("!Q", number).ljust(ask.size - HEADERS[family], b"."), (ask.address, ECHO_PORT))
        except OSError as error:
            ask.error = errno.errorcode[error.errno]
        return sender

    def _collect(self, sender, open_asks):
        with contextlib.suppress(OSError):
            while True:
                number = struct.unpack_from("!Q", sender.recv(65536))[0]
                if number in open_asks:
                    open_asks.pop(number).seen = self.seen.pop(number, None)

    def _turn(self, until):
        for key, _ in self.selector.select(max(0, until - time.monotonic())):
            key.data(key.fileobj)


class Probe:
    """A packet every millisecond each way between two namespaces, from a process of its own, until stop()."""

    @dataclasses.dataclass
    class Report:
        sent: int
        lost: int
        outage: float  # seconds; the longest span without an arrival
        late: float  # seconds; the slowest packet

    def __init__(self, left, right, family=4, size=200):
        pair = [left.path, left.addresses[family], right.path, right.addresses[family], str(size)]
        self.process = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("cluster_probe.py"), *pair],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().strip()
        if first != "both ways":
            raise AssertionError(f"probe {left.name} - {right.name}: {first or 'did not start'}")

    def stop(self):
        """Stops sending, waits for packets on their way, and returns the result."""
        answer, _ = self.process.communicate("", timeout=30)
        sent, lost, outage, late = answer.split()
        return Probe.Report(int(sent), int(lost), float(outage), float(late))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Monitor:
    """Changes in a node's kernel with time stamps, as `ip monitor` prints them: routes, neighbours, FDB entries, links and
    addresses."""
    MARK = "203.0.113.77"  # A route that comes and goes shows how far the monitor has read.
    # A configured neighbour that is deleted is shown as PERMANENT with its device, or as FAILED and without address on request.
    FORGOTTEN = re.compile(r" lladdr .*(REACHABLE|STALE|DELAY|PROBE|NOARP) *$")

    def __init__(self, node, folder):
        self.node, self.file = node, pathlib.Path(folder, f"{node.name}.monitor")
        with open(self.file, "w", encoding="utf-8") as output:
            command = ["stdbuf", "-oL", "ip", "-ts", "monitor", "link", "address", "route", "neigh"]
            self.process = node.start(*command, stdout=output, stderr=subprocess.STDOUT)
        self._mark()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _mark(self):
        before, deadline = self._text().count(self.MARK), time.monotonic() + 10
        while self._text().count(self.MARK) == before:
            if time.monotonic() > deadline:
                raise AssertionError(f"ip monitor in {self.node.name} shows nothing: {self._text()[:200]}")
            for verb in ("replace", "del"):
                self.node.run("ip", "route", verb, "blackhole", f"{self.MARK}/32", "proto", "250")
            time.sleep(0.02)

    def _text(self):
        return self.file.read_text(encoding="utf-8")

    def lines(self):
        """(seconds since the epoch, text) of everything so far."""
        self._mark()
        found = []
        for line in self._text().splitlines():
            stamp, _, text = line.removeprefix("[").partition("] ")
            if line.startswith("[") and self.MARK not in text:
                whole, _, fraction = stamp.partition(".")
                found.append((time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction}"), text))
        return found

    def deletions(self, *words):
        """The lines of removals by a program that contain all the words. A neighbour that the kernel learned it may
        forget by itself at any time: as soon as the namespaces of the whole machine have more than 128 (gc_thresh1)."""
        return [text for _, text in self.lines()
                if text.startswith("Deleted ") and not self.FORGOTTEN.search(text) and all(word in text for word in words)]
