// layer/1: from a layer's integers to physics. Its twin is augur_edge/predict/encode.py; they agree bit for bit.
#include "encode.h"

namespace augur {
namespace {

#define AUGUR_KIND_OF(code, name, kind) AUGUR_KIND_##kind,
const uint8_t kKinds[AUGUR_N_OPS] = {AUGUR_OPS(AUGUR_KIND_OF)};
#undef AUGUR_KIND_OF

constexpr int64_t kLargest = 0x7fffffff;  // of any one integer
constexpr double kLargestProduct = 4611686018427387904.0;  // 2^62

struct Shape {
  int64_t out_h, out_w, in_group, out_group;
};

bool in_range(const int64_t *l) {
  static const uint8_t kLeast[AUGUR_L_FIELDS] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1};
  uint64_t bad = 0;
  for (int i = 0; i < AUGUR_L_FIELDS; ++i)
    bad |= static_cast<uint64_t>(l[i]) - kLeast[i] > static_cast<uint64_t>(kLargest - kLeast[i]);
  return !bad && l[AUGUR_L_OP] < AUGUR_N_OPS && l[AUGUR_L_ELEMENT_BYTES] <= 8 && l[AUGUR_L_FUSED_ADD] <= 1;
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
  return s->out_h >= 1 && s->out_w >= 1 && s->out_h <= kLargest && s->out_w <= kLargest;
}

// Counts in integers that may wrap, and beside them in float64 to see whether they did.
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

inline bool wrapped(const Counts<double> &c, double element_bytes) {
  return !(c.macs < kLargestProduct && (c.weights + c.inputs + c.outputs) * element_bytes < kLargestProduct);
}

inline float as_float(uint64_t count) { return static_cast<float>(static_cast<int64_t>(count)); }

void fill_tiles(const Shape &s, float *to) {
  const float work = static_cast<float>(s.in_group * s.out_group);
  for (int shift = 2; shift <= 6; ++shift, to += 3) {
    const int64_t round = (int64_t{1} << shift) - 1;
    const int64_t in = (s.in_group + round) >> shift, out = (s.out_group + round) >> shift;
    to[0] = static_cast<float>(in), to[1] = static_cast<float>(out);
    to[2] = static_cast<float>((in << shift) * (out << shift)) / work;
  }
  to[0] = work;
}

}  // namespace

bool encode_layer(const int64_t *l, float *all) {
  Shape s;
  if (!in_range(l)) return false;
  const int kind = kKinds[l[AUGUR_L_OP]];
  if (!shape_of(l, kind, &s)) return false;
  const int64_t bytes = l[AUGUR_L_ELEMENT_BYTES];
  if (wrapped(Counts<double>(l, s, kind), static_cast<double>(bytes))) return false;
  const Counts<uint64_t> c(l, s, kind);
  const uint64_t moved = (c.weights + c.inputs + c.outputs) * static_cast<uint64_t>(bytes);
  for (int i = 0; i < AUGUR_L_FIELDS; ++i) all[i] = static_cast<float>(l[i]);
  all[16] = static_cast<float>(kind), all[17] = static_cast<float>(s.out_h), all[18] = static_cast<float>(s.out_w);
  all[19] = as_float(c.macs), all[20] = as_float(c.weights * static_cast<uint64_t>(bytes));
  all[21] = as_float(c.inputs * static_cast<uint64_t>(bytes)), all[22] = as_float(c.outputs * static_cast<uint64_t>(bytes));
  all[23] = as_float(moved), all[24] = all[19] / all[23];
  all[25] = static_cast<float>(s.in_group), all[26] = static_cast<float>(s.out_group);
  all[27] = as_float(static_cast<uint64_t>(l[AUGUR_L_BATCH]) * static_cast<uint64_t>(s.out_h) * static_cast<uint64_t>(s.out_w));
  all[28] = static_cast<float>(l[AUGUR_L_KERNEL_H] * l[AUGUR_L_KERNEL_W]);
  all[29] = all[19] / as_float(c.outputs);
  all[30] = kind == AUGUR_KIND_CONV && l[AUGUR_L_GROUPS] > 1 && s.in_group == 1 ? 1.0f : 0.0f;
  all[31] = kind == AUGUR_KIND_CONV && all[28] == 1.0f ? 1.0f : 0.0f;
  fill_tiles(s, all + 32);
  return true;
}

}  // namespace augur

void augur_layer_from_short(const int64_t *columns, int64_t *layer) {
  const int64_t kernel = columns[0], stride = columns[5];
  // -1, which is refused later, where doubling could overflow
  const int64_t padding = columns[6] < 0 || columns[6] > augur::kLargest ? -1 : 2 * columns[6];
  const int64_t values[AUGUR_L_FIELDS] = {2,      kernel,  kernel,  columns[1], columns[2], columns[3], columns[4], stride,
                                          stride, padding, padding, 1,          columns[7], 4,          0,          1};
  for (int i = 0; i < AUGUR_L_FIELDS; ++i) layer[i] = values[i];
}

augur_status augur_encode_layer_all(const int64_t *layer, float *all) {
  if (layer == nullptr || all == nullptr) return AUGUR_E_ARGUMENT;
  float features[AUGUR_N_LAYER_FEATURES];
  if (!augur::encode_layer(layer, features)) return AUGUR_E_LAYER;
  for (int i = 0; i < AUGUR_N_LAYER_FEATURES; ++i) all[i] = features[i];
  return AUGUR_OK;
}
