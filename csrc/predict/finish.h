// From the forest's sum to the answer: point 6 of format.h, in one place for every call.
#pragma once
#include "check.h"
#include "math.h"
#include "model.h"

namespace augur {

struct Score {
  double score, factor;  // factor: the roofline under exp, else 1
};

inline double linear(const augur_model &m, uint32_t row, const float *x, double start) {
  const Term *term = m.terms[row], *const end = term + m.n_terms[row];
  for (; term != end; ++term) start += term->weight * static_cast<double>(x[term->feature]);
  return start;
}

// The roofline, or 0 where there is none. It needs no sum: asked for before the forest, it is done beside it.
inline double roofline(const augur_model &m, const float *x) {
  if (m.base_kind != AUGUR_BASE_ROOFLINE) return 0.0;
  const double compute = linear(m, 0, x, 0.0), memory = linear(m, 1, x, 0.0);
  const double cost = m.base[0] + (compute > memory ? compute : memory);
  return cost > 1e-30 ? cost : 1e-30;
}

// The linear base or the log-linear one on top of `start`.
AUGUR_ONCE double weighed(const augur_model &m, const float *x, double start) {
  if (m.base_kind == AUGUR_BASE_LINEAR) return linear(m, 0, x, start);
  const Term *term = m.terms[0], *const end = term + m.n_terms[0];
  for (; term != end; ++term) start += term->weight * ln(x[term->feature] > 1.0f ? static_cast<double>(x[term->feature]) : 1.0);
  return start;
}

// tables: what the tables come to; 0 where there are none.
inline Score score_of(const augur_model &m, const float *x, double sum, double roof, double tables = 0) {
  double score = sum * m.scale + m.bias;
  if (m.n_tables > 0) score += tables;
  switch (m.base_kind) {
    case AUGUR_BASE_LINEAR:
    case AUGUR_BASE_LOG_LINEAR: return {weighed(m, x, score + m.base[0]), 1.0};
    case AUGUR_BASE_ROOFLINE: return m.link == AUGUR_LINK_EXP ? Score{score, roof} : Score{score + roof, 1.0};
    default: return {score, 1.0};
  }
}

// How much of a level's interval this row gets.
inline double share_of(const Spread &s, const float *x) {
  if (s.depth == 0) return 1.0;
  uint32_t place = 0;
  for (uint32_t i = 0; i < s.depth; ++i)
    place |= static_cast<uint32_t>(x[s.comparisons[i].feature] > s.comparisons[i].threshold) << i;
  return static_cast<double>(s.shares[place]);
}

// To float32, kept within its finite range.
inline float rounded(double value) {
  constexpr double kMax = 3.4028234663852886e38;
  return static_cast<float>(value > kMax ? kMax : value < -kMax ? -kMax : value);
}

inline float linked(const augur_model &m, const Score &s, double offset) {
  double value = s.score + offset;
  if (m.link == AUGUR_LINK_EXP) value = scaled_exp(value, s.factor);
  return rounded(value);
}

}  // namespace augur
