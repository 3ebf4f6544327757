#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cnitool where its output cannot be written: row U6."""
import os
import subprocess

import testbed
from testbed import Testbed


class Output(Testbed):
    def run_to(self, where, *words):
        """Runs cnitool with standard output on `where`, a file or None for a closed descriptor."""
        close = [] if where else ["sh", "-c", 'exec "$0" "$@" >&-']
        with open(where or os.devnull, "w", encoding="utf-8") as out:
            return subprocess.run([*close, testbed.BINARY, *words], env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    def test_U6_add_whose_result_is_lost_fails_and_is_rolled_back(self):
        for where in ("/dev/full", None):
            for words in (["--json"], ["-o", "table"], ["-o", "name"], []):
                with self.subTest(where=where, words=words):
                    self.forget_calls()
                    done = self.run_to(where, "add", "net1", "/x", *words)
                    self.assertEqual(1, done.returncode, done.stderr)
                    self.assertIn("write standard output", done.stderr)
                    self.assertEqual([], self.cached())
                    self.assertEqual(["pa.ADD", "pb.ADD", "pb.DEL", "pa.DEL"], self.calls())

    def test_U6_add_is_rolled_back_when_the_reader_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as out:
            done = subprocess.run([testbed.BINARY, "add", "net1", "/x"], env=self.env, stdout=out, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertEqual([], self.cached())
        self.assertEqual("pa.DEL", self.calls()[-1])

    def test_U6_keep_failed_keeps_an_add_whose_result_is_lost(self):
        self.assertEqual(1, self.run_to("/dev/full", "add", "net1", "/x", "--keep-failed").returncode)
        self.assertEqual(1, len(self.cached()))

    def test_U6_every_command_whose_output_is_lost_fails(self):
        self.ok("add", "net1", "/x")
        for words in (["list"], ["list", "--json"], ["--help"], ["--version"], ["help", "add"], ["status"], ["validate"],
                      ["plugins"], ["attachments"], ["attachments", "-o", "name"], ["completion", "bash"],
                      ["exec", "VERSION", "pa"], ["gc", "net1", "--all", "--json"], ["nonsense", "--json"]):
            for where in ("/dev/full", None):
                with self.subTest(where=where, words=words):
                    done = self.run_to(where, *words)
                    self.assertNotEqual(0, done.returncode)
                    self.assertNotEqual("", done.stderr)

    def test_U6_a_program_in_the_namespace_dies_of_a_broken_pipe_as_elsewhere(self):
        script = f"{testbed.BINARY} add net1 --create-netns --rm -- sh -c 'kill -PIPE $$; exit 7'; echo $?"
        done = subprocess.run(["bash", "-c", script], env=self.env, capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual("141\n", done.stdout)


if __name__ == "__main__":
    testbed.main()
