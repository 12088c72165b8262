#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""torch_rival.py FILE OUTPUT [PACKAGES] - pytorch_model.bin to Parquet with torch and pyarrow

What a careful script does: torch.load with weights_only where torch has it, float16, one row
group for each tensor, no dictionary, a sha256 of every row, then the file is read back and
compared with the tensors. PACKAGES is a folder of packages to look in first, for pyarrow;
numpy is not used, which torch and pyarrow may want in different versions.
"""
import hashlib
import inspect
import json
import os
import sys

sys.path[:0] = sys.argv[3:4]
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import torch  # noqa: E402

SCHEMA = pa.schema([("layer_name", pa.string()), ("shape", pa.list_(pa.int32())),
                    ("dtype", pa.string()), ("data", pa.binary()), ("num_params", pa.int64())])


def load(path):
    more = {"weights_only": True} if "weights_only" in inspect.signature(torch.load).parameters \
        else {}
    return torch.load(path, map_location="cpu", **more)


def bytes_of(tensor):
    """no copy: the tensor is what keeps them"""
    return pa.foreign_buffer(tensor.data_ptr(), tensor.numel() * tensor.element_size(), tensor)


def table_of(name, tensor):
    data = bytes_of(tensor)
    offsets = pa.array([0, data.size], pa.int32()).buffers()[1]
    columns = [pa.array([name]), pa.array([list(tensor.shape)], SCHEMA.field("shape").type),
               pa.array([str(tensor.dtype)]),
               pa.Array.from_buffers(pa.binary(), 1, [None, offsets, data]),
               pa.array([tensor.numel()])]
    return pa.table(columns, schema=SCHEMA)


def main():
    path, output = sys.argv[1:3]
    state = {name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
             for name, tensor in load(path).items()}
    os.makedirs(output, exist_ok=True)
    target, hashes = os.path.join(output, "weights.parquet"), {}
    with pq.ParquetWriter(target, SCHEMA, compression="zstd", compression_level=3,
                          use_dictionary=False, write_statistics=False) as writer:
        for name, tensor in state.items():
            hashes[name] = hashlib.sha256(bytes_of(tensor)).hexdigest()
            writer.write_table(table_of(name, tensor))
    file = pq.ParquetFile(target)
    for group, (name, tensor) in enumerate(state.items()):
        if not file.read_row_group(group).equals(table_of(name, tensor)):
            sys.exit(f"{name}: differs")
    with open(os.path.join(output, "metadata.json"), "w") as stream:
        json.dump(hashes, stream, indent=1)


if __name__ == "__main__":
    main()
