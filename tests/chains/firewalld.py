#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real firewalld with a message bus of its own, for the test's namespaces.

Debian's packages are unpacked, not installed: installed ones would start firewalld on the machine. They are downloaded once, into
build/firewalld. Run as a program, this only downloads them."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build/firewalld"
PACKAGES = ("firewalld", "python3-firewall", "python3-dbus", "python3-gi", "python3-nftables", "gir1.2-glib-2.0",
            "libgirepository-1.0-1", "python3-cap-ng")
SOCKET = "/run/dbus/system_bus_socket"
BUS = f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={SOCKET}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>"""


def fetch():
    """The folder with the unpacked packages."""
    root = FOLDER / "root"
    if root.exists():
        return root
    partial = FOLDER / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download", *PACKAGES], cwd=partial,
                   check=True, stdout=subprocess.DEVNULL)
    for package in partial.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, partial / "root"], check=True)
    (partial / "root").rename(root)
    return root


class Bus:
    """A message bus at its usual place, in the mount namespace of the test."""

    def __init__(self, folder):
        pathlib.Path(SOCKET).parent.mkdir(parents=True, exist_ok=True)
        config = pathlib.Path(folder, "bus.conf")
        config.write_text(BUS, encoding="utf-8")
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL)
        world.wait_until(pathlib.Path(SOCKET).exists, "the message bus listens")

    def close(self):
        self.process.kill()
        self.process.wait()
        pathlib.Path(SOCKET).unlink(missing_ok=True)


class Firewalld:
    """firewalld in the network namespace `host`."""

    def __init__(self, host):
        self.host = host
        self.log = open("/run/firewalld.log", "w", encoding="utf-8")
        self.process = host.start("/usr/bin/python3", str(fetch() / "usr/sbin/firewalld"), "--nofork", "--nopid", stdout=self.log,
                                  stderr=self.log)
        world.wait_until(lambda: self.call("getDefaultZone", check=False).returncode == 0, "firewalld answers")

    def call(self, method, *arguments, interface="org.fedoraproject.FirewallD1", check=True):
        return world.run("dbus-send", "--system", "--print-reply", "--dest=org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1",
                         f"{interface}.{method}", *[f"string:{argument}" for argument in arguments], check=check)

    def sources(self, zone="trusted"):
        answer = self.call("getSources", zone, interface="org.fedoraproject.FirewallD1.zone").stdout
        return sorted(line.split('"')[1] for line in answer.splitlines() if 'string "' in line)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


def enter():
    """Lets the packages' files appear in /usr/lib of this mount namespace."""
    world.run("mount", "-t", "overlay", "-o", f"lowerdir={fetch()}/usr/lib:/usr/lib", "overlay", "/usr/lib")


if __name__ == "__main__":
    fetch()
