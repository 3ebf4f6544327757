#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""many_nodes.py serves what its help says: pages, a watch that tells changes, patches, and versions that are too old."""
import http.client
import json
import pathlib
import subprocess
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

    def test_the_watch_tells_what_happens(self):
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


if __name__ == "__main__":
    unittest.main()
