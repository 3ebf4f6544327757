#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/check_language.py finds forbidden sentences in each kind of file, in a folder made here, and accepts plain ones."""
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_language  # noqa: E402

FORBIDDEN = {
    "comment.h": "/// The kernel is\n/// no friend of it.\nint value;  ///< of somebody\n",
    "opening.h": "/// Of the last run.\nint value;\n",
    "string.cpp": 'throw Error(name + " is no "\n    "address");\n',
    "raw.cpp": 'auto text = R"(nobody reads it)";\n',
    "citation.cpp": "/* (multinode 5.4) */\n",
    "name.cpp": "TEST(Watch, TellsWhenSomebodyElseWrites) {}\n",
    "docstring.py": 'def f():\n    """What it returns."""\n',
    "comment.py": "x = 1  # it was told\n",
    "name.py": "def test_a_list_is_doubted():\n    pass\n",
    "script": "#!/bin/bash\n# Waits until someone comes.\n",
    "page.md": "The list is\ndoubted.\n",
    "page.8": ".B plumbd\nis no\n.BR daemon (7).\nis no server\n",
}
PLAIN = {
    "comment.h": "/// Returns whether there is no address; it is no longer needed. Reads `somebody`.\n/// Such a continuation may begin with any word.\n",
    "string.cpp": 'auto url = "http://of.example/";  // a URL\nauto letter = \'"\';\n',
    "docstring.py": 'def f():\n    """Returns a value."""\n    return "nobody"\n',
    "script": "#!/bin/bash\necho 'somebody'  # prints a word\n",
    "page.md": "A sentence with `nobody`.\n\n```\nsomebody\n```\n",
    "data.txt": "somebody\n",
}


class LanguageTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-language-"))
        self.addCleanup(shutil.rmtree, self.root)

    def check(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")
        return check_language.check_file(self.root, name)

    def test_finds_each_forbidden_sentence(self):
        for name, text in FORBIDDEN.items():
            with self.subTest(name):
                self.assertNotEqual(self.check(name, text), [])

    def test_finds_every_sentence_of_a_file_with_its_line(self):
        self.assertEqual([line.split(" ")[0] for line in self.check("comment.h", FORBIDDEN["comment.h"])], ["comment.h:1:", "comment.h:3:"])

    def test_accepts_plain_sentences(self):
        for name, text in PLAIN.items():
            with self.subTest(name):
                self.assertEqual(self.check(name, text), [])

    def test_finds_a_commit_with_a_long_subject(self):
        self.assertEqual(check_language.check_subjects(["1234567 agent: " + "x" * 65]), [])
        self.assertEqual(len(check_language.check_subjects(["1234567 agent: " + "x" * 66])), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
