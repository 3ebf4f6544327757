#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documents have all of plumbd's commands and metrics, and no others; the manuals of plugins have the keys of their READMEs."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from lab import world  # noqa: E402
import plugin_manual  # noqa: E402
import schemas  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = (ROOT / "docs/man/plumbd.8").read_text(encoding="utf-8").replace("\\", "")


def told_by(program, *arguments):
    return world.run(f"{world.plugin_folder()}/{program}", *arguments, env=world.environment()).stdout


def commands(program):
    return set(re.findall(r"^  ([a-z]+)(?:, [a-z]+)? +[A-Z]", told_by(program, "--help").partition("ommands:")[2], re.M))


class DocumentsTest(unittest.TestCase):
    def test_the_manual_has_every_command(self):
        section = MANUAL.partition(".SH COMMANDS")[2].partition(".SH OPTIONS")[0]
        described = re.findall(r'^\.TP\n\.BI? "?([a-z]+)', section, re.M)
        self.assertEqual(set(described), commands("plumbd"))

    def test_the_manual_has_every_option(self):
        options = {option for command in commands("plumbd")
                   for option in re.findall(r"(--[a-z-]+)", told_by("plumbd", command, "--help"))}
        self.assertEqual({option for option in options if option not in MANUAL} - {"--help"}, set())

    def test_the_manual_of_each_plugin_has_the_keys_of_its_readme(self):
        for folder in schemas.folders():
            page = plugin_manual.manual(folder, "1.2.3").replace("\\-", "-")
            self.assertIn('"Plumb 1.2.3"', page)
            described = re.findall(r"^\.TP\n(.*)\n(?:\((.*?)\) )?", page, re.M)
            for key, (kind, default, _) in schemas.rows(folder / "README.md").items():
                with self.subTest(plugin=folder.name, key=key):
                    found = next(text for term, text in described if re.search(rf"\\fB(ipam\.)?{re.escape(key)}\\fR", term))
                    self.assertIn(re.match(r"\w*", kind)[0], found)
                    self.assertEqual(default == "required", found.endswith("; required"))

    def test_the_readme_shows_commands_that_exist(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        for program in ("plumbd", "cnitool"):
            shown = re.findall(rf"^{program} ([a-z]+)", readme, re.M)
            self.assertGreater(len(shown), 4)
            self.assertEqual(set(shown) - commands(program), set())

    def test_the_readme_names_the_libraries_that_plumbd_needs(self):
        linked = world.run("readelf", "-d", f"{world.plugin_folder()}/plumbd").stdout
        needed = {f"{name}{version}" for name, version in re.findall(r"\(NEEDED\).*\[(lib\w+)\.so\.([0-9.]+)\]", linked)}
        of_every_debian = {"libc6", "libm6", "libgcc_s1"}
        of_test_builds = {name for name in needed if name.startswith(("libasan", "libubsan"))}
        named = set(re.findall(r"`(lib[a-z0-9.-]+[0-9])`", (ROOT / "README.md").read_text(encoding="utf-8")))
        self.assertEqual(needed - of_every_debian - of_test_builds, named - {"libcurl4"})  # loaded at run time

    def test_every_key_of_a_node_is_explained(self):
        code = (ROOT / "libcni/nodes/node_list.cpp").read_text(encoding="utf-8")
        read = set(re.findall(r'key == "(\w+)"', code))
        section = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("1. `/etc/plumb/nodes`")[2].partition("\n2. ")[0]
        explained = {key for row in re.findall(r"^   \| (`.*?) \|", section, re.M) for key in re.findall(r"`(\w+)`", row)}
        self.assertGreater(len(read), 5)
        self.assertEqual(read, explained)

    def test_every_suite_is_explained(self):
        listed = set(re.findall(r"`(?:tests|scripts)/(\w+)[^`]*`", (ROOT / "docs/testing.md").read_text(encoding="utf-8")))
        folders = {path.parent.name for path in (ROOT / "tests").glob("*/CMakeLists.txt")}
        self.assertEqual(folders - listed, set())

    def test_every_metric_is_explained(self):
        """The names are collected from the code: some appear only with a tunnel, a source or a peer."""
        code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "agent").rglob("*metrics*.cpp"))
        made = {f"plumb_{name}" for name in re.findall(r'\.(?:counter|gauge|histogram)\(\s*"([a-z_]+)"', code)}
        explained = set(re.findall(r"`(plumb_[a-z_]+)`", (ROOT / "docs/operations.md").read_text(encoding="utf-8")))
        self.assertGreater(len(made), 10)
        self.assertEqual(made, explained)

    def test_alarms_use_metrics_that_exist(self):
        text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        explained = set(re.findall(r"`(plumb_[a-z_]+)`", text))
        used = set(re.findall(r"(?<!inet )(?<!bridge )\b(plumb_[a-z_]+)", text))  # without nf_tables tables
        self.assertEqual({name.removesuffix("_bucket") for name in used} - explained, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
