# cython: language_level=3, boundscheck=False, wraparound=False, binding=False, embedsignature=False
# distutils: language = c++
"""The predictor's kernel: binds csrc/predict. It checks, releases the GIL and makes one call; see augur_edge.predict."""

from cpython.buffer cimport PyBUF_ANY_CONTIGUOUS, PyBUF_FORMAT, PyBUF_ND, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from augur_edge._abi cimport *
from augur_edge.errors import DataError, UsageError

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)

include "_kernel_args.pxi"


cdef class Predictor:
    """A predictor in memory: `Predictor(data)` checks the bytes of an .augpred file. Immutable; shared by threads and forks.

    Raises DataError with the byte offset for a bad file, UsageError where AUGUR_EDGE_KERNEL names no usable kernel.
    """

    def __cinit__(self, data):
        cdef augur_error error
        cdef augur_model *model = NULL
        data = bytes(data)
        self.size = len(data)
        if posix_memalign(&self._data, 64, max(self.size, 1)) != 0:
            self._data = NULL
            raise MemoryError
        memcpy(self._data, PyBytes_AS_STRING(data), self.size)
        cdef int status = augur_load(self._data, self.size, &model, &error)
        if status == AUGUR_E_KERNEL:
            raise UsageError(f"{error.message.decode()}; usable here: {', '.join(kernels())}")
        if status != AUGUR_OK:
            raise DataError(f"predictor file, byte {error.offset}: {error.message.decode()}")
        self._model = model
        self.n_features = augur_n_features(model)
        self._takes_layers = augur_takes_layers(model)
        self.vector_length = augur_vector_length(model)

    def __dealloc__(self):
        augur_free(<augur_model *>self._model)
        free(self._data)

    cdef int predict_nogil(self, const float *x, Py_ssize_t n_rows, float *out) noexcept nogil:
        return augur_predict_many(<const augur_model *>self._model, x, n_rows, out)

    cdef int predict_one_nogil(self, const float *x, float *out) noexcept nogil:
        return augur_predict_one(<const augur_model *>self._model, x, out)

    cdef int predict_layers_nogil(self, const long long *layers, Py_ssize_t n, float *out) noexcept nogil:
        return augur_predict_layers(<const augur_model *>self._model, <const int64_t *>layers, n, out)

    cdef int predict_vectors_nogil(self, const unsigned char *vectors, Py_ssize_t n, float *out) noexcept nogil:
        return augur_predict_vectors(<const augur_model *>self._model, vectors, n, out)

    cdef int predict_network_nogil(self, const long long *layers, Py_ssize_t n, double *total) noexcept nogil:
        return augur_predict_network(<const augur_model *>self._model, <const int64_t *>layers, n, total)

    def __reduce__(self):
        return type(self), (self.to_bytes(),)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def to_bytes(self):
        """The file's bytes."""
        return PyBytes_FromStringAndSize(<const char *>self._data, self.size)

    @property
    def takes_layers(self):
        """True for `layer/1`: `predict` takes a layer's integers; False for `raw/1`, which takes ready features."""
        return self._takes_layers

    @property
    def n_trees(self):
        """Number of trees."""
        return augur_n_trees(<const augur_model *>self._model)

    @property
    def target(self):
        """What is predicted: "latency_ns", "energy_uj", …"""
        return augur_target(<const augur_model *>self._model).decode()

    @property
    def unit(self):
        """Of the answers."""
        return augur_unit(<const augur_model *>self._model).decode()

    @property
    def overhead(self):
        """Of a network over the sum of its layers, in `unit`; `layer_overhead` comes besides."""
        return augur_overhead(<const augur_model *>self._model)

    @property
    def layer_overhead(self):
        """Of a network for each of its layers, in `unit`; below 0 where a layer alone pays for a call of its own."""
        return augur_layer_overhead(<const augur_model *>self._model)

    @property
    def meta_json(self):
        """Provenance and feature names, JSON."""
        cdef size_t size
        cdef const char *text = augur_meta(<const augur_model *>self._model, &size)
        return text[:size].decode()

    def vector_of(self, architecture):
        """Vector of an architecture that is not given as numbers; augur_edge.predict.Predictor knows their texts."""
        raise TypeError(f"predict() takes {self.vector_length} numbers, not {type(architecture).__name__}")

    def layer_integers(self, layer):
        """16 integers of a layer that is not given as numbers; augur_edge.predict.Predictor knows Layer objects."""
        raise TypeError(f"predict() takes numbers, not {type(layer).__name__}")

    def interval_of(self, double level, *args):
        """(low, value, high, in_domain) of one row or layer; ValueError if no interval is stored at `level` or above."""
        cdef float x[64]
        cdef uint8_t vector[64]
        cdef PyObject *items[64]
        cdef augur_interval found
        cdef int status
        if len(args) > 64:
            raise ValueError(f"{len(args)} numbers given")
        for i, item in enumerate(args):
            items[i] = <PyObject *>item
        if self.vector_length:
            _read_vector(self, items, len(args), vector)
            status = augur_predict_vector_interval(<const augur_model *>self._model, vector, level, &found)
        else:
            _read_row(self, items, len(args), x)
            status = augur_predict_interval(<const augur_model *>self._model, x, level, &found)
        if status != AUGUR_OK:
            raise _error(status, f"interval at level {level}" if status == AUGUR_E_LEVEL else "features")
        return found.low, found.value, found.high, bool(found.in_domain)

    def predict_many(self, x, out=None):
        """Answers of many rows: float32[n]. x: C-contiguous float32[n, n_features] of ready features, or, for layer/1,
        int64[n, 16] or int64[n, 8] of layers' integers, or, for a search space, uint8[n, vector_length]. out: float32[n] to write to, must not overlap x.

        Raises TypeError for another dtype, ValueError for another shape or order, and NaN or infinite features.
        """
        kinds = "f"
        if self._takes_layers and memoryview(x).format not in ("f", "<f"):
            kinds = "lq"
        elif self.vector_length and memoryview(x).format not in ("f", "<f"):
            kinds = "Bb"
        cdef _View view = _View(x, "x", kinds, 2, False)
        cdef Py_ssize_t n = view.buffer.shape[0], width = view.buffer.shape[1]
        if out is None:
            import numpy
            out = numpy.empty(n, numpy.float32)
        cdef _View to = _View(out, "out", "f", 1, True)
        if to.buffer.shape[0] != n:
            raise ValueError(f"out: has {to.buffer.shape[0]} items, x has {n} rows")
        if kinds == "f" and width != self.n_features:
            raise ValueError(f"x: has {width} features, the predictor takes {self.n_features}")
        if kinds == "Bb" and width != self.vector_length:
            raise ValueError(f"x: has {width} numbers a vector, not {self.vector_length}")
        if kinds == "lq" and width != 16 and width != 8:
            raise ValueError(f"x: has {width} integers a layer, not 16 or 8")
        cdef int status = AUGUR_OK
        if kinds == "f":
            with nogil:
                status = augur_predict_many(<const augur_model *>self._model, <const float *>view.buffer.buf, n, <float *>to.buffer.buf)
        elif kinds == "Bb":
            with nogil:
                status = augur_predict_vectors(<const augur_model *>self._model, <const uint8_t *>view.buffer.buf, n, <float *>to.buffer.buf)
        else:
            with nogil:
                status = _predict_layers(self, <const int64_t *>view.buffer.buf, n, width, <float *>to.buffer.buf)
        if status != AUGUR_OK:
            raise _error(status, "x")
        return out

    def predict_network_layers(self, layers):
        """Total of a network, overheads included. layers: int64[n, 16]."""
        cdef _View view = _View(layers, "layers", "lq", 2, False)
        cdef double total = 0
        if view.buffer.shape[1] != 16:
            raise ValueError(f"layers: {view.buffer.shape[1]} integers a layer, not 16")
        cdef int status
        with nogil:
            status = augur_predict_network(<const augur_model *>self._model, <const int64_t *>view.buffer.buf, view.buffer.shape[0], &total)
        if status != AUGUR_OK:
            raise _error(status, "layers")
        return total


include "_kernel_layers.pxi"
include "_kernel_vectors.pxi"


cdef object _predict(Predictor self, PyObject **args, Py_ssize_t n):
    cdef float x[64]
    cdef uint8_t vector[64]
    cdef float out
    cdef int64_t layer[16]
    cdef int status
    if self._takes_layers:
        _read_layer(self, args, n, layer)
        status = augur_predict_layer(<const augur_model *>self._model, layer, &out)
        if status != AUGUR_OK:
            raise _error(status, "layer " + str([layer[i] for i in range(16)]))
        return out
    if self.vector_length:
        _read_vector(self, args, n, vector)
        status = augur_predict_vector(<const augur_model *>self._model, vector, &out)
        if status != AUGUR_OK:
            raise _error(status, "vector " + str([vector[i] for i in range(self.vector_length)]))
        return out
    if n != self.n_features:
        raise ValueError(f"{n} features given, the predictor takes {self.n_features}")
    augur_read_floats(args, n, x)
    status = augur_predict_one(<const augur_model *>self._model, x, &out)
    if status != AUGUR_OK:
        raise _error(status, "features " + str([x[i] for i in range(n)]))
    return out


augur_add_method(Predictor, <void *>_predict, b"""predict(*numbers)
--

One answer, a float in `unit`. raw/1: the features, in order. layer/1: a layer's 16 integers, or Augur's eight, or one Layer.
A search space: a vector's numbers, or one architecture's text. Raises ValueError for a wrong count, NaN or infinite features, and layers that cannot be.""")


include "_kernel_network.pxi"
include "_kernel_bench.pxi"


def abi_version():
    """Of the C ABI in augur/predict.h."""
    return augur_abi_version()


def kernels():
    """Names of the kernels that this processor can run, the best first."""
    return tuple([augur_kernel_at(i).decode() for i in range(augur_kernel_count()) if augur_kernel_usable(i)])


def kernel():
    """The selected kernel; "" before the first predictor is loaded."""
    return augur_kernel_name().decode()


def select_kernel(name=None):
    """Selects a kernel for the whole process; None chooses again as the first load does, AUGUR_EDGE_KERNEL honoured."""
    text = b"" if name is None else name.encode()
    cdef const char *chosen = NULL
    if name is not None:
        chosen = text
    if augur_kernel_select(chosen) != AUGUR_OK:
        import os
        asked = name if name is not None else os.environ.get("AUGUR_EDGE_KERNEL")
        raise UsageError(f"AUGUR_EDGE_KERNEL={asked!r}: cannot run here. Valid values: {', '.join(kernels())}")
