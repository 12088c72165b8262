# SPDX-License-Identifier: MIT
"""footer.py - a Parquet file's footer, and to which split each row group belongs"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compact import Compact  # noqa: E402


def read_footer(data):
    size, = struct.unpack("<I", data[-8:-4])
    assert data[:4] == data[-4:] == b"PAR1"
    parser = Compact(data, len(data) - 8 - size)
    footer = parser.struct()
    assert parser.at == len(data) - 8, "bytes between footer and its length"
    return footer


def start_of(chunk):
    """Where a chunk begins: its dictionary, if it has one in front of its pages"""
    meta = chunk[3]
    return min(meta[9], meta[11]) if meta.get(11) else meta[9]


def midpoint_problems(footer):
    """parquet-java's rule, which Spark goes by: a group belongs to the split that holds the
    begin of the schema's first column plus half of the group's compressed size. That byte
    must be one of the group's own; otherwise splits of the file lose the group. And
    hyparquet's: a group ends where the schema's last column does."""
    problems, before = [], 4
    for i, group in enumerate(footer[4]):
        starts = [start_of(chunk) for chunk in group[1]]
        ends = [start_of(chunk) + chunk[3][7] for chunk in group[1]]
        middle = starts[0] + group[6] // 2
        if group[6] != sum(chunk[3][7] for chunk in group[1]):
            problems.append("row group %d: total_compressed_size %d" % (i, group[6]))
        if starts[0] != min(starts) or group[5] != starts[0]:
            problems.append("row group %d: begins at %d, file_offset %d, its first column "
                            "at %d" % (i, min(starts), group[5], starts[0]))
        if ends[-1] != max(ends):
            problems.append("row group %d: its last column ends at %d, another at %d"
                            % (i, ends[-1], max(ends)))
        if not min(starts) <= middle < max(ends) or min(starts) < before:
            problems.append("row group %d: middle %d, its bytes %d to %d, the last group's "
                            "end %d" % (i, middle, min(starts), max(ends), before))
        before = max(ends)
    return problems
