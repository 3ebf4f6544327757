#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd's answers to every client: health, readiness and metrics."""
import re
import signal
import unittest

from machine import Machine, node_lines, wait_until


class ListenTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine("listen: 127.0.0.1:9474")
        self.addCleanup(self.machine.close)

    def get(self, path, seconds=5):
        done = self.machine.run("python3", "-c", f"""
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 9474, timeout={seconds})
connection.request("GET", "{path}")
answer = connection.getresponse()
print(answer.status, answer.read().decode())""")
        status, _, body = done.stdout.partition(" ")
        return int(status), body

    def test_health_readiness_and_metrics(self):
        m = self.machine
        m.start(ready=False)
        wait_until((m.folder / "run/plumbd.sock").exists, "plumbd listens")
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertEqual(self.get("/readyz")[0], 503)
        m.write_nodes(node_lines(3))
        wait_until(lambda: self.get("/readyz")[0] == 200, "ready")
        status, metrics = self.get("/metrics")
        self.assertEqual(status, 200)
        for wanted in ("plumb_nodes 3", 'plumb_reconcile_errors_total{driver="kernel"} 0', "plumb_ready 1"):
            self.assertIn(wanted, metrics)
        value = lambda name: float(re.search(rf"^{re.escape(name)} (.*)$", self.get("/metrics")[1], re.M)[1])
        self.assertGreater(value("plumb_filter_transaction_seconds_count"), 0)
        self.assertLess(value("plumb_source_silence_seconds"), 20)
        for family in ("ipv4", "ipv6"):
            self.assertGreaterEqual(value(f'plumb_neighbor_table_entries{{family="{family}"}}'), 0)
            self.assertGreater(value(f'plumb_neighbor_table_limit{{family="{family}"}}'), 0)
        before = value("plumb_stale_objects_removed_total")
        m.write_nodes(node_lines(2))
        wait_until(lambda: value("plumb_stale_objects_removed_total") > before, "the removed route is counted")
        self.assertEqual(self.get("/status")[0], 404, "private matters on the public port")

    def test_a_socket_answers_instead_of_a_port(self):
        m = self.machine
        path = m.folder / "metrics.sock"
        path.write_text("a file that is not a socket stays", encoding="utf-8")
        m.configure(f"listen: {path}")
        m.write_nodes(node_lines(2))
        m.start()
        self.assertIn("not a socket", str(m.status()["conditions"]))
        self.assertTrue(path.is_file())
        path.unlink()
        m.stop()
        m.start()
        self.assertEqual(path.stat().st_mode & 0o777, 0o660)
        ask = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(f'GET {sys.argv[2]} HTTP/1.0\\r\\n" \
              "\\r\\n'.encode()); print(s.makefile().read())"
        self.assertIn("plumb_ready 1", m.run("python3", "-c", ask, str(path), "/metrics").stdout)
        self.assertIn(" 404 ", m.run("python3", "-c", ask, str(path), "/status").stdout)
        self.assertNotIn("9474", m.run("ss", "-Hltn").stdout)

    def test_health_is_answered_after_too_many_idle_connections(self):
        """plumbd ends idle connections; no other event wakes its listener."""
        m = self.machine
        m.start(ready=False)
        wait_until((m.folder / "run/plumbd.sock").exists, "plumbd listens")
        m.run("python3", "-c", """
import socket
idle = [socket.create_connection(("127.0.0.1", 9474), timeout=30) for _ in range(40)]
for each in idle[:32]:
    each.recv(1)
asking = socket.create_connection(("127.0.0.1", 9474), timeout=5)
asking.sendall(b"GET /healthz HTTP/1.0" + 2 * bytes((13, 10)))
asking.recv(1)""")

    def test_S9_slow_connections_do_not_delay_an_answer(self):
        """More than 32 connections, which is plumbd's limit, each with one byte of its headers per second."""
        m = self.machine
        m.start(ready=False)
        wait_until(self.answers, "plumbd listens")
        m.run("python3", "-c", """
import socket, time
slow = [socket.create_connection(("127.0.0.1", 9474), timeout=30) for _ in range(80)]
for turn in range(6):
    for each in slow:
        try:
            each.sendall(b"GET /healthz HTTP/1.0"[turn:turn + 1])
        except OSError:
            pass  # ended for a newer one
    begin = time.monotonic()
    asking = socket.create_connection(("127.0.0.1", 9474), timeout=1)
    asking.sendall(b"GET /healthz HTTP/1.0" + 2 * bytes((13, 10)))
    assert asking.recv(100).startswith(b"HTTP/1."), turn
    time.sleep(max(0, begin + 1 - time.monotonic()))""")

    def test_S9_headers_have_to_be_whole_in_time(self):
        m = self.machine
        m.start(ready=False)
        wait_until(self.answers, "plumbd listens")
        m.run("python3", "-c", """
import socket, time
slow = socket.create_connection(("127.0.0.1", 9474), timeout=0.5)
slow.sendall(b"GET /healthz HTTP/1.1" + bytes((13, 10)) + b"X: ")
begin = time.monotonic()
while time.monotonic() < begin + 20:
    try:
        slow.sendall(b"x")
        if slow.recv(1) == b"":
            break
    except TimeoutError:
        continue
    except OSError:
        break
assert 8 < time.monotonic() - begin < 15, time.monotonic() - begin""")

    def test_S9_a_connection_that_goes_on_asking_stays(self):
        m = self.machine
        m.start(ready=False)
        wait_until(self.answers, "plumbd listens")
        m.run("python3", "-c", """
import http.client, time
connection = http.client.HTTPConnection("127.0.0.1", 9474, timeout=5)
connection.connect()
own = connection.sock
for _ in range(4):
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok" + bytes((10,))
    assert connection.sock is own
    time.sleep(4)""")

    def answers(self):
        try:
            return self.get("/healthz", 1)[0] == 200
        except AssertionError:
            return False

    def test_health_is_not_answered_while_the_loop_stands_still(self):
        m = self.machine
        m.start(ready=False)
        wait_until(self.answers, "plumbd listens")
        m.process.send_signal(signal.SIGSTOP)
        with self.assertRaisesRegex(AssertionError, "timed out"):
            self.get("/healthz", 1)
        m.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.get("/healthz"), (200, "ok\n\n"))


if __name__ == "__main__":
    unittest.main()
