#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The start of the static programs, cmake/static_start.c: complete, and without questions to the processor."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import world  # noqa: E402

# Prints the canary and the key of saved pointers, then what a complete start makes possible.
PROGRAM = r"""
#include <pthread.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

struct Global {
  Global() { puts("constructed"); }
  ~Global() { puts("destroyed"); }
} global;
thread_local int of_thread = 7;

std::uintptr_t guard(int which) {
  std::uintptr_t value;
  if (which == 0) asm("mov %%fs:0x28, %0" : "=r"(value));
  else asm("mov %%fs:0x30, %0" : "=r"(value));
  return value;
}

void* run(void*) { return reinterpret_cast<void*>(static_cast<std::intptr_t>(++of_thread)); }

int main(int argc, char** argv) {
  printf("guards %zx %zx\n", guard(0), guard(1));
  printf("arguments %d %s, %s %s\n", argc, argv[1], getenv("NAME"), program_invocation_short_name);
  std::vector<char> from(5'000'000, 'x'), to(from.size());
  memcpy(to.data(), from.data(), from.size());
  memmove(to.data() + 1, to.data(), to.size() - 1);
  printf("copied %d\n", memcmp(to.data(), from.data(), from.size()));
  try {
    throw std::runtime_error("caught");
  } catch (const std::exception& error) {
    puts(error.what());
  }
  pthread_t thread;
  void* result = nullptr;
  pthread_create(&thread, nullptr, run, nullptr);
  pthread_join(thread, &result);
  printf("thread %d %d\n", static_cast<int>(reinterpret_cast<std::intptr_t>(result)), of_thread);
  printf("page %d\n", getauxval(AT_PAGESZ) == static_cast<unsigned long>(getpagesize()));
  atexit([] { puts("exits"); });
  return 3;
}
"""
EXPECTED = """constructed
arguments 2 one, value program
copied 0
caught
thread 8 7
page 1
exits
destroyed
"""


class StartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = pathlib.Path(folder.name) / "program"
        source, start = cls.program.with_suffix(".cpp"), cls.program.with_suffix(".o")
        source.write_text(PROGRAM, encoding="utf-8")
        flags = ["-Os", "-fstack-protector-all", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", *flags, "-c", "-o", start, ROOT / "cmake/static_start.c"], check=True)
        subprocess.run(["g++", *flags, "-static", "-Wl,--gc-sections", "-Wl,--wrap=__libc_start_main",
                        "-Wl,--wrap=_dl_get_origin", "-o", cls.program, source, start], check=True)

    def run_program(self):
        done = subprocess.run([self.program, "one"], env={"NAME": "value"}, capture_output=True, text=True, check=False)
        self.assertEqual((3, ""), (done.returncode, done.stderr))
        return done.stdout

    def test_starts_a_complete_program(self):
        self.assertEqual(EXPECTED, re.sub("guards .*\n", "", self.run_program()))

    def test_draws_guards_anew_for_each_process(self):
        guards = [re.search("guards (.*) (.*)\n", self.run_program()).groups() for _ in range(2)]
        self.assertEqual(4, len({value for pair in guards for value in pair}))
        for canary, _ in guards:
            self.assertTrue(canary.endswith("00"), "a string that is too long must not reach the canary's copy")

    def test_asks_the_processor_nothing(self):
        folder = pathlib.Path(world.plugin_folder())
        plugins = [path for path in sorted(folder.iterdir()) if path.name != "plumbd"]
        headers = subprocess.run(["readelf", "--program-headers", plugins[0]], capture_output=True, text=True, check=True).stdout
        if "INTERP" in headers or os.confstr("CS_GNU_LIBC_VERSION") != "glibc 2.36":
            self.skipTest(f"the programs in {folder} are not static, or not of glibc 2.36")
        for path in [self.program, *plugins]:
            with self.subTest(path.name):
                code = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout
                self.assertNotRegex(code, r"\tcpuid")


if __name__ == "__main__":
    unittest.main(verbosity=2)
