#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A double of an HTTP API server: answers requests with recorded or written responses, byte for byte.

Commands come as JSON objects, one a line, on standard input; each is answered by a line on standard output:
  {"listen": {"port": 0, "unix": PATH, "cert": FILE, "key": FILE, "client_ca": FILE}}   -> {"port": N}
  {"exchange": {...}}      adds an exchange                                             -> {}
  {"drop": "close"|"reset"}  ends every open connection                                 -> {"dropped": N}
  {"away": "close"|"reset"}  the same, and new ones are refused until the next "listen"  -> {"dropped": N}
  {"push": TEXT}           sends TEXT on every connection that holds                    -> {"held": N}
  {"requests": true}       what was asked so far, oldest first                          -> {"requests": [...]}
The server ends with its standard input.

An exchange answers the requests that it matches; the first one that matches and is not used up counts:
  method, target, authorization   regular expressions for the whole word; default: anything
  times            how often it can be used; 0: always; default 1
  file | text      the raw response, status line included; \\n line ends of "text" headers may be plain
  chunk            bytes per write; default: all at once
  pause            seconds between writes
  cut              only the first bytes, then `after`
  after            "keep" the connection for the next request (default), "close", "reset", or "hold" it open
"""
import asyncio
import json
import re
import socket
import ssl
import struct
import sys


class Server:
    def __init__(self):
        self.exchanges, self.requests, self.writers, self.held = [], [], set(), set()
        self.listener = None

    async def listen(self, where):
        tls = None
        if where.get("cert"):
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(where["cert"], where["key"])
            if where.get("client_ca"):
                tls.load_verify_locations(where["client_ca"])
                tls.verify_mode = ssl.CERT_REQUIRED
        if where.get("unix"):
            self.listener = await asyncio.start_unix_server(self.serve, where["unix"], ssl=tls)
            return {"port": 0}
        self.listener = await asyncio.start_server(self.serve, where.get("host", "127.0.0.1"), where.get("port", 0), ssl=tls,
                                                   reuse_address=True)
        return {"port": self.listener.sockets[0].getsockname()[1]}

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while request := await self.read_request(reader, writer):
                if not await self.answer(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            self.writers.discard(writer)
            self.held.discard(writer)
            writer.close()

    async def read_request(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        line, *fields = head.decode().rstrip("\r\n").split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        peer = writer.get_extra_info("peercert")
        request = {"method": method, "target": target, "headers": headers, "body": body.decode(),
                   "client": dict(pair for part in peer["subject"] for pair in part).get("commonName") if peer else None}
        self.requests.append(request)
        return request

    def find(self, request):
        for exchange in self.exchanges:
            words = {"method": request["method"], "target": request["target"],
                     "authorization": request["headers"].get("authorization", "")}
            if exchange["left"] != 0 and all(re.fullmatch(exchange.get(key, ".*"), word) for key, word in words.items()):
                exchange["left"] -= 1
                return exchange
        return {"text": "HTTP/1.1 500 Internal Server Error\nContent-Length: 14\n\nno exchange\r\n\n"}

    async def answer(self, request, writer):
        """Returns whether the connection stays open."""
        exchange = self.find(request)
        data = response_of(exchange)[: exchange.get("cut")]
        step = exchange.get("chunk") or len(data) or 1
        for start in range(0, len(data), step):
            writer.write(data[start:start + step])
            await writer.drain()
            if exchange.get("pause"):
                await asyncio.sleep(exchange["pause"])
        after = exchange.get("after", "keep")
        if after == "hold":
            self.held.add(writer)
            await asyncio.Event().wait()
        if after == "reset":
            reset(writer)
        return after == "keep"

    async def command(self, order):
        if "listen" in order:
            return await self.listen(order["listen"])
        if "exchange" in order:
            times = order["exchange"].get("times", 1)
            self.exchanges.append(order["exchange"] | {"left": times if times else -1})
            return {}
        if "push" in order:
            for writer in self.held:
                writer.write(order["push"].encode())
            return {"held": len(self.held)}
        if "away" in order:
            self.listener.close()
        if how := order.get("drop", order.get("away")):
            victims = list(self.writers)
            for writer in victims:
                if how == "reset":
                    reset(writer)
                else:
                    writer.close()
            return {"dropped": len(victims)}
        return {"requests": self.requests}


def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def response_of(exchange):
    if "file" in exchange:
        with open(exchange["file"], "rb") as file:
            return file.read()
    head, _, body = exchange["text"].partition("\n\n")
    return head.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\r\n\r\n" + body.encode()


async def main():
    server, orders = Server(), asyncio.StreamReader(limit=64 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        print(json.dumps(await server.command(json.loads(line))), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    asyncio.run(main())
