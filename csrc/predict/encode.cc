// layer/1: from a layer's integers to physics. Its twin is augur_edge/predict/encode.py; they agree bit for bit.
#include "encode.h"

#include "check.h"

namespace augur {
namespace {

#define AUGUR_KIND_OF(code, name, kind) AUGUR_KIND_##kind,
const uint8_t kKinds[AUGUR_N_OPS] = {AUGUR_OPS(AUGUR_KIND_OF)};
#undef AUGUR_KIND_OF

constexpr uint64_t kLargest = 0x7fffffff;  // of any one integer
constexpr double kLargestProduct = 4611686018427387904.0;  // 2^62

struct Shape {
  int64_t out_h, out_w, in_group, out_group;
};

// Keeps a value out of vector registers: a layer's integers were mostly just written one by one, and a wider load would wait
// for them to reach the cache (measured from Python: 30 ns a layer).
inline int64_t alone(int64_t value) {
  __asm__("" : "+r"(value));
  return value;
}

// A value, and what it is above its least one, both fit 31 bits: neither is negative nor too large.
bool in_range(const int64_t *l) {
  static constexpr uint64_t kLeast[AUGUR_L_FIELDS] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1};
  uint64_t all = 0;
  AUGUR_UNROLL
  for (int i = 0; i < AUGUR_L_FIELDS; ++i) {
    const uint64_t value = static_cast<uint64_t>(alone(l[i]));
    all |= value | (value - kLeast[i]);
  }
  return all <= kLargest && l[AUGUR_L_OP] < AUGUR_N_OPS && l[AUGUR_L_ELEMENT_BYTES] <= 8 && l[AUGUR_L_FUSED_ADD] <= 1;
}

// 32-bit division: all operands are below 2^32, and it takes half the time.
inline int64_t divide(int64_t a, int64_t b) {
  return b == 1 ? a : static_cast<uint32_t>(a) / static_cast<uint32_t>(b);
}

// Output size along one axis; below 1 where the kernel does not fit.
inline int64_t slide(int64_t in, int64_t padding, int64_t reach, int64_t stride) {
  const int64_t room = in + padding - reach - 1;
  return room < 0 ? 0 : divide(room, stride) + 1;
}

bool shape_of(const int64_t *l, int kind, Shape *s) {
  const int64_t groups = l[AUGUR_L_GROUPS];
  s->in_group = divide(l[AUGUR_L_IN_C], groups), s->out_group = divide(l[AUGUR_L_OUT_C], groups);
  if (s->in_group * groups != l[AUGUR_L_IN_C] || s->out_group * groups != l[AUGUR_L_OUT_C]) return false;
  const int64_t in_h = l[AUGUR_L_IN_H], in_w = l[AUGUR_L_IN_W], dilation = l[AUGUR_L_DILATION];
  const int64_t reach_h = dilation * (l[AUGUR_L_KERNEL_H] - 1), reach_w = dilation * (l[AUGUR_L_KERNEL_W] - 1);
  s->out_h = in_h, s->out_w = in_w;
  if (kind == AUGUR_KIND_CONV || kind == AUGUR_KIND_POOL) {
    s->out_h = slide(in_h, l[AUGUR_L_PADDING_H], reach_h, l[AUGUR_L_STRIDE_H]);
    s->out_w = slide(in_w, l[AUGUR_L_PADDING_W], reach_w, l[AUGUR_L_STRIDE_W]);
  } else if (kind == AUGUR_KIND_TCONV) {
    s->out_h = (in_h - 1) * l[AUGUR_L_STRIDE_H] - l[AUGUR_L_PADDING_H] + reach_h + 1;
    s->out_w = (in_w - 1) * l[AUGUR_L_STRIDE_W] - l[AUGUR_L_PADDING_W] + reach_w + 1;
  } else if (kind == AUGUR_KIND_GLOBAL) {
    s->out_h = s->out_w = 1;
  }
  return s->out_h >= 1 && s->out_w >= 1 && static_cast<uint64_t>(s->out_h | s->out_w) <= kLargest;
}

// Counts in integers, or in float64 to see whether the integers would wrap.
template <class T>
struct Counts {
  T macs, weights, inputs, outputs;
  Counts(const int64_t *l, const Shape &s, int kind) {
    const T batch = static_cast<T>(l[AUGUR_L_BATCH]), in_c = static_cast<T>(l[AUGUR_L_IN_C]);
    const T out_c = static_cast<T>(l[AUGUR_L_OUT_C]);
    const T area = static_cast<T>(l[AUGUR_L_KERNEL_H]) * static_cast<T>(l[AUGUR_L_KERNEL_W]);
    const T places_in = batch * static_cast<T>(l[AUGUR_L_IN_H]) * static_cast<T>(l[AUGUR_L_IN_W]);
    inputs = places_in * in_c, outputs = batch * static_cast<T>(s.out_h) * static_cast<T>(s.out_w) * out_c;
    macs = weights = 0;
    if (kind == AUGUR_KIND_CONV) {
      weights = area * static_cast<T>(s.in_group) * out_c, macs = outputs * area * static_cast<T>(s.in_group);
    } else if (kind == AUGUR_KIND_TCONV) {
      weights = area * static_cast<T>(s.out_group) * in_c, macs = inputs * area * static_cast<T>(s.out_group);
    } else if (kind == AUGUR_KIND_DENSE) {
      weights = in_c * out_c, macs = places_in * in_c * out_c;
    } else if (kind == AUGUR_KIND_MATMUL) {
      macs = places_in * in_c * out_c, inputs = inputs + batch * in_c * out_c;
    } else if (kind == AUGUR_KIND_NORM) {
      weights = 2 * out_c;
    }
    inputs = inputs + static_cast<T>(l[AUGUR_L_FUSED_ADD]) * outputs;
  }
};

// Below these sizes nothing can wrap (11 + 11 + 13 + 13 + 4 + 4 + 4 bits); above them float64 decides.
inline bool small(const int64_t *l, const Shape &s) {
  const int64_t places = l[AUGUR_L_IN_H] | l[AUGUR_L_IN_W] | s.out_h | s.out_w;
  const int64_t rest = l[AUGUR_L_KERNEL_H] | l[AUGUR_L_KERNEL_W] | l[AUGUR_L_BATCH];
  return (places >> 11 | (l[AUGUR_L_IN_C] | l[AUGUR_L_OUT_C]) >> 13 | rest >> 4) == 0;
}

bool wrapped(const int64_t *l, const Shape &s, int kind) {
  const Counts<double> c(l, s, kind);
  const double bytes = (c.weights + c.inputs + c.outputs) * static_cast<double>(l[AUGUR_L_ELEMENT_BYTES]);
  return !(c.macs < kLargestProduct && bytes < kLargestProduct);
}

// Integers behind the features: a feature's own at its id, and from 48 on what only quotients need.
enum : uint32_t { kOutputs = AUGUR_N_LAYER_FEATURES, kPaddedWork, kValues = kPaddedWork + 5 };
constexpr uint32_t kMacs = 19, kMoved = 23, kGroupWork = 47, kTilesAt = 32;

struct Quotients {
  uint8_t above[AUGUR_N_LAYER_FEATURES], below[AUGUR_N_LAYER_FEATURES];  // below 0: no quotient
  constexpr Quotients() : above(), below() {
    for (uint8_t i = 0; i < AUGUR_N_LAYER_FEATURES; ++i) above[i] = i;
    above[24] = kMacs, below[24] = kMoved, above[29] = kMacs, below[29] = kOutputs;
    for (uint8_t i = 0; i < 5; ++i) above[kTilesAt + 2 + 3 * i] = kPaddedWork + i, below[kTilesAt + 2 + 3 * i] = kGroupWork;
  }
};
constexpr Quotients kQuotients;

void fill_tiles(const Shape &s, int64_t *v) {
  v[kGroupWork] = s.in_group * s.out_group;
  AUGUR_UNROLL
  for (int i = 0; i < 5; ++i) {
    const int shift = i + 2;
    const int64_t round = (int64_t{1} << shift) - 1;
    const int64_t in = (s.in_group + round) >> shift, out = (s.out_group + round) >> shift;
    v[kTilesAt + 3 * i] = in, v[kTilesAt + 3 * i + 1] = out, v[kPaddedWork + i] = (in << shift) * (out << shift);
  }
}

void fill(const int64_t *l, const Shape &s, int kind, int64_t *v) {
  const Counts<int64_t> c(l, s, kind);
  const int64_t bytes = l[AUGUR_L_ELEMENT_BYTES], area = l[AUGUR_L_KERNEL_H] * l[AUGUR_L_KERNEL_W];
  AUGUR_UNROLL
  for (int i = 0; i < AUGUR_L_FIELDS; ++i) v[i] = alone(l[i]);
  v[16] = kind, v[17] = s.out_h, v[18] = s.out_w, v[kMacs] = c.macs;
  v[20] = c.weights * bytes, v[21] = c.inputs * bytes, v[22] = c.outputs * bytes, v[kMoved] = v[20] + v[21] + v[22];
  v[25] = s.in_group, v[26] = s.out_group, v[27] = l[AUGUR_L_BATCH] * s.out_h * s.out_w, v[28] = area;
  v[30] = kind == AUGUR_KIND_CONV && l[AUGUR_L_GROUPS] > 1 && s.in_group == 1, v[31] = kind == AUGUR_KIND_CONV && area == 1;
  v[kOutputs] = c.outputs;
  fill_tiles(s, v);
}

}  // namespace

bool encode_layer(const int64_t *l, const uint8_t *ids, uint32_t n, float *x) {
  Shape s;
  if (!in_range(l)) return false;
  const int kind = kKinds[l[AUGUR_L_OP]];
  if (!shape_of(l, kind, &s) || (!small(l, s) && wrapped(l, s, kind))) return false;
  int64_t v[kValues];
  fill(l, s, kind, v);
  for (uint32_t i = 0; i < n; ++i) {
    const uint8_t id = ids[i], below = kQuotients.below[id];
    if (below == 0)
      x[i] = static_cast<float>(v[id]);
    else
      x[i] = static_cast<float>(v[kQuotients.above[id]]) / static_cast<float>(v[below]);
  }
  return true;
}

}  // namespace augur

void augur_layer_from_short(const int64_t *columns, int64_t *layer) {
  const int64_t kernel = columns[0], stride = columns[5];
  // -1, which is refused later, where doubling could overflow
  const int64_t padding = static_cast<uint64_t>(columns[6]) > augur::kLargest ? -1 : 2 * columns[6];
  const int64_t values[AUGUR_L_FIELDS] = {2,      kernel,  kernel,  columns[2], columns[1], columns[3], columns[4], stride,
                                          stride, padding, padding, 1,          columns[7], 4,          0,          1};
  for (int i = 0; i < AUGUR_L_FIELDS; ++i) layer[i] = augur::alone(values[i]);
}

augur_status augur_encode_layer_all(const int64_t *layer, float *all) {
  if (layer == nullptr || all == nullptr) return AUGUR_E_ARGUMENT;
  uint8_t ids[AUGUR_N_LAYER_FEATURES];
  for (uint8_t i = 0; i < AUGUR_N_LAYER_FEATURES; ++i) ids[i] = i;
  return augur::encode_layer(layer, ids, AUGUR_N_LAYER_FEATURES, all) ? AUGUR_OK : AUGUR_E_LAYER;
}
