#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S7: values from outside have line breaks and escape sequences, to forge lines of the log and to drive a terminal."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks.annotations import AnnotationTest, machine  # noqa: E402

FORGED = "x\n2026-01-01T00:00:00.000Z error: forged\x1b[2J\x1b]0;title\x07\u009b31m\u202e"


class ForgedTextTest(AnnotationTest):
    def assert_harmless(self, text):
        bad = [char for char in text if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 or char == "\u202e"]
        self.assertEqual([], bad, text)
        self.assertFalse([line for line in text.splitlines() if line.startswith("2026-01-01")], text)

    def test_annotations(self):
        cluster = self.cluster()
        cluster.start()
        cluster.lie(former_ranges=FORGED, public_ip=FORGED, backend_type=FORGED, as_number=FORGED,
                    backend_data='{"VNI":1,"VtepMAC":"' + FORGED.replace("\n", "\\n").replace("\x1b", "\\u001b").replace("\x07", "") + '"}')
        cluster.wait_problem("forged")
        status = cluster.machine.ctl("status", check=False)
        self.assertIn("forged", status.stdout)
        self.assert_harmless(status.stdout + status.stderr)
        self.assert_harmless(cluster.machine.ctl("nodes", check=False).stdout)
        self.assert_harmless(cluster.machine.log())

    def test_a_nodes_file(self):
        m = machine.Machine()
        self.addCleanup(m.close)
        name = FORGED.replace("\n", "\\n").replace("\x1b", "\\u001b").replace("\x07", "\\u0007")
        m.write_nodes('{"nodes": [{"name": "n1", "address": "192.0.2.1", "ranges": ["10.244.1.0/24"]}, {"name": "%s", "address": "192.0.2.2", '
                      '"ranges": ["10.99.2.0/24"]}, {"name": "%s2", "address": "192.0.2.3", "ranges": ["10.244.3.0/24"]}]}' % (name, name))
        m.start()
        status = m.ctl("status", check=False)
        self.assertIn("forged", status.stdout)
        for text in (status.stdout, m.ctl("nodes", check=False).stdout, m.ctl("explain", "10.244.3.1", check=False).stdout, m.log()):
            self.assert_harmless(text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
