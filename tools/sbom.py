#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sbom.py PROGRAM [MAP [VERSION]] - what is linked into a program, as SPDX 2.3 JSON on stdout

Shared libraries are those that the program and they themselves name (readelf, ldd). Static ones
are those of which the linker took a member: MAP is what it wrote with -Wl,-Map. Versions are
those of the packages that own the files (dpkg). VERSION is ours, of what cannot be asked for
it. A library without a line in LICENSES is an error: somebody must look its licence up.
"""
import hashlib
import json
import os
import re
import subprocess
import sys

# library's name without lib and suffix: (name upstream, SPDX licence, where that is said)
LICENSES = {
    "c": ("glibc", "LGPL-2.1-or-later", "https://sourceware.org/glibc/"),
    "m": ("glibc", "LGPL-2.1-or-later", "https://sourceware.org/glibc/"),
    "ld-linux-x86-64": ("glibc", "LGPL-2.1-or-later", "https://sourceware.org/glibc/"),
    "ld-linux-aarch64": ("glibc", "LGPL-2.1-or-later", "https://sourceware.org/glibc/"),
    "gcc": ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org/"),
    "gcc_eh": ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org/"),
    "gcc_s": ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org/"),
    "stdc++": ("libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org/"),
    "zstd": ("zstd", "BSD-3-Clause OR GPL-2.0-only", "https://github.com/facebook/zstd"),
    "lz4": ("lz4", "BSD-2-Clause", "https://github.com/lz4/lz4"),
    "snappy": ("snappy", "BSD-3-Clause", "https://github.com/google/snappy"),
    "deflate": ("libdeflate", "MIT", "https://github.com/ebiggers/libdeflate"),
    "z": ("zlib", "Zlib", "https://zlib.net/"),
    "jansson": ("jansson", "MIT", "https://github.com/akheron/jansson"),
    "crypto": ("openssl", "Apache-2.0", "https://www.openssl.org/"),
}


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def bare(path):
    """libzstd.so.1.5.4 and libzstd.a are zstd; the loader keeps its name."""
    name = re.sub(r"\.(so[.\d]*|a)$", "", os.path.basename(path))
    return name.removeprefix("lib")


def shared(program):
    """Paths of the shared libraries that the loader would bring in."""
    found = re.findall(r"(?:=> )?(/\S+) \(0x", run("ldd", program)) \
        if "NEEDED" in run("readelf", "-d", program) else []
    return {path for path in found if not bare(path).startswith("fletch")}


def static(map_file):
    """Paths of the archives of which a member was linked, our own left out."""
    text = open(map_file, encoding="utf-8", errors="replace").read()
    members = re.findall(r"^(/\S+\.a)\(\S+\)", text, re.M)
    return {os.path.realpath(path) for path in members}


def version(path):
    """The version of the package that owns the file, as its distribution says it."""
    for name in (path, os.path.realpath(path), path.replace("/lib/", "/usr/lib/", 1)):
        try:
            package = run("dpkg", "-S", name).split("\n", 1)[0].rsplit(":", 1)[0]
            return run("dpkg-query", "-W", "-f", "${Version}", package)
        except subprocess.CalledProcessError:
            continue
    sys.exit(f"sbom.py: {path}: is of no installed package, expected one that says a version")


def package(ref, name, version_text, license_id, place):
    return {"SPDXID": ref, "name": name, "versionInfo": version_text, "downloadLocation": place,
            "filesAnalyzed": False, "licenseConcluded": license_id,
            "licenseDeclared": license_id, "copyrightText": "NOASSERTION"}


def main(program, map_file=None, own=None):
    own = own or re.search(r"^fletch (\S+)", run(program, "--version")).group(1)
    digest = hashlib.sha256(open(program, "rb").read()).hexdigest()
    top = package("SPDXRef-fletch", "fletch", own, "MIT", "NOASSERTION")
    top["checksums"] = [{"algorithm": "SHA256", "checksumValue": digest}]
    packages, relations = {"fletch": top}, []
    linked = [("DYNAMIC_LINK", path) for path in shared(program)]
    linked += [("STATIC_LINK", path) for path in (static(map_file) if map_file else ())]
    for kind, path in sorted(linked, key=lambda pair: (pair[0], bare(pair[1]))):
        if bare(path) not in LICENSES:
            sys.exit(f"sbom.py: {path}: has no line in LICENSES, expected its name and licence")
        name, license_id, place = LICENSES[bare(path)]
        ref = "SPDXRef-" + name.replace("+", "p")
        packages.setdefault(name, package(ref, name, version(path), license_id, place))
        relation = {"spdxElementId": "SPDXRef-fletch", "relationshipType": kind,
                    "relatedSpdxElement": ref}
        if relation not in relations:
            relations.append(relation)
    created = os.environ.get("SOURCE_DATE_EPOCH")
    moment = run("date", "-u", "-d", f"@{created}" if created else "now", "+%Y-%m-%dT%H:%M:%SZ")
    json.dump({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"fletch-{own}", "documentNamespace": f"urn:fletch:{own}:{digest}",
        "creationInfo": {"created": moment.strip(), "creators": ["Tool: fletch tools/sbom.py"]},
        "packages": list(packages.values()),
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                           "relatedSpdxElement": "SPDXRef-fletch"}] + relations,
    }, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        sys.exit("usage: tools/sbom.py PROGRAM [MAP [VERSION]]")
    main(*sys.argv[1:])
