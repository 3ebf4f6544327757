#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completions of bash, zsh and fish for plumbd: row U8. The shells are real ones."""
import pathlib
import sys
import unittest

from machine import ENVIRONMENT, Machine, PLUMBD, node_lines

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import shells  # noqa: E402

# (command line, after TAB)
LINES = (
    ("plumbd stat", "plumbd status "),
    ("plumbd --vers", "plumbd --version "),
    ("plumbd status --js", "plumbd status --json "),
    ("plumbd status --node n1 --js", "plumbd status --node n1 --json "),
    ("plumbd status --probe al", "plumbd status --probe alive "),
    ("plumbd status --config plumbd.y", "plumbd status --config plumbd.yaml "),
    ("plumbd status -c plumbd.y", "plumbd status -c plumbd.yaml "),
    ("plumbd firewall --format ipt", "plumbd firewall --format iptables "),
    ("plumbd run --state-d", "plumbd run --state-dir "),
    ("plumbd probe --config plumbd.yaml n", "plumbd probe --config plumbd.yaml n1 "),
    ("plumbd completion zs", "plumbd completion zsh "),
    ("plumbd help prob", "plumbd help probe "),
    ("plumbd status plumbd.y", "plumbd status plumbd.y"),
)


class CompletionTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.machine.write_nodes(node_lines(1))
        self.machine.start()
        folder = self.machine.folder / "bin"
        folder.mkdir()
        (folder / "plumbd").symlink_to(PLUMBD)
        self.env = ENVIRONMENT | {"PATH": f"{folder}:{ENVIRONMENT['PATH']}", "HOME": str(self.machine.folder)}

    def test_U8_bash_completes_everywhere(self):
        shells.check_on_terminal(self, "bash", "plumbd", LINES, self.env, self.machine.folder)

    def test_U8_zsh_completes_everywhere(self):
        shells.check_on_terminal(self, "zsh", "plumbd", LINES, self.env, self.machine.folder)

    def test_U8_fish_completes_everywhere(self):
        shells.check_fish(self, "plumbd", LINES, self.env, self.machine.folder)

    def test_U8_fish_offers_keys_to_set(self):
        choices = shells.fish_choices("plumbd", "plumbd run --set resyncS", self.env, self.machine.folder)
        self.assertEqual(["resyncSeconds="], choices)


if __name__ == "__main__":
    unittest.main()
