/* augur_edge's predictors from C: what a layer costs, in the unit of the model's target.
 *
 * A const augur_model may be used by any number of threads at once. No function allocates (but augur_load), prints,
 * exits, throws, or opens a file. Every function that can fail returns an augur_status and then leaves its outputs alone,
 * unless it says otherwise. Pointers must be aligned for their type; null pointers are AUGUR_E_ARGUMENT. */
#ifndef AUGUR_PREDICT_H
#define AUGUR_PREDICT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AUGUR_ABI_VERSION 1
#define AUGUR_LAYER_INTS 16 /* see enum augur_layer_field in format.h */

typedef enum augur_status {
  AUGUR_OK = 0,
  AUGUR_E_ARGUMENT = 1,   /* a null pointer, or a size that cannot be */
  AUGUR_E_TRUNCATED = 2,  /* the bytes end too early, or are more than the file says */
  AUGUR_E_MAGIC = 3,      /* not an .augpred file */
  AUGUR_E_BYTE_ORDER = 4, /* written in the other byte order */
  AUGUR_E_VERSION = 5,    /* a major version this build does not read */
  AUGUR_E_CHECKSUM = 6,   /* the CRC does not match: damaged */
  AUGUR_E_LIMIT = 7,      /* a count or code above the format's limits */
  AUGUR_E_LAYOUT = 8,     /* sections overlap, run backwards, are missing, or have the wrong size */
  AUGUR_E_VALUE = 9,      /* a number that must not be: NaN, unsorted, out of its range */
  AUGUR_E_ENCODER = 10,   /* an encoder this build does not have, or the wrong one for this call */
  AUGUR_E_MEMORY = 11,    /* out of memory */
  AUGUR_E_NOT_FINITE = 12, /* a feature is NaN or infinite */
  AUGUR_E_OVERLAP = 13,   /* the output overlaps the input */
  AUGUR_E_LAYER = 14,     /* a layer's integers are out of range, or their products leave 64 bits */
  AUGUR_E_KERNEL = 15,    /* no such kernel, or this processor cannot run it */
  AUGUR_E_LEVEL = 16,     /* the model stores no interval at this level or above */
  AUGUR_E_VECTOR = 17     /* a number of an architecture's vector is beyond its position's size */
} augur_status;

typedef struct augur_model augur_model;

typedef struct augur_error {
  augur_status status;
  size_t offset;       /* byte of the file where it was seen */
  const char *message; /* static text, one line */
} augur_error;

typedef struct augur_interval {
  float low, value, high; /* low <= value <= high */
  int in_domain;          /* 1 if every feature lies within its training range */
} augur_interval;

/* AUGUR_ABI_VERSION of the library; compare with the header's. */
uint32_t augur_abi_version(void);
/* Static text, never null. */
const char *augur_status_text(augur_status status);

/* Checks `size` bytes of an .augpred file at `data`, 8-byte aligned, and makes a model that refers to them: they must stay, unchanged,
 * until augur_free. `error` may be null. The first load chooses the kernel: the best of this processor, or the one that the
 * environment variable AUGUR_EDGE_KERNEL names; AUGUR_E_KERNEL if that one cannot run here. */
augur_status augur_load(const void *data, size_t size, augur_model **model, augur_error *error);
void augur_free(augur_model *model); /* null is fine */

size_t augur_n_features(const augur_model *model);
size_t augur_n_trees(const augur_model *model);
/* Ids of the features in their order (for layer/1 see AUGUR_LAYER_FEATURES). */
uint16_t augur_feature_id(const augur_model *model, size_t feature);
int augur_takes_layers(const augur_model *model); /* 1 for layer/1, 0 for raw/1 */
double augur_overhead(const augur_model *model);       /* of a network, once */
double augur_layer_overhead(const augur_model *model); /* of a network, for each of its layers */
const char *augur_target(const augur_model *model); /* "latency_ns" */
const char *augur_unit(const augur_model *model);   /* "ns" */
const char *augur_meta(const augur_model *model, size_t *bytes); /* JSON, not NUL terminated */

/* features: f32[n_features], ready, in the model's order (any encoder). */
augur_status augur_predict_one(const augur_model *model, const float *features, float *out);
/* x: row-major f32[n_rows, n_features]; out: f32[n_rows], must not overlap x. On AUGUR_E_NOT_FINITE some of out is written.
 * Uses about 32 KB of stack. */
augur_status augur_predict_many(const augur_model *model, const float *x, size_t n_rows, float *out);
augur_status augur_predict_interval(const augur_model *model, const float *features, double level, augur_interval *out);

/* layer/1. layer: i64[AUGUR_LAYER_INTS]; layers: i64[n, AUGUR_LAYER_INTS]. */
augur_status augur_predict_layer(const augur_model *model, const int64_t *layer, float *out);
augur_status augur_predict_layers(const augur_model *model, const int64_t *layers, size_t n, float *out);
/* features: f32[n_features] of the model. */
augur_status augur_encode_layer(const augur_model *model, const int64_t *layer, float *features);
/* all: f32[AUGUR_N_LAYER_FEATURES], every feature that layer/1 can derive. */
augur_status augur_encode_layer_all(const int64_t *layer, float *all);
/* columns: Augur's eight, i64[8]: kernel, in_w, in_h, in_c, out_c, stride, padding of one side, groups. */
void augur_layer_from_short(const int64_t *columns, int64_t *layer);

/* Encoders of search spaces (format.h). vector: u8[augur_vector_length]; vectors: u8[n, augur_vector_length], row after row.
 * The functions above refuse a model with tables (AUGUR_E_ENCODER): its answer needs more than features. */
size_t augur_vector_length(const augur_model *model); /* 0 for raw/1 and layer/1 */
augur_status augur_predict_vector(const augur_model *model, const uint8_t *vector, float *out);
augur_status augur_predict_vectors(const augur_model *model, const uint8_t *vectors, size_t n, float *out);
augur_status augur_predict_vector_interval(const augur_model *model, const uint8_t *vector, double level, augur_interval *out);
/* features: f32[n_features] of the model. */
augur_status augur_encode_vector(const augur_model *model, const uint8_t *vector, float *features);
/* Of an encoder by its code: numbers in a vector, features it can derive (0 where there is none), and all of them. */
size_t augur_encoder_length(unsigned encoder);
size_t augur_encoder_features(unsigned encoder);
augur_status augur_encode_vector_all(unsigned encoder, const uint8_t *vector, float *all);

/* total: the layers' sum, in pairs (see csrc/predict/network.cc), plus the model's overheads. No memory of its own. Where the model
 * has calls (format.h, point 8) a layer costs what it does in a network of these layers. */
augur_status augur_predict_network(const augur_model *model, const int64_t *layers, size_t n, double *total);

/* What each layer costs in a network of just these: f64[n], which is written in part when a layer is refused. */
augur_status augur_predict_layers_of(const augur_model *model, const int64_t *layers, size_t n, double *costs);
int augur_has_calls(const augur_model *model); /* 1 if that differs from what augur_predict_layers answers */

/* Totals of a network whose layers change one at a time; equal, bit for bit, to augur_predict_network from scratch.
 * sums: the caller's f64[augur_network_doubles(n)], which the three functions keep; not for two threads at once. */
size_t augur_network_doubles(size_t n);
augur_status augur_network_start(const augur_model *model, const int64_t *layers, size_t n, double *sums, double *total);
augur_status augur_network_change(const augur_model *model, double *sums, size_t n, size_t position, const int64_t *layer,
                                  double *total);

/* Kernels. count: how many this build has, usable here or not. */
size_t augur_kernel_count(void);
const char *augur_kernel_at(size_t i); /* null beyond the last */
int augur_kernel_usable(size_t i);     /* 1 if this processor can run it */
const char *augur_kernel_name(void);   /* the selected one; "" before the first load or select */
/* Selects for the whole process; null chooses as the first load does. Answers never depend on the kernel. */
augur_status augur_kernel_select(const char *name);

#ifdef __cplusplus
}
#endif
#endif
