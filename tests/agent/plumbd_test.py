#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd on one machine: the objects that it programs, repairs, refuses and leaves alone."""
import json
import os
import re
import signal
import subprocess
import unittest

from machine import ENVIRONMENT, Machine, PLUMBD, node_line, node_lines, wait_until

FAR = node_line(9, address="198.51.100.9")


class PlumbdTest(unittest.TestCase):
    settings = ""

    def setUp(self):
        self.machine = Machine(self.settings)
        self.addCleanup(self.machine.close)

    def begin(self, nodes=node_lines(3) + FAR, **options):
        self.machine.write_nodes(nodes)
        self.machine.start(**options)

    def test_a_list_becomes_routes_a_tunnel_and_files(self):
        self.begin()
        m = self.machine
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24", "10.244.9.0/24")
        self.assertIn("via 192.0.2.2 dev eth0", m.routes()["10.244.2.0/24"])
        self.assertIn("dev plumb-vxlan", m.routes()["10.244.9.0/24"])
        self.assertEqual(m.link()["mtu"], 1450)
        self.assertIn("FLANNEL_SUBNET=10.244.1.1/24\n", (m.folder / "run/subnet.env").read_text())
        self.assertEqual(json.loads((m.folder / "run/node.json").read_text())["ranges"], ["10.244.1.0/24"])
        plugin = json.loads((m.folder / "net.d/10-plumb.conflist").read_text())["plugins"][0]
        self.assertEqual({"type": "vxlan", "hairpinMode": True}, {key: plugin[key] for key in ("type", "hairpinMode")})  # K2
        self.assertEqual(m.ctl("diff").returncode, 0)

    def test_no_write_and_no_conflist_before_the_first_list(self):
        m = self.machine
        m.start(ready=False)
        wait_until(lambda: m.status()["drivers"], "plumbd answers")
        self.assertIsNone(m.link())
        self.assertFalse((m.folder / "net.d/10-plumb.conflist").exists())
        self.assertIn("no list yet", m.status()["source"]["state"])
        self.assertRegex(m.ctl("status", check=False).stdout, r"files +has not run yet .* never")
        m.write_nodes(node_lines(2))
        m.wait_routes("10.244.2.0/24")

    def test_nodes_that_clash_are_left_out_and_named(self):
        self.begin(node_lines(3) + node_line(4, pods="10.244.2.0/24") + node_line(5, pods="10.9.0.0/24"))
        self.machine.wait_routes("10.244.2.0/24", "10.244.3.0/24")
        problems = "\n".join(self.machine.status()["problems"])
        self.assertRegex(problems, 'node "n4" is left out: its range 10.244.2.0/24 overlaps .* of node "n2"')
        self.assertRegex(problems, 'node "n5" is left out: .* outside the cluster network')
        self.assertEqual(self.machine.ctl("status", check=False).returncode, 3)

    def test_objects_that_others_remove_or_change_come_back(self):
        self.begin()
        m = self.machine
        every = sorted(m.routes())
        m.ip("route", "flush", "proto", "87")
        m.wait_routes(*every, seconds=3)
        m.ip("route", "change", "10.244.2.0/24", "via", "192.0.2.77", "proto", "87")
        wait_until(lambda: "192.0.2.2" in m.routes().get("10.244.2.0/24", ""), "the gateway is back", 3)
        m.ip("neighbor", "flush", "dev", "plumb-vxlan", "nud", "permanent")
        wait_until(lambda: "198.51.100.9" in m.run("bridge", "fdb", "show", "dev", "plumb-vxlan").stdout
                   and "PERMANENT" in m.ip("neighbor", "show", "dev", "plumb-vxlan"), "the neighbour is back", 3)

    def test_a_deleted_device_comes_back(self):
        self.begin()
        m = self.machine
        every = sorted(m.routes())
        m.ip("link", "delete", "plumb-vxlan")
        m.wait_routes(*every, seconds=3)

    def test_a_changed_mac_address_is_put_right(self):
        self.begin()
        m = self.machine
        mac = m.link()["address"]
        m.ip("link", "set", "plumb-vxlan", "address", "02:00:00:00:00:42")
        wait_until(lambda: m.link()["address"] == mac, "the MAC address is back", 3)

    def test_a_parent_that_is_made_anew_is_found(self):
        self.begin()
        m = self.machine
        every = sorted(m.routes())
        index = m.link()["ifindex"]
        m.ip("link", "delete", "eth0")
        wait_until(lambda: m.driver("plan").get("problem"), "the lost address is reported")
        m.add_parent()
        m.wait_routes(*every)
        self.assertEqual(m.link()["ifindex"], index, "the tunnel was made again")

    def test_the_mtu_follows_the_parent(self):
        self.begin()
        m = self.machine
        m.ip("link", "set", "eth0", "mtu", "1400")
        wait_until(lambda: m.link()["mtu"] == 1350, "the tunnel's MTU", 3)
        wait_until(lambda: "FLANNEL_MTU=1350" in (m.folder / "run/subnet.env").read_text(), "subnet.env", 3)

    def test_an_unchanged_state_is_not_written(self):
        self.begin()
        before = self.machine.driver("kernel")["writes"]
        self.machine.ctl("resync")
        self.assertEqual(self.machine.driver("kernel")["writes"], before)

    def test_a_second_instance_is_refused_by_name(self):
        self.begin()
        done = self.machine.ctl("run", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"another plumbd uses .*/state \(pid \d+, version [0-9.]+\)")
        done = self.machine.ctl("run", "--state-dir", str(self.machine.folder / "other"), check=False)
        self.assertRegex(done.stderr, r"another plumbd uses .*/run ")

    def test_state_of_a_newer_version_is_refused(self):
        (self.machine.folder / "state").mkdir()
        (self.machine.folder / "state/format").write_text("2\n")
        done = self.machine.ctl("run", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("says format 2", done.stderr)

    def test_a_restart_touches_nothing(self):
        self.begin()
        m = self.machine
        wait_until(lambda: not m.ip("-6", "address", "show", "dev", "plumb-vxlan", "tentative"), "the kernel is done with the device")
        with subprocess.Popen(["ip", "netns", "exec", m.name, "ip", "monitor", "link", "address", "route", "neigh"],
                              stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as monitor:
            for how in (signal.SIGTERM, signal.SIGKILL):
                m.stop(how)
                m.start()
            m.ip("link", "add", "mark", "type", "bridge")
            seen = []
            for line in monitor.stdout:
                if "mark" in line:
                    break
                seen.append(line)
            monitor.terminate()
        self.assertEqual([line for line in seen if "10.244." in line or "plumb-vxlan" in line], [])

    def test_reload_takes_a_new_configuration_and_keeps_the_old_over_a_broken_one(self):
        self.begin()
        m = self.machine
        m.config.write_text(m.config.read_text() + "backend: vxlan\n")
        m.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "dev plumb-vxlan" in m.routes().get("10.244.2.0/24", ""), "the route goes through the tunnel")
        good = m.config.read_text()
        m.config.write_text(good + "backed: host-gw\nmtu: 1\n")
        m.process.send_signal(signal.SIGHUP)
        reported = r'reload failed, keeping the previous configuration: \S+:\d+: unknown key "backed", did you mean "backend"\?; \S+:\d+: key "mtu"'
        wait_until(lambda: re.search(reported, m.log()), "the mistakes are reported in one line")  # U2
        m.config.write_text(good)
        wait_until(lambda: m.status()["ready"], "plumbd goes on")

    def test_reload_keeps_the_old_configuration_over_one_that_it_cannot_work_with(self):
        self.begin()
        m = self.machine
        good = m.config.read_text()
        m.config.write_text(good.replace(f"{m.folder}/run", "/proc/nowhere"))
        m.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload failed, keeping the previous configuration: " in m.log(), "the mistake is reported")
        m.config.write_text(good)
        wait_until(lambda: m.status()["ready"], "plumbd goes on")

    def test_cleanup_removes_the_objects_of_plumbd_and_no_others(self):
        self.machine.configure(f"bgp: {{birdConfig: {self.machine.folder}/run/bird.conf}}")
        self.begin()
        m = self.machine
        m.ip("route", "add", "10.250.0.0/24", "via", "192.0.2.9")
        done = m.ctl("cleanup", check=False)
        self.assertIn("stop it first", done.stderr)
        m.stop(signal.SIGKILL)
        for left in ("state/etcd-ranges.json", "run/bird.conf", "run/bird.conf.candidate"):
            (m.folder / left).write_text("of an earlier run\n")
        self.assertEqual("1\n", m.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout)
        reported = m.ctl("cleanup").stdout
        self.assertIn("restored sysctl net/ipv4/ip_forward = 0\n", reported)
        self.assertIn("removed route 10.244.2.0/24 via 192.0.2.2 dev eth0\n", reported)
        self.assertIn("removed route 10.244.9.0/24 via 10.244.9.0 dev plumb-vxlan\n", reported)
        self.assertEqual((os.listdir(m.folder / "run"), os.listdir(m.folder / "state")), (["lock"], ["lock"]))
        self.assertEqual(m.ctl("cleanup").stdout, "nothing was left to remove\n")
        self.assertEqual("0\n", m.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout)
        self.assertEqual(m.routes(), {})
        self.assertIsNone(m.link())
        self.assertIn("10.250.0.0/24", m.ip("route"))
        self.assertEqual(sorted(os.listdir(m.folder / "net.d")), [])
        self.assertNotIn("plumb", m.run("nft", "list", "tables").stdout)

    def test_a_boot_without_a_source_uses_the_cache(self):
        self.begin()
        m = self.machine
        wait_until((m.folder / "state/snapshot.json").exists, "the cache is written")
        every = sorted(m.routes())
        m.stop()
        m.ip("link", "delete", "plumb-vxlan")
        m.ip("route", "flush", "proto", "87")
        m.nodes_file.unlink()
        for name in ("node.json", "subnet.env"):
            (m.folder / "run" / name).unlink()
        m.start(ready=False)
        wait_until((m.folder / "run/subnet.env").exists, "the copies are in place", 3)
        m.wait_routes(*every)
        self.assertTrue(m.status()["stale"])
        m.write_nodes(node_lines(2))
        m.wait_routes("10.244.2.0/24")
        self.assertFalse(m.status()["stale"])

    def test_an_incomplete_cache_removes_nothing(self):
        self.begin(node_lines(4) + FAR)
        m = self.machine
        m.write_nodes(node_lines(3) + FAR)
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24", "10.244.9.0/24")
        m.stop()
        snapshot = json.loads((m.folder / "state/snapshot.json").read_text())
        self.assertEqual([node["name"] for node in snapshot["nodes"]], ["n1", "n2", "n3", "n9"], "the last change is in the cache")
        snapshot["nodes"] = [node for node in snapshot["nodes"] if node["name"] in ("n1", "n2")]
        (m.folder / "state/snapshot.json").write_text(json.dumps(snapshot))
        m.nodes_file.unlink()
        kernel = [("ip", "route"), ("ip", "neighbor", "show", "nud", "permanent"), ("bridge", "fdb", "show", "dev", "plumb-vxlan"),
                  ("nft", "list", "table", "inet", "plumb")]
        before = [m.run(*command).stdout for command in kernel]
        m.ip("route", "delete", "10.244.2.0/24")
        m.start(ready=False)
        wait_until(lambda: m.driver("kernel").get("writes"), "the cache is applied")
        self.assertTrue(m.status()["stale"])
        self.assertEqual([m.run(*command).stdout for command in kernel], before)
        m.write_nodes(node_lines(2))
        m.wait_routes("10.244.2.0/24")
        self.assertNotIn("198.51.100.9", m.run(*kernel[3]).stdout)

    def test_a_full_disk_at_the_first_start_harms_nothing(self):
        m = self.machine
        state = m.folder / "state"
        state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "full", state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", state], check=False)
        (state / "ballast").write_bytes(bytes(4096))
        m.write_nodes(node_lines(2))
        m.start(ready=False)
        m.wait_routes("10.244.2.0/24")
        self.assertIn("No space left", m.log())
        (state / "ballast").unlink()

    def test_a_clock_that_jumps_harms_nothing(self):
        self.begin()
        m = self.machine
        before = m.driver("kernel")["writes"]
        for name in ("snapshot.json", "node.json"):
            os.utime(m.folder / "state" / name, (0, 4102444800))
        os.utime(m.nodes_file, (0, 4102444800))
        m.ctl("resync")
        self.assertEqual(m.driver("kernel")["writes"], before)

    def test_the_socket_is_for_root_alone(self):
        self.begin()
        self.assertEqual((self.machine.folder / "run/plumbd.sock").stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    if PLUMBD is None:
        raise SystemExit("usage: plumbd_test.py PLUMBD [TEST...]")
    unittest.main()
