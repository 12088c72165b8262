#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""layout.py FLETCH WORK - the bytes of our files, looked at by a parser that is not ours

The rules of docs/output.md: one V1 page for each value of `data`, PLAIN, no dictionary; one
zstd frame in it, with its content size and a window of at most 8 MiB, or one gzip member; the
CRC right; both annotations; padding that only a field with a short id makes; an offset index;
no minimum or maximum of `data`; row groups of at most 256 MiB of content, unless one value is
larger; each where splits of the file find it.
"""
import os
import shutil
import struct
import sys
import zlib

import pyarrow
import pyarrow.parquet

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from compact import Compact  # noqa: E402
from footer import midpoint_problems, read_footer  # noqa: E402
from made import MIB, make_sparse, make_tiny  # noqa: E402
from tap_points import Tap, load_json, run, sha256  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
TAP = Tap()
CODECS = {"none": 0, "snappy": 1, "gzip": 2, "zstd": 6, "lz4": 7}
ARROW_CODECS = {1: "snappy", 2: "gzip", 6: "zstd", 7: "lz4_raw"}
PAD_FIELD = 20
SMALL_SIZE = 1024
# What a row may cost beside its value.
ROW_COST_MAX = 60
TINY_ROWS = 10000
GROUP_CONTENT_MAX = 256 * MIB


def frame_of(body):
    """(end of the first zstd frame, content size or None, window)"""
    assert body[:4] == b"\x28\xb5\x2f\xfd"
    descriptor, at = body[4], 5
    single = descriptor >> 5 & 1
    window = None
    if not single:
        exponent, mantissa = body[at] >> 3, body[at] & 7
        window = (1 << 10 + exponent) * (8 + mantissa) // 8
        at += 1
    at += (0, 1, 2, 4)[descriptor & 3]
    width = ((1 if single else 0), 2, 4, 8)[descriptor >> 6]
    content = None
    if width:
        content = int.from_bytes(body[at:at + width], "little") + (256 if width == 2 else 0)
        at += width
    while True:
        block = int.from_bytes(body[at:at + 3], "little")
        at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        if block & 1:
            return at + (4 if descriptor >> 2 & 1 else 0), content, window or content


def page_problems(data, header, body, codec):
    problems = []
    content_size = header[2]
    page = header.get(5)
    if header[1] != 0 or page is None:
        return ["not a V1 data page: %r" % header]
    if page[1] != 1 or page[2] != 0:
        problems.append("%d values, encoding %d" % (page[1], page[2]))
    if 5 in page and (set(page[5]) & {1, 2, 5, 6}):
        problems.append("minimum or maximum in the page header")
    if 4 not in header or header[4] & 0xffffffff != zlib.crc32(body):
        problems.append("CRC %r, computed %#x" % (header.get(4), zlib.crc32(body)))
    if codec == 6:
        end, content, window = frame_of(body)
        if end != len(body) or content != content_size or window > 8 * MIB:
            problems.append("frame ends at %d of %d, content %r of %d, window %d"
                            % (end, len(body), content, content_size, window))
    if codec == 2:
        member = zlib.decompressobj(zlib.MAX_WBITS + 16)
        content = len(member.decompress(body))
        if not member.eof or member.unused_data or content != content_size:
            problems.append("%d bytes behind the first gzip member of %d, content %d of %d"
                            % (len(member.unused_data), len(body), content, content_size))
    plain = body
    if codec:
        plain = pyarrow.decompress(body, decompressed_size=content_size,
                                   codec=ARROW_CODECS[codec], asbytes=True)
    if plain[:6] != b"\x02\0\0\0\x02\x01" or len(plain) != content_size or \
            struct.unpack("<I", plain[6:10])[0] != len(plain) - 10:
        problems.append("content begins %r" % plain[:10])
    return problems


def header_problems(data, offset, size, header, codec):
    """A page's header of `size` bytes: padded so that the value behind it is aligned, and in
    a field whose number stands in its first byte, which is how fastparquet steps over it"""
    problems = []
    small = header[2] - 10 <= SMALL_SIZE
    if set(header) - {1, 2, 3, 4, 5, PAD_FIELD}:
        problems.append("fields %s" % sorted(header))
    padding = len(header.get(PAD_FIELD, b""))
    if PAD_FIELD in header:
        at = offset + size - 1 - padding - 2
        wanted = bytes([PAD_FIELD - 5 << 4 | 8, padding]) + bytes(padding + 1)
        if codec or bytes(data[at:offset + size]) != wanted:
            problems.append("padding of %d bytes is %r" % (padding, data[at:at + 2]))
    if not codec and (offset + size + 10) % (8 if small else 64):
        problems.append("a value of %d bytes at %d" % (header[2] - 10, offset + size + 10))
    if small and size - (padding + 2 if PAD_FIELD in header else 0) > 25:
        problems.append("a header of %d bytes" % size)
    return problems


def data_pages(data, chunk):
    """[(offset, header, body)] of a chunk, which they fill without a gap"""
    meta = chunk[3]
    at, end = meta[9], meta[9] + meta[7]
    pages = []
    while at < end:
        parser = Compact(data, at)
        header = parser.struct()
        pages.append((at, header, data[parser.at:parser.at + header[3]]))
        at = parser.at + header[3]
    assert at == end, "pages end at %d, the chunk at %d" % (at, end)
    return pages


def check_schema(name, footer):
    def element(entry):
        logical = sorted(entry[10]) if 10 in entry else None
        return (entry[4].decode(), entry.get(1), entry.get(3), entry.get(5), entry.get(6),
                logical)
    text = (6, 1, None, 0, [1])
    TAP.equal([element(entry) for entry in footer[2]][1:],
              [("layer_name",) + text, ("shape", None, 1, 1, 3, [3]),
               ("list", None, 2, 1, None, None), ("element", 1, 1, None, None, None),
               ("dtype",) + text, ("data", 6, 1, None, None, None),
               ("num_params", 2, 1, None, None, None)],
              name + ": the schema, with both annotations")
    TAP.ok(footer[1] in (1, 2) and footer[6].startswith(b"fletch version "),
           name + ": footer version and created_by", (footer[1], footer.get(6)))
    version = footer[6].removeprefix(b"fletch version ")
    TAP.equal(footer[5], [{1: b"fletch.version", 2: version}], name + ": its one key")
    TAP.equal(footer[7], [{1: {}}] * 5, name + ": column orders")


def check_group(data, group, scalars, codec):
    chunks = {b".".join(chunk[3][3]).decode().split(".")[0]: chunk for chunk in group[1]}
    problems = []
    if [b".".join(chunk[3][3]).decode() for chunk in group[1]] != \
            ["layer_name", "shape.list.element", "dtype", "data", "num_params"]:
        problems.append("columns %s" % [chunk[3][3] for chunk in group[1]])
    values = chunks["data"]
    pages = data_pages(data, values)
    if len(pages) != group[3]:
        problems.append("%d pages of data for %d rows" % (len(pages), group[3]))
    for offset, header, body in pages:
        parser = Compact(data, offset)
        parser.struct()
        problems += ["page at %d: %s" % (offset, why)
                     for why in page_problems(data, header, body, values[3][4]) +
                     header_problems(data, offset, parser.at - offset, header,
                                     values[3][4])]
    if set(values[3].get(12, {})) - {3}:
        problems.append("statistics of data: %s" % sorted(values[3][12]))
    if 11 in values[3] or values[3][2].count(2) or values[3][2].count(8):
        problems.append("a dictionary in data")
    if values[3][4] not in (codec, 0):
        problems.append("codec %d" % values[3][4])
    if 4 not in values:
        problems.append("no offset index for data")
    else:
        index = Compact(data, values[4]).struct()
        found = [(entry[1], entry[2], entry[3]) for entry in index[1]]
        ends = [offset for offset, _, _ in pages[1:]] + [values[3][9] + values[3][7]]
        wanted = [(offset, end - offset, row)
                  for row, ((offset, _, _), end) in enumerate(zip(pages, ends))]
        if found != wanted:
            problems.append("offset index %s, pages %s" % (found[:3], wanted[:3]))
    for column, chunk in chunks.items():
        # An empty list is an entry without a value, which readers count as a null.
        nulls = scalars if column == "shape" else 0
        if chunk[3].get(12, {}).get(3) != nulls:
            problems.append("%s: null_count %r of %d" % (column, chunk[3].get(12), nulls))
        if column in ("layer_name", "num_params") and \
                not {5, 6} <= set(chunk[3].get(12, {})):
            problems.append("%s: no minimum and maximum" % column)
    if {chunk[3][4] for chunk in chunks.values()} - {codec, 0}:
        problems.append("codecs %s" % [chunk[3][4] for chunk in chunks.values()])
    total = sum(chunk[3][6] for chunk in group[1])
    if group[2] != total:
        problems.append("total_byte_size %d, columns say %d" % (group[2], total))
    return problems


def check_file(name, path, codec):
    with open(path, "rb") as stream:
        data = stream.read()
    footer = read_footer(data)
    check_schema(name, footer)
    opened = pyarrow.parquet.ParquetFile(path)
    problems, contents = midpoint_problems(footer), []
    for i, group in enumerate(footer[4]):
        shapes = opened.read_row_group(i, ["shape"]).column("shape").to_pylist()
        problems += ["row group %d: %s" % (i, why)
                     for why in check_group(data, group, shapes.count([]), CODECS[codec])]
        values = [chunk for chunk in group[1] if chunk[3][3] == [b"data"]][0]
        contents.append([header[2] for _, header, _ in data_pages(data, values)])
    TAP.ok(not problems, name + ": every page, chunk and index of %d row groups"
           % len(footer[4]), "\n".join(problems[:12]))
    TAP.equal(footer[3], sum(map(len, contents)), name + ": num_rows")
    large = [i for i, group in enumerate(contents)
             if sum(group) > GROUP_CONTENT_MAX and len(group) > 1]
    eager = [i for i, (a, b) in enumerate(zip(contents, contents[1:]))
             if sum(a) + b[0] <= GROUP_CONTENT_MAX]
    TAP.ok(not large and not eager, name + ": row groups near 256 MiB",
           "too large %s, cut early %s of %s" % (large, eager, contents))
    return contents


def check_hashes(name, out):
    """metadata.json's sha256 of each row is that of the bytes in the file"""
    rows = pyarrow.parquet.read_table(os.path.join(out, "weights.parquet")).to_pylist()
    said = {row: entry["sha256"]
            for row, entry in load_json(out, "metadata.json")["fletch"]["rows"].items()}
    TAP.equal(said, {row["layer_name"]: sha256(row["data"]) for row in rows},
              name + ": metadata.json has the sha256 of every row")


def check_cost(name, path, codec):
    """What rows cost beside their values: `data`, and where nothing is compressed, which
    leaves names, shapes and counts as they are, those of all columns"""
    values = 0
    for row in pyarrow.parquet.read_table(path).to_pylist():
        values += len(row["data"])
        if codec == "none":
            values += len(row["layer_name"]) + 4 * len(row["shape"]) + 8
    cost = (os.path.getsize(path) - values) / TINY_ROWS
    TAP.ok(cost <= ROW_COST_MAX, "%s: a row costs at most %d bytes beside its value"
           % (name, ROW_COST_MAX), "%.2f bytes" % cost)


def convert(model, out, codec, *more):
    done = run(FLETCH, "convert", "--quiet", "--model", model, "--output", out, "--type",
               "transformers", "--compression", codec, *more)
    return TAP.ok(done.returncode == 0, "%s with %s converts"
                  % (os.path.basename(model), codec), done.stderr)


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    models = os.path.join(WORK, "models")
    os.makedirs(WORK)
    maker = os.path.join(os.path.dirname(FLETCH), "tests", "make", "make_models")
    assert run(maker, models, "bert", "odd", "empty", "large").returncode == 0
    for codec in CODECS:
        for model in ("bert", "odd", "empty"):
            name = "%s-%s" % (model, codec)
            out = os.path.join(WORK, name)
            if convert(os.path.join(models, model), out, codec):
                check_file(name, os.path.join(out, "weights.parquet"), codec)
                check_hashes(name, out)
    for codec, level in (("zstd", "1"), ("zstd", "19"), ("zstd", "22"), ("gzip", "1"),
                         ("gzip", "6"), ("gzip", "12")):
        name = "large-%s-%s" % (codec, level)
        out = os.path.join(WORK, name)
        if convert(os.path.join(models, "large"), out, codec, "--compression-level", level,
                   "--no-validate"):
            check_file(name, os.path.join(out, "weights.parquet"), codec)
    for codec in ("none", "zstd"):
        name = "fletch_data_first_%s.parquet" % codec
        with open(os.path.join(os.path.dirname(HERE), "foreign", name), "rb") as stream:
            TAP.ok(midpoint_problems(read_footer(stream.read())), name + ": Spark may lose rows")
    sparse, out = os.path.join(models, "zeros"), os.path.join(WORK, "zeros")
    make_sparse(sparse, [100 * MIB, 100 * MIB, 100 * MIB, 260 * MIB, 10 * MIB])
    if convert(sparse, out, "zstd"):
        contents = check_file("zeros", os.path.join(out, "weights.parquet"), "zstd")
        TAP.equal([len(group) for group in contents], [2, 1, 1, 1],
                  "zeros: rows of each row group")
    tiny = os.path.join(models, "tiny")
    make_tiny(tiny, TINY_ROWS)
    for codec in CODECS:
        name = "tiny-" + codec
        path = os.path.join(WORK, name, "weights.parquet")
        if convert(tiny, os.path.dirname(path), codec):
            check_file(name, path, codec)
            check_hashes(name, os.path.dirname(path))
            check_cost(name, path, codec)
    shutil.rmtree(WORK)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
