# cython: language_level=3, boundscheck=False, wraparound=False
"""The cheapest of many layers, asked from Cython without the GIL, on all threads: no header and no link flag is needed."""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc

from augur_edge._kernel cimport Predictor


def cheapest(Predictor predictor, const long long[:, ::1] layers):
    """(index, cost) of the layer of least cost, of int64[n, 16]. Raises ValueError for layers that cannot be."""
    cdef Py_ssize_t n = layers.shape[0], blocks = (n + 255) // 256, i, best = 0
    cdef int failed = 0
    if layers.shape[1] != 16 or n == 0:
        raise ValueError(f"{n} layers of {layers.shape[1]} integers; a layer has 16")
    cdef float *costs = <float *>malloc(n * sizeof(float))
    if costs == NULL:
        raise MemoryError
    for i in prange(blocks, nogil=True):
        failed += predictor.predict_layers_nogil(&layers[256 * i, 0], min(256, n - 256 * i), costs + 256 * i) != 0
    for i in range(n):
        if costs[i] < costs[best]:
            best = i
    cost = costs[best]
    free(costs)
    if failed:
        raise ValueError("not layers, or a predictor of something else")
    return best, cost


def total(Predictor predictor, const long long[:, ::1] layers):
    """Cost of a network of layers, int64[n, 16], each as it is in it. Raises ValueError for layers that cannot be."""
    cdef double cost
    if layers.shape[1] != 16 or predictor.predict_network_nogil(&layers[0, 0], layers.shape[0], &cost):
        raise ValueError("not layers, or a predictor of something else")
    return cost
