#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completions of bash, zsh and fish for cnitool: row U8. The shells are real ones."""
import pathlib
import subprocess
import sys

import testbed
from testbed import Testbed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))
from support import shells  # noqa: E402

# (command line, after TAB)
LINES = (
    ("cnitool attach", "cnitool attachments "),
    ("cnitool --conf-d", "cnitool --conf-dir "),
    ("cnitool -v attach", "cnitool -v attachments "),
    ("cnitool --timeout 3 attach", "cnitool --timeout 3 attachments "),
    ("cnitool -o json attach", "cnitool -o json attachments "),
    ("cnitool --conf-dir OTHER add o", "cnitool --conf-dir OTHER add other1 "),
    ("cnitool add --conf-dir OTHER o", "cnitool add --conf-dir OTHER other1 "),
    ("cnitool add net", "cnitool add net1 "),
    ("cnitool --timeout 3 add net", "cnitool --timeout 3 add net1 "),
    ("cnitool add net1 po", "cnitool add net1 pod7 "),
    ("cnitool add --ti", "cnitool add --timeout "),
    ("cnitool --timeout 3 add --keep-f", "cnitool --timeout 3 add --keep-failed "),
    ("cnitool list -o w", "cnitool list -o wide "),
    ("cnitool --output na", "cnitool --output name "),
    ("cnitool exec AD", "cnitool exec ADD "),
    ("cnitool -v exec ADD pb", "cnitool -v exec ADD pbx "),
    ("cnitool exec ADD --network ne", "cnitool exec ADD --network net1 "),
    ("cnitool show net", "cnitool show net1 "),
    ("cnitool add --netns po", "cnitool add --netns pod7 "),
    ("cnitool completion zs", "cnitool completion zsh "),
    ("cnitool help attachm", "cnitool help attachments "),
    ("cnitool validate only-a-f", "cnitool validate only-a-file "),
    ("cnitool add only-a-f", "cnitool add only-a-f"),
)


class Completion(Testbed):
    def setUp(self):
        super().setUp()
        (self.home / "bin" / "cnitool").symlink_to(testbed.BINARY)
        self.plugins("pbx")
        (self.home / "bin" / "pb").unlink()
        self.network("other1", "pa", file="../10-other.conflist")
        (self.home / "OTHER").mkdir()
        (self.home / "10-other.conflist").rename(self.home / "OTHER" / "10-other.conflist")
        (self.home / "only-a-file").touch()
        subprocess.run(["ip", "netns", "add", "pod7"], check=False, capture_output=True)
        self.env |= {"PATH": f"{self.home}/bin:{self.env['PATH']}", "HOME": str(self.home), "ASAN_OPTIONS": "detect_leaks=0"}

    def test_U8_bash_completes_everywhere(self):
        shells.check_on_terminal(self, "bash", "cnitool", LINES, self.env, self.home)

    def test_U8_zsh_completes_everywhere(self):
        shells.check_on_terminal(self, "zsh", "cnitool", LINES, self.env, self.home)

    def test_U8_fish_completes_everywhere(self):
        shells.check_fish(self, "cnitool", LINES, self.env, self.home)

    def test_U8_fish_offers_no_files_among_networks(self):
        for line in ("cnitool add ", "cnitool --timeout 3 list ", "cnitool attachments ", "cnitool exec ADD --network "):
            with self.subTest(line):
                self.assertEqual(["net1"], shells.fish_choices("cnitool", line, self.env, self.home))


if __name__ == "__main__":
    testbed.main()
