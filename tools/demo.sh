#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh FLETCH - converts, verifies and shows a small model of each family, made on the spot
set -eu
fletch=$1
models=$(dirname "$fletch")/tests/make/make_models
root=${DEMO_DIR:-demo}

rm -rf "$root"
mkdir -p "$root"
"$models" "$root/models"

say() {
    printf '\n$ %s\n' "$*"
    "$@"
}

for model in bert sentence electra clip whisper; do
    printf '\n==== %s ====\n' "$model"
    say "$fletch" convert --model "$root/models/$model" --output "$root/out/$model"
    say "$fletch" verify "$root/out/$model" --source "$root/models/$model"
    say "$fletch" show "$root/out/$model"
done
# Of a model that no family knows, every tensor is a row.
printf '\n==== any ====\n'
say "$fletch" convert --type any --model "$root/models/clip" --output "$root/out/any"

for family in $("$fletch" families | sed -n 's/^\([a-z-][a-z-]*\) .*/\1/p'); do
    grep -q "\"family\": \"$family\"" "$root"/out/*/metadata.json || {
        echo "demo.sh: no model of the family $family" >&2
        exit 1
    }
done

printf '\nEverything is in %s/out; for each model weights.parquet and metadata.json,\n' "$root"
printf 'and for text the tokenizer. Any Parquet reader opens it.\n'
