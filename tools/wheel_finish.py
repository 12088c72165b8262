#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wheel_finish.py WHEEL SBOM FOLDER - the wheel with its SBOM and its manylinux tag, in FOLDER

Prints the new wheel's path and size. The tag is the oldest that `auditwheel show` finds the
wheel consistent with; RECORD is made anew. Times are those of SOURCE_DATE_EPOCH, or 1980's.
"""
import base64
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile


def platform_tag(wheel):
    said = subprocess.run([sys.executable, "-m", "auditwheel", "show", wheel], check=True,
                          capture_output=True, text=True).stdout
    found = re.search(r'following platform tag:\s*"(manylinux_\w+)"', said)
    if not found:
        sys.exit(f"wheel_finish.py: {wheel}: auditwheel finds no manylinux tag:\n{said}")
    return found.group(1)


def record_line(name, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def main(wheel, sbom, folder):
    name = os.path.basename(wheel)
    platform = platform_tag(wheel)
    old = name.removesuffix(".whl").rpartition("-")[2]
    with zipfile.ZipFile(wheel) as archive:
        files = {info.filename: (archive.read(info), info.external_attr)
                 for info in archive.infolist() if not info.is_dir()}
    info = next(path for path in files if path.endswith(".dist-info/WHEEL")).rpartition("/")[0]
    tags, mode = files[f"{info}/WHEEL"]
    files[f"{info}/WHEEL"] = (tags.replace(b"-" + old.encode(), b"-" + platform.encode()), mode)
    with open(sbom, "rb") as listed:
        files[f"{info}/sboms/fletch.spdx.json"] = (listed.read(), mode)
    del files[f"{info}/RECORD"]
    record = "".join(record_line(path, content) for path, (content, _) in files.items())
    files[f"{info}/RECORD"] = (f"{record}{info}/RECORD,,\n".encode(), mode)
    target = os.path.join(folder, name.replace(f"-{old}.whl", f"-{platform}.whl"))
    moment = max(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), 315532800)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, (content, attributes) in files.items():
            entry = zipfile.ZipInfo(path, time.gmtime(moment)[:6])
            entry.external_attr = attributes
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=9)
    print(target, os.path.getsize(target), "bytes")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: tools/wheel_finish.py WHEEL SBOM FOLDER")
    main(*sys.argv[1:])
