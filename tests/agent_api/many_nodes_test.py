#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""many_nodes.py works as its help says: pages, a watch that sends changes, patches, and versions that are too old."""
import http.client
import json
import pathlib
import ssl
import subprocess
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).with_name("many_nodes.py")


class ManyNodes(unittest.TestCase):
    def setUp(self):
        self.server = subprocess.Popen([PROGRAM, "--nodes", "1200", "--size", "3000"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.server.stdout.readline())["port"]

    def tearDown(self):
        self.server.communicate("", timeout=10)

    def order(self, text):
        self.server.stdin.write(text + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def ask(self, target, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request(method, target, body)
        return connection.getresponse()

    def pages(self):
        token, sizes, names = "", [], set()
        while True:
            page = json.load(self.ask("/api/v1/nodes?limit=500" + (f"&continue={token}" if token else "")))
            sizes.append(len(page["items"]))
            names |= {item["metadata"]["name"] for item in page["items"]}
            token = page["metadata"].get("continue")
            if not token:
                return sizes, names, page["metadata"]["resourceVersion"]

    def test_pages_hold_every_node_once(self):
        sizes, names, _ = self.pages()
        self.assertEqual((sizes, len(names)), ([500, 500, 200], 1200))

    def test_a_node_has_about_the_size_that_was_asked_for(self):
        page = self.ask("/api/v1/nodes?limit=100").read()
        self.assertAlmostEqual(len(page) / 100, 3000, delta=600)

    def test_the_watch_sends_changes(self):
        version = self.pages()[2]
        self.order("add 1")
        watch = self.ask(f"/api/v1/nodes?watch=1&resourceVersion={version}")
        self.assertEqual(json.loads(watch.readline())["type"], "ADDED")
        self.order("remove 1")
        event = json.loads(watch.readline())
        self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("DELETED", "node-001200"))
        patch = {"metadata": {"annotations": {"a/b": "c"}}, "status": {"conditions": [{"type": "X", "status": "True"}]}}
        self.assertEqual(self.ask("/api/v1/nodes/node-000007/status", "PATCH", json.dumps(patch)).status, 200)
        event = json.loads(watch.readline())
        self.assertEqual((event["type"], event["object"]["metadata"]["annotations"]), ("MODIFIED", {"a/b": "c"}))
        self.order("expire")
        self.assertEqual(json.loads(watch.readline())["object"]["code"], 410)
        self.assertEqual(watch.readline(), b"")
        self.assertEqual(self.order("stats")["patches"], 1)

    def test_a_list_names_the_nodes_over_tls(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        subprocess.run([PROGRAM.with_name("make_certificates"), folder.name], check=True)
        nodes = pathlib.Path(folder.name, "nodes")
        nodes.write_text("n1 addresses=10.0.0.1,fd00::1 ranges=10.244.1.0/24,fd00:1::/64 labels=rack=r1,zone=a\nn2 addresses=10.0.0.2 "
                         "ranges=10.244.2.0/24\n", encoding="utf-8")
        with subprocess.Popen([PROGRAM, "--list", nodes, "--certificate", f"{folder.name}/server.crt", "--key", f"{folder.name}/server.key"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            port = json.loads(server.stdout.readline())["port"]
            trusted = ssl.create_default_context(cafile=f"{folder.name}/ca.crt")
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusted)
            connection.request("GET", "/api/v1/nodes?limit=500")
            first, second = json.load(connection.getresponse())["items"]
            connection.close()
            server.stdin.close()
        self.assertEqual((first["metadata"]["name"], first["metadata"]["labels"]["rack"]), ("n1", "r1"))
        self.assertEqual(first["spec"]["podCIDRs"], ["10.244.1.0/24", "fd00:1::/64"])
        self.assertEqual(second["status"]["addresses"][0]["address"], "10.0.0.2")


if __name__ == "__main__":
    unittest.main()
