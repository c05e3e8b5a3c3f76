// The questions about architectures of search spaces. Apart from those about layers, so that a program that asks none of
// these links no encoder of a space: load.cc refers to them weakly, this file does not.
#include "answer.h"
#include "spaces.h"

using namespace augur;

size_t augur_vector_length(const augur_model *model) { return model->space == nullptr ? 0 : model->space->length; }

augur_status augur_encode_vector(const augur_model *model, const uint8_t *vector, float *features) {
  if (model == nullptr || vector == nullptr || features == nullptr) return AUGUR_E_ARGUMENT;
  if (model->space == nullptr) return AUGUR_E_ENCODER;
  Places p;
  if (!model->space->read(*model->space, vector, &p)) return AUGUR_E_VECTOR;
  fill_features(*model, p, features);
  return AUGUR_OK;
}

// A vector's tables, and its features where the model's point needs them.
static inline augur_status look_up(const augur_model &m, const uint8_t *vector, float *x, double *tables) {
  Places p;
  if (!m.space->read(*m.space, vector, &p)) return AUGUR_E_VECTOR;
  *tables = tables_sum(m, p);
  if (m.needs_features) fill_features(m, p, x);
  return AUGUR_OK;
}

augur_status augur_predict_vector(const augur_model *model, const uint8_t *vector, float *out) {
  if (model == nullptr || vector == nullptr || out == nullptr) return AUGUR_E_ARGUMENT;
  if (model->space == nullptr) return AUGUR_E_ENCODER;
  float x[AUGUR_MAX_FEATURES];
  double tables;
  const augur_status status = look_up(*model, vector, x, &tables);
  if (status != AUGUR_OK) return status;
  if (model->needs_features) return predict_one(*model, x, out, tables);
  *out = linked(*model, score_of(*model, x, 0.0, 0.0, tables), 0.0);
  return AUGUR_OK;
}

augur_status augur_predict_vectors(const augur_model *model, const uint8_t *vectors, size_t n, float *out) {
  if (model == nullptr || (n != 0 && (vectors == nullptr || out == nullptr))) return AUGUR_E_ARGUMENT;
  if (model->space == nullptr) return AUGUR_E_ENCODER;
  const size_t length = model->space->length, width = model->n_features;
  if (n > SIZE_MAX / 2 / sizeof(float)) return AUGUR_E_ARGUMENT;
  float x[kTileRows * AUGUR_MAX_FEATURES];
  double tables[kTileRows];
  for (size_t r = 0; r < n; r += kTileRows) {
    const uint32_t rows = static_cast<uint32_t>(n - r < kTileRows ? n - r : kTileRows);
    augur_status status = AUGUR_OK;
    for (uint32_t i = 0; i < rows && status == AUGUR_OK; ++i) {
      status = look_up(*model, vectors + length * (r + i), x + width * i, tables + i);
      if (!model->needs_features && status == AUGUR_OK) out[r + i] = linked(*model, score_of(*model, x, 0.0, 0.0, tables[i]), 0.0);
    }
    if (status == AUGUR_OK && model->needs_features)
      status = predict_tile(*model, x, rows, out + r, model->n_tables > 0 ? tables : nullptr);
    if (status != AUGUR_OK) return status;
  }
  return AUGUR_OK;
}

augur_status augur_predict_vector_interval(const augur_model *model, const uint8_t *vector, double level, augur_interval *out) {
  if (model == nullptr || vector == nullptr || out == nullptr) return AUGUR_E_ARGUMENT;
  if (model->space == nullptr) return AUGUR_E_ENCODER;
  Places p;
  if (!model->space->read(*model->space, vector, &p)) return AUGUR_E_VECTOR;
  float x[AUGUR_MAX_FEATURES];
  fill_features(*model, p, x);
  return interval_of(model, x, tables_sum(*model, p), level, out);
}

size_t augur_encoder_length(unsigned encoder) {
  const SpaceEncoder *e = space_encoder(encoder);
  return e == nullptr ? 0 : e->length;
}

size_t augur_encoder_features(unsigned encoder) {
  const SpaceEncoder *e = space_encoder(encoder);
  return e == nullptr ? 0 : e->n_features;
}

augur_status augur_encode_vector_all(unsigned encoder, const uint8_t *vector, float *all) {
  const SpaceEncoder *e = space_encoder(encoder);
  if (e == nullptr) return AUGUR_E_ENCODER;
  if (vector == nullptr || all == nullptr) return AUGUR_E_ARGUMENT;
  Places p;
  if (!e->read(*e, vector, &p)) return AUGUR_E_VECTOR;
  e->fill(*e, p, all);
  return AUGUR_OK;
}
