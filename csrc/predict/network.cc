// Sums of layers in pairs: the leaves of a binary tree are the layers, filled up with zeros to a power of two, and a node is
// the sum of its two children. From scratch the tree is walked with a stack of log2(n) partial sums; for changes
// it is kept, sums[1] at its root and leaf i at sums[width + i], so that a change costs log2(n) additions.
#include "augur/predict.h"
#include "model.h"

namespace {

constexpr size_t kBatch = 64;

size_t width_of(size_t n) {
  size_t width = 1;
  while (width < n) width *= 2;
  return width;
}

// What a network of n layers costs besides them.
double overhead(const augur_model *model, size_t n) {
  return model->overhead + model->layer_overhead * static_cast<double>(n);
}

augur_status check(const augur_model *model, const int64_t *layers, size_t n, const double *total) {
  if (model == nullptr || total == nullptr || (n != 0 && layers == nullptr)) return AUGUR_E_ARGUMENT;
  return n > SIZE_MAX / 4 / (sizeof(int64_t) * AUGUR_LAYER_INTS) ? AUGUR_E_ARGUMENT : AUGUR_OK;
}

}  // namespace

size_t augur_network_doubles(size_t n) { return n > SIZE_MAX / 64 ? 0 : 2 * width_of(n); }

augur_status augur_predict_network(const augur_model *model, const int64_t *layers, size_t n, double *total) {
  augur_status status = check(model, layers, n, total);
  double partial[64];
  uint32_t depth = 0;
  for (size_t i = 0; i < n && status == AUGUR_OK; i += kBatch) {
    float costs[kBatch];
    const size_t batch = n - i < kBatch ? n - i : kBatch;
    status = augur_predict_layers(model, layers + AUGUR_LAYER_INTS * i, batch, costs);
    for (size_t k = 0; k < batch && status == AUGUR_OK; ++k) {
      partial[depth++] = static_cast<double>(costs[k]);
      for (size_t pairs = i + k + 1; pairs % 2 == 0; pairs /= 2, --depth) partial[depth - 2] += partial[depth - 1];
    }
  }
  if (status != AUGUR_OK) return status;
  double sum = depth > 0 ? partial[--depth] : 0.0;
  while (depth > 0) sum = partial[--depth] + sum;
  *total = sum + overhead(model, n);
  return AUGUR_OK;
}

augur_status augur_network_start(const augur_model *model, const int64_t *layers, size_t n, double *sums, double *total) {
  augur_status status = sums == nullptr ? AUGUR_E_ARGUMENT : check(model, layers, n, total);
  if (status != AUGUR_OK) return status;
  const size_t width = width_of(n);
  for (size_t i = 0; i < n; i += kBatch) {
    float costs[kBatch];
    const size_t batch = n - i < kBatch ? n - i : kBatch;
    status = augur_predict_layers(model, layers + AUGUR_LAYER_INTS * i, batch, costs);
    if (status != AUGUR_OK) return status;
    for (size_t k = 0; k < batch; ++k) sums[width + i + k] = static_cast<double>(costs[k]);
  }
  for (size_t i = n; i < width; ++i) sums[width + i] = 0;
  for (size_t i = width; i-- > 1;) sums[i] = sums[2 * i] + sums[2 * i + 1];
  sums[0] = 0;
  *total = sums[1] + overhead(model, n);
  return AUGUR_OK;
}

augur_status augur_network_change(const augur_model *model, double *sums, size_t n, size_t position, const int64_t *layer,
                                  double *total) {
  if (sums == nullptr || total == nullptr || position >= n) return AUGUR_E_ARGUMENT;
  float cost;
  const augur_status status = augur_predict_layer(model, layer, &cost);
  if (status != AUGUR_OK) return status;
  size_t i = width_of(n) + position;
  sums[i] = static_cast<double>(cost);
  for (; i > 1; i /= 2) sums[i / 2] = sums[i & ~size_t{1}] + sums[i | 1];
  *total = sums[1] + overhead(model, n);
  return AUGUR_OK;
}
