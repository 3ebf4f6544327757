#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A link belongs to the attachment that made it: DEL, roll-back and GC of another attachment leave it."""
import functools
import json
import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from chains.wirings import WIRINGS, Host  # noqa: E402
from lab import world  # noqa: E402


def each_wiring(test):
    """Runs `test` with the configuration of every wiring, each on a host of its own."""
    @functools.wraps(test)
    def run(self):
        for name, config in WIRINGS.items():
            with self.subTest(wiring=name):
                self.node = Host()
                try:
                    test(self, config)
                finally:
                    self.node.close()
    return run


class WiringTest(unittest.TestCase):
    maxDiff = None
    node = None

    def assert_attached(self, pod, result, link="eth0"):
        self.assertIn(link, list(self.node.links(pod)), "the pod's link is gone")
        addresses = pod.run("ip", "-o", "address", "show", "dev", link).stdout
        for ip in result["ips"]:
            self.assertIn(ip["address"], addresses)


class DelTest(WiringTest):
    @each_wiring
    def test_P1_del_of_another_attachment_leaves_the_link(self, config):
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        for stranger in ({"container": "c2"}, {"network": "net2"}, {"network": "net2", "container": "c2"}):
            self.node.call("DEL", config, pod, **stranger)
            self.assert_attached(pod, result)
        self.node.call("CHECK", config, pod, previous=result)

    @each_wiring
    def test_P1_del_leaves_a_link_that_no_plugin_made(self, config):
        pod = self.node.namespace()
        self.node.host.run("ip", "link", "add", "mine0", "type", "veth", "peer", "name", "eth0", "netns", pod.name)
        pod.run("ip", "link", "set", "eth0", "up")
        self.node.call("DEL", config, pod)
        self.assertIn("eth0", list(self.node.links(pod)))

    @each_wiring
    def test_P1_del_removes_a_link_without_alias_only_when_prevResult_lists_it(self, config):
        """A link that the reference made has no alias."""
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        (end,) = self.node.host_ends()
        self.node.host.run("ip", "link", "set", end, "alias", "")
        self.node.call("DEL", config, pod, container="c2")
        self.node.call("DEL", config, pod, network="net2")
        other = json.loads(json.dumps(result))
        for interface in other["interfaces"]:
            interface.update(name=interface["name"] if interface.get("sandbox") else "veth0000000", mac="02:00:00:00:00:77")
        self.node.call("DEL", config, pod, previous=other)
        self.assert_attached(pod, result)
        self.node.call("DEL", config, pod, previous=result)
        self.assertNotIn("eth0", list(self.node.links(pod)))

    @each_wiring
    def test_P1_del_follows_its_own_link_that_was_renamed(self, config):
        pod = self.node.namespace()
        result = self.node.add(config, pod)
        pod.run("ip", "link", "set", "eth0", "down")
        pod.run("ip", "link", "set", "eth0", "name", "old0")
        pod.run("ip", "link", "add", "eth0", "type", "bridge")
        self.node.call("DEL", config, pod, previous=result)
        self.assertEqual({"lo", "eth0"}, set(self.node.links(pod)))

    @each_wiring
    def test_S8_del_with_an_earlier_result_removes_the_link(self, config):
        pod = self.node.namespace()
        first = self.node.add(config, pod)
        self.node.call("DEL", config, pod, previous=first)
        self.node.add(config, pod)
        self.node.call("DEL", config, pod, previous=first)
        self.assertEqual(set(), self.node.reservations())
        self.assertNotIn("eth0", list(self.node.links(pod)))

    @each_wiring
    def test_P1_del_finds_the_link_of_an_add_that_was_killed_before_it_set_the_alias(self, config):
        pod = self.node.namespace()
        self.node.add(config, self.node.namespace(), container="c0")  # the objects that all pods share exist
        sends = self.node.call("ADD", config, pod, wrapper=("strace", "-f", "-e", "trace=sendto", "-s", "1000"), check=False)
        text = sends.stderr.splitlines()
        at = [n for n, line in enumerate([line for line in text if "sendto(" in line], 1) if "plumb:net1/c1/eth0" in line]
        self.node.call("DEL", config, pod)
        self.assertTrue(at, text[-40:])
        self.node.call("ADD", config, pod, check=False,
                       wrapper=("strace", "-f", "-o", "/dev/null", "-e", "trace=sendto",
                                "-e", f"inject=sendto:signal=KILL:error=EINTR:when={at[0]}"))
        self.assertIn("eth0", list(self.node.links(pod)), "the test killed it too early")
        self.node.call("DEL", config, pod, container="c2")
        self.assertIn("eth0", list(self.node.links(pod)))
        self.node.call("DEL", config, pod)
        self.assertNotIn("eth0", list(self.node.links(pod)))


class RollbackTest(WiringTest):
    @each_wiring
    def test_P1_add_of_a_second_network_of_the_same_name_fails_and_changes_nothing(self, config):
        pod = self.node.namespace()
        folder = pathlib.Path("/etc/cni/net.d")
        folder.mkdir(parents=True, exist_ok=True)
        for network in ("n1", "n2"):
            (folder / f"{network}.conflist").write_text(
                json.dumps({"cniVersion": "1.1.0", "name": network, "plugins": [config]}))
        env = {**world.environment(), "CNI_PATH": world.plugin_folder(), "NETCONFPATH": str(folder)}
        tool = f"{world.plugin_folder()}/cnitool"
        result = json.loads(self.node.host.run(tool, "add", "n1", pod.path, env=env).stdout)
        for network in ("n2", "n1"):
            self.assertNotEqual(0, self.node.host.run(tool, "add", network, pod.path, env=env, check=False).returncode)
            self.assert_attached(pod, result)
        self.assertEqual(2, len(self.node.reservations("n1")))
        self.node.host.run(tool, "check", "n1", pod.path, env=env)
        self.node.host.run(tool, "del", "n1", pod.path, env=env)
        self.assertNotIn("eth0", list(self.node.links(pod)))


class LoopbackTest(unittest.TestCase):
    def setUp(self):
        self.node = Host()
        self.addCleanup(self.node.close)
        self.pod = self.node.namespace()
        self.pod.run("ip", "link", "set", "lo", "down")

    def call(self, verb, **options):
        return self.node.call(verb, {"type": "loopback"}, self.pod, ifname="lo", **options)

    def is_up(self):
        return "UP" in self.node.links(self.pod)["lo"]["flags"]

    def test_P1_del_of_another_attachment_leaves_lo_up(self):
        result = json.loads(self.call("ADD").stdout)
        for stranger in ({"container": "c2"}, {"network": "net2"}):
            self.call("DEL", **stranger)
            self.call("DEL", previous=result, **stranger)
            self.assertTrue(self.is_up())
        self.call("DEL")
        self.assertFalse(self.is_up())

    def test_P1_lo_that_another_program_set_up_stays_up_unless_prevResult_lists_it(self):
        self.pod.run("ip", "link", "set", "lo", "up")
        self.call("DEL")
        self.assertTrue(self.is_up())
        result = json.loads(self.call("ADD").stdout)  # as the reference leaves it: up, without alias
        self.call("DEL", container="c2")
        self.assertTrue(self.is_up())
        self.call("DEL", previous=result)
        self.assertFalse(self.is_up())

    def test_S15_del_fails_when_the_namespace_cannot_be_opened(self):
        self.call("ADD")
        for inject in ("openat:error=EMFILE", "openat:error=EINTR", "openat:error=ENOMEM", "ioctl:error=EINTR", "ioctl:error=ENOMEM"):
            call = inject.split(":")[0]
            path = ("-P", self.pod.path)
            done = self.call("DEL", check=False, wrapper=("strace", "-f", "-o", "/dev/null", *path, "-e", f"trace={call}",
                                                          "-e", f"inject={inject}"))
            self.assertEqual(1, done.returncode, inject)
            self.assertIn("msg", json.loads(done.stdout))
            self.assertTrue(self.is_up())
        self.call("DEL")
        self.assertFalse(self.is_up())


class GcTest(WiringTest):
    def finish(self, process, text):
        output, errors = process.communicate(text, timeout=60)
        self.assertEqual(0, process.returncode, output + errors)

    def gc_while(self, config, wrapper, held_until):
        """A GC with an empty list, of pods "old", while pods are added after it began."""
        self.node.add(config, self.node.namespace(), container="old")
        process = self.node.begin("GC", config, wrapper=wrapper)
        held_until(process)
        pods = [self.node.namespace() for _ in range(3)]
        results = [self.node.add(config, pod, container=f"new{n}") for n, pod in enumerate(pods)]
        return process, pods, results

    def assert_spared(self, config, pods, results):
        for number, (pod, result) in enumerate(zip(pods, results)):
            self.assert_attached(pod, result)
            for ip in result["ips"]:
                self.assertIn(ip["address"].split("/")[0], self.node.reservations())
        aliases = {link.get("ifalias") for link in self.node.links().values()}
        self.assertNotIn("plumb:net1/old/eth0", aliases)
        self.assertEqual(2 * len(pods), len(self.node.reservations()))
        # The list of the next GC contains them.
        self.node.call("GC", config, None, "none")
        self.assertEqual(set(), self.node.host_ends())

    @each_wiring
    def test_S13_gc_keeps_pods_that_were_added_while_it_waited_for_its_input(self, config):
        process, pods, results = self.gc_while(config, (), lambda _: time.sleep(0.3))
        self.finish(process, self.node.document(config))
        self.assert_spared(config, pods, results)

    @each_wiring
    def test_S13_gc_keeps_pods_that_were_added_before_it_listed_links(self, config):
        held = pathlib.Path("/run/held.trace")
        held.unlink(missing_ok=True)
        # Its first netlink message asks for the links; strace writes the line before the delay.
        wrapper = ("strace", "-f", "-qq", "-o", str(held), "-e", "trace=sendto", "-e", "inject=sendto:delay_enter=3000000:when=1")

        def until(process):
            process.stdin.write(self.node.document(config))
            process.stdin.close()
            process.stdin = None
            world.wait_until(lambda: held.exists() and "sendto(" in held.read_text(), "GC asks")
        process, pods, results = self.gc_while(config, wrapper, until)
        self.assertIsNone(process.poll(), "pods were added too late")
        self.finish(process, None)
        self.assert_spared(config, pods, results)

    @each_wiring
    def test_S13_gc_keeps_pods_that_were_added_while_it_was_stopped(self, config):
        def until(process):
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(0.3)
        # The shell is stopped and becomes the plugin when it goes on: the process is the same.
        wrapper = ("sh", "-c", 'sleep 0.2; exec "$0"')
        process, pods, results = self.gc_while(config, wrapper, until)
        os.kill(process.pid, signal.SIGCONT)
        self.finish(process, self.node.document(config))
        self.assert_spared(config, pods, results)


class ManyTest(unittest.TestCase):
    """S19: GC of 1,000 stale pods takes at most 3 s."""
    CONTAINERS, EACH, SECONDS = 20, 50, 3

    def setUp(self):
        self.node = Host()
        self.addCleanup(self.node.close)

    def attach_many(self, config):
        script = []
        for number in range(self.CONTAINERS):
            pod = self.node.namespace()
            for ifname in (f"eth{n}" for n in range(self.EACH)):
                words = [f"{name}={value}" for name, value in
                         self.node.environment("ADD", pod, f"stale{number}", ifname).items() if name != "PATH"]
                script.append(f"env {' '.join(words)} {world.plugin_folder()}/{config['type']} < /run/many.json > /run/many.out "
                              "|| { cat /run/many.out; exit 1; }")
        pathlib.Path("/run/many.json").write_text(self.node.document(config))
        self.node.host.run("sh", "-s", text="\n".join(script), timeout=600)

    def collect(self, config, **more):
        begun = time.monotonic()
        self.node.call("GC", config, None, "none", **more)
        return time.monotonic() - begun

    def run_many(self, wiring):
        config = WIRINGS[wiring]
        self.attach_many(config)
        kept, other = self.node.namespace(), self.node.namespace()
        result = self.node.add(config, kept, container="kept")
        self.node.add({**config, "ipam": {**config["ipam"], "dataDir": "/run/other"}}, other, container="kept", network="net2")
        took = self.collect(config, **{"cni.dev/valid-attachments": [{"containerID": "kept", "ifname": "eth0"}]})
        print(f"GC of {self.CONTAINERS * self.EACH} stale pods of {wiring}: {took:.2f} s")
        self.assertLessEqual(took, self.SECONDS)
        self.assertEqual({"plumb:net1/kept/eth0", "plumb:net2/kept/eth0"},
                         {link["ifalias"] for link in self.node.links().values() if "ifalias" in link})
        self.assertEqual({ip["address"].split("/")[0] for ip in result["ips"]}, self.node.reservations())
        self.node.call("CHECK", config, kept, container="kept", previous=result)

    def test_S19_gc_of_1000_pods_on_a_bridge(self):
        self.run_many("bridge")

    def test_S19_gc_of_1000_pods_on_wires(self):
        self.run_many("ptp")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
