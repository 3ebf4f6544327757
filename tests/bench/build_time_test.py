#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import unittest

import build_time

LOG = "# ninja log v5\n0\t1500\t9\ta/CMakeFiles/a.dir/x.cpp.o\tff\n0\t900\t9\ta/CMakeFiles/a.dir/y.cpp.o\tff\n" \
      "1600\t1700\t9\tbin/a\tff\n2000\t2100\t9\ta/CMakeFiles/a.dir/x.cpp.o\tff\n"


class BuildTimeTest(unittest.TestCase):
    def test_takes_the_last_build_of_each_output(self):
        self.assertEqual(build_time.read_steps(LOG),
                         {"a/CMakeFiles/a.dir/x.cpp.o": 100, "a/CMakeFiles/a.dir/y.cpp.o": 900, "bin/a": 100})

    def test_names_the_slowest_source_first(self):
        lines = build_time.report(build_time.read_steps(LOG), 2.4, 3.6)
        self.assertEqual(lines[0], "2 s, 4 s of processor time, 3 steps, 2 sources")
        self.assertEqual([line.split()[-1] for line in lines[2:]], ["a/a.dir/y.cpp", "a/a.dir/x.cpp"])


if __name__ == "__main__":
    unittest.main()
