# Part of _kernel.pyx: timing without Python in the loop.

cdef extern from "time.h" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC
    int clock_gettime(int clock, timespec *now)


def time_calls(Predictor predictor, x, Py_ssize_t at_once, Py_ssize_t calls):
    """ns that `calls` calls take, each of `at_once` rows, walking through x (float32[n, n_features]); for benchmarks."""
    cdef _View view = _View(x, "x", "f", 2, False)
    cdef Py_ssize_t n = view.buffer.shape[0], width = predictor.n_features, row = 0, i
    cdef const float *rows = <const float *>view.buffer.buf
    cdef timespec start, end
    cdef int status = AUGUR_OK
    if view.buffer.shape[1] != width or not 1 <= at_once <= n:
        raise ValueError(f"x: shape ({n}, {view.buffer.shape[1]}) for {at_once} rows of {width} features")
    cdef float *out = <float *>malloc(sizeof(float) * at_once)
    if out == NULL:
        raise MemoryError
    with nogil:
        clock_gettime(CLOCK_MONOTONIC, &start)
        for i in range(calls):
            if at_once == 1:
                status |= augur_predict_one(<const augur_model *>predictor._model, rows + width * row, out)
            else:
                status |= augur_predict_many(<const augur_model *>predictor._model, rows + width * row, at_once, out)
            row += at_once
            if row + at_once > n:
                row = 0
        clock_gettime(CLOCK_MONOTONIC, &end)
    free(out)
    if status != AUGUR_OK:
        raise ValueError("x: a feature is NaN or infinite")
    return (end.tv_sec - start.tv_sec) * 1_000_000_000 + (end.tv_nsec - start.tv_nsec)
