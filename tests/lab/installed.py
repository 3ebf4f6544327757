"""The files of each component that `cmake --install` knows, from the folders of the tree."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = {path.parent.name for folder in ("plugins", "ipam") for path in (ROOT / folder).glob("*/CMakeLists.txt")
           if "cni_plugin(" in path.read_text(encoding="utf-8")}
DOCUMENTS = "share/doc/plumb"
UNIT = "lib/systemd/system/plumbd.service"


def of_program(name, folder, manual):
    return {f"{folder}/{name}", f"share/man/man{manual[-1]}/{manual}", f"share/bash-completion/completions/{name}",
            f"share/zsh/site-functions/_{name}", f"share/fish/vendor_completions.d/{name}.fish"}


def schemas():
    return {f"{DOCUMENTS}/schema/{path.name}" for path in (ROOT / "docs/schema").iterdir()}


def examples():
    files = [path.relative_to(ROOT / "conf-examples") for path in (ROOT / "conf-examples").rglob("*") if path.is_file()]
    return {f"{DOCUMENTS}/examples/{file}" for file in files if file.name != "plumbd.service"}


COMPONENTS = {
    "plugins": {f"/opt/cni/bin/{name}" for name in PLUGINS} | {f"share/man/man8/plumb-{name}.8" for name in PLUGINS},
    "tools": of_program("cnitool", "bin", "cnitool.1") | {"bin/cnitool-conformance", "share/man/man1/cnitool-conformance.1"},
    "agent": of_program("plumbd", "sbin", "plumbd.8") | {UNIT, "lib/tmpfiles.d/plumb.conf"},
    "examples": examples() | schemas() | {f"{DOCUMENTS}/plumbd.yaml", f"{DOCUMENTS}/LICENSE"},
}


def placed(prefix, *components):
    """The files of some components, as absolute paths."""
    return {name if name.startswith("/") else f"{prefix}/{name}" for each in components for name in COMPONENTS[each]}
