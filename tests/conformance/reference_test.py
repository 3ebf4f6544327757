#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The suite can fail: it finds the known defects of the reference plugins, and reports only rows that they violate.

Debian's containernetworking-plugins, 1.1.1, answers up to version 1.0.0.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402

REFERENCE = pathlib.Path("/usr/lib/cni")

# Rows that every plugin of the reference violates, and the defect.
COMMON = {
    "S-006": "options are ignored",
    "S-016": "messages of code 4 do not name the variable",
    "S-017": "missing and malformed variables are not reported together",
    "S-040": "the own-namespace guard comes after the work, or not at all",
    "S-089": "a result that cannot be written is not undone",
    "S-095": "error objects lack cniVersion",
}
BY_PLUGIN = {
    "loopback": {"S-043": "a plain file at CNI_NETNS fails DEL",
                 "S-113": "at 0.1.0 and 0.2.0 it prints the shape of 1.0.0",
                 "S-116": "at 0.3.x and 0.4.0 it prints the shape of 1.0.0",
                 "S-176": "DEL in the own namespace takes lo down"},
    "bridge": {"S-043": "a plain file at CNI_NETNS fails DEL",
               "S-109": "code 0 when the delegate cannot run",
               "S-168": "DEL removes a stranger's interface",
               "S-189": "CHECK compares namespaces by path",
               "S-228": "an empty element of CNI_PATH is searched",
               "S-240": "a delegate survives its plugin"},
    "portmap": {"S-148": "null elements of prevResult crash it",
                "S-167": "a prevResult of another version fails DEL",
                "S-216": "a prevResult of another version is refused",
                "S-219": "unknown members of prevResult are dropped"},
    "host-local": {"S-105": "a lock that is held is waited for without end",
                   "S-263": "a symbolic link as state folder is followed"},
}
# Rows that the reference meets.
MET = {"S-001", "S-002", "S-003", "S-005", "S-007", "S-012", "S-015", "S-019", "S-023", "S-047", "S-053", "S-069", "S-075",
       "S-078", "S-082", "S-083", "S-164", "S-171"}


def shortfalls(plugin, rows, config=None):
    """The IDs among `rows` that the reference plugin fails, with `config` or the configuration that is known for it."""
    binary = pathlib.Path(world.plugin_folder()) / "cnitool"
    command = [binary, "--json", "conformance", REFERENCE / plugin]
    file = tempfile.NamedTemporaryFile("w", suffix=".conf")
    if config:
        json.dump(config, file)
        file.flush()
        command += ["--config", file.name]
    for row in sorted(rows):
        command += ["--row", row]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True).stdout
    return {row["id"] for row in json.loads(answer)["rows"] if row["state"] == "FAIL"}


class ReferenceTest(unittest.TestCase):
    def test_finds_the_known_defects_and_no_others(self):
        for plugin, defects in BY_PLUGIN.items():
            with self.subTest(plugin=plugin):
                known = {**COMMON, **defects}
                found = shortfalls(plugin, {*known, *MET})
                missed = {row: known[row] for row in known.keys() - found}
                self.assertFalse(missed, f"{plugin}: not found")
                self.assertFalse(found & MET, f"{plugin}: blamed without cause")

    def test_a_chained_plugin_finds_the_interface_that_prevResult_names(self):
        rows = {"S-026", "S-075", "S-154", "S-155", "S-156", "S-163", "S-175", "S-178", "S-185", "S-220", "S-222", "S-226"}
        self.assertFalse(rows & shortfalls("tuning", rows, {"mtu": 1400, "prevResult": {}}))


if __name__ == "__main__":
    if not (REFERENCE / "bridge").exists():
        print("needs Debian's containernetworking-plugins")
        sys.exit(77)
    unittest.main()
