#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/errors.md has the messages of the code: scripts/check_errors.py finds what differs, in a small tree made here."""
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_errors  # noqa: E402

PAGE = """
| code | meaning |
|---|---|
| 7 | a value |

| condition | means |
|---|---|
| `stale` | old |

| message | means |
|---|---|
| `bridge "<name>" has <n> ports, the kernel's limit`, `loopback interface is down` | full |
"""
CODE = """
// "a comment with a quote
void f() {
  if (name == "br") throw cni::Error(cni::Code::internal, "bridge \\"" + name + "\\" has " + text(';') +
      " ports, "
      "the kernel's limit", "put pods elsewhere");
  throw cni::Error(cni::Code::internal, "loopback interface is down");
}
"""


class ErrorsTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-errors-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.write("libcni/spec/error.h", "enum class Code : unsigned {\n  invalid_config = 7,\n};\n")
        self.write("agent/health.cpp", 'constexpr Condition kAll[] = {Condition{"stale", kDegraded, find}};\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def check(self, page=PAGE, code=CODE):
        self.write("docs/errors.md", page)
        self.write("plugins/bridge/apply.cpp", code)
        return check_errors.check(self.root)

    def test_accepts_messages_of_the_code_however_they_are_put_together(self):
        self.assertEqual(self.check(), [])
        self.assertEqual(self.check(code=CODE.replace('"bridge \\"" + name + "\\" has " + text(\';\') +\n      " ports, "',
                                                      'fmt::format("bridge \\"{}\\" has {:d} ports, "')), [])

    def test_finds_a_message_that_was_reworded_in_the_code(self):
        bad = self.check(code=CODE.replace("loopback interface is down", "link lo of the pod is down"))
        self.assertEqual(len(bad), 2, bad)
        self.assertIn("no source file has this message: loopback interface is down", bad[0])
        self.assertIn("lacks a line for the error at plugins/bridge/apply.cpp:7: link lo of the pod is down", bad[1])

    def test_a_plugin_may_have_its_errors_in_its_own_readme(self):
        table = "| message | means |\n|---|---|\n| `loopback interface is down` | off |\n"
        page = PAGE.replace(", `loopback interface is down`", "")
        self.assertIn("lacks a line for the error at plugins/bridge/apply.cpp:7", self.check(page)[0])
        self.write("plugins/ptp/README.md", table)
        self.assertIn("lacks a line for the error at plugins/bridge/apply.cpp:7", self.check(page)[0])
        self.write("plugins/bridge/README.md", table)
        self.assertEqual(self.check(page), [])

    def test_finds_words_in_another_order(self):
        self.assertIn("no source file has this message", self.check(PAGE.replace("bridge \"<name>\" has", "has <n> bridge"))[0])

    def test_does_not_accept_words_of_a_comment(self):
        bad = self.check(code=CODE.replace('throw cni::Error(cni::Code::internal, "loopback', '// "loopback'))
        self.assertIn("no source file has this message: loopback interface is down", bad[0])

    def test_refuses_a_quotation_that_fits_anything(self):
        self.assertIn("quote more of the message", self.check(PAGE.replace("loopback interface is down", "<what> is <how>"))[0])

    def test_finds_conditions_and_codes_without_a_row(self):
        bad = self.check(PAGE.replace("| `stale` | old |", "").replace("| 7 | a value |", ""))
        self.assertEqual(bad, ["docs/errors.md: lacks a row for stale", "docs/errors.md: lacks a row for 7"])

    def test_the_page_of_this_tree_is_complete(self):
        self.assertEqual(check_errors.check(ROOT), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
