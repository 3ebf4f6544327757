#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of attachments under faults: an unreadable answer of the kernel, and a GC that is paused while pods come."""
import json
import os
import pathlib
import subprocess
import unittest

from faults import BRIDGE, CHAIN, PORTMAP, Attachment, Node, Scene, Tracer, error_of, leftovers, require_success, snapshot, world

FILTERED = {**BRIDGE, "macspoofchk": True}
# Every class of answer: out of memory, a broken socket, and an errno that nf_tables itself uses.
ERRNOS = ("ENOMEM", "EIO", "EBUSY")
SCENES = (Scene("bridge with rules", [FILTERED], neighbour=True), Scene("portmap", CHAIN, neighbour=True))
HOLD_SECONDS = 3


class AnswerTest(unittest.TestCase):
    """S16: the kernel has made the change, and the answer is lost."""

    def check_every_read(self, scene):
        attachment = scene.open()
        self.addCleanup(attachment.node.close)
        before = snapshot(attachment)
        require_success(attachment.add(Tracer.recording()))
        reads = [call for call in Tracer.calls() if call.name == "recvfrom"]
        require_success(attachment.delete())
        self.assertTrue(reads)
        for errno in ERRNOS:
            for call in reads:
                with self.subTest(scene.name, call=str(call), error=errno):
                    done = attachment.add(Tracer.injecting(call, f"error={errno}"))
                    if done.returncode == 0:
                        require_success(attachment.delete())
                    else:
                        error_of(done)
                    left = leftovers(before, snapshot(attachment))
                    if left:
                        attachment.delete()
                    self.assertEqual(left, [], done.stdout)


for number, each in enumerate(SCENES):
    setattr(AnswerTest, f"test_{number}", lambda self, scene=each: self.check_every_read(scene))


class HeldGcTest(unittest.TestCase):
    """S13: rules of a pod that comes while GC is paused, after it has read the stale objects."""

    def test_rules_of_a_new_pod_stay(self):
        node = Node()
        self.addCleanup(node.close)
        stale, fresh = (Attachment(node, name, [FILTERED]) for name in ("pod-stale", "pod-fresh"))
        require_success(stale.add())
        config = {"cniVersion": "1.1.0", "name": "faults", **FILTERED, "cni.dev/valid-attachments": []}
        # The first sendto lists links; sendmsg is for nf_tables.
        command = ("ip", "netns", "exec", node.host.name, "strace", "-o", Tracer.LOG, "-e", "trace=sendto",
                   "-e", f"inject=sendto:delay_enter={HOLD_SECONDS}s:when=1", f"{stale.folder}/bridge")
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": "GC", "CNI_PATH": stale.folder}
        log = pathlib.Path(Tracer.LOG)
        log.unlink(missing_ok=True)
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
            held.stdin.write(json.dumps(config))
            held.stdin.close()
            world.wait_until(lambda: log.exists() and "sendto" in log.read_text(errors="replace"), "GC is held")
            require_success(fresh.add())
            self.assertEqual(held.wait(), 0, held.stdout.read())
        rules = node.host.run("nft", "list", "ruleset").stdout
        for text in ("macspoofchk-pod-fresh-eth0", "id: pod-fresh"):
            self.assertIn(text, rules)
        self.assertNotIn("pod-stale", rules)


class DeadHolderTest(unittest.TestCase):
    """P2: a pod with a host port ends without DEL, as when a script kills a cluster."""

    ENDS = {"its namespace": "true", "namespace and bridge": "ip link delete br0",
            "namespace, bridge and reservations": "ip link delete br0; rm -rf /var/lib/cni/networks",
            "namespace and reservations": "rm -rf /var/lib/cni/networks"}

    def status(self, node, folder):
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": "STATUS", "CNI_PATH": folder}
        done = node.host.run(f"{folder}/portmap", text=json.dumps({"cniVersion": "1.1.0", "name": "faults", **PORTMAP}), env=env)
        return done.stderr

    def test_the_next_pod_gets_the_port(self):
        for name, command in self.ENDS.items():
            for backend in ("nftables", "iptables"):
                with self.subTest(name, backend=backend):
                    node = Node()
                    self.addCleanup(node.close)
                    plugins = [BRIDGE, {**PORTMAP, "backend": backend}]
                    dead, fresh = (Attachment(node, pod, plugins) for pod in ("pod-dead", "pod-fresh"))
                    for pod in (dead, fresh):
                        pod.prepare()
                    require_success(dead.add())
                    self.assertIn("held by", error_of(fresh.add())["msg"])
                    self.assertNotIn("dead:", self.status(node, dead.folder))
                    fresh.finish()
                    dead.pod.remove_sandbox()
                    world.wait_until(lambda node=node: "veth" not in node.host.run("ip", "link").stdout, "the links go too")
                    node.host.run("sh", "-c", command)
                    self.assertIn("which is dead: no link of this host has its address", self.status(node, dead.folder))
                    fresh.prepare()
                    done = fresh.add()
                    require_success(done)
                    self.assertIn("this host no longer has its address", done.stderr)
                    rules = "".join(node.host.run(tool).stdout for tool in ("iptables-save", "ip6tables-save")) + \
                        "".join(node.host.run("nft", "list", "table", family, "cni_hostport", check=False).stdout for family in ("ip", "ip6"))
                    self.assertNotIn("pod-dead", rules)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
