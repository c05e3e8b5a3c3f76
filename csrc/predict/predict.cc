// The questions a model answers, one row or layer at a time and many at once.
#include "answer.h"
#include "encode.h"

using namespace augur;

namespace {

constexpr uint32_t kTileLayers = 64;  // encoded at a time, on the stack

inline augur_status encode(const augur_model &m, const int64_t *layer, float *x) {
  if (m.encoder != AUGUR_ENCODER_LAYER) return AUGUR_E_ENCODER;
  return encode_layer(layer, m.ids, m.n_features, x) ? AUGUR_OK : AUGUR_E_LAYER;
}

}  // namespace

augur_status augur_predict_one(const augur_model *model, const float *features, float *out) {
  if (model == nullptr || features == nullptr || out == nullptr) return AUGUR_E_ARGUMENT;
  return model->n_tables > 0 ? AUGUR_E_ENCODER : predict_one(*model, features, out);
}

augur_status augur_predict_many(const augur_model *model, const float *x, size_t n_rows, float *out) {
  if (model == nullptr || (n_rows != 0 && (x == nullptr || out == nullptr))) return AUGUR_E_ARGUMENT;
  if (model->n_tables > 0) return AUGUR_E_ENCODER;
  const size_t n_features = model->n_features;
  if (n_rows > SIZE_MAX / 2 / (sizeof(float) * n_features)) return AUGUR_E_ARGUMENT;
  const uintptr_t from = reinterpret_cast<uintptr_t>(x), to = reinterpret_cast<uintptr_t>(out);
  if (n_rows != 0 && from < to + sizeof(float) * n_rows && to < from + sizeof(float) * n_features * n_rows)
    return AUGUR_E_OVERLAP;
  for (size_t r = 0; r < n_rows; r += kTileRows) {
    const uint32_t n = static_cast<uint32_t>(n_rows - r < kTileRows ? n_rows - r : kTileRows);
    const augur_status status = predict_tile(*model, x + n_features * r, n, out + r);
    if (status != AUGUR_OK) return status;
  }
  return AUGUR_OK;
}

augur_status augur_predict_interval(const augur_model *model, const float *features, double level, augur_interval *out) {
  if (model == nullptr || features == nullptr || out == nullptr) return AUGUR_E_ARGUMENT;
  return model->n_tables > 0 ? AUGUR_E_ENCODER : interval_of(model, features, 0.0, level, out);
}

augur_status augur_encode_layer(const augur_model *model, const int64_t *layer, float *features) {
  if (model == nullptr || layer == nullptr || features == nullptr) return AUGUR_E_ARGUMENT;
  return encode(*model, layer, features);
}

augur_status augur_predict_layer(const augur_model *model, const int64_t *layer, float *out) {
  if (model == nullptr || layer == nullptr || out == nullptr) return AUGUR_E_ARGUMENT;
  float x[AUGUR_MAX_FEATURES];
  const augur_status status = encode(*model, layer, x);
  return status == AUGUR_OK ? predict_one(*model, x, out) : status;
}

augur_status augur_predict_layers(const augur_model *model, const int64_t *layers, size_t n, float *out) {
  if (model == nullptr || (n != 0 && (layers == nullptr || out == nullptr))) return AUGUR_E_ARGUMENT;
  if (n > SIZE_MAX / 2 / (sizeof(int64_t) * AUGUR_LAYER_INTS)) return AUGUR_E_ARGUMENT;
  float x[kTileLayers * AUGUR_MAX_FEATURES];
  for (size_t r = 0; r < n; r += kTileLayers) {
    const uint32_t rows = static_cast<uint32_t>(n - r < kTileLayers ? n - r : kTileLayers);
    augur_status status = AUGUR_OK;
    for (uint32_t i = 0; i < rows && status == AUGUR_OK; ++i)
      status = encode(*model, layers + AUGUR_LAYER_INTS * (r + i), x + size_t{model->n_features} * i);
    if (status == AUGUR_OK) status = predict_tile(*model, x, rows, out + r);
    if (status != AUGUR_OK) return status;
  }
  return AUGUR_OK;
}
