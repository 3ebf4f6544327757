# SPDX-License-Identifier: Apache-2.0
"""A BGP speaker that announces what it is asked to: a hostile node, or a machine that uses a node's address."""
import ipaddress
import socket
import struct
import threading

from lab.cluster_traffic import inside

PORT, AS_NUMBER = 179, 64512
OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4
ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, MP_REACH, MP_UNREACH = 1, 2, 3, 5, 14, 15
HOLD = 90
PREFERRED = 1000  # over the honest announcements, which have 100
LONGEST = 4096 - 100


def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def attribute(kind, value, flags=0x40):
    return struct.pack("!BBH", flags | 0x10, kind, len(value)) + value


def packed(prefix):
    net = ipaddress.ip_network(prefix)
    return bytes([net.prefixlen]) + net.network_address.packed[:(net.prefixlen + 7) // 8]


def chunks(prefixes):
    """The prefixes in pieces that fit into one message."""
    piece = b""
    for prefix in prefixes:
        if len(piece) > LONGEST - 200:
            yield piece
            piece = b""
        piece += packed(prefix)
    yield piece


class Speaker:
    """A session from `local` to `target`, in the namespace at `path`. A blind one writes without waiting for an answer."""

    def __init__(self, path, local, target, ttl=255):
        self.local, self.is_v6 = local, ":" in local
        self.established, self.notification = threading.Event(), b""
        with inside(path):
            self.socket = socket.socket(socket.AF_INET6 if self.is_v6 else socket.AF_INET)
        if self.is_v6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        else:
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        self.socket.settimeout(5)
        try:
            self.socket.bind((local, 0))
            self.socket.connect((target, PORT))
        except OSError:
            self.socket.close()
            raise
        self.socket.settimeout(None)
        self.reader = None

    def open(self):
        family = struct.pack("!BBHBB", 1, 4, 2 if self.is_v6 else 1, 0, 1)
        capabilities = family + struct.pack("!BBI", 65, 4, AS_NUMBER)
        parameters = bytes([2, len(capabilities)]) + capabilities
        identifier = b"\x7f\x01\x01\x01" if self.is_v6 else socket.inet_aton(self.local)
        return message(OPEN, struct.pack("!BHH", 4, AS_NUMBER, HOLD) + identifier + bytes([len(parameters)]) + parameters)

    def start(self):
        """`established` is set when the session is."""
        # Before the reader answers the other end's OPEN with a KEEPALIVE, which must not be the first message.
        self.socket.sendall(self.open())
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def write_blindly(self, prefixes):
        """One write with all that a session and its routes need."""
        self.socket.sendall(self.open() + message(KEEPALIVE) + b"".join(self.updates(prefixes)))

    def announce(self, prefixes):
        for update in self.updates(prefixes):
            self.socket.sendall(update)

    def withdraw(self, prefixes):
        for piece in chunks(prefixes):
            gone = attribute(MP_UNREACH, struct.pack("!HB", 2, 1) + piece, 0x80) if self.is_v6 else b""
            plain = b"" if self.is_v6 else piece
            self.socket.sendall(message(UPDATE, struct.pack("!H", len(plain)) + plain + struct.pack("!H", len(gone)) + gone))

    def updates(self, prefixes):
        hop = ipaddress.ip_address(self.local).packed
        common = attribute(ORIGIN, b"\0") + attribute(AS_PATH, b"") + attribute(LOCAL_PREF, struct.pack("!I", PREFERRED))
        for piece in chunks(prefixes):
            if self.is_v6:
                attributes, piece = common + attribute(MP_REACH, struct.pack("!HBB", 2, 1, 16) + hop + b"\0" + piece, 0x80), b""
            else:
                attributes = common + attribute(NEXT_HOP, hop)
            yield message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + piece)

    def _read(self):
        try:
            while True:
                size, kind = struct.unpack("!HB", self._receive(19)[16:])
                body = self._receive(size - 19)
                if kind == NOTIFICATION:
                    self.notification = body
                    return
                if kind in (OPEN, KEEPALIVE):
                    self.socket.sendall(message(KEEPALIVE))
                if kind == KEEPALIVE:
                    self.established.set()
        except OSError:
            pass

    def _receive(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.reader:
            self.reader.join()
        self.socket.close()
