# SPDX-License-Identifier: MIT
"""fletch.Tensor: buffers, DLPack of both kinds, indices; and who keeps its memory."""
import ctypes
import gc
import importlib.util
import pathlib
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fletch

spec = importlib.util.spec_from_file_location("reading",
                                              pathlib.Path(__file__).parent / "reading.py")
reading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reading)

TENSORS = reading.tensors()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return reading.convert(tmp_path_factory.mktemp("tensor"), TENSORS, compression="none")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """What fletch does not write: a bfloat16, a float8, a type that nobody knows."""
    path = tmp_path_factory.mktemp("foreign") / "weights.parquet"
    values = [("brain", "torch.bfloat16", np.arange(6, dtype="<u2") * 256 + 0x3f80, [2, 3]),
              ("eight", "torch.float8_e4m3fn", np.arange(4, dtype=np.uint8), [4]),
              ("wide", "torch.complex64", np.array([1 + 2j], np.complex64), [1]),
              ("strange", "torch.quint4x2", np.arange(3, dtype=np.uint8), [3])]
    pq.write_table(pa.table({
        "layer_name": [row[0] for row in values],
        "shape": pa.array([row[3] for row in values], pa.list_(pa.int32())),
        "dtype": [row[1] for row in values],
        "data": pa.array([row[2].tobytes() for row in values], pa.binary()),
        "num_params": pa.array([row[2].size for row in values], pa.int64())}), path)
    return path


@pytest.mark.parametrize("mmap", [False, True])
def test_buffers(plain, mmap):
    with fletch.safe_open(plain, None, mmap=mmap) as file:
        for name, tensor in file.items():
            array = TENSORS[name]
            view = memoryview(tensor)
            assert view.readonly is tensor.readonly is mmap
            assert view.shape == tensor.shape == array.shape
            assert view.strides == tensor.strides == array.strides or not array.size
            assert view.nbytes == tensor.nbytes == array.nbytes
            assert view.itemsize == tensor.itemsize == array.itemsize
            assert (tensor.ndim, tensor.size) == (array.ndim, array.size)
            assert tensor.dtype == array.dtype.name
            assert tensor.tobytes() == array.tobytes()
            reading.assert_same(np.asarray(tensor), array)
            if mmap:
                with pytest.raises(TypeError, match="not writable"):
                    (ctypes.c_char * tensor.nbytes).from_buffer(tensor)
        assert repr(file["small"]) == "<fletch.Tensor int8 (6, 3)>"
        with pytest.raises(TypeError, match="without dimensions"):
            len(file["scale"])
        assert len(file["small"]) == 6
    with pytest.raises(TypeError, match="cannot create"):
        fletch.Tensor()


@pytest.mark.parametrize("mmap", [False, True])
def test_dlpack(plain, mmap):
    with fletch.safe_open(plain, None, mmap=mmap) as file:
        for name, tensor in file.items():
            assert tensor.__dlpack_device__() == (1, 0)
            array = np.from_dlpack(tensor)
            reading.assert_same(array, TENSORS[name])
            assert array.flags.writeable is not mmap
            if array.size:
                assert array.ctypes.data == np.asarray(tensor).ctypes.data
            copied = np.from_dlpack(tensor, copy=True)
            reading.assert_same(copied, TENSORS[name])
            assert copied.ctypes.data != array.ctypes.data
            assert "dltensor_versioned" in repr(tensor.__dlpack__(max_version=(1, 0)))
            if mmap:
                with pytest.raises(BufferError, match="read only"):
                    tensor.__dlpack__()
            else:
                assert '"dltensor"' in repr(tensor.__dlpack__())
        part = file["small"][::-2, 1:]
        reading.assert_same(np.from_dlpack(part), TENSORS["small"][::-2, 1:])
        reading.assert_same(np.from_dlpack(part, copy=True), TENSORS["small"][::-2, 1:])
        tensor = file["small"]
        for keywords, error in [({"stream": 1}, BufferError), ({"dl_device": (2, 0)}, BufferError),
                                ({"max_version": 1}, TypeError), ({"max_version": ()}, TypeError),
                                ({"dl_device": ("a", 0)}, TypeError), ({"more": 1}, TypeError)]:
            with pytest.raises(error):
                tensor.__dlpack__(**keywords)


def test_types_that_buffers_do_not_have(foreign):
    with fletch.safe_open(foreign, None) as file:
        brain = file["brain"]
        assert brain.dtype == "bfloat16" and brain.shape == (2, 3)
        for take in (memoryview, np.asarray):
            with pytest.raises((BufferError, TypeError), match="bfloat16.*view..uint16.."):
                take(brain)
        bits = np.asarray(brain.view("uint16"))
        assert bits.tolist() == [[0x3f80, 0x4080, 0x4180], [0x4280, 0x4380, 0x4480]]
        assert np.asarray(file["eight"].view("uint8")).tolist() == [0, 1, 2, 3]
        assert np.asarray(file["wide"]).tolist() == [1 + 2j]
        for name in ("int8", "float32", "nothing"):
            with pytest.raises(ValueError, match=f"view: {name} is .*expected a type of 2 bytes"):
                brain.view(name)
        with pytest.raises(fletch.UnsupportedError, match="row 'strange': of unknown type"):
            file["strange"]
        capsule = brain.__dlpack__()  # of type code 4, 16 bits
        ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
        ctypes.pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        at = ctypes.pythonapi.PyCapsule_GetPointer(capsule, b"dltensor")
        assert ctypes.string_at(at + 20, 4) == bytes([4, 16, 1, 0])
    with fletch.safe_open(foreign) as file:
        with pytest.raises(fletch.UnsupportedError, match="numpy has no bfloat16"):
            file["brain"]


def test_types_and_names_as_they_are(tmp_path):
    """Labels that the bytes belie, as files of old have them; a name that is no UTF-8."""
    path = tmp_path / "weights.parquet"
    pq.write_table(pa.table({
        "layer_name": pa.array([b"half", b"\xff"], pa.binary()),
        "shape": pa.array([[4], [1]], pa.list_(pa.int32())),
        "dtype": ["torch.float32", "torch.float32"],
        "data": pa.array([np.arange(4, dtype=np.float16).tobytes(), b"1234"], pa.binary()),
        "num_params": pa.array([4, 1], pa.int64())}), path)
    with fletch.safe_open(path) as file:
        part = file.get_slice("half")
        assert part.get_dtype() == "F16" and part[1:3].dtype == np.float16
        assert file.facts("half") == ("float16", (4,))
        assert file.keys() == ["half", "\udcff"] and file["\udcff"].tobytes() == b"1234"


def test_array_is_asked_for_by_name(plain, foreign):
    """As libraries do that know numpy's protocol and no buffers."""
    with fletch.safe_open(plain, None) as file:
        for name, tensor in file.items():
            array = tensor.__array__()
            reading.assert_same(array, TENSORS[name])
            assert tensor.__array__("float64").dtype == np.float64
            if array.size:
                assert array.ctypes.data == np.asarray(tensor).ctypes.data, "copied"
                assert tensor.__array__(copy=True).ctypes.data != array.ctypes.data
        reading.assert_same(file["small"][::-2].__array__(), TENSORS["small"][::-2])
        with pytest.raises(TypeError):
            tensor.__array__(1, 2, 3)
        with pytest.raises(TypeError, match="nonsense"):
            tensor.__array__("nonsense")
    with fletch.safe_open(foreign, None) as file:
        with pytest.raises(TypeError, match="numpy has no bfloat16: .*view..uint16.."):
            file["brain"].__array__()


ND, STRIDES, C_ORDER, F_ORDER, ANY_ORDER = 8, 0x18, 0x38, 0x58, 0x98


@pytest.mark.parametrize("index,refused", [
    (np.s_[:], [F_ORDER]), (np.s_[::2, ::2], [0, ND, C_ORDER, F_ORDER, ANY_ORDER]),
    (np.s_[:1], []), (np.s_[:, :1], [0, ND, C_ORDER, F_ORDER, ANY_ORDER]), (np.s_[:0], []),
    (np.s_[1, 2], [])])
def test_buffers_have_the_order_that_is_asked_for(plain, index, refused):
    with fletch.safe_open(plain, None) as file:
        tensor = file["small"][index]
    get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
    for flags in (0, ND, STRIDES, C_ORDER, F_ORDER, ANY_ORDER):
        view = ctypes.create_string_buffer(256)
        if flags in refused:
            with pytest.raises(BufferError, match="order"):
                get(ctypes.py_object(tensor), view, flags)
        else:
            get(ctypes.py_object(tensor), view, flags)
            release(view)


def test_steps_of_any_length(plain):
    with fletch.safe_open(plain, None) as file:
        for step in (2**63 - 1, -2**63, 2**70, 10**9):
            tensor, array = file["embed.weight"][::step, 3:], TENSORS["embed.weight"]
            assert tensor.shape == (1, 61) and tensor.strides == (256, 4)
            assert np.array_equal(np.asarray(tensor), array[::step, 3:])


INDEX = st.one_of(st.integers(-7, 7), st.slices(7), st.just(...),
                  st.builds(slice, st.one_of(st.none(), st.integers(-9, 9)),
                            st.one_of(st.none(), st.integers(-9, 9)),
                            st.sampled_from([None, 1, 2, -1, -3])))


@settings(deadline=None, max_examples=150)
@given(index=st.one_of(INDEX, st.lists(INDEX, max_size=5).map(tuple)),
       again=st.one_of(st.just(...), INDEX))
def test_indices_are_numpys(plain, index, again):
    array = TENSORS["layer.1.weight"]
    with fletch.safe_open(plain, None) as file:
        tensor = file["layer.1.weight"]
        try:
            expected = array[index][again]
        except IndexError:
            with pytest.raises(IndexError):
                tensor[index][again]
            return
        found = tensor[index][again]
        assert found.shape == expected.shape
        assert np.array_equal(np.asarray(found), expected)
        assert found.tobytes() == expected.tobytes()
        assert np.array_equal(np.asarray(found.contiguous()), expected)
        assert memoryview(found.contiguous()).c_contiguous


def test_indices_of_other_kinds(plain):
    with fletch.safe_open(plain, None) as file:
        for index in ("a", [1], None, 1.5, np.array([1])):
            with pytest.raises(TypeError):
                file["small"][index]
        with pytest.raises(ValueError, match="zero"):
            file["small"][::0]
        with pytest.raises(IndexError, match="too many indices: the tensor has 2 dimensions"):
            file["small"][0, 0, 0]


def test_memory_is_let_go_of_by_the_last_holder(plain):
    file = fletch.safe_open(plain, None)
    tensor = file["embed.weight"]
    holders = [np.from_dlpack(tensor), np.asarray(tensor), tensor[3:], memoryview(tensor)[1:],
               np.from_dlpack(tensor[:, 2:])]
    capsules = [tensor.__dlpack__(), tensor.__dlpack__(max_version=(1, 1))]
    file.close()
    del file, tensor, capsules
    gc.collect()
    while len(holders) > 1:
        del holders[0]
    array = TENSORS["embed.weight"][:, 2:]
    done = []

    def let_go(last):
        done.append(np.array_equal(last, array))

    thread = threading.Thread(target=let_go, args=tuple(holders))
    holders.clear()
    thread.start()
    thread.join()
    assert done == [True]
