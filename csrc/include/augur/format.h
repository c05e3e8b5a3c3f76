/* The .augpred file, version 1.3: a predictor of what a layer or an architecture costs.
 *
 *  1. All numbers are little endian; floats are IEEE 754. Offsets are bytes from the start of the file, so a file can
 *     be mapped and used in place. A reader checks every limit below before it uses a number, and refuses what breaks one.
 *  2. Header, 128 bytes:
 *       0 u8[8]  magic 89 41 55 47 50 0d 0a 1a        8 u16 major   10 u16 minor
 *      12 u32    CRC-32 (IEEE 802.3, reflected, as in zlib) of bytes 16 to the end
 *      16 u32    byte order mark 0x0a0b0c0d           20 u32 size of the whole file
 *      24 u8     link: 0 identity, 1 exp              25 u8  leaves: 0 float32, 1 int16
 *      26 u8     base: 0 none, 1 linear, 2 log-linear, 3 roofline     27 u8 zero
 *      28 u16    encoder                              30 u16 encoder's version
 *      32 u16    features, 1..64                      34 u16 columns, 0..64
 *      36 u16    interval levels, 0..16               38 u16 sections, 1..32
 *      40 u32    trees, 0..65535                      44 u32 zero
 *      48 f64    bias                                 56 f64 scale of the leaves
 *      64 f64    overhead of a network, in the target's unit
 *      72 f64    largest error that rounding leaves to int16 can make in `score`; 0 for float32
 *      80 char[24] target ("latency_ns")             104 char[8] unit ("ns"); both NUL padded, last byte NUL
 *     112 f64    overhead of each layer of a network, in the target's unit (1.1; 0 before)
 *     120 u8[8]  zero
 *  3. Then the section table: for each section u32 id, u32 offset, u32 bytes, u32 zero. Sections lie in the order of
 *     the table, start at multiples of 64, do not overlap each other or the table, and end inside the file. Bytes
 *     between them are zero. An id occurs once. Sections 1, 2 and 6 must be there, the others where point 4 says so;
 *     a reader skips ids that it does not know.
 *  4. Sections:
 *      1 meta      JSON in UTF-8: names of the features, provenance (data and device-profile digests, metrics, versions)
 *      2 features  per feature u16 id in the encoder's list, u16 zero, f32 lowest and f32 highest value seen in training
 *                  (finite, lowest <= highest), u32 zero. For raw/1 the id is the feature's position.
 *      3 base      f64 constant and f64 weights[features]; a roofline has a second f64 weights[features]. If base != 0.
 *      4 columns   per column u8 feature, u8 number of borders (1..255), u16 zero. If columns > 0.
 *      5 borders   f32, column after column, each finite and strictly ascending within its column. If columns > 0.
 *      6 depths    u32[16]: number of trees of depth d at place d; places 0 and 13..15 are zero. Sum: trees.
 *      7 slots     u8 column of each comparison. If trees > 0.
 *      8 cuts      i8 place of the comparison's border in its column, minus 128. If trees > 0.
 *      9 leaves    f32 or i16, tree after tree, 2^depth each; f32 are finite. If trees > 0.
 *                  After every eighth tree of a group 64 bytes of zeros: see point 5.
 *     10 interval  per level f64 level (0 < level < 1, ascending), f64 low <= 0, f64 high >= 0. If levels > 0.
 *      11 spread    since 1.1, optional: how much of the interval a row gets. u32 depth (1..12), u32 zero, per comparison
 *                  u32 feature and f32 finite threshold, then f32[2^depth] shares, 0 < share <= 1.
 *     12 tables    per table u16 slot (ascending), u16 zero, u32 values. Since 1.2, with encoders from 3 on; at most 128. A
 *                  table has as many values as its slot has (see the encoders below).
 *     13 values    f32, table after table, finite. With section 12.
 *     14 calls     since 1.3, optional, with layer/1: f64 usual > 0, then 1..16 knots of f64 typical and f64 call, finite, at least
 *                  1e-30, both not descending: what a call costs in a network whose layers have this geometric mean (point 8).
 *  5. Trees are oblivious and stand in the order of their depth, 1..12: all trees of one depth are a group. In the slots and
 *     in the cuts a group has n * depth + 127 bytes, rounded down to a multiple of 64: tree t's comparisons at t * depth, and
 *     after the last tree at least 64 bytes of padding, column 0 and cut 127, so that 64 can be read from any tree on.
 *     No cut of a tree may be 127. In the leaves tree t of a group starts 2^depth * t leaves and floor(t / 8) * 64 bytes after
 *     the group, and a group of n trees ends where tree n would start. Without that padding the same leaf of all trees
 *     of depth 8 lies in four of the 64 sets of a cache, which hold 32 of them.
 *  6. Value of a row x: bin of a column = number of its borders b with x[feature] > b. Bit i of a tree's leaf index is 1 if
 *     the bin of slot i's column is greater than the border's place. S = sum of the leaves, in float32 in the order that
 *     csrc/predict/kernels.h states, or as integers. From here on in float64, left to right:
 *       score = S * scale + bias
 *       tables: score += (0 + t0[v0] + t1[v1] + ...), where v is the value of the table's slot; then, as before,
 *       linear: score += constant + w[0]*x[0] + w[1]*x[1] + ...       log-linear: ln(max(x[i], 1)) in place of x[i]
 *       roofline: r = max(constant + sum of max(u.x, v.x), 1e-30), where u, v are the two rows of weights;
 *                 identity: score += r; exp: the result is multiplied by r, so that the trees learn ln(y / r).
 *       result = score or exp(score), rounded to float32.
 *  7. Interval at a level, the least stored one that is not below the asked one: link(score + s*low) .. link(score + s*high).
 *     s is 1 without section 11, else the share in the place whose bit i is 1 if comparison i's x[feature] > threshold. A
 *     reader of 1.0 skips that section and answers the widest interval.
 *     In domain: every feature lies within the range of section 2.
 *  8. A network of n layers that answer a[i] costs the sum of them, plus its overhead, plus n times that of each layer. With
 *     section 14 a[i] becomes max(a[i] + call - usual, call / 2): ln(call) is interpolated between the logarithms of the
 *     knots, constant beyond them, at the mean of all ln(max(a[i], 1e-30)).
 *  9. A file states the least minor version that has all it uses. A new minor version adds sections or uses bytes that are zero here; a new major version may move anything.
 *
 * This header is plain C99 and has no code. */
#ifndef AUGUR_FORMAT_H
#define AUGUR_FORMAT_H

#define AUGUR_FORMAT_MAJOR 1
#define AUGUR_FORMAT_MINOR 3
#define AUGUR_HEADER_BYTES 128
#define AUGUR_MAX_FILE_BYTES 0x10000000u
#define AUGUR_MAX_FEATURES 64
#define AUGUR_MAX_COLUMNS 64
#define AUGUR_MAX_LEVELS 16
#define AUGUR_MAX_SECTIONS 32
#define AUGUR_MAX_TREES 65535
#define AUGUR_MAX_DEPTH 12
#define AUGUR_MAX_KNOTS 16

enum augur_link { AUGUR_LINK_IDENTITY = 0, AUGUR_LINK_EXP = 1 };
enum augur_leaf { AUGUR_LEAF_F32 = 0, AUGUR_LEAF_I16 = 1 };
enum augur_base { AUGUR_BASE_NONE = 0, AUGUR_BASE_LINEAR = 1, AUGUR_BASE_LOG_LINEAR = 2, AUGUR_BASE_ROOFLINE = 3 };
enum augur_encoder {
  AUGUR_ENCODER_RAW = 1, AUGUR_ENCODER_LAYER = 2, AUGUR_ENCODER_NASBENCH201 = 3, AUGUR_ENCODER_FBNET = 4,
  AUGUR_ENCODER_NASBENCH101 = 5, AUGUR_ENCODER_DARTS = 6, AUGUR_ENCODER_NASBENCH_ASR = 7, AUGUR_ENCODER_OFA_MBV3 = 8
};

/* Encoders of search spaces, since 1.2: u8 vectors, each number below its position's size.
 *   nasbench201/1   6 numbers of 5: the ops of edges 0>1 0>2 1>2 0>3 1>3 2>3 (0 none, 1 skip, 2 conv1x1, 3 conv3x3, 4 pool).
 *                   Slots: 0..5 the edges' ops, 6..11 the same in the pruned cell (edges on no path of working edges from
 *                   node 0 to node 3 are `none`), 12 the cell's index (15 625 values; edge 0 changes fastest), 13 that of the
 *                   pruned cell. Features: 0..29 edge e has op o (at 5 e + o), 30..59 the same pruned, 60..64 edges of each op,
 *                   65..69 the same pruned; of the pruned cell 70 working edges, 71 nodes that are reached, 72 additions,
 *                   73 paths, 74 and 75 edges of the longest and shortest, 76 most convolutions on one, 77 most MACs on one;
 *                   78 MACs of the network pruned, 79 raw, 80 bytes of its cells pruned, 81 raw (32x32 pixels, 16 channels).
 *   the others      Slots: n positions, then n - 1 pairs of neighbours (value a * size of b + b). Features: the n numbers,
 *                   then for each position one for each value it can have, 1 where it has it.
 *   fbnet/1         22 numbers of 9. More features: 220..228 layers of each block, 229 MACs, 230 parameters, 231 bytes.
 *   nasbench101/1   21 of 2 (edges, by source, then target), 5 of 3 (ops).
 *   darts/1         normal cell, then reduction cell: per node the pair of inputs (of 1, 3, 6, 10) and two ops of 7.
 *   nasbench_asr/1  per node an op of 6 and a skip of 2 from each node before: 6 2 6 2 2 6 2 2 2.
 *   ofa_mbv3/1      per stage the depth of 3, then four blocks of kernel and expansion of 3 each; last the resolution of 25. */
#define AUGUR_MAX_VECTOR 64
#define AUGUR_MAX_TABLES 128
#define AUGUR_N_CELL_FEATURES 82
#define AUGUR_MAX_SPACE_FEATURES 256

/* layer/1: the integers of a layer, in this order. Padding is the sum of both sides of an axis.
 * How each kind of op reads them (kinds are listed with the ops below):
 *   conv, tconv, pool  a kernel that slides over in_h x in_w; 1-d uses h = 1. Out: (in + padding - dilation*(kernel-1) - 1)
 *                      / stride + 1, tconv: (in - 1)*stride - padding + dilation*(kernel-1) + 1. 3-d: `batch` times the
 *                      depth of the output, `in_c` times the depth of the kernel.
 *   dense, matmul      in_h rows, in_c depth, out_c columns, in_w = 1; matmul's second factor is an input, not weights.
 *   global             in_h x in_w x in_c are read, out_c written.
 *   size               in_h x in_w places, in_c values read and out_c written at each (all inputs and outputs together).
 *   norm               the same, with two weights a channel. */
enum augur_layer_field {
  AUGUR_L_OP = 0, AUGUR_L_KERNEL_H = 1, AUGUR_L_KERNEL_W = 2, AUGUR_L_IN_H = 3, AUGUR_L_IN_W = 4, AUGUR_L_IN_C = 5,
  AUGUR_L_OUT_C = 6, AUGUR_L_STRIDE_H = 7, AUGUR_L_STRIDE_W = 8, AUGUR_L_PADDING_H = 9, AUGUR_L_PADDING_W = 10,
  AUGUR_L_DILATION = 11, AUGUR_L_GROUPS = 12, AUGUR_L_ELEMENT_BYTES = 13, AUGUR_L_FUSED_ADD = 14, AUGUR_L_BATCH = 15,
  AUGUR_L_FIELDS = 16
};

/* The short form, Augur's columns: kernel, in_w, in_h, in_c, out_c, stride, padding of one side, groups of a conv2d
 * on float32. */
#define AUGUR_SHORT_FIELDS 8

enum augur_op_kind {
  AUGUR_KIND_SIZE = 0, AUGUR_KIND_CONV = 1, AUGUR_KIND_TCONV = 2, AUGUR_KIND_POOL = 3, AUGUR_KIND_GLOBAL = 4,
  AUGUR_KIND_MATMUL = 5, AUGUR_KIND_DENSE = 6, AUGUR_KIND_NORM = 7
};

/* Op codes: X(code, NAME, KIND). Never renumbered; new ones are added at the end. */
#define AUGUR_OPS(X) \
  X(0, other, SIZE) X(1, conv1d, CONV) X(2, conv2d, CONV) X(3, conv3d, CONV) \
  X(4, conv_transpose1d, TCONV) X(5, conv_transpose2d, TCONV) X(6, conv_transpose3d, TCONV) \
  X(7, dense, DENSE) X(8, matmul, MATMUL) \
  X(9, max_pool2d, POOL) X(10, avg_pool2d, POOL) X(11, global_avg_pool, GLOBAL) X(12, global_max_pool, GLOBAL) \
  X(13, reduce_mean, GLOBAL) \
  X(14, add, SIZE) X(15, sub, SIZE) X(16, mul, SIZE) X(17, div, SIZE) X(18, min, SIZE) X(19, max, SIZE) X(20, pow, SIZE) \
  X(21, relu, SIZE) X(22, relu6, SIZE) X(23, clip, SIZE) X(24, sigmoid, SIZE) X(25, hard_sigmoid, SIZE) \
  X(26, hard_swish, SIZE) X(27, swish, SIZE) X(28, gelu, SIZE) X(29, tanh, SIZE) X(30, erf, SIZE) \
  X(31, leaky_relu, SIZE) X(32, elu, SIZE) \
  X(33, batch_norm, NORM) X(34, layer_norm, NORM) X(35, group_norm, NORM) X(36, instance_norm, NORM) \
  X(37, rms_norm, NORM) \
  X(38, softmax, SIZE) X(39, reorder, SIZE) X(40, reshape, SIZE) X(41, flatten, SIZE) X(42, squeeze, SIZE) \
  X(43, unsqueeze, SIZE) X(44, transpose, SIZE) X(45, concat, SIZE) X(46, split, SIZE) X(47, slice, SIZE) \
  X(48, pad, SIZE) X(49, resize, SIZE) X(50, gather, SIZE) X(51, cast, SIZE) X(52, quantize, SIZE) \
  X(53, dequantize, SIZE) X(54, sqrt, SIZE) X(55, exp, SIZE) X(56, identity, SIZE) X(57, expand, SIZE)
#define AUGUR_N_OPS 58

/* layer/1: the features that can be derived, X(id, name). Never renumbered. Integers are exact in 64 bits, then rounded
 * to float32; a quotient is of two float32. Bytes are of element_bytes each; the fused add reads the output's size once more.
 *   tiles_in_T   ceil(in_c / groups / T)         tiles_out_T  ceil(out_c / groups / T)
 *   padded_T     (tiles_in_T * T * tiles_out_T * T) / (in_c / groups * (out_c / groups)): padded over real work */
#define AUGUR_LAYER_FEATURES(X) \
  X(0, op) X(1, kernel_h) X(2, kernel_w) X(3, in_h) X(4, in_w) X(5, in_c) X(6, out_c) X(7, stride_h) X(8, stride_w) \
  X(9, padding_h) X(10, padding_w) X(11, dilation) X(12, groups) X(13, element_bytes) X(14, fused_add) X(15, batch) \
  X(16, kind) X(17, out_h) X(18, out_w) X(19, macs) X(20, weight_bytes) X(21, input_bytes) X(22, output_bytes) \
  X(23, bytes_moved) X(24, intensity) X(25, in_c_per_group) X(26, out_c_per_group) X(27, out_places) \
  X(28, kernel_area) X(29, macs_per_output) X(30, depthwise) X(31, pointwise) \
  X(32, tiles_in_4) X(33, tiles_out_4) X(34, padded_4) X(35, tiles_in_8) X(36, tiles_out_8) X(37, padded_8) \
  X(38, tiles_in_16) X(39, tiles_out_16) X(40, padded_16) X(41, tiles_in_32) X(42, tiles_out_32) X(43, padded_32) \
  X(44, tiles_in_64) X(45, tiles_out_64) X(46, padded_64) X(47, group_work)
#define AUGUR_N_LAYER_FEATURES 48

#endif
