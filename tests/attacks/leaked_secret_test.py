#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A local user looks for plumbd's token: in its log, its answers, its arguments and environment, and in files that others can read."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks.annotations import TOKEN, AnnotationTest, wait_until  # noqa: E402


class LeakedSecretTest(AnnotationTest):
    def test_the_token_is_nowhere_but_in_its_file(self):
        cluster = self.cluster()
        cluster.start()
        m = cluster.machine
        cluster.server.kill()  # Errors of the connection are logged, too.
        wait_until(lambda: not m.status()["source"]["inSync"], "the loss is reported")
        texts = {"log": m.log(), **{word: m.ctl(word, "--json", check=False).stdout for word in ("status", "nodes", "plan", "diff")}}
        process = pathlib.Path(f"/proc/{m.status()['pid']}")
        for name in ("cmdline", "environ", "status"):
            texts[name] = (process / name).read_bytes().decode(errors="replace")
        m.stop()
        for path in m.folder.rglob("*"):
            if path.is_file() and path != m.folder / "kubeconfig":
                texts[str(path)] = path.read_text(encoding="utf-8", errors="replace")
        self.assertIn(TOKEN, (m.folder / "kubeconfig").read_text(encoding="utf-8"))
        self.assertEqual([], [name for name, text in texts.items() if TOKEN in text])


if __name__ == "__main__":
    unittest.main(verbosity=2)
