// Sums of layers in pairs: the leaves of a binary tree are the layers, filled up with zeros to a power of two, and a node is
// the sum of its two children. From scratch the tree is walked with a stack of log2(n) partial sums; for changes
// it is kept, sums[1] at its root and leaf i at sums[width + i], so that a change costs log2(n) additions.
//
// Where a layer's cost depends on the network's others (format.h, point 8) the leaves are still the layers' costs, but the
// nodes above them hold sums of their logarithms, and a change adds up all leaves again.
#include "augur/predict.h"
#include "build.h"
#include "math.h"
#include "model.h"

using augur::Knot;

namespace {

constexpr double kNothing = 0;
constexpr size_t kBatch = 64, kKept = 512;  // layers asked at a time; layers whose costs are kept for the second pass

size_t width_of(size_t n) {
  size_t width = 1;
  while (width < n) width *= 2;
  return width;
}

struct Pairs {
  double partial[64];
  uint32_t depth;
  size_t count;
  Pairs() : depth(0), count(0) {}
  void add(double x) {
    partial[depth++] = x;
    for (size_t pairs = ++count; pairs % 2 == 0; pairs /= 2, --depth) partial[depth - 2] += partial[depth - 1];
  }
  double sum() const {
    uint32_t left = depth;
    double sum = left > 0 ? partial[--left] : 0.0;
    while (left > 0) sum = partial[--left] + sum;
    return sum;
  }
};

// What a network of n layers costs besides them.
double overhead(const augur_model *model, size_t n) {
  return model->overhead + model->layer_overhead * static_cast<double>(n);
}

AUGUR_SMALL double log_of(double cost) { return augur::ln(cost > 1e-30 ? cost : 1e-30); }

// From a layer's cost with the usual call to its cost in one network.
struct Move {
  double more, least;
  double operator()(double cost) const { return cost + more > least ? cost + more : least; }
};

// logs: the sum of all layers' logarithms.
AUGUR_SMALL Move move_of(const augur_model *model, double logs, size_t n) {
  const double typical = logs / static_cast<double>(n);
  const Knot *k = model->knots, *const last = k + model->n_knots - 1;
  double call = typical >= last->typical ? last->call : k->call;
  if (typical > k->typical && typical < last->typical) {
    while (k[1].typical <= typical) ++k;
    call = k->call + (k[1].call - k->call) * ((typical - k->typical) / (k[1].typical - k->typical));
  }
  call = augur::scaled_exp(call, 1.0);
  return {call - model->usual, call / 2};
}

augur_status check(const augur_model *model, const int64_t *layers, size_t n, const double *total) {
  if (model == nullptr || total == nullptr || (n != 0 && layers == nullptr)) return AUGUR_E_ARGUMENT;
  return n > SIZE_MAX / 4 / (sizeof(int64_t) * AUGUR_LAYER_INTS) ? AUGUR_E_ARGUMENT : AUGUR_OK;
}

size_t batch_at(size_t i, size_t n) { return n - i < kBatch ? n - i : kBatch; }

// The node's sum of logarithms, or of costs where calls are always the same.
AUGUR_SMALL double node(const augur_model *model, const double *sums, size_t width, size_t n, size_t i) {
  return model->n_knots > 0 && i >= width && i < width + n ? log_of(sums[i]) : sums[i];
}

// The leaves' sum in the order of the tree, which is that of Pairs.
AUGUR_SMALL double moved_sum(const Move &move, const double *leaves, size_t n, size_t width) {
  if (n == 0) return 0;
  if (width == 1) return move(*leaves);
  const size_t half = width / 2;
  const double left = moved_sum(move, leaves, n < half ? n : half, half);
  return left + moved_sum(move, leaves + half, n < half ? 0 : n - half, half);
}

AUGUR_SMALL double total_of(const augur_model *model, const double *sums, size_t n) {
  if (model->n_knots == 0 || n == 0) return sums[1] + overhead(model, n);
  const size_t width = width_of(n);
  const Move move = move_of(model, node(model, sums, width, n, 1), n);
  return moved_sum(move, sums + width, n, width) + overhead(model, n);
}

}  // namespace

size_t augur_network_doubles(size_t n) { return n > SIZE_MAX / 64 ? 0 : 2 * width_of(n); }

augur_status augur_predict_network(const augur_model *model, const int64_t *layers, size_t n, double *total) {
  augur_status status = check(model, layers, n, total);
  if (status != AUGUR_OK) return status;
  float costs[kKept];
  const bool moves = model->n_knots > 0 && n > 0, kept = n <= kKept;
  Move move = {0, 0};
  Pairs sum;
  for (int pass = moves ? 0 : 1; pass < 2; ++pass) {
    sum = Pairs();
    for (size_t i = 0; i < n; i += kBatch) {
      float *const batch = kept ? costs + i : costs;
      if (pass == 0 || !moves || !kept) status = augur_predict_layers(model, layers + AUGUR_LAYER_INTS * i, batch_at(i, n), batch);
      if (status != AUGUR_OK) return status;
      for (size_t k = 0; k < batch_at(i, n); ++k) {
        const double cost = static_cast<double>(batch[k]);
        sum.add(pass == 0 ? log_of(cost) : moves ? move(cost) : cost);
      }
    }
    if (pass == 0) move = move_of(model, sum.sum(), n);
  }
  *total = sum.sum() + overhead(model, n);
  return AUGUR_OK;
}

augur_status augur_predict_layers_of(const augur_model *model, const int64_t *layers, size_t n, double *costs) {
  augur_status status = n != 0 && costs == nullptr ? AUGUR_E_ARGUMENT : check(model, layers, n, &kNothing);
  Pairs logs;
  for (size_t i = 0; i < n && status == AUGUR_OK; i += kBatch) {
    float batch[kBatch];
    status = augur_predict_layers(model, layers + AUGUR_LAYER_INTS * i, batch_at(i, n), batch);
    for (size_t k = 0; k < batch_at(i, n) && status == AUGUR_OK; ++k) {
      costs[i + k] = static_cast<double>(batch[k]);
      if (model->n_knots > 0) logs.add(log_of(costs[i + k]));
    }
  }
  if (status != AUGUR_OK || model->n_knots == 0 || n == 0) return status;
  const Move move = move_of(model, logs.sum(), n);
  for (size_t i = 0; i < n; ++i) costs[i] = move(costs[i]);
  return AUGUR_OK;
}

AUGUR_SMALL augur_status augur_network_start(const augur_model *model, const int64_t *layers, size_t n, double *sums, double *total) {
  augur_status status = sums == nullptr ? AUGUR_E_ARGUMENT : check(model, layers, n, total);
  if (status != AUGUR_OK) return status;
  const size_t width = width_of(n);
  for (size_t i = 0; i < n; i += kBatch) {
    float costs[kBatch];
    status = augur_predict_layers(model, layers + AUGUR_LAYER_INTS * i, batch_at(i, n), costs);
    if (status != AUGUR_OK) return status;
    for (size_t k = 0; k < batch_at(i, n); ++k) sums[width + i + k] = static_cast<double>(costs[k]);
  }
  for (size_t i = n; i < width; ++i) sums[width + i] = 0;
  for (size_t i = width; i-- > 1;) sums[i] = node(model, sums, width, n, 2 * i) + node(model, sums, width, n, 2 * i + 1);
  sums[0] = 0;
  *total = total_of(model, sums, n);
  return AUGUR_OK;
}

augur_status augur_network_change(const augur_model *model, double *sums, size_t n, size_t position, const int64_t *layer,
                                  double *total) {
  if (sums == nullptr || total == nullptr || position >= n) return AUGUR_E_ARGUMENT;
  float cost;
  const augur_status status = augur_predict_layer(model, layer, &cost);
  if (status != AUGUR_OK) return status;
  const size_t width = width_of(n);
  size_t i = width + position;
  sums[i] = static_cast<double>(cost);
  for (; i > 1; i /= 2) {
    const size_t left = i & ~size_t{1};
    sums[i / 2] = model->n_knots == 0 ? sums[left] + sums[left + 1]
                                      : node(model, sums, width, n, left) + node(model, sums, width, n, left + 1);
  }
  *total = total_of(model, sums, n);
  return AUGUR_OK;
}
