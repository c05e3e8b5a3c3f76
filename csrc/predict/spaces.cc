// The encoders of search spaces; the twin is augur_edge/predict/encode_spaces.py, and they agree bit for bit.
#include "spaces.h"

#include <string.h>

#include "check.h"

namespace augur {
namespace {

// Any space: the numbers themselves.
bool read_numbers(const SpaceEncoder &e, const uint8_t *vector, Places *p) {
  bool good = true;
  for (uint32_t i = 0; i < e.length; ++i) {
    p->at[i] = vector[i];
    good &= vector[i] < e.sizes[i];
  }
  return good;
}

// The numbers, then each as ones and zeros.
float *fill_numbers(const SpaceEncoder &e, const Places &p, float *all) {
  for (uint32_t i = 0; i < e.length; ++i) *all++ = static_cast<float>(p.at[i]);
  for (uint32_t i = 0; i < e.length; all += e.sizes[i], ++i) {
    memset(all, 0, sizeof(float) * e.sizes[i]);
    all[p.at[i]] = 1.0f;
  }
  return all;
}

void fill_plain(const SpaceEncoder &e, const Places &p, float *all) { fill_numbers(e, p, all); }

constexpr uint32_t sum_of(const uint16_t *sizes, uint32_t n) { return n == 0 ? 0 : sizes[0] + sum_of(sizes + 1, n - 1); }

// --- nasbench201/1 ---

constexpr uint32_t kEdges = 6, kOps = 5, kCells = 15625;
constexpr uint8_t kPaths[4] = {1 << 3, 1 << 0 | 1 << 4, 1 << 1 | 1 << 5, 1 << 0 | 1 << 2 | 1 << 5};  // their edges
constexpr uint16_t kFives[kEdges] = {1, 5, 25, 125, 625, 3125};

constexpr uint32_t bits_of(uint32_t set) { return set == 0 ? 0 : (set & 1) + bits_of(set >> 1); }

// What a set of working edges comes to, for each of the 64.
struct Shapes {
  uint8_t alive[64];                                           // edges on a path from input to output
  uint8_t bits[64];                                            // how many edges a set has
  uint8_t paths[64], longest[64], shortest[64], nodes[64];     // of a set that is all alive
  constexpr Shapes() : alive(), bits(), paths(), longest(), shortest(), nodes() {
    for (uint32_t edges = 0; edges < 64; ++edges) {
      bits[edges] = static_cast<uint8_t>(bits_of(edges));
      // edges 0 | 1 2 | 3 4 5 end in nodes 1, 2 and 3
      nodes[edges] = static_cast<uint8_t>(((edges & 1) != 0) + ((edges & 6) != 0) + ((edges & 56) != 0));
      for (uint32_t path = 0; path < 4; ++path) {
        if ((edges & kPaths[path]) != kPaths[path]) continue;
        const uint8_t length = static_cast<uint8_t>(bits_of(kPaths[path]));
        alive[edges] = static_cast<uint8_t>(alive[edges] | kPaths[path]);
        ++paths[edges];
        longest[edges] = length > longest[edges] ? length : longest[edges];
        shortest[edges] = shortest[edges] == 0 || length < shortest[edges] ? length : shortest[edges];
      }
    }
  }
};
constexpr Shapes kShapes;

bool read_cell(const SpaceEncoder &, const uint8_t *vector, Places *p) {
  uint32_t worst = 0, edges = 0, raw = 0, live = 0;
  AUGUR_UNROLL
  for (uint32_t e = 0; e < kEdges; ++e) {
    const uint32_t op = vector[e];
    worst = op > worst ? op : worst;
    edges |= uint32_t{op != 0} << e;
    raw += op * kFives[e];
    p->at[e] = static_cast<uint16_t>(op);
  }
  if (worst >= kOps) return false;
  p->shape = kShapes.alive[edges];
  AUGUR_UNROLL
  for (uint32_t e = 0; e < kEdges; ++e) {
    const uint32_t op = p->shape >> e & 1 ? vector[e] : 0;
    live += op * kFives[e];
    p->at[kEdges + e] = static_cast<uint16_t>(op);
  }
  p->at[2 * kEdges] = static_cast<uint16_t>(raw), p->at[2 * kEdges + 1] = static_cast<uint16_t>(live);
  return true;
}

// Work of one op in all 15 cells of the space's usual skeleton (32x32, 16 channels, 5 cells a stage), float32.
constexpr int64_t kSkeletonMacs = 7783040, kOpMacs[kOps] = {0, 0, 3932160, 35389440, 0};
constexpr int64_t kMapBytes = 573440;  // all 15 maps once
constexpr int64_t kOpBytes[kOps] = {0, 0, 2 * kMapBytes + 107520, 2 * kMapBytes + 967680, 2 * kMapBytes};

struct Cell {
  int64_t macs, bytes;
  Cell(const uint8_t *counts, uint32_t adds) : macs(kSkeletonMacs), bytes(3 * kMapBytes * adds) {
    for (uint32_t op = 2; op < kOps; ++op) macs += kOpMacs[op] * counts[op], bytes += kOpBytes[op] * counts[op];
  }
};

// Most convolutions and most MACs on one path of the pruned cell. convs: edges of 1x1 and of 3x3 ones.
void fill_heaviest(uint32_t shape, const uint32_t *convs, float *x) {
  uint32_t most = 0, heaviest = 0;
  for (const uint8_t path : kPaths) {
    const uint32_t mask = (shape & path) == path ? path : 0;
    const uint32_t ones = kShapes.bits[convs[0] & mask], threes = kShapes.bits[convs[1] & mask];
    const uint32_t macs = ones * static_cast<uint32_t>(kOpMacs[2]) + threes * static_cast<uint32_t>(kOpMacs[3]);
    most = ones + threes > most ? ones + threes : most;
    heaviest = macs > heaviest ? macs : heaviest;
  }
  x[0] = static_cast<float>(most), x[1] = static_cast<float>(heaviest);
}

void fill_cell(const SpaceEncoder &, const Places &p, float *all) {
  uint8_t counts[2][8] = {};
  uint32_t convs[2] = {};
  memset(all, 0, sizeof(float) * 2 * kEdges * kOps);
  AUGUR_UNROLL
  for (uint32_t i = 0; i < 2 * kEdges; ++i) {
    const uint32_t op = p.at[i];
    all[kOps * i + op] = 1.0f;
    ++counts[i / kEdges][op];
  }
  for (uint32_t e = 0; e < kEdges; ++e) convs[0] |= uint32_t{p.at[e] == 2} << e, convs[1] |= uint32_t{p.at[e] == 3} << e;
  float *x = all + 2 * kEdges * kOps;
  for (uint32_t view = 0; view < 2; ++view)
    for (uint32_t op = 0; op < kOps; ++op) *x++ = static_cast<float>(counts[view][op]);
  const uint32_t shape = p.shape, edges = kShapes.bits[shape], nodes = kShapes.nodes[shape];
  const Cell pruned(counts[1], edges - nodes);  // a node adds all but the first of its edges
  Cell raw(counts[0], 3);
  raw.bytes += 2 * kMapBytes * counts[0][0];  // `none` is a multiplication by 0
  *x++ = static_cast<float>(edges), *x++ = static_cast<float>(nodes), *x++ = static_cast<float>(edges - nodes);
  *x++ = kShapes.paths[shape], *x++ = kShapes.longest[shape], *x++ = kShapes.shortest[shape];
  fill_heaviest(shape, convs, x);
  x += 2;
  *x++ = static_cast<float>(pruned.macs), *x++ = static_cast<float>(raw.macs);
  *x++ = static_cast<float>(pruned.bytes), *x++ = static_cast<float>(raw.bytes);
}

// --- fbnet/1 ---

constexpr uint32_t kLayers = 22, kBlocks = 9;

struct Cost {
  int64_t macs, params, bytes;
};

// Every block at every layer, for 224x224 pixels, and the rest of the network (last convolution of 1504 channels, 1000 classes).
struct FbnetCosts {
  Cost block[kLayers][kBlocks], rest;
  constexpr FbnetCosts() : block(), rest() {
    constexpr int64_t kStages[7][3] = {{16, 1, 1}, {24, 4, 2}, {32, 4, 2}, {64, 4, 2}, {112, 4, 1}, {184, 4, 2}, {352, 1, 1}};
    constexpr int64_t kKernels[kBlocks] = {3, 3, 3, 3, 5, 5, 5, 5, 0}, kExpansions[kBlocks] = {1, 1, 3, 6, 1, 1, 3, 6, 0};
    constexpr int64_t kGroups[kBlocks] = {1, 2, 1, 1, 1, 2, 1, 1, 1};
    int64_t size = 112, channels = 16;
    uint32_t layer = 0;
    for (const auto &stage : kStages)
      for (int64_t i = 0; i < stage[1]; ++i, ++layer) {
        const int64_t stride = i == 0 ? stage[2] : 1, out = stage[0], after = size / stride;
        const bool fits = stride == 1 && channels == out;
        for (uint32_t b = 0; b < kBlocks; ++b) {
          const int64_t inner = channels * kExpansions[b], groups = kGroups[b];
          Cost c = {};
          if (kKernels[b] == 0) {
            if (!fits) c = conv(size, after, channels, out, 1, 1);
          } else {
            c = add(conv(size, size, channels, inner, 1, groups), conv(size, after, inner, inner, kKernels[b], inner));
            c = add(c, conv(after, after, inner, out, 1, groups));
            if (fits) c.bytes += 4 * 3 * after * after * out;
          }
          block[layer][b] = c;
        }
        size = after, channels = out;
      }
    rest = add(conv(224, 112, 3, 16, 3, 1), conv(size, size, channels, 1504, 1, 1));
    rest = add(rest, {1504 * 1000, 1505 * 1000, 4 * (1504 + 1505 * 1000 + 1000)});
  }
  static constexpr Cost add(const Cost &a, const Cost &b) { return {a.macs + b.macs, a.params + b.params, a.bytes + b.bytes}; }
  static constexpr Cost conv(int64_t in, int64_t out, int64_t from, int64_t to, int64_t kernel, int64_t groups) {
    const int64_t weights = kernel * kernel * (from / groups) * to;
    return {out * out * weights, weights + 2 * to, 4 * (in * in * from + out * out * to + weights)};
  }
};
constexpr FbnetCosts kFbnet;

void fill_fbnet(const SpaceEncoder &e, const Places &p, float *all) {
  float *x = fill_numbers(e, p, all);
  uint32_t counts[kBlocks] = {};
  Cost total = kFbnet.rest;
  for (uint32_t i = 0; i < kLayers; ++i) {
    ++counts[p.at[i]];
    total = FbnetCosts::add(total, kFbnet.block[i][p.at[i]]);
  }
  for (uint32_t b = 0; b < kBlocks; ++b) *x++ = static_cast<float>(counts[b]);
  *x++ = static_cast<float>(total.macs), *x++ = static_cast<float>(total.params), *x++ = static_cast<float>(total.bytes);
}

// --- the table of encoders ---

#define AUGUR_2(x) x, x
#define AUGUR_3(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define AUGUR_7(x) x, x, x, x, x, x, x
constexpr uint16_t kCellSizes[14] = {AUGUR_2(AUGUR_3(5)), AUGUR_2(AUGUR_3(5)), kCells, kCells};
constexpr uint16_t kFbnetSizes[22] = {AUGUR_3(AUGUR_7(9)), 9};
constexpr uint16_t k101Sizes[26] = {AUGUR_3(AUGUR_7(2)), 3, 3, 3, 3, 3};
constexpr uint16_t kDartsSizes[24] = {1, 7, 7, 3, 7, 7, 6, 7, 7, 10, 7, 7, 1, 7, 7, 3, 7, 7, 6, 7, 7, 10, 7, 7};
constexpr uint16_t kAsrSizes[9] = {6, 2, 6, 2, 2, 6, 2, 2, 2};
#define AUGUR_STAGE 3, 3, 3, 3, 3, 3, 3, 3, 3
constexpr uint16_t kOfaSizes[46] = {AUGUR_3(AUGUR_STAGE), AUGUR_2(AUGUR_STAGE), 25};
constexpr uint16_t plain(const uint16_t *sizes, uint32_t n) { return static_cast<uint16_t>(n + sum_of(sizes, n)); }

const SpaceEncoder kSpaces[] = {
    {AUGUR_ENCODER_NASBENCH201, 14, AUGUR_N_CELL_FEATURES, 6, false, kCellSizes, read_cell, fill_cell},
    {AUGUR_ENCODER_FBNET, 22, plain(kFbnetSizes, 22) + 12, 22, true, kFbnetSizes, read_numbers, fill_fbnet},
    {AUGUR_ENCODER_NASBENCH101, 26, plain(k101Sizes, 26), 26, true, k101Sizes, read_numbers, fill_plain},
    {AUGUR_ENCODER_DARTS, 24, plain(kDartsSizes, 24), 24, true, kDartsSizes, read_numbers, fill_plain},
    {AUGUR_ENCODER_NASBENCH_ASR, 9, plain(kAsrSizes, 9), 9, true, kAsrSizes, read_numbers, fill_plain},
    {AUGUR_ENCODER_OFA_MBV3, 46, plain(kOfaSizes, 46), 46, true, kOfaSizes, read_numbers, fill_plain},
};

}  // namespace

const SpaceEncoder *space_encoder(uint32_t code) {
  for (const SpaceEncoder &e : kSpaces)
    if (e.code == code) return &e;
  return nullptr;
}

}  // namespace augur
