// The kernels' contract.
//
// A kernel turns rows of features into S, the sum of the leaves (format.h, point 6). It works on bins: a column's bin is
// counted once, as a signed byte (bin - 128), and every comparison of every tree is then one of bytes.
//
// float32 leaves: eight partial sums, all starting at +0; tree i of its group is added to sum i mod 8, in the order of the trees;
// S = ((0+4) + (2+6)) + ((1+5) + (3+7)). Every operation is rounded to float32 (-ffp-contract=off).
// int16 leaves: S is the exact integer. Either way S is the same in every kernel, bit for bit, and for one row as for many.
//
// Both functions return false, and leave `sums` unspecified, if a feature is NaN or infinite.
#pragma once
#include "check.h"
#include "model.h"

namespace augur {

constexpr uint32_t kTileRows = 256;  // what `many` takes at most; sized so that bins and partial sums stay in L1

struct Kernel {
  const char *name;
  bool (*usable)();
  bool (*one)(const augur_model &m, const float *x, double *sum);
  bool (*many)(const augur_model &m, const float *x, uint32_t n_rows, double *sums);
};

extern const Kernel kScalar;
#if defined(__x86_64__)
extern const Kernel kAvx2, kAvx512;
#elif defined(__aarch64__)
extern const Kernel kNeon;
#endif

const Kernel *selected_kernel();  // null before the first load or select

}  // namespace augur
