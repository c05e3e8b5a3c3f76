// What the questions about layers and those about architectures share: from features, and what tables come to, to answers.
#pragma once
#include "augur/predict.h"

#include "finish.h"
#include "kernels.h"

namespace augur {

inline augur_status predict_one(const augur_model &m, const float *x, float *out, double tables = 0) {
  double sum;
  const double roof = roofline(m, x);
  if (!selected_kernel()->one(m, x, &sum)) return AUGUR_E_NOT_FINITE;
  *out = linked(m, score_of(m, x, sum, roof, tables), 0.0);
  return AUGUR_OK;
}

// tables: f64[n] of what they come to, or null where there are none.
inline augur_status predict_tile(const augur_model &m, const float *x, uint32_t n, float *out, const double *tables = nullptr) {
  double sums[kTileRows];
  if (!selected_kernel()->many(m, x, n, sums)) return AUGUR_E_NOT_FINITE;
  if (m.base_kind == AUGUR_BASE_NONE && m.link == AUGUR_LINK_IDENTITY && tables == nullptr) {
    for (uint32_t r = 0; r < n; ++r) out[r] = rounded(sums[r] * m.scale + m.bias);
    return AUGUR_OK;
  }
  for (uint32_t r = 0; r < n; ++r, x += m.n_features)
    out[r] = linked(m, score_of(m, x, sums[r], roofline(m, x), tables == nullptr ? 0.0 : tables[r]), 0.0);
  return AUGUR_OK;
}

__attribute__((cold)) inline augur_status interval_of(const augur_model *model, const float *features, double tables, double level, augur_interval *out) {
  const Level *found = nullptr;
  for (uint32_t i = 0; i < model->n_levels && found == nullptr; ++i)
    if (model->levels[i].level >= level) found = &model->levels[i];
  if (found == nullptr) return AUGUR_E_LEVEL;
  double sum;
  if (!selected_kernel()->one(*model, features, &sum)) return AUGUR_E_NOT_FINITE;
  const Score score = score_of(*model, features, sum, roofline(*model, features), tables);
  const double share = share_of(model->spread, features);
  *out = {linked(*model, score, share * found->low), linked(*model, score, 0.0), linked(*model, score, share * found->high), 1};
  for (uint32_t i = 0; i < model->n_features; ++i)
    out->in_domain &= features[i] >= model->features[i].low && features[i] <= model->features[i].high;
  return AUGUR_OK;
}

}  // namespace augur
