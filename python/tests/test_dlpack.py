"""DLPack: both capsules as their consumers read them, who keeps what alive, what is refused."""

import ctypes
import gc
import importlib.util

import numpy as np
import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.CFUNCTYPE(None, ctypes.c_void_p))]


class ManagedVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


api = ctypes.pythonapi
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_GetName.restype = ctypes.c_char_p
api.PyCapsule_GetName.argtypes = [ctypes.py_object]
USED = {b"dltensor": b"used_dltensor", b"dltensor_versioned": b"used_dltensor_versioned"}


class Consumer:
    """What a library does with a capsule: takes the tensor over, renames the capsule, calls the deleter at the end."""

    def __init__(self, capsule):
        self.kind = api.PyCapsule_GetName(capsule)
        pointer = api.PyCapsule_GetPointer(capsule, self.kind)
        self.managed = (Managed if self.kind == b"dltensor" else ManagedVersioned).from_address(pointer)
        self._pointer = pointer
        api.PyCapsule_SetName(capsule, USED[self.kind])
        self.tensor = self.managed.tensor
        self.shape = list(self.tensor.shape[: self.tensor.ndim])
        self.strides = list(self.tensor.strides[: self.tensor.ndim])

    def bytes(self, size):
        return ctypes.string_at(self.tensor.data + self.tensor.byte_offset, size)

    def delete(self):
        self.managed.deleter(self._pointer)


@pytest.fixture
def ends(name):
    with Reader(name, payload_size=10_000) as reader, Writer.open(name, timeout=0) as writer:
        yield reader, writer


@pytest.mark.parametrize(
    "dtype, code, bits", [("|b1", 6, 8), ("|u1", 1, 8), ("<i4", 0, 32), ("<f2", 2, 16), ("<f8", 2, 64), ("<c16", 5, 128)]
)
@pytest.mark.parametrize("max_version, kind", [(None, b"dltensor"), ((0, 8), b"dltensor"), ((1, 0), b"dltensor_versioned"), ((2, 1), b"dltensor_versioned")])
def test_a_capsule_describes_the_array_in_place(ends, dtype, code, bits, max_version, kind):
    reader, writer = ends
    array = np.asfortranarray(np.arange(6).astype(dtype).reshape(2, 3))
    writer.write_array(array)
    frame = reader.read(timeout=LIMIT)
    assert frame.__dlpack_device__() == (1, 0)
    consumer = Consumer(frame.__dlpack__(max_version=max_version))
    assert consumer.kind == kind
    tensor = consumer.tensor
    assert (tensor.device_type, tensor.device_id, tensor.code, tensor.bits, tensor.lanes) == (1, 0, code, bits, 1)
    assert (consumer.shape, consumer.strides) == ([2, 3], [1, 2])
    assert tensor.data == frame.as_array().__array_interface__["data"][0]
    assert consumer.bytes(array.nbytes) == array.tobytes(order="F")
    if kind == b"dltensor_versioned":
        assert (consumer.managed.major, consumer.managed.minor, consumer.managed.flags) == (1, 0, 1), "read-only"
    consumer.delete()


@pytest.mark.parametrize("max_version", [None, (1, 0)])
def test_a_capsule_holds_the_frame_until_its_consumer_is_done(name, max_version):
    reader = Reader(name, payload_size=10_000)
    writer = Writer.open(name, timeout=0)
    writer.write_array(np.arange(100, dtype="u1"))
    frame = reader.read(timeout=LIMIT)
    capsule = frame.__dlpack__(max_version=max_version)
    frame.release()
    assert reader.stats().held == 1
    consumer = Consumer(capsule)
    del capsule, frame
    gc.collect()
    assert reader.stats().held == 1
    reader.close()
    writer.close()
    assert consumer.bytes(100) == bytes(range(100))
    consumer.delete()
    del reader, writer


def test_a_capsule_that_nobody_takes_gives_the_frame_back(ends):
    reader, writer = ends
    for max_version in (None, (1, 0)):
        writer.write_array(np.arange(4))
        with reader.read(timeout=LIMIT) as frame:
            capsule = frame.__dlpack__(max_version=max_version)
        assert reader.stats().held == 1
        del capsule
        assert reader.stats().held == 0


def test_a_deleter_may_run_in_any_thread_without_the_gil(ends):
    reader, writer = ends
    writer.write_array(np.arange(4))
    with reader.read(timeout=LIMIT) as frame:
        consumer = Consumer(frame.__dlpack__())
    import threading

    # ctypes lets the GIL go for the call: the deleter must take it itself
    thread = threading.Thread(target=consumer.delete)
    thread.start()
    thread.join()
    assert reader.stats().held == 0


@pytest.mark.parametrize("max_version", [None, (1, 0)])
def test_a_copy_is_writable_and_holds_no_frame(ends, max_version):
    reader, writer = ends
    writer.write_array(np.arange(6, dtype="<i4").reshape(2, 3))
    frame = reader.read(timeout=LIMIT)
    consumer = Consumer(frame.__dlpack__(max_version=max_version, copy=True))
    frame.release()
    assert reader.stats().held == 0
    assert consumer.bytes(24) == np.arange(6, dtype="<i4").tobytes()
    assert (consumer.shape, consumer.strides) == ([2, 3], [3, 1])
    ctypes.memset(consumer.tensor.data, 9, 24)
    if max_version:
        assert consumer.managed.flags == 2, "copied, and not read-only"
    consumer.delete()


def test_numpy_takes_a_frame_without_a_copy(ends):
    reader, writer = ends
    writer.write_array(np.arange(6, dtype="<f4").reshape(2, 3))
    frame = reader.read(timeout=LIMIT)
    array = np.from_dlpack(frame)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]] and not array.flags.writeable
    assert array.__array_interface__["data"] == frame.as_array().__array_interface__["data"]
    frame.release()
    del frame
    assert reader.stats().held == 1
    del array
    gc.collect()
    assert reader.stats().held == 0


def test_what_dlpack_cannot_say_is_refused(ends):
    reader, writer = ends
    writer.write_array(np.arange(4, dtype=">i4"))
    frame = reader.read(timeout=LIMIT)
    with pytest.raises(BufferError):
        frame.__dlpack__()
    for arguments in ({"stream": 1}, {"dl_device": (2, 0)}):
        with pytest.raises(BufferError):
            frame.__dlpack__(**arguments)
    frame.release()
    with pytest.raises(zerobuffer.ReleasedError):
        frame.__dlpack__(dl_device=(1, 0))
    assert reader.stats().held == 0


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed on this machine")
def test_torch_takes_a_frame_without_a_copy(ends):
    import torch

    reader, writer = ends
    writer.write_array(np.arange(6, dtype="<f4").reshape(2, 3))
    frame = reader.read(timeout=LIMIT)
    tensor = torch.from_dlpack(frame)
    assert tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensor.data_ptr() == frame.as_array().__array_interface__["data"][0]
    frame.release()
    del frame
    assert reader.stats().held == 1
    del tensor
    gc.collect()
    assert reader.stats().held == 0
