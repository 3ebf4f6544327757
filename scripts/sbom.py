#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes which libraries the programs of a release build contain or load, with versions and licences.

  scripts/sbom.py BUILD FOLDER

FOLDER gets plumb.spdx.json (SPDX 2.3) and libraries.copyright, the notices of these libraries. The libraries are found by
what the compiler read (ninja's log of dependencies) and what the linker got. A library without a line in LICENCES is an
error. SOURCE_DATE_EPOCH is the time of the document.
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Debian's package: the library, its licence as an SPDX expression, and its relation to the programs.
LICENCES = {
    "libc6-dev": ("glibc", "LGPL-2.1-or-later", "STATIC_LINK"),
    "libstdc++-12-dev": ("libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", "STATIC_LINK"),
    "libgcc-12-dev": ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "STATIC_LINK"),
    "linux-libc-dev": ("Linux headers", "GPL-2.0-only WITH Linux-syscall-note", "BUILD_DEPENDENCY_OF"),
    "libmnl-dev": ("libmnl", "LGPL-2.1-or-later", "STATIC_LINK"),
    "libnftnl-dev": ("libnftnl", "GPL-2.0-or-later", "STATIC_LINK"),
    "libmd-dev": ("libmd", "BSD-3-Clause AND BSD-2-Clause AND ISC AND Beerware", "STATIC_LINK"),
    "nlohmann-json3-dev": ("nlohmann-json", "MIT", "STATIC_LINK"),
    "libcli11-dev": ("CLI11", "BSD-3-Clause", "STATIC_LINK"),
    "libspdlog-dev": ("spdlog", "MIT", "STATIC_LINK"),
    "libfmt-dev": ("fmt", "MIT", "STATIC_LINK"),
    "libyaml-cpp-dev": ("yaml-cpp", "MIT", "STATIC_LINK"),
    "libmicrohttpd-dev": ("libmicrohttpd", "LGPL-2.1-or-later", "DYNAMIC_LINK"),
    "libcurl4-openssl-dev": ("libcurl", "curl", "OPTIONAL_DEPENDENCY_OF"),
}
# Libraries that the compiler adds to every program.
IMPLICIT = ("libc.a", "libstdc++.a", "libgcc.a", "libgcc_eh.a")


def output(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def shipped_files(build):
    """Headers and libraries outside the tree that went into the programs in bin/; the benchmarks are not shipped."""
    files, skip = set(), False
    for row in output("ninja", "-C", str(build), "-t", "deps").splitlines():
        if not row.startswith(" "):
            skip = row.startswith("tests/")
        elif row.strip().startswith("/") and not skip:
            files.add(os.path.normpath(row.strip()))
    for edge in re.findall(r"^build bin/.*?(?=^build |\Z)", (build / "build.ninja").read_text(encoding="utf-8"), re.M | re.S):
        for row in re.findall(r"LINK_LIBRARIES = (.*)", edge):
            files |= {os.path.normpath(word) for word in row.split() if re.match(r"/.*\.(a|so)$", word)}
    files |= {os.path.realpath(output("g++", f"-print-file-name={name}").strip()) for name in IMPLICIT}
    return {file for file in files if not file.startswith((str(ROOT), str(build))) or file.endswith("/libmnl.a")}


def owners(files):
    """Debian's packages of the files, and the version of each."""
    found = subprocess.run(["dpkg-query", "--search", *sorted(files)], text=True, capture_output=True, check=False).stdout
    owned, names = set(), set()
    for row in found.splitlines():
        packages, _, path = row.partition(": ")
        owned.add(path)
        names.add(packages.split(",")[0].split(":")[0])
    strangers = {file for file in files - owned if not file.endswith("/libmnl.a")}
    if strangers:
        sys.exit(f"sbom: files of no Debian package went into the build: {', '.join(sorted(strangers))}")
    return {name: output("dpkg-query", "--show", "--showformat=${Version}", name) for name in names}


def fetched_libmnl():
    """The version of the libmnl.a that scripts/deps fetches."""
    return re.search(r'^libmnl="libmnl-dev_(.*)_', (ROOT / "scripts/deps").read_text(encoding="utf-8"), re.M)[1]


def libraries(build):
    files = shipped_files(build)
    packages = owners(files)
    if any(file.endswith("build/deps/lib/libmnl.a") for file in files):
        packages["libmnl-dev"] = fetched_libmnl()
    unknown = sorted(set(packages) - set(LICENCES))
    if unknown:
        sys.exit(f"sbom: the build contains parts of {', '.join(unknown)}: add name, licence and relation to LICENCES in scripts/sbom.py")
    return dict(sorted(packages.items()))


def project_version():
    return re.search(r"^project\(plumb VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)[1]


def plumb_entry(version):
    return {"SPDXID": "SPDXRef-plumb", "name": "plumb", "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseDeclared": "Apache-2.0", "licenseConcluded": "Apache-2.0", "copyrightText": "NOASSERTION"}


def library_entry(package, version):
    name, licence, _ = LICENCES[package]
    return {"SPDXID": f"SPDXRef-{re.sub('[^A-Za-z0-9.-]', '-', package)}", "name": name, "versionInfo": version,
            "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseDeclared": licence, "licenseConcluded": licence, "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{package.replace('+', '%2B')}@{version}"}]}


def relation(package, entry):
    kind = LICENCES[package][2]
    ends = ("SPDXRef-plumb", entry["SPDXID"])
    first, second = reversed(ends) if kind.endswith("_OF") else ends
    return {"spdxElementId": first, "relationshipType": kind, "relatedSpdxElement": second}


def document(packages):
    version = project_version()
    entries = {package: library_entry(package, found) for package, found in packages.items()}
    digest = hashlib.sha256(json.dumps(packages).encode()).hexdigest()[:16]
    created = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"plumb-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/plumb-{version}-{digest}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: scripts/sbom.py"]},
        "packages": [plumb_entry(version), *entries.values()],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-plumb"},
                          *(relation(package, entry) for package, entry in entries.items())]}


def notices(packages):
    for package in packages:
        text = pathlib.Path(f"/usr/share/doc/{package}/copyright").read_text(encoding="utf-8", errors="replace")
        yield f"{'=' * 80}\n{LICENCES[package][0]}, from Debian's package {package}\n{'=' * 80}\n\n{text.rstrip()}\n"


def main():
    if len(sys.argv) != 3 or "SOURCE_DATE_EPOCH" not in os.environ:
        sys.exit(__doc__)
    build, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    packages = libraries(build)
    (folder / "plumb.spdx.json").write_text(json.dumps(document(packages), indent=1) + "\n", encoding="utf-8")
    (folder / "libraries.copyright").write_text("\n".join(notices(packages)), encoding="utf-8")


if __name__ == "__main__":
    main()
