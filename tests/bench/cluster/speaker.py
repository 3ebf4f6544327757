# SPDX-License-Identifier: Apache-2.0
"""A test double of many BGP nodes: each local address opens a session to every reflector, announces one /24 and listens.

usage: speaker.py AS REFLECTOR[,REFLECTOR] ADDRESS=PREFIX...
It delays its first connection as plumbd's BIRDs do (1 to 6 s by a hash) and tries again every 5 s. Prints, on a line of input,
how many sessions are up and the smallest number of prefixes that one of them has received."""
import asyncio
import ipaddress
import socket
import struct
import sys
import zlib

MARKER = b"\xff" * 16
OPEN, UPDATE, KEEPALIVE = 1, 2, 4
HOLD, RETRY = 9, 5


def message(kind, body=b""):
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(as_number, address):
    capabilities = struct.pack("!BBHBB", 1, 4, 1, 0, 1) + struct.pack("!BBI", 65, 4, as_number)
    return message(OPEN, struct.pack("!BHH", 4, as_number, HOLD) + address + bytes([len(capabilities) + 2, 2, len(capabilities)]) + capabilities)


def update_message(address, prefix):
    """ORIGIN IGP, an empty AS_PATH, NEXT_HOP and LOCAL_PREF (RFC 4271, section 4.3)."""
    attributes = b"\x40\x01\x01\x00" + b"\x40\x02\x00" + b"\x40\x03\x04" + address + b"\x40\x05\x04" + struct.pack("!I", 100)
    network = bytes([prefix.prefixlen]) + prefix.network_address.packed[:(prefix.prefixlen + 7) // 8]
    return message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + network)


class Session:
    def __init__(self, speaker, address, prefix, reflector):
        self.as_number, self.address, self.prefix, self.reflector = speaker, address, prefix, reflector
        self.up, self.received = False, []

    async def run(self):
        await asyncio.sleep(1 + zlib.crc32(f"{self.address}".encode()) % 5000 / 1000)
        while True:
            try:
                await self.talk(*await asyncio.open_connection(sock=await self.connect()))
            except OSError:
                pass
            self.up, self.received = False, []
            await asyncio.sleep(RETRY)

    async def connect(self):
        """As a neighbour with TTL security does (RFC 5082): it sends with the highest TTL."""
        connection = socket.socket()
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
            connection.bind((str(self.address), 0))
            await asyncio.get_running_loop().sock_connect(connection, (self.reflector, 179))
        except OSError:
            connection.close()
            raise
        return connection

    async def talk(self, reader, writer):
        writer.write(open_message(self.as_number, self.address.packed))
        while not self.up:
            head = await reader.readexactly(19)
            length, kind = struct.unpack("!HB", head[16:])
            await reader.readexactly(length - 19)
            if kind == OPEN:
                writer.write(message(KEEPALIVE))
            elif kind == KEEPALIVE:
                self.up = True
            else:
                raise OSError(f"message {kind} before the session is up")
        writer.write(update_message(self.address.packed, self.prefix) + message(UPDATE, b"\0\0\0\0"))
        beat = asyncio.create_task(self.keep_alive(writer))
        try:
            # Parsed only on request, so that the double is not the slow part.
            while part := await reader.read(1 << 16):
                self.received.append(part)
        finally:
            beat.cancel()
            writer.close()

    @staticmethod
    async def keep_alive(writer):
        while True:
            await asyncio.sleep(HOLD / 3)
            writer.write(message(KEEPALIVE))

    def prefixes(self):
        """Networks that were announced to it and not withdrawn."""
        stream, known, at = b"".join(self.received), set(), 0
        while at + 19 <= len(stream):
            length, kind = struct.unpack_from("!HB", stream, at + 16)
            if kind == UPDATE and at + length <= len(stream):
                withdrawn, = struct.unpack_from("!H", stream, at + 19)
                attributes, = struct.unpack_from("!H", stream, at + 21 + withdrawn)
                known -= set(networks(stream[at + 21:at + 21 + withdrawn]))
                known |= set(networks(stream[at + 23 + withdrawn + attributes:at + length]))
            at += length
        return known


def networks(data):
    at = 0
    while at < len(data):
        size = (data[at] + 7) // 8
        yield data[at:at + 1 + size]
        at += 1 + size


async def answer(sessions):
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        up = [session for session in sessions if session.up]
        poorest = min((len(session.prefixes()) for session in up), default=0) if len(up) == len(sessions) else 0
        print(len(up), poorest, flush=True)


async def main():
    as_number, reflectors = int(sys.argv[1]), sys.argv[2].split(",")
    sessions = []
    for word in sys.argv[3:]:
        address, _, prefix = word.partition("=")
        sessions.extend(Session(as_number, ipaddress.ip_address(address), ipaddress.ip_network(prefix), each) for each in reflectors)
    tasks = [asyncio.create_task(session.run()) for session in sessions]
    await answer(sessions)
    for task in tasks:
        task.cancel()


asyncio.run(main())
