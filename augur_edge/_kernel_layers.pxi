# Part of _kernel.pyx: layers, one from Python's numbers and many in an array.

cdef int _predict_layers(Predictor self, const int64_t *layers, Py_ssize_t n, Py_ssize_t width, float *out) noexcept nogil:
    """Layers of 16 or 8 integers; the short ones are widened a few at a time, on the stack."""
    cdef int64_t wide[64 * 16]
    cdef Py_ssize_t i, r, part
    cdef int status
    if width == 16:
        return augur_predict_layers(<const augur_model *>self._model, layers, n, out)
    for r in range(0, n, 64):
        part = min(n - r, 64)
        for i in range(part):
            augur_layer_from_short(layers + 8 * (r + i), wide + 16 * i)
        status = augur_predict_layers(<const augur_model *>self._model, wide, part, out + r)
        if status != AUGUR_OK:
            return status
    return AUGUR_OK


cdef int _read_row(Predictor self, PyObject **args, Py_ssize_t n, float *x) except -1:
    """Features of one row or layer, from Python numbers."""
    cdef int64_t layer[16]
    if not self._takes_layers:
        if n != self.n_features:
            raise ValueError(f"{n} features given, the predictor takes {self.n_features}")
        return augur_read_floats(args, n, x)
    _read_layer(self, args, n, layer)
    cdef int status = augur_encode_layer(<const augur_model *>self._model, layer, x)
    if status != AUGUR_OK:
        raise _error(status, "layer " + str([layer[i] for i in range(16)]))
    return 0


cdef int _read_layer(Predictor self, PyObject **args, Py_ssize_t n, int64_t *layer) except -1:
    cdef int64_t columns[8]
    if n == 8:
        augur_read_ints(args, 8, columns)
        augur_layer_from_short(columns, layer)
    elif n == 16:
        augur_read_ints(args, 16, layer)
    elif n == 1:
        integers = self.layer_integers(<object>args[0])
        for i in range(16):
            layer[i] = integers[i]
    else:
        raise ValueError(f"{n} integers given; a layer has 16, or 8 in the short form")
    return 0


def encode_layers(layers):
    """All features of layer/1: float32[n, 48] of int64[n, 16]; the twin is augur_edge.predict.encode.encode."""
    import numpy
    cdef _View view = _View(layers, "layers", "lq", 2, False)
    if view.buffer.shape[1] != 16:
        raise ValueError(f"layers: {view.buffer.shape[1]} integers a layer, not 16")
    out = numpy.empty((view.buffer.shape[0], AUGUR_N_LAYER_FEATURES), numpy.float32)
    cdef _View to = _View(out, "out", "f", 2, True)
    cdef Py_ssize_t i
    for i in range(view.buffer.shape[0]):
        if augur_encode_layer_all(<const int64_t *>view.buffer.buf + 16 * i, <float *>to.buffer.buf + AUGUR_N_LAYER_FEATURES * i):
            raise ValueError(f"layer {i}: its integers are out of range")
    return out
