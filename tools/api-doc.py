#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""api-doc.py [--check] - docs/api-c.md, made from include/fletch/fletch.h

With --check nothing is written: exit status 1 says that the two differ.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADER = os.path.join(ROOT, "include", "fletch", "fletch.h")
PAGE = os.path.join(ROOT, "docs", "api-c.md")
SECTION = re.compile(r"/\* ---- (.*?) ----")
# What is there for the compiler alone.
SKIPPED = re.compile(r"#(ifn?def|if|else|endif|include|define FLETCH_(API|FLETCH_H))\b"
                     r"|extern \"C\"|^}$")
HEAD = """# The C API

Made from `include/fletch/fletch.h` by `tools/api-doc.py`; the header is what counts. Programs that
use it: [examples](../examples). `pkg-config --cflags --libs fletch`, or `find_package(fletch)`.
"""


def comment_text(lines):
    """The words of a comment, without its stars"""
    text = "\n".join(lines)
    text = re.sub(r"^/\*|\*/$", "", text.strip())
    return "\n".join(re.sub(r"^ ?\*? ?", "", line).rstrip() for line in text.split("\n")).strip()


def as_markdown(text):
    """Names as code, but for what is so already or in quotes"""
    def outside(words):
        words = words.replace("<", "&lt;").replace("*", r"\*")
        return re.sub(r"(?<![\w/.\"])((?:fletch_|FLETCH_)\w+)", r"`\1`", words)
    parts = text.split("`")
    parts[::2] = [outside(part) for part in parts[::2]]
    return "`".join(parts)


def chunks(lines):
    """('comment' or 'code', lines), in the header's order"""
    i = 0
    while i < len(lines):
        line = lines[i]
        begin = i
        if line.startswith("/*"):
            while "*/" not in lines[i]:
                i += 1
            yield "comment", lines[begin:i + 1]
        elif line.startswith("#define FLETCH_API_VERSION"):
            yield "code", [line]
        elif line.strip() and not SKIPPED.search(line):
            depth = 0
            while True:
                bare = re.sub(r"/\*.*?(\*/|$)", "", lines[i])
                depth += bare.count("{") - bare.count("}")
                if depth == 0 and bare.rstrip().endswith(";"):
                    break
                i += 1
            yield "code", [text.replace("FLETCH_API ", "") for text in lines[begin:i + 1]]
        else:
            yield "gap", []
        i += 1


def page():
    with open(HEADER, encoding="utf-8") as stream:
        lines = stream.read().split("\n")[1:]
    out, code = [HEAD], []

    def flush():
        if code:
            out.append("```c\n" + "\n".join(code) + "\n```\n")
            code.clear()

    for kind, chunk in chunks(lines):
        if kind == "code":
            code.extend(chunk)
            continue
        flush()
        if kind == "gap":
            continue
        section = SECTION.match(chunk[0])
        text = comment_text(chunk)
        if section:
            text = re.sub(r"^---- (.*?) ----\s*", "", text)
            title = section.group(1)
            out.append("## " + title[0].upper() + title[1:] + "\n")
        elif text.startswith("fletch.h"):
            text = text.split("\n", 1)[1].strip()
        if text:
            out.append(as_markdown(text) + "\n")
    flush()
    return "\n".join(out)


def main():
    made = page()
    if sys.argv[1:] == ["--check"]:
        with open(PAGE, encoding="utf-8") as stream:
            if stream.read() == made:
                return 0
        print("docs/api-c.md is not what tools/api-doc.py makes of fletch.h: run it")
        return 1
    with open(PAGE, "w", encoding="utf-8") as stream:
        stream.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
