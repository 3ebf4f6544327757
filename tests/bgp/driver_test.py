#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The driver with a BIRD that is late, gone or refuses, and with a configuration that breaks the sessions."""
import json
import os
import signal
import stat
import unittest

import bgp_lab
from lab import world

UNCHECKED = "# BIRD has not checked this yet.\n"


class DriverTest(unittest.TestCase):
    def setUp(self):
        self.lab = bgp_lab.Lab(self)
        self.nodes = self.lab.add_nodes((1, 2, 3), "4")
        self.first, self.second, self.third = self.nodes

    def converged(self, **bgp):
        bgp_lab.start(self.nodes, **bgp)
        bgp_lab.wait_converged(self.nodes)
        for node in self.nodes:
            world.wait_until(lambda node=node: node.status()["current"], "BIRD uses the applied configuration")

    def conf(self, node):
        return (node.folder / "bird.conf").read_text(encoding="utf-8")

    def test_a_late_bird_finds_its_configuration(self):
        error = self.first.apply(self.nodes)
        self.assertIn("BIRD does not answer: connect to ", error)
        self.assertFalse(self.first.status()["running"])
        self.assertIn("BIRD does not answer", self.first.status()["state"])
        self.assertTrue(self.conf(self.first).startswith(UNCHECKED))
        self.first.start_bird()
        world.wait_until(lambda: self.first.status()["current"], "the agent finds BIRD")
        self.assertNotIn(UNCHECKED, self.conf(self.first))
        self.assertEqual(self.first.status()["state"], "0 of 2 sessions up")

    def test_a_restarted_bird_gets_the_latest_configuration(self):
        self.converged()
        self.first.kill_bird()
        world.wait_until(lambda: not self.first.status()["running"], "the agent misses BIRD")
        before = self.conf(self.first)
        error = self.first.apply(self.nodes[:2])
        self.assertRegex(error, "BIRD does not answer: .*; /run/bgp/n1/bird.conf stays as BIRD accepted it")
        self.assertEqual(self.conf(self.first), before)
        self.first.start_bird("-R")
        world.wait_until(self.first.bird_ready, "BIRD listens")
        world.wait_until(lambda: list(self.first.sessions()) == ["node.n2.v4"], "the last wish")

    def test_a_bird_that_dies_between_question_and_answer_is_asked_again(self):
        self.converged()
        wanted = self.first.request(self.nodes[:2])
        self.first.bird.send_signal(signal.SIGSTOP)
        self.first.agent.stdin.write(json.dumps(wanted) + "\n")
        candidate = self.first.folder / "bird.conf.candidate"
        world.wait_until(candidate.exists, "BIRD is asked to check it, and says nothing")
        self.first.kill_bird()
        self.assertIn("BIRD does not answer", self.first.answers.get(timeout=20)["applied"])
        self.assertFalse(candidate.exists())
        self.first.start_bird("-R")
        world.wait_until(self.first.bird_ready, "BIRD listens")
        world.wait_until(lambda: list(self.first.sessions()) == ["node.n2.v4"], "the last wish")
        world.wait_until(lambda: self.first.status()["current"], "and the agent knows")

    def test_an_unchecked_file_is_replaced_by_the_next(self):
        self.first.apply(self.nodes)
        self.first.kill_agent()
        self.assertEqual(self.conf(self.first).count("protocol bgp"), 2)
        self.assertNotIn("stays", self.first.apply(self.nodes[:2]))
        self.assertEqual(self.conf(self.first).count("protocol bgp"), 1)

    def test_a_changed_or_removed_file_is_restored_for_the_next_bird(self):
        self.converged()
        before, conf = self.conf(self.first), self.first.folder / "bird.conf"
        for damage in (lambda: conf.write_text("nonsense\n", encoding="utf-8"), conf.unlink):
            damage()
            self.assertEqual(self.first.apply(self.nodes), "")
            self.assertEqual(self.conf(self.first), before)
            self.assertEqual(stat.S_IMODE(conf.stat().st_mode), 0o640)
        self.assertEqual(self.first.status()["reconfigurations"], 1, "BIRD had nothing to do with it")

    def test_the_file_is_for_bird_and_root_only(self):
        self.converged()
        info = os.stat(self.first.folder / "bird.conf")
        self.assertEqual(stat.S_IMODE(info.st_mode), 0o640)
        self.assertEqual(sorted(os.listdir(self.first.folder)), ["bird.conf", "bird.ctl", "bird.log"])

    def test_status_shows_peers_states_and_prefixes(self):
        self.converged()
        world.wait_until(lambda: self.first.status()["state"] == "2 of 2 sessions up", "both sessions")

        def peers():
            return {peer["peer"]: (peer["state"], peer["imported"], peer["exported"]) for peer in self.first.status()["peers"]}
        # BIRD's last answer to the agent can be older than the routes.
        world.wait_until(lambda: peers() == {name: ("Established", 1, 1) for name in ("n2", "n3")}, "what each peer sends and gets")
        self.third.kill_bird()
        self.third.unplug()
        world.wait_until(lambda: self.first.status()["state"] == "1 of 2 sessions up", "one session", 30)

    def test_a_refused_configuration_leaves_the_old_one(self):
        self.converged()
        before, sessions = self.conf(self.first), self.first.sessions()
        # The kernel allows link names that a string of BIRD cannot contain.
        self.first.space.run("ip", "link", "add", 'e"1', "type", "veth", "peer", "name", "e2")
        self.first.space.run("ip", "address", "add", "198.51.100.1/24", "dev", 'e"1')
        error = self.first.apply([self.first.record(addresses=["198.51.100.1"]), *self.nodes[1:]])
        self.assertIn("BIRD refuses the new configuration, the old one stays", error)
        self.assertEqual((self.conf(self.first), self.first.sessions()), (before, sessions))
        status = self.first.status()
        self.assertEqual((status["refusals"], status["current"], status["state"]), (1, False, error))
        self.assertEqual(self.first.apply(self.nodes), "")
        self.assertTrue(self.first.status()["current"])

    def test_a_password_that_others_can_read_is_refused(self):
        self.converged()
        before = self.conf(self.first)
        secret = self.first.folder / "secret"
        secret.write_text("keep secret\n", encoding="utf-8")
        secret.chmod(0o644)
        error = self.first.apply(self.nodes, passwordFile=str(secret))
        self.assertIn(f'BGP password file "{secret}" can be read by users other than its owner', error)
        self.assertEqual(self.first.status()["state"], error)
        self.assertEqual(self.conf(self.first), before)

    def test_a_configuration_that_breaks_the_sessions_is_undone(self):
        peers = [{"name": node.name, "address": node.v4, "asNumber": 64512} for node in (self.second, self.third)]
        for node in self.nodes:
            node.apply(self.nodes, **({"mesh": False, "peers": peers} if node is self.first else {"ttlSecurity": False}))
            node.start_bird()
        world.wait_until(lambda: len(self.first.sessions()) == 2 and self.first.status()["current"], "both sessions", 30)
        before = self.conf(self.first)
        # The others' packets come with TTL 1.
        strict = {"mesh": False, "peers": [{**peer, "ttlSecurity": True} for peer in peers]}
        error = self.first.apply(self.nodes, **strict)
        self.assertIn("only 0 of 2 BGP sessions returned", error)
        self.assertEqual(self.conf(self.first), before)
        self.assertEqual(self.first.status()["undone"], 1)
        world.wait_until(lambda: len(self.first.sessions()) == 2, "the sessions are back", 30)
        self.assertEqual(self.first.apply(self.nodes, **strict), error)
        self.assertEqual(len(self.first.sessions()), 2, "it is not tried again at once")

    def secret(self, text):
        path = self.first.folder / f"secret-{len(text)}"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    def test_a_password_is_rotated_node_by_node(self):
        old, new = self.secret("hidden-former\n"), self.secret("hidden-new\n")
        self.converged(passwordFile=old)
        for node in self.nodes:
            self.assertEqual(node.apply(self.nodes, passwordFile=new), "", f"{node.name} is alone with it at first")
            self.assertIn("hidden-new", self.conf(node))
            self.assertEqual(node.status()["undone"], 0)
            if node is self.first:
                warning = node.status()["warning"]
                self.assertIn("2 BGP sessions wait for the other ends, such as 192.0.2.2", warning)
                self.assertNotIn("hidden-", warning)
        world.wait_until(lambda: all(len(node.sessions()) == 2 for node in self.nodes), "all sessions", 40)
        world.wait_until(lambda: self.first.status()["warning"] == "", "no session is waited for", 20)

    def test_an_as_number_is_changed_node_by_node(self):
        self.converged()
        for node in self.nodes:
            self.assertEqual(node.apply(self.nodes, asNumber=64600), "", node.name)
        world.wait_until(lambda: all(len(node.sessions()) == 2 for node in self.nodes), "all sessions", 40)
        self.assertEqual([node.status()["undone"] for node in self.nodes], [0, 0, 0])

    def test_ttl_security_is_turned_on_node_by_node(self):
        self.converged(ttlSecurity=False)
        for node in self.nodes:
            self.assertEqual(node.apply(self.nodes), "", f"{node.name} is alone with it at first")
            self.assertEqual(self.conf(node).count("ttl security on"), 2)
            if node is self.first:
                self.assertIn("2 BGP sessions wait for the other ends", node.status()["warning"])
                world.wait_until(lambda: self.first.range4 not in self.second.routes(), "n1 is alone", 20)
        world.wait_until(lambda: all(len(node.sessions()) == 2 for node in self.nodes), "all sessions", 40)
        bgp_lab.wait_converged(self.nodes)
        self.assertEqual([node.status()["undone"] for node in self.nodes], [0, 0, 0])

    def test_sessions_with_a_password_come_up(self):
        secret = self.first.folder / "secret"
        secret.write_text("hidden-former\n", encoding="utf-8")
        secret.chmod(0o400)
        self.converged(passwordFile=str(secret))
        self.assertIn("hidden-former", self.conf(self.first))

    def test_a_restarted_agent_applies_a_file_that_bird_has_not_read(self):
        self.converged()
        self.first.kill_agent()
        conf = self.first.folder / "bird.conf"
        conf.write_text(self.conf(self.first).replace("hold time 9", "hold time 12"), encoding="utf-8")
        self.assertEqual(world.wait_until(lambda: self.first.apply(self.nodes) == "" and self.conf(self.first), "again")
                         .count("hold time 9"), 2)
        bgp_lab.wait_converged(self.nodes)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
