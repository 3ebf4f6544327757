#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Broken surroundings: ADD prints one error object and changes nothing, and DEL still succeeds."""
import ipaddress
import json
import os
import pathlib
import unittest

from faults import BRIDGE, BRIDGE_ITSELF, FABRIC, IPAM, OVERLAY, PTP, TABLES, Attachment, Node, error_of, leftovers, require_success, snapshot, world

DATA = pathlib.Path("/var/lib/cni/networks")
NETWORK = DATA / "faults"
INTERNAL, IO_FAILURE, INVALID_CONFIG, INVALID_ENVIRONMENT = 999, 5, 7, 4


class EnvironmentTest(unittest.TestCase):
    def setUp(self):
        world.run("sh", "-c", f"rm -rf {DATA.parent}/*")
        self.node = Node()
        self.addCleanup(self.node.close)
        require_success(Attachment(self.node, "pod-neighbour", [BRIDGE]).add())
        self.victim = Attachment(self.node, "pod-victim", [BRIDGE])

    def refuse(self, code, *words, plugin=None):
        """ADD is refused and changes nothing; DEL succeeds, twice, and changes nothing either."""
        if plugin:
            self.victim.plugins = [plugin]
        before = snapshot(self.victim)
        done = self.victim.add()
        error = error_of(done)
        self.assertEqual(error["code"], code, error)
        for word in words:
            self.assertIn(word, f"{error['msg']} {error.get('details')}")
        self.assertEqual(leftovers(before, snapshot(self.victim)), [], error)
        for _ in range(2):
            require_success(self.victim.delete())
        self.assertEqual(leftovers(before, snapshot(self.victim)), [])

    def accept(self):
        """ADD works; it and DEL leave nothing."""
        before = snapshot(self.victim)
        require_success(self.victim.add())
        require_success(self.victim.delete())
        self.assertEqual(leftovers(before, snapshot(self.victim)), [])

    def mount(self, options):
        """Mounts a file system over the data directory, with a copy of its files."""
        world.run("cp", "-a", str(DATA), "/run/kept")
        self.addCleanup(world.run, "rm", "-rf", "/run/kept")
        world.run("mount", "-t", "tmpfs", "-o", options, "plumb-test", str(DATA))
        self.addCleanup(world.run, "umount", str(DATA))
        world.run("cp", "-a", "/run/kept/.", str(DATA))

    def test_full_disk(self):
        self.mount("size=64k")
        with self.assertRaises(OSError), open(DATA / "filler", "wb") as filler:
            while True:
                filler.write(bytes(4096))
                filler.flush()
        self.refuse(IO_FAILURE, str(NETWORK), "No space left")
        os.unlink(DATA / "filler")
        self.accept()

    def test_no_inodes(self):
        for inodes in range(3, 10):
            with self.subTest(inodes=inodes):
                world.run("mount", "-t", "tmpfs", "-o", f"size=1m,nr_inodes={inodes}", "plumb-test", str(DATA))
                try:
                    self.refuse(IO_FAILURE, "No space left")
                except AssertionError as error:
                    if "exit 0" not in str(error):
                        raise
                    require_success(self.victim.delete())
                finally:
                    world.run("umount", str(DATA))

    def test_limit_of_file_size(self):
        """S14: SIGXFSZ would end the process midway."""
        for size in (0, 3, 12):
            for plugin in (BRIDGE, {**BRIDGE, "ipMasqBackend": "iptables"}):
                with self.subTest(size=size, backend=plugin.get("ipMasqBackend")):
                    self.victim.plugins = [plugin]
                    before = snapshot(self.victim)
                    error = error_of(self.victim.add(("prlimit", f"--fsize={size}")))
                    self.assertEqual(error["code"], IO_FAILURE, error)
                    self.assertEqual(leftovers(before, snapshot(self.victim), TABLES), [])
                    require_success(self.victim.add())
                    done = self.victim.delete(("prlimit", f"--fsize={size}"))
                    if done.returncode != 0:
                        error_of(done)
                        require_success(self.victim.delete())
                    self.assertEqual(leftovers(before, snapshot(self.victim), TABLES), [])

    def test_read_only_data_directory(self):
        self.mount("size=1m")
        world.run("rm", "-r", str(NETWORK))
        world.run("mount", "-o", "remount,ro", str(DATA))
        self.refuse(IO_FAILURE, str(DATA), "Read-only")

    def test_read_only_network_folder(self):
        self.mount("size=1m")
        require_success(self.victim.add())
        require_success(self.victim.delete())
        world.run("mount", "-o", "remount,ro", str(DATA))
        self.refuse(IO_FAILURE, str(NETWORK), "Read-only")
        world.run("mount", "-o", "remount,rw", str(DATA))
        self.accept()

    def test_data_directory_is_a_link(self):
        """The operator's own choice, and followed (README of host-local)."""
        DATA.rename("/var/lib/cni/elsewhere")
        DATA.symlink_to("/var/lib/cni/elsewhere")
        self.accept()

    def test_network_folder_is_a_link(self):
        NETWORK.rename("/var/lib/cni/elsewhere")
        NETWORK.symlink_to("/var/lib/cni/elsewhere")
        before = snapshot(self.victim)
        error = error_of(self.victim.add())
        self.assertEqual(error["code"], IO_FAILURE, error)
        self.assertIn(str(NETWORK), error["msg"])
        self.assertEqual(leftovers(before, snapshot(self.victim)), [])

    def plant(self, name):
        """A link, in the place of a file, to another file that must keep its content."""
        secret = pathlib.Path("/run/secret")
        secret.write_text("secret")
        place = NETWORK / name
        place.unlink(missing_ok=True)
        place.symlink_to(secret)
        self.addCleanup(lambda: self.assertEqual(secret.read_text(), "secret"))
        return place

    def test_link_in_place_of_an_address(self):
        """S-263: it is skipped like an address that another pod holds."""
        place = self.plant("10.61.0.3")
        require_success(self.victim.add())
        self.assertNotIn("10.61.0.3/", json.dumps(self.victim.results[0]))
        require_success(self.victim.delete())
        self.assertTrue(place.is_symlink())

    def test_link_in_place_of_the_cursor(self):
        self.plant("last_reserved_ip.0")
        self.refuse(IO_FAILURE, "last_reserved_ip.0")

    def test_link_in_place_of_the_lock(self):
        self.plant("lock")
        before = snapshot(self.victim)
        error = error_of(self.victim.add())
        self.assertEqual(error["code"], IO_FAILURE, error)
        self.assertIn(str(NETWORK / "lock"), error["msg"])
        self.assertEqual(leftovers(before, snapshot(self.victim)), [])

    def test_hard_link_in_place_of_the_cursor(self):
        secret = DATA / "secret"
        secret.write_text("secret")
        (NETWORK / "last_reserved_ip.0").unlink()
        os.link(secret, NETWORK / "last_reserved_ip.0")
        self.refuse(INTERNAL, "last_reserved_ip.0")
        self.assertEqual(secret.read_text(), "secret")

    def test_link_in_place_of_the_index(self):
        self.plant("../.plumb-faults")
        self.accept()

    def test_link_in_place_of_the_temporary_file(self):
        self.plant(".plumb-new")
        self.accept()

    def test_directory_in_place_of_an_address(self):
        (NETWORK / "10.61.0.3").mkdir()
        self.accept()

    def test_garbage_in_state_files(self):
        """S-261: state after a power failure or an edit; the neighbour's address is never given away."""
        for content in (b"", b"\0" * 100, b"garbage\xff\r\n\r\n", b"10.61.0.999", b"x" * 100000):
            for name in ("last_reserved_ip.0", "last_reserved_ip.1", "lock", "10.61.0.3", ".plumb-new", "../.plumb-faults"):
                with self.subTest(name, content=content[:20]):
                    path = NETWORK / name
                    path.write_bytes(content)
                    before = snapshot(self.victim)
                    require_success(self.victim.add())
                    given = {each["address"].split("/")[0] for each in self.victim.results[0]["ips"]}
                    self.assertNotIn("10.61.0.2", given)
                    require_success(self.victim.delete())
                    # An empty reservation has no owner, and may have been given away and released.
                    left = [line for line in leftovers(before, snapshot(self.victim)) if "10.61.0.3 ''" not in line]
                    self.assertEqual(left, [])
                    (NETWORK / "10.61.0.3").unlink(missing_ok=True)

    def test_damaged_index(self):
        """Every byte of its beginning may be wrong: nothing is given twice."""
        index = DATA / ".plumb-faults"
        whole = index.read_bytes()
        for offset in range(0, 128, 5):
            with self.subTest(offset=offset):
                damaged = bytearray(index.read_bytes() or whole)
                damaged[offset] ^= 0xff
                index.write_bytes(damaged)
                require_success(self.victim.add())
                given = {each["address"].split("/")[0] for each in self.victim.results[0]["ips"]}
                self.assertFalse(given & {"10.61.0.2", "fd00:61::2"})
                require_success(self.victim.delete())

    def test_exhausted_pool(self):
        ranges = [[{"subnet": "10.61.0.0/29"}]]
        small = {**BRIDGE, "ipam": {**BRIDGE["ipam"], "ranges": ranges}}
        for address in ipaddress.ip_network("10.61.0.0/29").hosts():
            path = NETWORK / str(address)
            if not path.exists():
                path.write_text("pod-other\r\neth0")
        self.refuse(INTERNAL, "no IP addresses available", "10.61.0.1-10.61.0.6", plugin={**small, "isGateway": False})

    def test_bridge_is_another_kind_of_link(self):
        self.node.host.run("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1")
        self.refuse(INVALID_CONFIG, "bridge", "other0", plugin={**BRIDGE, "bridge": "other0"})

    def test_interface_name_is_taken(self):
        self.victim.pod.sandbox.run("ip", "link", "add", "eth0", "type", "bridge")
        self.refuse(INTERNAL, "eth0")

    def test_namespace_is_gone(self):
        self.victim.pod.path = "/run/netns/gone"
        self.refuse(INVALID_ENVIRONMENT, "/run/netns/gone")

    def test_namespace_is_a_stale_file(self):
        pathlib.Path("/run/stale").touch()
        self.victim.pod.path = "/run/stale"
        self.refuse(INVALID_ENVIRONMENT, "/run/stale")

    def test_namespace_disappears_before_del(self):
        before = snapshot(self.victim)
        require_success(self.victim.add())
        self.victim.pod.sandbox.remove()
        self.victim.pod.sandbox = world.Namespace("pod-after")
        world.wait_until(lambda: self.delete_and_compare(before), "the pair follows its namespace")

    def delete_and_compare(self, before):
        require_success(self.victim.delete())
        return not leftovers(before, snapshot(self.victim))

    def test_reservation_that_outlived_its_attachment(self):
        """P9: after a reboot, with every wiring: the same container comes again in another namespace."""
        self.node.host.run("ip", "address", "add", "10.60.0.1/32", "dev", "lo")
        for plugin in (BRIDGE, PTP, OVERLAY, {"type": "bgp", "ipam": IPAM}):
            with self.subTest(plugin["type"]):
                self.victim.plugins = [plugin]
                before = snapshot(self.victim)
                require_success(self.victim.add())
                self.victim.pod.sandbox.remove()
                self.victim.pod.sandbox = world.Namespace(f"pod-after-{plugin['type']}")
                self.victim.pod.path = self.victim.pod.sandbox.path
                world.wait_until(lambda: "pod-victim" not in self.node.host.run("ip", "link").stdout, "the pair follows its namespace")
                require_success(self.victim.add())
                require_success(self.victim.delete())
                self.assertEqual(leftovers(before, snapshot(self.victim), TABLES, BRIDGE_ITSELF, FABRIC), [])

    def test_second_add_of_a_living_attachment(self):
        """S-153: the first one lives in another namespace; it keeps its address."""
        for plugin in (BRIDGE, PTP, {"type": "bgp", "ipam": IPAM}):
            with self.subTest(plugin["type"]):
                self.victim.plugins = [plugin]
                require_success(self.victim.add())
                before, first = snapshot(self.victim), self.victim.pod
                self.victim.pod = self.node.add_pod("pod-victim")
                self.assertIn("duplicate allocation is not allowed", error_of(self.victim.add())["msg"])
                self.victim.pod = first
                self.assertEqual(leftovers(before, snapshot(self.victim)), [])
                require_success(self.victim.delete())

    def test_del_of_an_unknown_attachment(self):
        world.run("sh", "-c", f"rm -rf {DATA}")
        self.node.host.run("sh", "-c", "ip link delete br0; nft flush ruleset")
        before = snapshot(self.victim)
        require_success(self.victim.delete())
        self.assertEqual(leftovers(before, snapshot(self.victim)), [])


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
