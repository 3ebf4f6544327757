#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lines that plumbd logs: text, JSON, and the journal's."""
import json
import os
import re
import signal
import unittest

import machine
from machine import Machine, node_lines, wait_until

TEXT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ (error|warning|info|debug): ."


class Log(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.machine.write_nodes(node_lines(3))

    def lines(self):
        return self.machine.log().splitlines()

    def test_text_has_time_and_level(self):
        self.machine.start()
        for line in self.lines():
            self.assertRegex(line, f"^{TEXT}")
        self.assertIn(" info: kernel: ", self.machine.log())

    def test_json_has_an_object_per_line(self):
        self.machine.configure("log: {format: json}")
        self.machine.start()
        told = [json.loads(line) for line in self.lines()]
        for line in told:
            self.assertEqual({"time", "level", "message"}, set(line) - {"component"})
            self.assertRegex(f"{line['time']} {line['level']}: {line['message']}", TEXT)
        self.assertIn("kernel", {line.get("component") for line in told})

    def test_a_reload_changes_the_format(self):
        self.machine.start()
        self.machine.configure("log: {format: json}")
        self.machine.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.lines()[-1].startswith("{") and "plumbd" in self.machine.log().partition("{")[2], "JSON lines")

    def test_the_journal_gets_priorities(self):
        with open(self.machine.log_path, "a", encoding="utf-8") as log:
            stream = os.fstat(log.fileno())
        machine.ENVIRONMENT["JOURNAL_STREAM"] = f"{stream.st_dev}:{stream.st_ino}"
        self.addCleanup(machine.ENVIRONMENT.pop, "JOURNAL_STREAM")
        self.machine.configure()
        self.machine.start()
        self.machine.write_nodes("n1 addresses=nonsense\n")
        wait_until(lambda: any(re.match(r"<[34]>(error|warning): .*nonsense", line) for line in self.lines()), f"the mistake: {self.lines()}")
        for line in self.lines():
            self.assertRegex(line, r"^<[3467]>(error|warning|info|debug): ")


if __name__ == "__main__":
    unittest.main()
