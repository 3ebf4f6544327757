# SPDX-License-Identifier: Apache-2.0
"""A machine for plumbd: a namespace with one link, and folders of its own."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import waiting  # noqa: E402

PLUMBD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PLUMB_")}
# glibc's cache and the sanitizers' quarantine are not measured or tested.
ENVIRONMENT["ASAN_OPTIONS"] = "detect_leaks=0"


def wait_until(condition, what, seconds=15):
    return waiting.wait_until(condition, what, seconds)


def node_line(number, address=None, pods=None):
    return f"n{number} addresses={address or f'192.0.2.{number}'} ranges={pods or f'10.244.{number}.0/24'}\n"


def node_lines(count, first=1):
    return "".join(node_line(number) for number in range(first, first + count))


class Machine:
    def __init__(self, settings=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="plumbd-"))
        self.name = f"plumbd-{os.getpid()}-{self.folder.name[-6:]}"
        self.process, self.log_path = None, self.folder / "log"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.ip("link", "set", "lo", "up")
        self.add_parent()
        (self.folder / "net.d").mkdir()
        self.nodes_file = self.folder / "nodes"
        self.config = self.folder / "plumbd.yaml"
        self.configure(settings)

    def configure(self, settings=""):
        self.config.write_text(f"""
node: n1
network: {{ranges: [10.244.0.0/16]}}
file: {{path: {self.nodes_file}}}
runDir: {self.folder}/run
stateDir: {self.folder}/state
cniConf: {self.folder}/net.d/10-plumb.conflist
logLevel: debug
{settings if "listen:" in settings else settings + chr(10) + 'listen: ""'}
""", encoding="utf-8")

    def add_parent(self, mtu=1500, address="192.0.2.1/24"):
        self.ip("link", "add", "eth0", "mtu", str(mtu), "type", "veth", "peer", "name", "wire")
        self.ip("address", "add", address, "dev", "eth0")
        self.ip("link", "set", "wire", "up")
        self.ip("link", "set", "eth0", "up")

    def run(self, *command, check=True):
        done = subprocess.run(["ip", "netns", "exec", self.name, *command], text=True, capture_output=True, timeout=60,
                              env=ENVIRONMENT, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def ip(self, *words, check=True):
        return self.run("ip", *words, check=check).stdout

    def ctl(self, *words, check=True):
        return self.run(PLUMBD, *words, "--config", str(self.config), check=check)

    def status(self):
        done = self.ctl("status", "--json", check=False)
        return json.loads(done.stdout) if done.stdout else {"ready": False, "problems": [], "drivers": []}

    def driver(self, name):
        return next((driver for driver in self.status()["drivers"] if driver["name"] == name), {})

    def write_nodes(self, text):
        new = self.folder / "nodes.new"
        new.write_text(text, encoding="utf-8")
        new.rename(self.nodes_file)

    def start(self, ready=True, wrapper=()):
        log = open(self.log_path, "a", encoding="utf-8")
        with log:
            self.process = subprocess.Popen(["ip", "netns", "exec", self.name, *wrapper, PLUMBD, "run", "--config", str(self.config)],
                                            stderr=log, env=ENVIRONMENT)
        if ready:
            wait_until(lambda: self.status()["ready"], "plumbd is ready")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process = None
        return code

    def log(self):
        return self.log_path.read_text(encoding="utf-8")

    def routes(self):
        routes = {}
        for line in self.ip("route").splitlines():
            words = line.split()
            if "proto" in words and words[words.index("proto") + 1] in ("86", "87"):
                routes[words[0]] = line.strip()
        return routes

    def wait_routes(self, *ranges, seconds=15):
        wait_until(lambda: sorted(self.routes()) == sorted(ranges), f"routes {ranges}, not {self.routes()}", seconds)

    def link(self, name="plumb-vxlan"):
        done = self.run("ip", "-j", "-d", "link", "show", name, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        subprocess.run(["ip", "netns", "delete", self.name], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
