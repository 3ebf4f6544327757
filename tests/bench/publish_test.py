#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""publish/ makes tables, the picture and the README's figures of the reports."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "publish"), str(HERE / "cluster")]
import chart  # noqa: E402
import front_page  # noqa: E402
import main as publish  # noqa: E402
import plugins  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def report(name):
    return json.loads((ROOT / f"docs/benchmarks/{name}.json").read_text(encoding="utf-8"))


def without(measured, **values):
    """The report without the rows that have these values."""
    kept = [each for each in measured["results"] if any(each[key] != value for key, value in values.items())]
    return {**measured, "results": kept}


class Tables(unittest.TestCase):
    def test_a_row_has_every_side_and_the_ratios_of_the_report(self):
        cells = [{"case": "loopback", "title": "loopback", "verb": "ADD", "side": side, "median_ms": median, "p99_ms": 12.345, "cpu_ms": 123.4,
                  "peak_kib": 1536, "processes": 0, "syscalls": 7} for side, median in (("reference", 4), ("plumb", 2), ("floor", 1))]
        cells[1] |= {"times_faster": 2.004, "times_the_floor": 12.04}
        text = plugins.table({**report("plugins"), "results": cells})
        self.assertIn("| loopback | ADD | 4.00 / 2.00 / 1.00 | 12.3 / 12.3 / 12.3 | 123 / 123 / 123 | 1.5 / 1.5 / 1.5 | 0 / 0 / 0 | 7 / 7 / 7 "
                      "| 2.00 x | 12.0 x |\n", text)

    def test_a_side_that_was_not_measured_is_a_dash(self):
        cells = [{"case": "loopback", "title": "loopback", "verb": "ADD", "side": side, "failure": "left out"} for side in plugins.SIDES]
        self.assertIn("| loopback | ADD | - / - / - |", plugins.table({**report("plugins"), "results": cells}))

    def test_the_head_says_when_the_machine_was_busy(self):
        self.assertIn("busy with other work", plugins.head({**report("plugins"), "busy": True}))
        self.assertNotIn("busy", plugins.head({**report("plugins"), "busy": False}))


class Picture(unittest.TestCase):
    def setUp(self):
        self.root = xml.fromstring(chart.Chart(report("plugins")).svg())

    def test_has_a_dot_for_each_side_of_each_case_and_in_the_legend(self):
        self.assertEqual(len(self.root.findall(f"{SVG}circle")), 3 * (len(chart.CASES) + 1))

    def test_everything_lies_inside(self):
        width, height = (float(self.root.get(side)) for side in ("width", "height"))
        for each in self.root.iter():
            for key, end in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                self.assertTrue(0 <= float(each.get(key, 0)) <= end, each.attrib)

    def test_numbers_of_a_case_do_not_overlap(self):
        numbers = {}
        for each in self.root.findall(f"{SVG}text"):
            if re.fullmatch(r"[\d.]+", each.text):
                numbers.setdefault(each.get("y"), []).append(float(each.get("x")))
        self.assertEqual(len(numbers), len(chart.CASES))
        for places in numbers.values():
            self.assertGreater(max(places) - min(places), 30)


class FrontPage(unittest.TestCase):
    def test_has_five_figures(self):
        self.assertEqual(front_page.figures(report("plugins"), report("cluster")).count("\n"), 2 + 5)

    def test_names_the_figure_that_a_report_lacks(self):
        with self.assertRaisesRegex(KeyError, "portmap-500"):
            front_page.figures(without(report("plugins"), case="portmap-500"), report("cluster"))
        with self.assertRaisesRegex(KeyError, "resident memory then"):
            front_page.figures(report("plugins"), {"machine": "", "figures": []})


class Check(unittest.TestCase):
    def setUp(self):
        self.tree = pathlib.Path(tempfile.mkdtemp(prefix="plumb-publish-"))
        self.addCleanup(shutil.rmtree, self.tree)
        for path in ("README.md", "docs/benchmarks.md", "docs/benchmarks"):
            (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, self.tree / path)

    def test_fails_for_a_figure_that_the_report_does_not_have_and_publishing_mends_it(self):
        self.assertEqual(publish.main(self.tree, ["--check"]), 0)
        page = self.tree / "docs/benchmarks.md"
        page.write_text(page.read_text().replace("| loopback | ADD | ", "| loopback | ADD | 0.01 / "))
        (self.tree / "docs/benchmarks/add.svg").unlink()
        self.assertEqual(publish.main(self.tree, ["--check"]), 1)
        self.assertEqual(publish.main(self.tree, []), 0)
        self.assertEqual(publish.main(self.tree, ["--check"]), 0)

    def test_a_report_that_lacks_a_figure_replaces_nothing(self):
        new = self.tree / "new"
        shutil.copytree(ROOT / "docs/benchmarks", new)
        (new / "plugins.json").write_text(json.dumps(without(report("plugins"), case="portmap-500")))
        with self.assertRaisesRegex(KeyError, "portmap-500"):
            publish.main(self.tree, ["renew", str(new)])
        self.assertEqual(publish.main(self.tree, ["--check"]), 0)

    def test_a_new_report_replaces_the_old_one_and_all_that_is_made_of_it(self):
        new = self.tree / "new"
        shutil.copytree(ROOT / "docs/benchmarks", new)
        (new / "plugins.json").write_text(json.dumps({**report("plugins"), "date": "2031-02-03 04:05"}))
        self.assertEqual(publish.main(self.tree, ["renew", str(new)]), 0)
        self.assertEqual(publish.main(self.tree, ["--check"]), 0)
        for name in ("plugins.json", "add.svg"):
            self.assertIn("2031-02-03", (self.tree / f"docs/benchmarks/{name}").read_text())

    def test_names_the_markers_that_are_missing(self):
        (self.tree / "README.md").write_text("# Plumb\n")
        with self.assertRaisesRegex(ValueError, "README.md: the lines <!-- figures --> and <!-- /figures --> are missing"):
            publish.main(self.tree, ["--check"])


class CommandLine(unittest.TestCase):
    def test_publish_measures_all_or_nothing(self):
        for words in (["--quick"], ["--case", "loopback"], ["--json", "/dev/null"]):
            done = subprocess.run([ROOT / "scripts/bench", "--publish", *words], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("only --build goes with it", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
