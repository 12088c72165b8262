#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""recorded.py OUT SAID - whether OUT's metadata.json says of a pipeline what its library says

SAID is what make_pipelines.py put down: the kind, the modules, the dimension of what comes out,
prompts, how the poolings pool.
"""
import json
import os
import sys

# Ours for the library's.
POOLINGS = {"mean_sqrt_len_tokens": "mean_sqrt_len"}


def load(*path):
    with open(os.path.join(*path), encoding="utf-8") as stream:
        return json.load(stream)


def is_step(entry):
    """Those inside a Router stand behind it: QUERY_0_Dense"""
    name = os.path.basename(entry["folder"])
    return not name or name.split("_")[0].isdigit()


def told(out):
    metadata = load(out, "metadata.json")
    pipeline = metadata["fletch"].get("pipeline", {})
    modules = pipeline.get("modules", [])
    return {"model_type": pipeline.get("model_type"),
            "dimension": metadata.get("embedding_dimension"),
            "prompts": pipeline.get("prompts"),
            "default_prompt_name": pipeline.get("default_prompt_name"),
            "poolings": [entry["modes"] for entry in modules if entry["module"] == "Pooling"],
            "modules": [entry["module"] for entry in modules if is_step(entry)]}


def differences(out, said):
    """The keys of which both say something else"""
    ours = told(out)
    said = dict(said, poolings=[[POOLINGS.get(mode, mode) for mode in modes]
                                for modes in said["poolings"]])
    if "Router" in said["modules"]:
        ours["modules"] = [kind for kind in ours["modules"] if kind in said["modules"]]
    # a reranker has no dimension; model2vec says nothing of prompts and kinds
    keys = [key for key in said
            if not (key == "dimension" and said[key] is None)
            and not (ours["model_type"] is None and key in ("model_type", "prompts"))]
    return ["%s: we say %s, the library %s" % (key, json.dumps(ours[key]),
                                               json.dumps(said[key]))
            for key in keys if ours[key] != said[key]]


if __name__ == "__main__":
    print("\n".join(differences(sys.argv[1], load(sys.argv[2])) or
                    ["as the library says"]))
