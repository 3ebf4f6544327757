#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dhcp: plugin and daemon of either suite with each other and with dnsmasq, and our daemon with servers that misbehave."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.runtime import REFERENCE, Case, Node, PluginFailed, Suite  # noqa: E402

SOCKET = pathlib.Path("/run/cni/dhcp.sock")
LEASES = pathlib.Path("/run/cni/dhcp")
CASE = Case("dhcp", [{"type": "bridge", "bridge": "br-dhcp", "ipam": {"type": "dhcp", "provide": [{"option": "host-name", "fromArg": "NAME"}]}}],
            args="IgnoreUnknown=1;NAME=web")
VERSION = "1.0.0"
QUICK = ("-timeout", "1s", "-resendmax", "2s")


class DhcpTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = Suite("reference", REFERENCE), Suite("ours", world.plugin_folder())

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        SOCKET.unlink(missing_ok=True)
        self.node = Node()
        self.addCleanup(self.node.close)
        run = self.node.host.run
        run("ip", "link", "add", "br-dhcp", "type", "bridge")
        run("ip", "link", "add", "lan0", "master", "br-dhcp", "type", "veth", "peer", "name", "server0")
        self.server = world.Namespace(f"server-{self.node.host.name}")
        self.addCleanup(self.server.remove)
        run("ip", "link", "set", "server0", "netns", self.server.path)
        for link in ("br-dhcp", "lan0"):
            run("ip", "link", "set", link, "up")
        self.server.run("ip", "address", "add", "10.70.0.1/24", "dev", "server0")
        self.server.run("ip", "link", "set", "server0", "up")

    def start(self, namespace, *command, output=None):
        process = namespace.start(*command, stdout=output or subprocess.DEVNULL, stderr=output or subprocess.DEVNULL)
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.terminate()
        process.wait(10)

    def start_dnsmasq(self):
        (self.folder / "conf").touch()
        self.start(self.server, "dnsmasq", "-k", "-p0", f"--conf-file={self.folder}/conf", "--interface=server0", "--no-ping", "--user=root",
                   "--dhcp-range=10.70.0.50,10.70.0.80,255.255.255.0,120", f"--dhcp-leasefile={self.folder}/leases",
                   f"--pid-file={self.folder}/pid", f"--log-facility={self.folder}/log")
        world.wait_until(lambda: (self.folder / "leases").exists(), "dnsmasq is ready", 10)

    def leases(self):
        """Address -> the rest of the line in dnsmasq's file."""
        lines = (self.folder / "leases").read_text().splitlines()
        return {line.split()[2]: " ".join(line.split()[3:]) for line in lines}

    def start_server(self, **wishes):
        output = open(self.folder / "server", "w+", encoding="utf-8")  # noqa: SIM115
        self.addCleanup(output.close)
        self.start(self.server, "python3", str(pathlib.Path(__file__).with_name("dhcp_server.py")), "server0", json.dumps(wishes), output=output)
        world.wait_until(self.messages, "the server is ready", 10)

    def messages(self):
        return [line.strip() for line in (self.folder / "server").read_text().splitlines()]

    def start_daemon(self, suite, *flags):
        process = self.start(self.node.host, f"{suite.path}/dhcp", "daemon", *flags)
        world.wait_until(SOCKET.exists, "the daemon listens", 10)
        return process

    def stop_daemon(self, process):
        self.stop(process)
        self.assertFalse(SOCKET.exists())

    def address(self, result):
        return result["ips"][0]["address"].split("/")[0]

    def link_addresses(self, pod):
        links = json.loads(pod.sandbox.run("ip", "-j", "-4", "address", "show", "dev", "eth0").stdout)
        return [each["local"] for each in links[0]["addr_info"]]

    def test_either_plugin_works_with_either_daemon(self):
        self.start_dnsmasq()
        for daemon in (self.ours, self.theirs):
            process = self.start_daemon(daemon)
            for plugin in (self.ours, self.theirs):
                with self.subTest(daemon=daemon.name, plugin=plugin.name):
                    pod = self.node.add_pod(f"{daemon.name}-{plugin.name}")
                    result = pod.add(plugin, CASE, VERSION)
                    identifier = f"\0{pod.container_id}/interop/eth0".encode().hex(":")
                    self.assertEqual(f"web {identifier}", self.leases()[self.address(result)])
                    self.assertEqual([{"dst": "0.0.0.0/0", "gw": "10.70.0.1"}], result["routes"])
                    self.assertEqual([self.address(result)], self.link_addresses(pod))
                    pod.check(plugin, CASE, VERSION)
                    for _ in range(2):
                        pod.delete(plugin, CASE, VERSION)
                    if daemon is plugin is self.ours:  # the reference removes the link first, or its message reaches no server
                        world.wait_until(lambda: self.address(result) not in self.leases(), "dnsmasq has the lease back", 5)
            self.stop(process)
            SOCKET.unlink(missing_ok=True)  # the reference's daemon leaves it

    def test_leases_are_kept_across_daemons(self):
        self.start_dnsmasq()
        process = self.start_daemon(self.ours)
        pod = self.node.add_pod("kept")
        result = pod.add(self.ours, CASE, VERSION)
        before = self.leases()
        self.stop_daemon(process)
        process = self.start_daemon(self.ours)
        pod.check(self.ours, CASE, VERSION)
        self.assertEqual(before, self.leases())
        self.assertEqual(1, (self.folder / "log").read_text().count("DHCPACK"))
        process.kill()  # leaves its socket
        process.wait(10)
        process = self.start_daemon(self.ours)
        world.wait_until(lambda: self.status() is None, "the daemon took the socket over", 5)
        pod.delete(self.ours, CASE, VERSION)
        world.wait_until(lambda: self.address(result) not in self.leases(), "dnsmasq has the lease back", 5)
        self.assertEqual([], list(LEASES.iterdir()))

    def test_del_works_without_a_daemon(self):
        self.start_dnsmasq()
        process = self.start_daemon(self.ours)
        pod, gone = self.node.add_pod("one"), self.node.add_pod("gone")
        result = pod.add(self.ours, CASE, VERSION)
        gone.add(self.ours, CASE, VERSION)
        self.stop_daemon(process)
        gone.remove_sandbox()
        for each in (pod, gone, pod, gone):
            each.delete(self.ours, CASE, VERSION)
        world.wait_until(lambda: self.address(result) not in self.leases(), "dnsmasq has the lease back", 5)
        self.assertEqual([], list(LEASES.iterdir()))
        with self.assertRaisesRegex(PluginFailed, "no daemon listens on /run/cni/dhcp.sock"):
            pod.add(self.ours, CASE, VERSION)
        self.assertEqual(50, self.status().code)

    def test_del_removes_a_damaged_lease_file_without_a_daemon(self):
        self.start_dnsmasq()
        process = self.start_daemon(self.ours)
        pod = self.node.add_pod("damaged")
        pod.add(self.ours, CASE, VERSION)
        self.stop_daemon(process)
        file = next(LEASES.iterdir())
        for text in ("", "{}", '{"ack":"00"}'):
            file.write_text(text)
            pod.delete(self.ours, CASE, VERSION)
            self.assertEqual([], list(LEASES.iterdir()))

    def status(self):
        try:
            self.node.add_pod("status")._call("STATUS", self.ours, CASE, "1.1.0", CASE.plugins[0])
        except PluginFailed as error:
            return error
        return None

    def test_gc_releases_what_is_not_valid(self):
        self.start_dnsmasq()
        self.start_daemon(self.ours)
        valid, stale = self.node.add_pod("valid"), self.node.add_pod("stale")
        kept, result = valid.add(self.ours, CASE, "1.1.0"), stale.add(self.ours, CASE, "1.1.0")
        config = {**CASE.plugins[0], "cni.dev/valid-attachments": [{"containerID": "valid", "ifname": "eth0"}]}
        for network in ("other", "interop"):
            self.assertIn(self.address(result), self.leases())
            stale._call("GC", self.ours, CASE, "1.1.0", {**config, "name": network})
        world.wait_until(lambda: self.address(result) not in self.leases(), "dnsmasq has the lease back", 5)
        self.assertIn(self.address(kept), self.leases())
        valid.check(self.ours, CASE, VERSION)

    def test_renews_by_the_server_and_keeps_the_address(self):
        self.start_server(lease=4)
        self.start_daemon(self.ours, *QUICK)
        pod = self.node.add_pod("renewing")
        result = pod.add(self.ours, CASE, VERSION)
        world.wait_until(lambda: self.messages().count(f"request renews {self.address(result)}") >= 2, "two renewals", 15)
        self.assertEqual([self.address(result)], self.link_addresses(pod))
        pod.check(self.ours, CASE, VERSION)
        pod.delete(self.ours, CASE, VERSION)
        world.wait_until(lambda: f"release  {self.address(result)}" in self.messages(), "the release", 5)

    def test_another_address_is_applied_when_the_server_refuses_to_renew(self):
        self.start_server(lease=4, addresses=["10.70.0.50", "10.70.0.51"], refuses_renewals=[1])
        self.start_daemon(self.ours, *QUICK)
        pod = self.node.add_pod("moving")
        self.assertEqual("10.70.0.50", self.address(pod.add(self.ours, CASE, VERSION)))
        world.wait_until(lambda: self.link_addresses(pod) == ["10.70.0.51"], "the new address", 15)
        self.assertEqual(2, self.messages().count("discover  0.0.0.0"), "one for the first lease, one after the refusal")
        pod.sandbox.run("ping", "-c1", "-W5", "10.70.0.1")
        with self.assertRaisesRegex(PluginFailed, "is for 10.70.0.51/24, which prevResult does not have"):
            pod.check(self.ours, CASE, VERSION)

    def test_a_lease_that_expires_sets_the_link_down(self):
        self.start_server(lease=2, refuses_renewals=[])
        self.start_daemon(self.ours, *QUICK)
        pod = self.node.add_pod("expiring")
        pod.add(self.ours, CASE, VERSION)
        self.server.run("ip", "link", "set", "server0", "down")
        world.wait_until(lambda: "UP" not in json.loads(pod.sandbox.run("ip", "-j", "link", "show", "eth0").stdout)[0]["flags"],
                         "the link is down", 15)
        world.wait_until(lambda: not list(LEASES.iterdir()), "the file is removed", 5)

    def is_up(self, pod):
        return "UP" in json.loads(pod.sandbox.run("ip", "-j", "link", "show", "eth0").stdout)[0]["flags"]

    def test_rebinds_by_broadcast_when_its_server_does_not_answer(self):
        self.start_server(lease=4, moved=True)
        self.start_daemon(self.ours, *QUICK)
        pod = self.node.add_pod("rebinding")
        result = pod.add(self.ours, CASE, VERSION)
        for how in ("renews", "rebinds"):
            world.wait_until(lambda how=how: f"request {how} {self.address(result)}" in self.messages(), f"a request that {how}", 15)
        time.sleep(2)  # the first lease has ended
        self.assertTrue(self.is_up(pod))
        self.assertEqual([self.address(result)], self.link_addresses(pod))

    def test_a_lease_without_end_replaces_one_with_an_end(self):
        self.start_server(leases=[2, 0xffffffff])
        self.start_daemon(self.ours, *QUICK)
        pod = self.node.add_pod("endless")
        pod.add(self.ours, CASE, VERSION)
        time.sleep(4)
        self.assertTrue(self.is_up(pod))
        self.assertEqual(1, len(list(LEASES.iterdir())))
        self.assertEqual(["request renews 10.70.0.50"], [line for line in self.messages() if " re" in line])

    def test_a_server_cannot_cause_renewals_without_a_pause(self):
        for wishes in ({"lease": 0}, {"lease": 1}, {"lease": 1000, "more": "3a0400000000"}, {"lease": 1000, "more": "3a04000000003b0400000000"}):
            with self.subTest(**wishes):
                self.setUp()
                self.start_server(**wishes)
                process = self.start_daemon(self.ours, *QUICK)
                pod = self.node.add_pod("hasty")
                pod.add(self.ours, CASE, VERSION)
                time.sleep(3)
                self.assertLess(len([line for line in self.messages() if " re" in line]), 12)
                self.assertTrue(self.is_up(pod))
                self.stop_daemon(process)

    def test_a_flood_of_messages_does_not_stop_other_pods(self):
        self.start_server(flood=True)
        self.start_daemon(self.ours, *QUICK, "-resendtimeout", "4s")
        pod, other = self.node.add_pod("flooded"), self.node.add_pod("other")
        adding = threading.Thread(target=lambda: self.assertRaises(PluginFailed, pod.add, self.ours, CASE, VERSION))
        adding.start()
        self.addCleanup(adding.join)
        world.wait_until(lambda: "discover  0.0.0.0" in self.messages(), "the flood has begun", 10)
        time.sleep(0.5)
        began = time.monotonic()
        other.delete(self.ours, CASE, VERSION)
        self.assertLess(time.monotonic() - began, 5)

    def test_noise_is_ignored(self):
        self.start_server(noise=True, lease=120)
        self.start_daemon(self.ours, *QUICK)
        pod = self.node.add_pod("calm")
        self.assertEqual("10.70.0.50", self.address(pod.add(self.ours, CASE, VERSION)))

    def test_add_fails_and_leaves_nothing_without_an_answer_or_with_refusals_only(self):
        for wishes in ({"silent": True}, {"refuses": True}):
            with self.subTest(**wishes):
                self.setUp()
                self.start_server(**wishes)
                process = self.start_daemon(self.ours, *QUICK, "-resendtimeout", "3s")
                pod = self.node.add_pod("alone")
                began = time.monotonic()
                with self.assertRaisesRegex(PluginFailed, "error calling DHCP.Allocate: no more tries"):
                    pod.add(self.ours, CASE, VERSION)
                self.assertLess(time.monotonic() - began, 15)
                self.assertNotIn("eth0", pod.sandbox.run("ip", "link").stdout)
                self.assertLess(self.messages().count("discover  0.0.0.0"), 20)
                self.stop_daemon(process)

    def test_a_daemon_of_another_user_is_refused(self):
        path = str(self.folder / "dhcp.sock")
        os.chown(self.folder, 65534, 65534)
        program = "import os, socket, sys, time; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(60)"
        self.start(self.node.host, "python3", "-c", program, path)
        world.wait_until(lambda: os.path.exists(path), "the socket of the other user", 10)
        bridge = CASE.plugins[0]
        case = Case("trap", [{**bridge, "ipam": {"type": "dhcp", "daemonSocketPath": path}}])
        pod = self.node.add_pod("trapped")
        for verb in ("STATUS", "ADD", "DEL"):
            with self.subTest(verb=verb), self.assertRaisesRegex(PluginFailed, f"socket {path} belongs to user 65534 instead of root"):
                pod._call(verb, self.ours, case, "1.1.0", case.plugins[0])
        self.assertNotIn("eth0", pod.sandbox.run("ip", "link").stdout)

    def test_host_device_gives_the_lease_back_to_the_daemon_before_the_device_moves(self):
        self.start_dnsmasq()
        self.start_daemon(self.ours)
        self.node.host.run("ip", "link", "add", "lan1", "master", "br-dhcp", "up", "type", "veth", "peer", "name", "nic1")
        case = Case("host-device", [{"type": "host-device", "device": "nic1", "ipam": {"type": "dhcp"}}])
        pod = self.node.add_pod("device")
        result = pod.add(self.ours, case, VERSION)
        self.assertIn(self.address(result), self.leases())
        pod.delete(self.ours, case, VERSION)
        world.wait_until(lambda: self.address(result) not in self.leases(), "dnsmasq has the lease back", 5)
        self.assertIn("nic1", self.node.host.run("ip", "link").stdout)

    def test_a_second_daemon_is_refused(self):
        self.start_daemon(self.ours)
        done = self.node.host.run(f"{self.ours.path}/dhcp", "daemon", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("another daemon listens on /run/cni/dhcp.sock", done.stderr)

    def test_bytes_that_are_not_rpc_end_only_their_connection(self):
        self.start_daemon(self.ours)
        for text in (b"GET / HTTP/1.0\r\n\r\n", b"x" * 5000, b"CONNECT /_goRPC_ HTTP/1.0\n\n\xf0\xff\xff\xff", b"CONNECT /_goRPC_ HTTP/1.0\n\n" + os.urandom(200)):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(SOCKET))
                client.sendall(text)
        self.assertIsNone(self.status())


if __name__ == "__main__":
    if not pathlib.Path("/usr/sbin/dnsmasq").exists():
        sys.exit("dhcp_test.py needs dnsmasq: run scripts/deps test")
    world.enter()
    unittest.main(verbosity=2)
