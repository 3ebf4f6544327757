# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames built byte by byte, sent from and seen in a network namespace by packet sockets."""
import ipaddress
import socket
import struct
import time

from lab.cluster_traffic import inside

IPV4, IPV6, ARP, VLAN, ANY = 0x0800, 0x86DD, 0x0806, 0x8100, 0x0003
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
BROADCAST, ALL_NODES_MAC, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "ff02::1"


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return ipaddress.ip_address(text).packed


def link_local(text):
    """The IPv6 link-local address that the kernel derives from a MAC address."""
    raw = mac(text)
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]))


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(source, destination, kind, payload):
    return mac(destination) + mac(source) + struct.pack("!H", kind) + payload


def ipv4(source, destination, protocol, payload, options=b"", ttl=64):
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), 1, 0, ttl, protocol, 0, ip(source), ip(destination)) + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, protocol, payload, hops=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + ip(source) + ip(destination) + payload


def packet(source, destination, protocol, payload, **options):
    """IPv4 or IPv6, as the addresses are."""
    return (ipv6 if ":" in destination else ipv4)(source, destination, protocol, payload, **options)


def kind_of(address):
    return IPV6 if ":" in address else IPV4


def _sum_of(source, destination, protocol, payload):
    return checksum(ip(source) + ip(destination) + struct.pack("!II", len(payload), protocol) + payload)


def udp(source, destination, ports, payload=b"forged"):
    """`ports` are (source, destination)."""
    data = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return data[:6] + struct.pack("!H", _sum_of(source, destination, UDP, data) or 0xFFFF) + data[8:]


def icmp(kind, code, rest):
    data = struct.pack("!BBH", kind, code, 0) + rest
    return data[:2] + struct.pack("!H", checksum(data)) + data[4:]


def icmpv6(source, destination, kind, rest, code=0):
    data = struct.pack("!BBH", kind, code, 0) + rest
    return data[:2] + struct.pack("!H", _sum_of(source, destination, ICMPV6, data)) + data[4:]


def arp(operation, sender, target):
    """`sender` and `target` are (MAC address, IPv4 address)."""
    return struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + mac(sender[0]) + ip(sender[1]) + mac(target[0]) + ip(target[1])


class Wire:
    """Sends frames by `link` of the namespace at `path`, and reads those that come in there."""

    def __init__(self, path, link):
        with inside(path):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ANY))
            self.socket.bind((link, ANY))

    def send(self, *frames):
        for frame in frames:
            self.socket.send(frame)

    def sees(self, wanted, seconds=5.0):
        """Returns whether a frame for which `wanted` is true comes in before the deadline."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, address = self.socket.recvfrom(65536)
            except TimeoutError:
                return False
            if address[2] != socket.PACKET_OUTGOING and wanted(data):
                return True
        return False

    def has_seen(self, mark):
        """Returns whether a frame with these bytes has come in already; drops all that have."""
        self.socket.setblocking(False)
        found = False
        try:
            while True:
                data, address = self.socket.recvfrom(65536)
                found = found or (address[2] != socket.PACKET_OUTGOING and mark in data)
        except BlockingIOError:
            return found

    def close(self):
        self.socket.close()
