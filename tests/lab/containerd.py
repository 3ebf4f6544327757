# SPDX-License-Identifier: Apache-2.0
"""A containerd of the test's own, with all its state in one temporary folder. For programs inside world.enter()."""
import pathlib
import subprocess
import tempfile

from . import world

CONFIG = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{folder}/containerd.sock"
"""


class Containerd:
    def __init__(self):
        self.folder = tempfile.mkdtemp(dir="/run")
        config = pathlib.Path(self.folder, "config.toml")
        config.write_text(CONFIG.format(folder=self.folder), encoding="utf-8")
        with open(f"{self.folder}/log", "wb") as log:
            self.daemon = subprocess.Popen(["containerd", "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        world.wait_until(lambda: self.ctr("version", check=False).returncode == 0, "containerd answers", 60)

    def command(self, *arguments):
        return ["ctr", "--address", f"{self.folder}/containerd.sock", *arguments]

    def ctr(self, *arguments, **options):
        return world.run(*self.command(*arguments), **options)

    def import_image(self, archive):
        self.ctr("images", "import", "--snapshotter", "native", archive, timeout=120)

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(20)
