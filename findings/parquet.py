# SPDX-License-Identifier: MIT
"""parquet.py - a small Parquet writer for the findings, which is free where chunks lie

Columns are REQUIRED, one page each, PLAIN, not compressed: what is valid and least.
"""
import struct

INT64, BYTE_ARRAY = 2, 6


def varint(number):
    text = b""
    while number > 127:
        text += bytes([number & 127 | 128])
        number >>= 7
    return text + bytes([number])


def zigzag(number):
    return varint(number << 1 ^ number >> 63)


def thrift(fields, long_ids=()):
    """A struct in Thrift's compact protocol: {id: value}; an int is an i32, a tuple
    ("i64", n), bytes a binary, a dict a struct, a list a list of one kind. Ids of long_ids, and
    those that are too far from the one before, stand in the long form."""
    text, last = b"", 0
    for field in sorted(fields):
        kind, value = encoded(fields[field])
        near = field not in long_ids and 0 < field - last <= 15
        text += bytes([field - last << 4 | kind]) if near else bytes([kind]) + zigzag(field)
        text, last = text + value, field
    return text + b"\0"


def encoded(value):
    """(kind, bytes)"""
    if isinstance(value, int):
        return 5, zigzag(value)
    if isinstance(value, tuple):
        return 6, zigzag(value[1])
    if isinstance(value, bytes):
        return 8, varint(len(value)) + value
    if isinstance(value, dict):
        return 12, thrift(value)
    items = [encoded(item) for item in value]
    assert len(items) < 15 and len({kind for kind, _ in items}) == 1
    return 9, bytes([len(items) << 4 | items[0][0]]) + b"".join(text for _, text in items)


def plain(kind, values):
    if kind == INT64:
        return struct.pack("<%dq" % len(values), *values)
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def write(path, columns, order, more=(), long_ids=()):
    """`columns` is [(name, kind, values)] as in the schema, `order` their names as in the
    file; `more` are further fields of each page's header, whose ids in long_ids are long"""
    data, places = b"PAR1", {}
    rows = len(columns[0][2])
    for name, kind, values in sorted(columns, key=lambda column: order.index(column[0])):
        body = plain(kind, values)
        header = {1: 0, 2: len(body), 3: len(body), 5: {1: rows, 2: 0, 3: 3, 4: 3}}
        header.update(more)
        page = thrift(header, long_ids) + body
        places[name] = (len(data), len(page))
        data += page
    chunks = [{2: ("i64", places[name][0]),
               3: {1: kind, 2: [0], 3: [name.encode()], 4: 0, 5: ("i64", rows),
                   6: ("i64", places[name][1]), 7: ("i64", places[name][1]),
                   9: ("i64", places[name][0])}} for name, kind, _ in columns]
    total = sum(size for _, size in places.values())
    group = {1: chunks, 2: ("i64", total), 3: ("i64", rows), 5: ("i64", 4), 6: ("i64", total)}
    schema = [{4: b"schema", 5: len(columns)}]
    schema += [{1: kind, 3: 0, 4: name.encode()} for name, kind, _ in columns]
    footer = thrift({1: 1, 2: schema, 3: ("i64", rows), 4: [group]})
    with open(path, "wb") as stream:
        stream.write(data + footer + struct.pack("<I", len(footer)) + b"PAR1")
