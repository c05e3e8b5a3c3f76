// From the forest's sum to the answer: point 6 of format.h, in one place for every call.
#pragma once
#include "check.h"
#include "math.h"
#include "model.h"

namespace augur {

struct Score {
  double score, factor;  // factor: the roofline under exp, else 1
};

inline double linear(const double *weights, const float *x, uint32_t n, double start) {
  for (uint32_t i = 0; i < n; ++i) start += weights[i] * static_cast<double>(x[i]);
  return start;
}

inline double roofline(const augur_model &m, const float *x) {
  const double *u = m.base + 1, *v = u + m.n_features;
  const double compute = linear(u, x, m.n_features, 0.0), memory = linear(v, x, m.n_features, 0.0);
  const double cost = m.base[0] + (compute > memory ? compute : memory);
  return cost > 1e-30 ? cost : 1e-30;
}

inline double log_linear(const augur_model &m, const float *x, double score) {
  score += m.base[0];
  for (uint32_t i = 0; i < m.n_features; ++i)
    if (m.base[1 + i] != 0) score += m.base[1 + i] * ln(x[i] > 1.0f ? static_cast<double>(x[i]) : 1.0);
  return score;
}

inline Score score_of(const augur_model &m, const float *x, double sum) {
  const double score = sum * m.scale + m.bias;
  switch (m.base_kind) {
    case AUGUR_BASE_LINEAR: return {linear(m.base + 1, x, m.n_features, score + m.base[0]), 1.0};
    case AUGUR_BASE_LOG_LINEAR: return {log_linear(m, x, score), 1.0};
    case AUGUR_BASE_ROOFLINE:
      return m.link == AUGUR_LINK_EXP ? Score{score, roofline(m, x)} : Score{score + roofline(m, x), 1.0};
    default: return {score, 1.0};
  }
}

// Rounded to float32 and kept within its finite range.
inline float linked(const augur_model &m, const Score &s, double offset) {
  constexpr double kMax = 3.4028234663852886e38;
  double value = s.score + offset;
  if (m.link == AUGUR_LINK_EXP) value = s.factor * exp(value);
  return static_cast<float>(value > kMax ? kMax : value < -kMax ? -kMax : value);
}

}  // namespace augur
