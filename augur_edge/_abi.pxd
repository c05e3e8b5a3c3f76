# The C ABI as _kernel.pyx sees it; private. Comments are in csrc/include/augur/predict.h.
from libc.stdint cimport int64_t, uint8_t

cdef extern from "augur/predict.h" nogil:
    ctypedef int augur_status
    ctypedef struct augur_model:
        pass
    ctypedef struct augur_error:
        augur_status status
        size_t offset
        const char *message
    ctypedef struct augur_interval:
        float low, value, high
        int in_domain
    int AUGUR_OK, AUGUR_E_NOT_FINITE, AUGUR_E_OVERLAP, AUGUR_E_LAYER, AUGUR_E_KERNEL, AUGUR_E_LEVEL, AUGUR_E_VECTOR
    int AUGUR_LAYER_INTS
    unsigned int augur_abi_version()
    const char *augur_status_text(augur_status status)
    augur_status augur_load(const void *data, size_t size, augur_model **model, augur_error *error)
    void augur_free(augur_model *model)
    size_t augur_n_features(const augur_model *model)
    size_t augur_n_trees(const augur_model *model)
    int augur_takes_layers(const augur_model *model)
    double augur_overhead(const augur_model *model)
    double augur_layer_overhead(const augur_model *model)
    const char *augur_target(const augur_model *model)
    const char *augur_unit(const augur_model *model)
    const char *augur_meta(const augur_model *model, size_t *size)
    augur_status augur_predict_one(const augur_model *model, const float *x, float *out)
    augur_status augur_predict_many(const augur_model *model, const float *x, size_t n, float *out)
    augur_status augur_predict_interval(const augur_model *model, const float *x, double level, augur_interval *out)
    augur_status augur_predict_layer(const augur_model *model, const int64_t *layer, float *out)
    augur_status augur_predict_layers(const augur_model *model, const int64_t *layers, size_t n, float *out)
    augur_status augur_encode_layer(const augur_model *model, const int64_t *layer, float *x)
    augur_status augur_encode_layer_all(const int64_t *layer, float *x)
    void augur_layer_from_short(const int64_t *columns, int64_t *layer)
    size_t augur_vector_length(const augur_model *model)
    augur_status augur_predict_vector(const augur_model *model, const uint8_t *vector, float *out)
    augur_status augur_predict_vectors(const augur_model *model, const uint8_t *vectors, size_t n, float *out)
    augur_status augur_predict_vector_interval(const augur_model *model, const uint8_t *vector, double level, augur_interval *out)
    size_t augur_encoder_length(unsigned encoder)
    size_t augur_encoder_features(unsigned encoder)
    augur_status augur_encode_vector_all(unsigned encoder, const uint8_t *vector, float *all)
    augur_status augur_predict_network(const augur_model *model, const int64_t *layers, size_t n, double *total)
    augur_status augur_predict_layers_of(const augur_model *model, const int64_t *layers, size_t n, double *costs)
    int augur_has_calls(const augur_model *model)
    size_t augur_network_doubles(size_t n)
    augur_status augur_network_start(const augur_model *model, const int64_t *layers, size_t n, double *sums, double *total)
    augur_status augur_network_change(const augur_model *model, double *sums, size_t n, size_t i, const int64_t *layer, double *total)
    size_t augur_kernel_count()
    const char *augur_kernel_at(size_t i)
    int augur_kernel_usable(size_t i)
    const char *augur_kernel_name()
    augur_status augur_kernel_select(const char *name)

cdef extern from "augur/format.h" nogil:
    int AUGUR_N_LAYER_FEATURES, AUGUR_MAX_FEATURES
