# Part of _kernel.pyx: totals that follow changes.

cdef class NetworkTotal:
    """The total of a network whose layers change one at a time. layers: int64[n, 16]. Not for two threads at once."""

    def __cinit__(self, Predictor predictor, layers):
        cdef _View view = _View(layers, "layers", "lq", 2, False)
        if view.buffer.shape[1] != 16:
            raise ValueError(f"layers: {view.buffer.shape[1]} integers a layer, not 16")
        self.predictor = predictor
        self.n_layers = view.buffer.shape[0]
        self._sums = <double *>malloc(sizeof(double) * augur_network_doubles(self.n_layers))
        if self._sums == NULL:
            raise MemoryError
        cdef int status = augur_network_start(<const augur_model *>predictor._model, <const int64_t *>view.buffer.buf, self.n_layers,
                                              self._sums, &self._total)
        if status != AUGUR_OK:
            raise _error(status, "layers")

    def __dealloc__(self):
        free(self._sums)

    cdef int change_nogil(self, Py_ssize_t position, const long long *layer, double *total) noexcept nogil:
        if position < 0:
            return 1
        cdef int status = augur_network_change(<const augur_model *>self.predictor._model, self._sums, self.n_layers, position,
                                               <const int64_t *>layer, total)
        if status == AUGUR_OK:
            self._total = total[0]
        return status

    @property
    def total(self):
        """Of the layers as they are now, overhead included, in the predictor's unit."""
        return self._total

    def change(self, Py_ssize_t position, *layer):
        """Replaces one layer (as `predict` takes it) and returns the new total."""
        cdef PyObject *items[16]
        cdef int64_t integers[16]
        cdef double total
        if not 0 <= position < self.n_layers:
            raise IndexError(f"position {position} of {self.n_layers} layers")
        if len(layer) > 16:
            raise ValueError(f"{len(layer)} integers given; a layer has 16, or 8 in the short form")
        for i, item in enumerate(layer):
            items[i] = <PyObject *>item
        _read_layer(self.predictor, items, len(layer), integers)
        cdef int status = self.change_nogil(position, <const long long *>integers, &total)
        if status != AUGUR_OK:
            raise _error(status, "layer " + str([integers[i] for i in range(16)]))
        return total
