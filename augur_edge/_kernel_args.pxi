# Part of _kernel.pyx: reading arguments, and the errors about them.

# A method with the fast calling convention, which Cython has not for `*args`: the arguments arrive as a C array, and
# numbers of the exact types are read without a call. 0: read; -1: a Python error is set.
cdef extern from *:
    """
    static int augur_read_floats(PyObject *const *args, Py_ssize_t n, float *to) {
      for (Py_ssize_t i = 0; i < n; ++i) {
        double value = PyFloat_CheckExact(args[i]) ? PyFloat_AS_DOUBLE(args[i]) : PyFloat_AsDouble(args[i]);
        if (value == -1.0 && PyErr_Occurred()) return -1;
        to[i] = (float)(value > 3.5e38 ? Py_HUGE_VAL : value < -3.5e38 ? -Py_HUGE_VAL : value);
      }
      return 0;
    }
    #if PY_VERSION_HEX < 0x030B0000
    #include <longintrepr.h>
    #endif
    static inline int augur_small_int(PyObject *number, int64_t *to) { /* 1: an int of one digit, as nearly all are */
    #if PY_VERSION_HEX >= 0x030C0000
      if (!PyUnstable_Long_IsCompact((PyLongObject *)number)) return 0;
      *to = PyUnstable_Long_CompactValue((PyLongObject *)number);
    #else
      Py_ssize_t size = Py_SIZE(number);
      if (size != 0 && size != 1) return 0;
      *to = size == 0 ? 0 : (int64_t)((PyLongObject *)number)->ob_digit[0];
    #endif
      return 1;
    }
    static int augur_read_int(PyObject *number, int64_t *to) {
      int overflow = 0;
      PyObject *index = PyNumber_Index(number);
      if (index == NULL) return -1;
      *to = PyLong_AsLongLongAndOverflow(index, &overflow);
      if (overflow) *to = -1; /* out of range, which the encoder says */
      Py_DECREF(index);
      return 0;
    }
    static int augur_read_ints(PyObject *const *args, Py_ssize_t n, int64_t *to) {
      for (Py_ssize_t i = 0; i < n; ++i) {
        if (PyLong_CheckExact(args[i]) && augur_small_int(args[i], to + i)) continue;
        if (augur_read_int(args[i], to + i) < 0) return -1;
      }
      return 0;
    }
    static PyMethodDef augur_predict_method = {"predict", NULL, METH_FASTCALL, NULL};
    static int augur_add_method(PyObject *to, void *function, const char *doc) {
      PyTypeObject *type = (PyTypeObject *)to;
      augur_predict_method.ml_meth = (PyCFunction)function;
      augur_predict_method.ml_doc = doc;
      PyObject *method = PyDescr_NewMethod(type, &augur_predict_method);
      if (method == NULL) return -1;
      int status = PyDict_SetItemString(type->tp_dict, "predict", method);
      Py_DECREF(method);
      PyType_Modified(type);
      return status;
    }
    """
    int augur_read_floats(PyObject **args, Py_ssize_t n, float *to) except -1
    int augur_read_ints(PyObject **args, Py_ssize_t n, int64_t *to) except -1
    int augur_add_method(object type, void *function, const char *doc) except -1


cdef object _error(int status, object what):
    """The exception of a status that a checked call can still end with."""
    text = augur_status_text(<augur_status>status).decode()
    return ValueError(f"{what}: {text}")


cdef class _View:
    """A C-contiguous buffer of one item type, held while it is in use."""
    cdef Py_buffer buffer
    cdef bint held

    def __cinit__(self, object source, str name, str kinds, int dimensions, bint writable):
        cdef int flags = PyBUF_ND | PyBUF_FORMAT | PyBUF_ANY_CONTIGUOUS
        if writable:
            flags |= PyBUF_WRITABLE
        try:
            PyObject_GetBuffer(source, &self.buffer, flags)
        except (BufferError, ValueError) as error:
            raise ValueError(f"{name}: {error}; a C-contiguous {'writable ' if writable else ''}array is needed") from None
        self.held = True
        kind = self.buffer.format.decode().lstrip("<=@") if self.buffer.format != NULL else "B"
        if kind not in kinds:
            raise TypeError(f"{name}: item type {kind!r}, not {'float32' if kinds == 'f' else 'uint8' if kinds == 'Bb' else 'int64'}")
        if self.buffer.ndim != dimensions:
            raise ValueError(f"{name}: has {self.buffer.ndim} dimensions, not {dimensions}")
        if dimensions == 2 and self.buffer.shape[0] > 1 and self.buffer.shape[1] > 1:
            PyBuffer_Release(&self.buffer)
            self.held = False
            try:
                PyObject_GetBuffer(source, &self.buffer, PyBUF_ND | PyBUF_FORMAT)  # refuses Fortran order
            except (BufferError, ValueError):
                raise ValueError(f"{name}: not C-contiguous; pass numpy.ascontiguousarray({name})") from None
            self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)
