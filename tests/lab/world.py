# SPDX-License-Identifier: Apache-2.0
"""Namespaces around a test program, and the commands it runs in them."""
import json
import os
import pathlib
import subprocess
import sys

from support.waiting import wait_until  # noqa: F401

INSIDE = "PLUMB_TEST_WORLD"  # set inside; its value names the world's control groups
# Where programs under test keep state: every write to these lands in memory and goes away with the world.
PRIVATE = ("/etc", "/opt", "/var")


def plugin_folder():
    """The plugins under test: $PLUMB_BIN, else the release build beside the sources, else the build that runs the tests."""
    release = pathlib.Path(__file__).resolve().parents[2] / "build/release/bin"
    for folder in (os.environ.get("PLUMB_BIN"), release, os.environ.get("PLUMB_BUILD_BIN")):
        if folder and pathlib.Path(folder, "host-local").exists():
            return str(folder)
    sys.exit("no plugins found: set PLUMB_BIN to their folder")


def enter():
    """Runs this program again in network, mount and pid namespaces of its own; returns inside them.

    The pid namespace is what makes cleaning up certain: daemons and shims that a test leaves behind die with it.
    """
    if INSIDE not in os.environ:
        sys.exit(_run_inside())
    run("mount", "-t", "tmpfs", "plumb-test", "/run")
    for folder in PRIVATE:
        upper, work = f"/run/world{folder}/upper", f"/run/world{folder}/work"
        os.makedirs(upper)
        os.makedirs(work)
        run("mount", "-t", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", "overlay", folder)
    for folder in ("/run/netns", "/run/lock"):
        os.makedirs(folder, exist_ok=True)
    # Empty, also on a machine that uses Plumb.
    for folder in ("/var/lib/cni", "/var/lib/plumb", "/etc/cni", "/etc/plumb"):
        os.makedirs(folder, exist_ok=True)
        run("mount", "-t", "tmpfs", "plumb-test", folder)
    run("ip", "link", "set", "lo", "up")


def _run_inside():
    if os.geteuid() != 0:
        sys.exit("needs root for namespaces")
    os.environ[INSIDE] = f"plumb-test-{os.getpid()}"
    try:
        return subprocess.call(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private",
                                "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])
    finally:
        for folder in pathlib.Path("/sys/fs/cgroup").glob(f"**/{cgroup()}"):
            for parent, _, _ in os.walk(folder, topdown=False):
                os.rmdir(parent)


def environment():
    """This process's environment without variables of the tests: plumbd reads every PLUMB_ variable as a key of its configuration."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PLUMB_")}


def cgroup():
    """The control group that a runtime's containers go into, so that they can be found and removed afterwards."""
    return os.environ[INSIDE]


def run(*command, timeout=30, check=True, text=None, env=None):
    """Runs a command to its end within a deadline; its output is captured and part of a failure's message."""
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=timeout, env=env, check=False,
                          stdin=subprocess.DEVNULL if text is None else None)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def run_json(*command, **options):
    return json.loads(run(*command, **options).stdout or "[]")


class Namespace:
    """A named network namespace. Commands enter it alone: `ip netns exec` would make a mount namespace for each."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command, **options):
        return run("nsenter", f"--net={self.path}", *command, **options)

    def start(self, *command, **options):
        return subprocess.Popen(["nsenter", f"--net={self.path}", *command], stdin=subprocess.DEVNULL, **options)

    def remove(self):
        run("ip", "netns", "delete", self.name)
