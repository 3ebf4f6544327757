#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A double of a Kubernetes API server with many nodes, for measuring clients at scale.

Serves over HTTP/1.1, with TLS where --certificate and --key are given: the list of nodes in pages (limit, continue), the watch
(bookmarks, 410 for a version that is too old), and PATCH of nodes/NAME/status. Node i (from 0) is "node-00000i" with podCIDRs
10.A.B.0/24 counted from --pods and an InternalIP counted from --hosts. With --list the nodes are those of a nodes file of plumbd
instead, with their names, first addresses, ranges and labels. Each object is padded to --size bytes with the fields that a real
one has much of. Prints {"port": N} when it listens. Then each line on standard input is an order, answered by one line:

  add N         N more nodes appear               remove N      the last N nodes go
  touch N       N nodes change as by a heart beat (nothing that matters)
  expire        every version so far is too old: watches end with 410
  stats         {"nodes":..., "watches":..., "lists":..., "patches":..., "listed": Unix time when the last page so far went out,
                "sent": Unix time when the last event so far did}

It ends with its standard input. Example:

  (cat) | many_nodes.py --nodes 5000 --port 8001 &
  kubeconfig: clusters: [{name: a, cluster: {server: http://127.0.0.1:8001}}]
"""
import argparse
import asyncio
import ipaddress
import json
import ssl
import sys
import time
import urllib.parse


def read_list(file):
    """(name, address, ranges, labels) of each line."""
    with open(file, encoding="utf-8") as lines:
        for name, *words in map(str.split, lines):
            fields = dict(word.split("=", 1) for word in words)
            labels = dict(pair.split("=") for pair in fields.get("labels", "").split(",") if pair)
            yield name, fields["addresses"].split(",")[0], fields["ranges"].split(","), labels


class Cluster:
    def __init__(self, options):
        self.options, self.version, self.oldest = options, 1000, 0
        self.pods = int(ipaddress.ip_address(options.pods))
        self.hosts = int(ipaddress.ip_address(options.hosts))
        self.nodes, self.events, self.watchers = [], [], set()
        self.lists = self.patches = self.listed = self.sent = 0
        self.known = list(read_list(options.list)) if options.list else []
        # The rest of a Node as kubelet and its managers write it: images, and the owners of its fields.
        self.padding = [{"names": [f"registry.example/image-{i:04}@sha256:{'0123456789abcdef' * 4}"], "sizeBytes": 52428800 + i}
                        for i in range(max(0, options.size - 700) // 150)]
        for _ in range(len(self.known) or options.nodes):
            self.nodes.append(self.make(len(self.nodes)))

    def make(self, index, beat=0):
        self.version += 1
        name, address, ranges, labels = self.known[index] if index < len(self.known) else self.counted(index)
        created = f"2026-01-{1 + index // 86400:02}T{index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02}Z"
        return {"metadata": {"name": name, "uid": f"{index:032x}", "resourceVersion": str(self.version), "creationTimestamp": created,
                             "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **labels}},
                "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
                "status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": f"2026-01-01T00:00:{beat:02}Z"}],
                           "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
                           "images": self.padding}}

    def counted(self, index):
        return (f"node-{index:06}", str(ipaddress.ip_address(self.hosts + index)),
                [f"{ipaddress.ip_address(self.pods + 256 * index)}/24"], {})

    def tell(self, kind, node):
        event = json.dumps({"type": kind, "object": {"kind": "Node", "apiVersion": "v1"} | node}) + "\n"
        self.events.append((self.version, event))
        for queue in self.watchers:
            queue.put_nowait(event)

    def order(self, words):
        count = int(words[1]) if len(words) > 1 else 0
        if words[0] == "add":
            for _ in range(count):
                self.nodes.append(self.make(len(self.nodes)))
                self.tell("ADDED", self.nodes[-1])
        elif words[0] == "remove":
            for _ in range(min(count, len(self.nodes))):
                node = self.nodes.pop()
                self.version += 1
                node["metadata"]["resourceVersion"] = str(self.version)
                self.tell("DELETED", node)
        elif words[0] == "touch":
            for index in range(min(count, len(self.nodes))):
                self.nodes[index] = self.make(index, self.version % 60)
                self.tell("MODIFIED", self.nodes[index])
        elif words[0] == "expire":
            self.version += 1
            self.oldest, self.events = self.version, []
            gone = {"kind": "Status", "message": "too old resource version", "reason": "Expired", "code": 410}
            for queue in self.watchers:
                queue.put_nowait(json.dumps({"type": "ERROR", "object": gone}) + "\n")
                queue.put_nowait(None)
        return {"nodes": len(self.nodes), "watches": len(self.watchers), "lists": self.lists, "patches": self.patches,
                "listed": self.listed, "sent": self.sent}

    def page(self, query):
        start = int(query.get("continue", ["0"])[0])
        end = min(start + int(query.get("limit", ["500"])[0]), len(self.nodes))
        self.lists += start == 0
        more = {"continue": str(end), "remainingItemCount": len(self.nodes) - end} if end < len(self.nodes) else {}
        return json.dumps({"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": str(self.version)} | more,
                           "items": self.nodes[start:end]}, separators=(",", ":")).encode()

    def patch(self, name, body):
        self.patches += 1
        for node in self.nodes:
            if node["metadata"]["name"] == name:
                self.version += 1
                change = json.loads(body)
                node["metadata"]["resourceVersion"] = str(self.version)
                node["metadata"].setdefault("annotations", {}).update(change.get("metadata", {}).get("annotations", {}))
                fresh = change.get("status", {}).get("conditions", [])
                kept = [c for c in node["status"]["conditions"] if c["type"] not in {f["type"] for f in fresh}]
                node["status"]["conditions"] = kept + fresh
                self.tell("MODIFIED", node)
                return json.dumps(node).encode()
        return None


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *fields = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = line.split(" ")
    return method, urllib.parse.urlsplit(target), body


def send(writer, status, body):
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


async def watch(cluster, query, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    queue, since = asyncio.Queue(), int(query.get("resourceVersion", ["0"])[0])
    for version, event in cluster.events:
        if version > since:
            queue.put_nowait(event)
    if since < cluster.oldest:
        queue.put_nowait(json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}) + "\n")
        queue.put_nowait(None)
    cluster.watchers.add(queue)
    try:
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), cluster.options.bookmarks)
            except asyncio.TimeoutError:
                bookmark = {"kind": "Node", "metadata": {"resourceVersion": str(cluster.version)}}
                event = json.dumps({"type": "BOOKMARK", "object": bookmark}) + "\n"
            data = (event or "").encode()
            cluster.sent = time.time()
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            if event is None:
                break
    finally:
        cluster.watchers.discard(queue)


async def serve(cluster, reader, writer):
    try:
        while True:
            method, url, body = await read_request(reader)
            query = urllib.parse.parse_qs(url.query)
            if method == "PATCH":
                answer = cluster.patch(url.path.split("/")[4], body)
                send(writer, "200 OK" if answer else "404 Not Found", answer or b'{"kind":"Status","code":404,"message":"not found"}')
            elif url.path != "/api/v1/nodes":
                send(writer, "200 OK", b'{"metadata":{"resourceVersion":"1"},"items":[]}')
            elif "watch" in query:
                await watch(cluster, query, writer)
            else:
                send(writer, "200 OK", cluster.page(query))
                await writer.drain()
                cluster.listed = time.time()
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass  # the client left, or the measurement is over
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--certificate", help="of the server, PEM; with --key the API is HTTPS")
    parser.add_argument("--key")
    parser.add_argument("--list", help="a file with a line for each node; default: as many as --nodes says")
    parser.add_argument("--size", type=int, default=10000, help="bytes of a node, about; default 10000")
    parser.add_argument("--pods", default="10.0.0.0", help="range of the first node; default 10.0.0.0")
    parser.add_argument("--hosts", default="172.16.0.1", help="address of the first node; default 172.16.0.1")
    parser.add_argument("--bookmarks", type=float, default=60, help="seconds between bookmarks; default 60")
    cluster, tls = Cluster(parser.parse_args()), None
    if cluster.options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(cluster.options.certificate, cluster.options.key)
    server = await asyncio.start_server(lambda r, w: serve(cluster, r, w), cluster.options.host, cluster.options.port, ssl=tls)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        print(json.dumps(cluster.order(line.decode().split() or ["stats"])), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
