// check_models STEM...: STEM.augpred must answer the rows (of a search space: vectors) of STEM.x with STEM.y (float32, raw), bit for bit, in every kernel that
// runs here, one by one and all at once; layers, networks and intervals must agree with themselves. For machines that have no
// Python: emulated ones, and those that are compiled for from elsewhere.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "augur/format.h"
#include "augur/predict.h"

namespace {

struct File {
  void *data;
  size_t size;
};

File read_file(const char *stem, const char *suffix) {
  char path[1024];
  snprintf(path, sizeof path, "%s%s", stem, suffix);
  FILE *file = fopen(path, "rb");
  if (file == nullptr) {
    fprintf(stderr, "check_models: cannot read %s\n", path);
    exit(2);
  }
  fseek(file, 0, SEEK_END);
  const size_t size = static_cast<size_t>(ftell(file));
  rewind(file);
  File whole = {malloc(size > 0 ? size : 1), size};
  if (fread(whole.data, 1, size, file) != size) exit(2);
  fclose(file);
  return whole;
}

bool check_vectors(const augur_model *model, const File &x, const File &y, const char *where) {
  const size_t n = y.size / sizeof(float), length = augur_vector_length(model);
  const uint8_t *vectors = static_cast<const uint8_t *>(x.data);
  float *out = static_cast<float *>(malloc(y.size + 1)), one;
  bool good = n * length == x.size && augur_predict_vectors(model, vectors, n, out) == AUGUR_OK && memcmp(out, y.data, y.size) == 0;
  for (size_t r = 0; r < n && good; ++r)
    good = augur_predict_vector(model, vectors + length * r, &one) == AUGUR_OK && memcmp(&one, out + r, sizeof one) == 0;
  free(out);
  if (!good) fprintf(stderr, "%s: answers differ\n", where);
  return good;
}

bool check_rows(const augur_model *model, const File &x, const File &y, const char *where) {
  const size_t n = y.size / sizeof(float), width = augur_n_features(model);
  const float *rows = static_cast<const float *>(x.data), *want = static_cast<const float *>(y.data);
  float *out = static_cast<float *>(malloc(y.size + 1)), one;
  bool good = augur_predict_many(model, rows, n, out) == AUGUR_OK && memcmp(out, want, y.size) == 0;
  for (size_t r = 0; r < n && good; ++r)
    good = augur_predict_one(model, rows + width * r, &one) == AUGUR_OK && memcmp(&one, want + r, sizeof one) == 0;
  free(out);
  if (!good) fprintf(stderr, "%s: answers differ\n", where);
  return good;
}

bool check_layers(const augur_model *model, const char *where) {
  constexpr size_t kLayers = 20;
  int64_t layers[kLayers * AUGUR_LAYER_INTS];
  double sums[64], total, again;
  for (int64_t i = 0; i < static_cast<int64_t>(kLayers); ++i) {
    const int64_t columns[8] = {1 + 2 * (i % 3), 14 + i, 14, 8 + i, 16, 1 + i % 2, i % 3, 1};
    augur_layer_from_short(columns, layers + AUGUR_LAYER_INTS * i);
  }
  bool good = augur_network_start(model, layers, kLayers, sums, &total) == AUGUR_OK;
  memcpy(layers + 3 * AUGUR_LAYER_INTS, layers + 7 * AUGUR_LAYER_INTS, AUGUR_LAYER_INTS * sizeof *layers);
  good = good && augur_network_change(model, sums, kLayers, 3, layers + 3 * AUGUR_LAYER_INTS, &total) == AUGUR_OK &&
         augur_predict_network(model, layers, kLayers, &again) == AUGUR_OK && memcmp(&total, &again, sizeof total) == 0;
  if (!good) fprintf(stderr, "%s: network totals differ\n", where);
  return good;
}

bool check_file(const char *stem) {
  const File data = read_file(stem, ".augpred"), x = read_file(stem, ".x"), y = read_file(stem, ".y");
  augur_model *model = nullptr;
  augur_error error;
  bool good = augur_load(data.data, data.size, &model, &error) == AUGUR_OK;
  if (!good) fprintf(stderr, "%s: byte %zu: %s\n", stem, error.offset, error.message);
  for (size_t k = 0; k < augur_kernel_count() && good; ++k) {
    if (!augur_kernel_usable(k)) continue;
    char where[1100];
    snprintf(where, sizeof where, "%s, kernel %s", stem, augur_kernel_at(k));
    const bool vectors = augur_vector_length(model) != 0;
    good = augur_kernel_select(augur_kernel_at(k)) == AUGUR_OK &&
           (vectors ? check_vectors(model, x, y, where) : check_rows(model, x, y, where)) &&
           (!augur_takes_layers(model) || check_layers(model, where));
  }
  augur_free(model);
  free(data.data), free(x.data), free(y.data);
  return good;
}

}  // namespace

int main(int count, char **stems) {
  int failed = 0;
  for (int i = 1; i < count; ++i) failed += !check_file(stems[i]);
  printf("%d files, %d wrong; kernels:", count - 1, failed);
  for (size_t k = 0; k < augur_kernel_count(); ++k)
    if (augur_kernel_usable(k)) printf(" %s", augur_kernel_at(k));
  printf("\n");
  return failed != 0;
}
