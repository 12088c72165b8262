# SPDX-License-Identifier: MIT
"""fletch.open_checkpoint: what it lists and reads, beside other readers of the same files."""
import collections.abc
import json
import subprocess
import sys
import threading

import numpy
import pytest
import safetensors.numpy

import fletch


def test_is_a_mapping(golden):
    with fletch.open_checkpoint(golden("bert-safetensors")) as checkpoint:
        assert isinstance(checkpoint, collections.abc.Mapping)
        assert len(checkpoint) == len(list(checkpoint)) == 199
        assert checkpoint.format == "safetensors" and checkpoint.prefix == ""
        name = "embeddings.LayerNorm.bias"
        assert name in checkpoint and 3 not in checkpoint and "x" not in checkpoint
        tensor = checkpoint[name]
        assert (tensor.dtype, tensor.shape, tensor.count, tensor.nbytes) == \
            ("float32", (32,), 32, 128)
        assert tensor.file == "model.safetensors"
        assert checkpoint.get("x") is None
        with pytest.raises(KeyError) as failure:
            checkpoint["x"]
        assert isinstance(failure.value, fletch.Error) and failure.value.tensor == "x"
        assert str(failure.value) == f"{golden('bert-safetensors')}: no tensor 'x'"
        with pytest.raises(KeyError) as failure:
            checkpoint[3]
        assert failure.value.tensor == "3"


def test_values_are_safetensors(golden):
    theirs = safetensors.numpy.load_file(golden("bert-safetensors") / "model.safetensors")
    with fletch.open_checkpoint(golden("bert-safetensors")) as checkpoint:
        assert set(theirs) == set(checkpoint)
        for name, tensor in checkpoint.items():
            array = tensor.numpy()
            assert array.dtype == theirs[name].dtype and array.shape == theirs[name].shape
            assert array.tobytes() == theirs[name].tobytes() == tensor.read()
            assert numpy.array_equal(numpy.asarray(tensor), array)
            assert numpy.array_equal(numpy.from_dlpack(tensor), array)


def test_every_container_gives_the_same(golden):
    """The same weights as torch, safetensors and NumPy wrote them."""
    folder = golden("bert-safetensors").parents[1] / "containers"
    seen = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".py", ".txt", ".md", ".json"):
            continue
        with fletch.open_checkpoint(path) as checkpoint:
            values = {name: (tensor.dtype, tensor.shape, tensor.read())
                      for name, tensor in checkpoint.items()}
            seen.setdefault(tuple(values), []).append((path.name, values))
            assert len(values) > 0
    formats = [same for same in seen.values() if len(same) > 1]
    assert formats
    for same in formats:
        for name, values in same[1:]:
            assert values == same[0][1], (name, same[0][0])


def test_lists_what_the_command_lists(golden, command):
    for name in ("bert-pretraining-legacy-bin", "values-bin",
                 "bert-mlm-sharded"):
        told = json.loads(command("show", golden(name), "--json").stdout)
        with fletch.open_checkpoint(golden(name)) as checkpoint:
            assert checkpoint.format == told["format"]
            assert [(tensor.name, "torch." + tensor.dtype, list(tensor.shape), tensor.nbytes,
                     tensor.file) for tensor in checkpoint.values()] == \
                [(tensor["name"], tensor["dtype"], tensor["shape"], tensor["size"],
                  tensor["file"]) for tensor in told["tensors"]]


def test_pieces(golden):
    with fletch.open_checkpoint(golden("bert-safetensors")) as checkpoint:
        tensor = checkpoint["embeddings.word_embeddings.weight"]
        whole = tensor.read()
        assert tensor.read(5, 7) == whole[5:12] and tensor.read(len(whole)) == b""
        target = bytearray(9)
        tensor.readinto(target, 100)
        assert target == whole[100:109]
        tensor.readinto(memoryview(target)[2:4])
        assert target[2:4] == whole[:2]
        for begin, size in [(-1, 1), (0, -1), (1, len(whole)), (len(whole) + 1, None),
                            (2**62, 2**62)]:
            with pytest.raises(ValueError):
                tensor.read(begin, size)
        end = len(whole)
        for begin, size, words in [(end + 1, None, f"0 bytes from byte {end + 1} on"),
                                   (1, end, f"{end} bytes from byte 1 on")]:
            with pytest.raises(fletch.ArgumentError) as failure:
                tensor.read(begin, size)
            assert failure.value.tensor == tensor.name
            assert failure.value.path == golden("bert-safetensors")
            assert str(failure.value) == \
                f"tensor '{tensor.name}': {words} were asked for, it has {end}"
        with pytest.raises(TypeError, match="integer"):
            tensor.read("a")
        with pytest.raises((BufferError, TypeError)):
            tensor.readinto(b"12345")
        with pytest.raises(TypeError):
            tensor.readinto("text")


def test_what_numpy_lacks(golden):
    with fletch.open_checkpoint(golden("bert-bf16")) as checkpoint:
        tensor = next(iter(checkpoint.values()))
        assert tensor.dtype == "bfloat16" and len(tensor.read()) == 2 * tensor.count
        try:
            import ml_dtypes
        except ImportError:
            with pytest.raises(fletch.UnsupportedError, match="numpy has no bfloat16"):
                tensor.numpy()
        else:
            assert tensor.numpy().dtype == ml_dtypes.bfloat16


def test_closed(golden):
    checkpoint = fletch.open_checkpoint(golden("bert-safetensors"))
    tensor = checkpoint["embeddings.LayerNorm.bias"]
    checkpoint.close()
    checkpoint.close()
    assert tensor.shape == (32,) and len(checkpoint) == 199
    with pytest.raises(fletch.ArgumentError, match="^the checkpoint is closed: open it") as failure:
        tensor.read()
    assert failure.value.path == golden("bert-safetensors")


def test_one_is_itself_alone(golden):
    one, other = (fletch.open_checkpoint(golden("clip")) for _ in range(2))
    assert one == one and one != other and {one: 1, other: 2}[other] == 2


def test_a_tensor_keeps_its_checkpoint_open(golden):
    tensor = fletch.open_checkpoint(golden("bert-safetensors"))["embeddings.LayerNorm.bias"]
    assert len(tensor.read()) == 128


def test_threads_read_while_it_is_closed(golden):
    checkpoint = fletch.open_checkpoint(golden("values-bin"))
    expected = {name: tensor.read() for name, tensor in checkpoint.items()}
    wrong = []

    def read_all():
        try:
            for name, tensor in checkpoint.items():
                if tensor.read() != expected[name]:
                    wrong.append(name)
        except ValueError as failure:
            if "closed" not in str(failure):
                wrong.append(failure)

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    checkpoint.close()
    for thread in threads:
        thread.join()
    assert not wrong


def test_numpy_is_loaded_only_when_asked_for(golden):
    code = ("import sys, fletch\n"
            "c = fletch.open_checkpoint(sys.argv[1])\n"
            "t = next(iter(c.values())); t.read(); t.shape\n"
            "assert not {'numpy', 'torch', 'ml_dtypes'} & set(sys.modules)\n"
            "t.numpy(); assert 'numpy' in sys.modules\n")
    subprocess.run([sys.executable, "-c", code, golden("bert-safetensors")], check=True)


def test_prefix_and_type(golden):
    with fletch.open_checkpoint(golden("bert-mlm-sharded"), prefix="bert.embeddings") as part:
        assert part.prefix == "bert.embeddings" and "LayerNorm.weight" in part
    with pytest.raises(TypeError):
        fletch.open_checkpoint(golden("bert-mlm-sharded"), prefix=1)
    with pytest.raises(fletch.Error):
        fletch.open_checkpoint(golden("bert-mlm-sharded"), prefix="nowhere")
