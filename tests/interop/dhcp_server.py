#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A DHCP server that behaves as a test needs: dhcp_server.py LINK OPTIONS (JSON). Prints one line for each message that it got."""
import json
import os
import random
import socket
import struct
import sys

NAMES = {1: "discover", 3: "request", 7: "release"}
SERVER = "10.70.0.1"
IP_PKTINFO = 8  # linux/in.h


def options_of(message):
    found, at = {}, 240
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        found[message[at]] = message[at + 2:at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return found


def answer(message, kind, address, lease=4, server=SERVER, xid=None, more=b""):
    head = struct.pack("!BBBB4sHH4s4s4s4s", 2, 1, 6, 0, xid or message[4:8], 0, 0x8000, bytes(4), socket.inet_aton(address), bytes(4), bytes(4))
    options = {53: bytes([kind]), 54: socket.inet_aton(server), 1: b"\xff\xff\xff\0", 3: socket.inet_aton(SERVER), 51: struct.pack("!I", lease)}
    body = b"".join(bytes([code, len(value)]) + value for code, value in options.items())
    return head + message[28:44] + bytes(192) + b"\x63\x82\x53\x63" + body + more + b"\xff"


def noise(message):
    """Answers that no client may accept: garbage, another transaction, another machine, another server."""
    yield from (random.randbytes(size) for size in (0, 1, 239, 240, 300, 1400))
    yield answer(message, 2, "10.70.0.66")[:250] + b"\x33\xff"
    for kind in (2, 5, 6):
        yield answer(message, kind, "10.70.0.66", xid=b"abcd")
        yield answer(message[:28] + b"\2\2\2\2\2\2" + message[34:], kind, "10.70.0.66")
    for kind in (5, 6):
        yield answer(message, kind, "10.70.0.66", server="10.70.0.99")


def flood(sock, message):
    """Sends messages that are slow to read, faster than a client can read them."""
    big = answer(message, 2, "10.70.0.66", xid=b"abcd", more=bytes(each for code in range(60, 250) for each in (code, 0)) * 3)
    server = os.getpid()
    for _ in range(3):
        if os.getpid() == server:
            os.fork()
    while server in (os.getpid(), os.getppid()):  # the others end with the server
        sock.sendto(big, ("255.255.255.255", 68))


def receive(sock):
    """A message, its sender, and whether it came by broadcast."""
    message, control, _, sender = sock.recvmsg(4096, 256)
    return message, sender[0], control[0][2][8:12] == b"\xff\xff\xff\xff"


def main(link, wishes):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind(("", 67))
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    addresses, leases, renewals = wishes.get("addresses", ["10.70.0.50"]), wishes.get("leases", [wishes.get("lease", 4)]), 0
    more = bytes.fromhex(wishes.get("more", ""))
    print("ready", flush=True)
    while True:
        message, sender, is_broadcast = receive(sock)
        kind = options_of(message).get(53, b"\0")[0]
        renews = kind == 3 and message[12:16] != bytes(4)
        renewals += renews
        how = ("rebinds" if is_broadcast else "renews") if renews else ""
        print(NAMES.get(kind, kind), how, sender, flush=True)
        if kind == 1 and wishes.get("flood"):
            flood(sock, message)
        if how == "renews" and wishes.get("moved"):
            continue
        answers = list(noise(message)) if wishes.get("noise") else []
        if kind == 1 and not wishes.get("silent"):
            answers.append(answer(message, 2, addresses[0]))
        elif kind == 3:
            refuses = wishes.get("refuses") or renews and renewals in wishes.get("refuses_renewals", [])
            if refuses and len(addresses) > 1:
                addresses = addresses[1:]
            answers.append(answer(message, 6 if refuses else 5, addresses[0], leases[0], more=more))
            leases = leases[1:] or leases
        for each in answers:
            sock.sendto(each, ("255.255.255.255", 68))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
