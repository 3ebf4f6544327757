#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The component libcni-dev, installed into a folder that is then moved: docs/examples/libcni builds with it by find_package and by
pkg-config, static and shared, and its runtime runs its plugin. Argument: the folder of the build."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples/libcni"
BUILD = pathlib.Path()


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class InstalledTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="libcni-dev-"))
        cls.addClassCleanup(shutil.rmtree, cls.home)
        run("cmake", "--install", BUILD, "--component", "libcni-dev", "--prefix", cls.home / "first")
        cls.prefix = (cls.home / "first").rename(cls.home / "prefix")
        cls.lib = next(cls.prefix.rglob("libcni.a")).parent
        cls.env = {**os.environ, "PKG_CONFIG_PATH": str(cls.lib / "pkgconfig"), "LD_LIBRARY_PATH": str(cls.lib)}

    def build_example(self, name, program):
        """By CMake, in a copy outside the tree."""
        source = self.home / f"source-{name}"
        if not source.exists():
            shutil.copytree(EXAMPLES / name, source)
            run("cmake", "-G", "Ninja", "-S", source, "-B", source / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
            run("cmake", "--build", source / "build")
        return source / "build" / program

    def compile(self, source, output, *options):
        flags = run("pkg-config", "--cflags", "--libs", *options, "libcni", env=self.env).split()
        if "--static" in options:
            flags.append("-static")
        run("g++", "-std=c++20", source, *flags, "-o", output)

    def test_its_runtime_runs_its_plugin(self):
        plugins = [self.build_example("plugin", "search-domain").parent, BUILD / "bin"]
        attach = self.build_example("runtime", "attach")
        run("ip", "netns", "add", "libcni-dev")
        self.addCleanup(run, "ip", "netns", "del", "libcni-dev")
        rest = [EXAMPLES / "example.conflist", "/run/netns/libcni-dev", self.home / "cache", *plugins]
        result = json.loads(run(attach, "add", *rest, env=self.env))
        self.assertEqual(["example.org"], result["dns"]["search"])
        self.assertEqual("lo", result["interfaces"][0]["name"])
        run(attach, "check", *rest, env=self.env)
        run(attach, "del", *rest, env=self.env)
        self.assertEqual([], [path for path in (self.home / "cache").rglob("*") if path.is_file()])

    def test_a_plugin_of_it_is_linked_static_and_checks_its_configuration(self):
        plugin = self.build_example("plugin", "search-domain")
        self.assertNotIn("NEEDED", run("readelf", "-d", plugin))
        found = json.loads(run(plugin, "--validate", input='{"cniVersion":"1.1.0","name":"n","type":"search-domain","serach":[]}'))
        self.assertIn('unknown key "serach" is ignored, did you mean "search"?', found["errors"])
        self.assertEqual(1, subprocess.run([plugin], env={"CNI_COMMAND": "ADD"}, input="{}", capture_output=True, text=True,
                                           check=False).returncode)

    def test_a_runtime_of_it_needs_the_shared_library_of_this_minor_version(self):
        attach = self.build_example("runtime", "attach")
        version = re.search(r"^project\(plumb VERSION (\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)[1]
        self.assertIn(f"[libcni.so.{version}]", run("readelf", "-d", attach))

    def test_pkg_config_names_what_each_way_of_linking_needs(self):
        self.compile(EXAMPLES / "runtime/main.cpp", self.home / "shared")
        self.assertIn("usage: attach", subprocess.run([self.home / "shared"], env=self.env, capture_output=True, text=True,
                                                      check=False).stderr)
        self.compile(EXAMPLES / "plugin/main.cpp", self.home / "static", "--static")
        self.assertIn("CNI search-domain plugin", run(self.home / "static", "--help"))

    def test_the_headers_need_no_others_and_no_order(self):
        headers = sorted(path.relative_to(self.prefix / "include") for path in (self.prefix / "include").rglob("*.h"))
        self.assertGreater(len(headers), 20)
        for order in (headers, headers[::-1]):
            run("g++", "-std=c++20", "-fsyntax-only", "-x", "c++", "-Wall", "-Wextra", "-Werror", f"-I{self.prefix}/include", "-",
                input="".join(f"#include <{header}>\n" for header in order))

    def test_the_installed_page_finds_its_examples(self):
        page = next(self.prefix.rglob("libcni.md"))
        links = re.findall(r"\]\(([^):#]+)\)", page.read_text(encoding="utf-8"))
        self.assertGreater(len(links), 1)
        self.assertEqual([], [link for link in links if not (page.parent / link).exists()])

    def test_every_header_that_the_page_names_is_installed(self):
        page = (ROOT / "docs/libcni.md").read_text(encoding="utf-8")
        for cell in re.findall(r"^\| (`\w+/[^|]*\.h`.*?) \|", page, re.M):
            folder = cell[1:].split("/")[0]
            for name in re.findall(r"`([\w/]+\.h)`", cell):
                path = name if "/" in name else f"{folder}/{name}"
                with self.subTest(path):
                    self.assertTrue((self.prefix / "include/libcni" / path).exists())


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1))
    unittest.main()
