# SPDX-License-Identifier: Apache-2.0
"""Sends a packet a millisecond each way between two namespaces until standard input ends, and counts what did not arrive.

usage: cluster_probe.py NAMESPACE-FILE ADDRESS NAMESPACE-FILE ADDRESS SIZE
prints "both ways" when packets pass, and at the end: sent, lost, the longest span without an arrival and the longest way (s)."""
import pathlib
import select
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab.cluster_traffic import HEADERS, family_of, udp_socket  # noqa: E402

PORT, INTERVAL, START_LIMIT, DRAIN = 7778, 0.001, 10.0, 1.0


class Side:
    """One end: counts what it sends, and what arrives from the other."""

    def __init__(self, path, address):
        self.socket = udp_socket(path, family_of(address), may_fragment=False)
        self.socket.bind((address, PORT))
        self.address, self.arrived = address, set()
        self.last, self.outage, self.late, self.sent = None, 0.0, 0.0, 0

    def send(self, other, number, size):
        self.sent += 1
        try:
            self.socket.sendto(struct.pack("!Qd", number, time.monotonic()).ljust(size, b"."), (other.address, PORT))
        except OSError:
            pass  # It counts as lost: an answer to an earlier packet, or no route.

    def receive(self):
        now = time.monotonic()
        try:
            while True:
                number, sent = struct.unpack_from("!Qd", self.socket.recv(9000))
                self.arrived.add(number)
                self.late = max(self.late, now - sent)
                self.outage = max(self.outage, now - self.last) if self.last else 0.0
                self.last = now
        except OSError:
            pass


def pass_packets(sides, size, numbers, stop):
    """Runs until stop(). Sending follows the clock: after a late wake-up all due packets are sent at once."""
    left, right = sides
    begun, number = time.monotonic(), 0
    poller = select.poll()
    for each in sides:
        poller.register(each.socket, select.POLLIN)
    while not stop():
        while numbers and number * INTERVAL <= time.monotonic() - begun:
            left.send(right, number, size)
            right.send(left, number, size)
            number += 1
        poller.poll(1)
        left.receive()
        right.receive()
    return number


def main():
    left_path, left_address, right_path, right_address, size = sys.argv[1:]
    size = int(size) - HEADERS[family_of(left_address)]
    paths = ((left_path, left_address), (right_path, right_address))
    sides = [Side(*each) for each in paths]
    limit = time.monotonic() + START_LIMIT
    pass_packets(sides, size, True, lambda: all(each.arrived for each in sides) or time.monotonic() > limit)
    if not all(each.arrived for each in sides):
        print("no packet passes within 10 s", flush=True)
        return 1
    # Packets that are still on their way must not count.
    drained = time.monotonic() + 0.2
    pass_packets(sides, size, False, lambda: time.monotonic() > drained)
    for each in sides:
        each.arrived, each.last, each.outage, each.late, each.sent = set(), None, 0.0, 0.0, 0
    print("both ways", flush=True)
    stdin = select.poll()
    stdin.register(sys.stdin, select.POLLIN | select.POLLHUP)
    sent = pass_packets(sides, size, True, lambda: stdin.poll(0))
    drained = time.monotonic() + DRAIN
    pass_packets(sides, size, False, lambda: all(len(each.arrived) == sent for each in sides) or time.monotonic() > drained)
    lost = sum(sent - len(each.arrived) for each in sides)
    print(2 * sent, lost, max(each.outage for each in sides), max(each.late for each in sides), flush=True)
    return 0


sys.exit(main())
