#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usual.py MODEL OUTPUT - the conversion as it is usually written, to be compared with

Not part of `make bench`, since it needs about 5 GB of packages (pip install torch
transformers pyarrow). A text model through torch, transformers and pyarrow's defaults, ten
rows at a time, read back and compared; prints the seconds that each step took.
"""
import json
import os
import sys
import time


def main():
    path, output = sys.argv[1], sys.argv[2]
    steps, last = {}, time.perf_counter()

    def step(name):
        nonlocal last
        now = time.perf_counter()
        steps[name] = round(now - last, 3)
        last = now

    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch
    from transformers import AutoModel

    step("import")
    model = AutoModel.from_pretrained(path)
    model.eval()
    step("load")
    rows = []
    for name, tensor in model.state_dict().items():
        if tensor.dtype == torch.float32:
            tensor = tensor.half()
        array = tensor.cpu().numpy()
        rows.append(
            {
                "layer_name": name,
                "shape": list(array.shape),
                "dtype": str(tensor.dtype),
                "data": array.tobytes(),
                "num_params": array.size,
            }
        )
    step("cast")
    os.makedirs(output, exist_ok=True)
    schema = pa.schema(
        [
            ("layer_name", pa.string()),
            ("shape", pa.list_(pa.int32())),
            ("dtype", pa.string()),
            ("data", pa.binary()),
            ("num_params", pa.int64()),
        ]
    )
    file = os.path.join(output, "weights.parquet")
    with pq.ParquetWriter(file, schema, compression="zstd", compression_level=3) as writer:
        for begin in range(0, len(rows), 10):
            writer.write_table(pa.Table.from_pylist(rows[begin : begin + 10], schema=schema))
    step("write")
    for row, found in zip(rows, pq.read_table(file).to_pylist(), strict=True):
        if row != found:
            sys.exit(f"{row['layer_name']}: differs")
    step("verify")
    print(json.dumps({"seconds": steps, "sum": round(sum(steps.values()), 3)}))


if __name__ == "__main__":
    main()
