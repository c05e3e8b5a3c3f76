# Part of _kernel.pyx: architectures of search spaces.

cdef int _read_vector(Predictor self, PyObject **args, Py_ssize_t n, uint8_t *vector) except -1:
    cdef int64_t numbers[64]
    if n == 1 and self.vector_length > 1:
        return _read_text(self, <object>args[0], vector)
    if n != self.vector_length:
        raise ValueError(f"{n} numbers given; a vector of this search space has {self.vector_length}")
    augur_read_ints(args, n, numbers)
    for i in range(n):
        vector[i] = <uint8_t>numbers[i] if 0 <= numbers[i] < 255 else 255
    return 0


cdef int _read_text(Predictor self, object text, uint8_t *vector) except -1:
    for i, number in enumerate(self.vector_of(text)):
        vector[i] = number
    return 0


def encode_vectors(unsigned encoder, vectors):
    """All features of a search space's encoder, by its code: float32[n, features] of uint8[n, length]."""
    import numpy
    cdef _View view = _View(vectors, "vectors", "Bb", 2, False)
    cdef Py_ssize_t length = augur_encoder_length(encoder), width = augur_encoder_features(encoder), i
    if length == 0 or view.buffer.shape[1] != length:
        raise ValueError(f"vectors: {view.buffer.shape[1]} numbers each, encoder {encoder} takes {length}")
    out = numpy.empty((view.buffer.shape[0], width), numpy.float32)
    cdef _View to = _View(out, "out", "f", 2, True)
    for i in range(view.buffer.shape[0]):
        if augur_encode_vector_all(encoder, <const uint8_t *>view.buffer.buf + length * i, <float *>to.buffer.buf + width * i):
            raise ValueError(f"vector {i}: a number is beyond its position's size")
    return out
