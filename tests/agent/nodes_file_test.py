#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The list of nodes as a file: replaced, broken, removed, and read while another program writes it."""
import os
import threading
import unittest

from machine import Machine, node_line, node_lines, wait_until


class NodesFileTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)

    def begin(self, nodes):
        self.machine.write_nodes(nodes)
        self.machine.start()

    def test_a_changed_file_is_followed(self):
        self.begin(node_lines(3))
        self.machine.write_nodes(node_lines(2) + node_line(4))
        self.machine.wait_routes("10.244.2.0/24", "10.244.4.0/24")

    def test_a_broken_file_keeps_the_last_good_one(self):
        self.begin(node_lines(3))
        m = self.machine
        m.write_nodes('{"nodes": [{"name": "n1"')
        wait_until(lambda: m.status()["source"]["errors"] == 1, "the error is counted")
        self.assertIn("keeping the last good list", m.status()["source"]["state"])
        self.assertFalse(m.status()["source"]["inSync"])
        self.assertEqual(len(m.routes()), 2)
        m.write_nodes(node_lines(4))
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24")
        self.assertTrue(m.status()["source"]["inSync"])

    def test_a_file_that_is_gone_keeps_the_last_good_one(self):
        self.begin(node_lines(3))
        m = self.machine
        m.nodes_file.unlink()
        wait_until(lambda: not m.status()["source"]["inSync"], "the loss is reported")
        self.assertIn("keeping the last good list", m.status()["source"]["state"])
        self.assertFalse(m.status()["stale"])
        m.ctl("resync")
        self.assertEqual((len(m.routes()), m.ctl("diff").returncode), (2, 0))

    def test_a_file_that_is_being_written_is_not_read(self):
        self.begin(node_lines(3))
        m = self.machine
        with open(m.nodes_file, "w", encoding="utf-8") as half:
            half.write(node_lines(1))
            half.flush()
            (m.folder / "beside").write_text("something else in its folder is finished\n")
            m.ctl("resync")
            self.assertEqual((len(m.routes()), m.status()["source"]["relists"]), (2, 1))
            half.write(node_lines(3, first=2))
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24")

    def test_a_file_that_is_being_written_at_the_start_is_not_read(self):
        m, numbers, enough = self.machine, iter(range(2, 250)), threading.Event()

        def write_slowly():
            with open(m.nodes_file, "w", encoding="utf-8") as slow:
                slow.write(node_line(1))
                for number in numbers:
                    slow.write(node_line(number))
                    slow.flush()
                    if not enough.is_set():
                        enough.wait(0.02)

        writer = threading.Thread(target=write_slowly)
        writer.start()
        m.start(ready=False)
        wait_until(lambda: m.status()["drivers"], "plumbd answers")
        self.assertEqual(m.status()["source"]["relists"], 0)
        enough.set()
        writer.join()
        wait_until(lambda: len(m.routes()) == 248, "the whole list")
        self.assertEqual(m.status()["source"]["relists"], 1)

    def start_failing(self, *failure):
        """Runs plumbd under strace, which makes system calls fail as `inject` says."""
        self.machine.start(wrapper=("strace", "-D", "-qq", "-o", "/dev/null", *failure))

    def test_a_file_that_could_not_be_opened_for_a_while_is_read_afterwards(self):
        m = self.machine
        m.write_nodes(node_lines(2))
        self.start_failing("-P", str(m.nodes_file), "-e", "inject=openat:error=EMFILE:when=2")
        m.write_nodes(node_lines(3))
        wait_until(lambda: "keeping the last good list: open " in m.log(), "the failure is reported")
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24")
        self.assertTrue(m.status()["source"]["inSync"])

    def test_without_inotify_a_changed_file_is_followed_and_a_problem_reported(self):
        """Nodes of Kubernetes often have no inotify instances left."""
        m = self.machine
        m.write_nodes(node_lines(2))
        self.start_failing("-e", "inject=inotify_init1:error=EMFILE")
        wait_until(lambda: any("inotify: Too many open files" in line for line in m.status()["problems"]), "status shows it")
        m.write_nodes(node_lines(3))
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24")

    def test_plumbd_does_not_wait_for_a_pipe_in_the_place_of_the_file(self):
        self.begin(node_lines(2))
        m = self.machine
        m.nodes_file.unlink()
        os.mkfifo(m.nodes_file)
        wait_until(lambda: "is not a regular file" in m.status()["source"]["state"], "it is refused", 40)
        m.nodes_file.unlink()
        m.write_nodes(node_lines(3))
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24")

    def test_a_folder_that_is_replaced_by_a_link_is_followed(self):
        m = self.machine
        for version, count in (("1", 2), ("2", 3)):
            (m.folder / version).mkdir()
            (m.folder / version / "nodes").write_text(node_lines(count))
        (m.folder / "data").symlink_to("1")
        m.nodes_file.symlink_to("data/nodes")
        m.start()
        (m.folder / "new").symlink_to("2")
        (m.folder / "new").rename(m.folder / "data")
        m.wait_routes("10.244.2.0/24", "10.244.3.0/24", seconds=5)


if __name__ == "__main__":
    unittest.main()
