# SPDX-License-Identifier: Apache-2.0
"""A container image without a registry: busybox and one page, as a docker-archive."""
import hashlib
import io
import json
import tarfile

NAME = "docker.io/library/plumb-test:1"
PAGE = "hello from the pod\n"
APPLETS = ("sh", "ip", "ping", "nc", "httpd", "sleep", "wget", "cat", "timeout")


def _add(archive, name, data, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _layer():
    with open("/bin/busybox", "rb") as file:
        busybox = file.read()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in ("bin", "etc", "proc", "sys", "dev", "tmp", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        _add(layer, "bin/busybox", busybox, 0o755)
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(entry)
        _add(layer, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n")
        _add(layer, "etc/group", b"root:x:0:\n")
        _add(layer, "www/index.html", PAGE.encode())
    return buffer.getvalue()


def write(path):
    layer = _layer()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
                         "history": [{"created_by": "plumb"}]}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": [NAME], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        _add(archive, name, config)
        _add(archive, "layer.tar", layer)
        _add(archive, "manifest.json", manifest)
