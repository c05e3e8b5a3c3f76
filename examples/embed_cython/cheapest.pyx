# cython: language_level=3, boundscheck=False, wraparound=False
"""The cheapest of many rows, asked from Cython without the GIL, on all threads: no header and no link flag is needed."""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc

from augur_edge._kernel cimport Predictor


def cheapest(Predictor predictor, const float[:, ::1] rows):
    """(index, cost) of the row of least cost. Raises ValueError where the rows do not suit the predictor."""
    cdef Py_ssize_t n = rows.shape[0], blocks = (n + 255) // 256, i, best = 0
    cdef int failed = 0
    if rows.shape[1] != predictor.n_features or n == 0:
        raise ValueError(f"{n} rows of {rows.shape[1]} features; the predictor takes {predictor.n_features}")
    cdef float *costs = <float *>malloc(n * sizeof(float))
    if costs == NULL:
        raise MemoryError
    for i in prange(blocks, nogil=True):
        failed += predictor.predict_nogil(&rows[256 * i, 0], min(256, n - 256 * i), costs + 256 * i)
    for i in range(n):
        if costs[i] < costs[best]:
            best = i
    cost = costs[best]
    free(costs)
    if failed:
        raise ValueError("a row has a NaN or an infinity")
    return best, cost


def total(Predictor predictor, const long long[:, ::1] layers):
    """Cost of a network of layers, int64[n, 16], each as it is in it. Raises ValueError for layers that cannot be."""
    cdef double cost
    if layers.shape[1] != 16 or predictor.predict_network_nogil(&layers[0, 0], layers.shape[0], &cost):
        raise ValueError("not layers, or a predictor of something else")
    return cost
