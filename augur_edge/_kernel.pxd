# What other Cython modules may call: `from augur_edge._kernel cimport Predictor`. No header and no link flag is needed.
# A status is 0, or one of enum augur_status in augur/predict.h; a Predictor never changes, so any number of threads may call.

cdef class Predictor:
    cdef const void *_model
    cdef void *_data
    cdef readonly Py_ssize_t size
    cdef readonly Py_ssize_t n_features
    cdef bint _takes_layers
    cdef readonly Py_ssize_t vector_length

    # x: row-major float32[n_rows, n_features]; out: float32[n_rows], must not overlap x
    cdef int predict_nogil(self, const float *x, Py_ssize_t n_rows, float *out) noexcept nogil
    # one row: float32[n_features]
    cdef int predict_one_nogil(self, const float *x, float *out) noexcept nogil
    # layer/1. layers: row-major int64[n, 16]
    cdef int predict_layers_nogil(self, const long long *layers, Py_ssize_t n, float *out) noexcept nogil
    # search spaces. vectors: row-major uint8[n, vector_length]
    cdef int predict_vectors_nogil(self, const unsigned char *vectors, Py_ssize_t n, float *out) noexcept nogil
    # total of a network of n layers and its overhead
    cdef int predict_network_nogil(self, const long long *layers, Py_ssize_t n, double *total) noexcept nogil


cdef class NetworkTotal:
    cdef readonly Predictor predictor
    cdef readonly Py_ssize_t n_layers
    cdef double *_sums
    cdef double _total

    # one layer replaced, int64[16]; not for two threads at once
    cdef int change_nogil(self, Py_ssize_t position, const long long *layer, double *total) noexcept nogil
