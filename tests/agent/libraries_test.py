# SPDX-License-Identifier: Apache-2.0
"""plumbd loads libcurl only for sources that use HTTP."""
import os
import pathlib
import re
import subprocess
import unittest

from machine import ENVIRONMENT, PLUMBD, Machine, node_lines


def without_libcurl(machine, *command):
    """Runs plumbd with an empty file mounted over libcurl.so.4."""
    library = re.search(r"libcurl\.so\.4 \(.*\) => (\S+)", subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout)
    hide = f"mount --bind /dev/null {os.path.realpath(library[1])} && exec \"$@\""
    return ["ip", "netns", "exec", machine.name, "unshare", "--mount", "sh", "-c", hide, "sh", PLUMBD, *command, "--config", str(machine.config)]


class LibrariesTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.machine.write_nodes(node_lines(3))

    def test_a_file_source_does_not_load_libcurl(self):
        self.machine.start()
        maps = pathlib.Path(f"/proc/{self.machine.process.pid}/maps").read_text(encoding="utf-8")
        self.assertIn("libmicrohttpd", maps)
        self.assertNotIn("libcurl", maps)

    def test_a_missing_libcurl_is_named_where_it_is_needed(self):
        done = subprocess.run(without_libcurl(self.machine, "run", "--set", "source=etcd"), capture_output=True, text=True, timeout=60,
                              env=ENVIRONMENT, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("load libcurl.so.4, which sources etcd and kubernetes need", done.stderr)
        self.assertEqual(subprocess.run(without_libcurl(self.machine, "check"), stdout=subprocess.DEVNULL, timeout=60, env=ENVIRONMENT,
                                        check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
