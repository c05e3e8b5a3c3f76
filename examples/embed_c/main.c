/* What a layer and a network cost, asked from C99: no Python, no C++ library, no allocation but the model's own.
 *
 *   main MODEL.augpred     reads a predictor from a file
 *   main                   uses the one that was compiled in (-DMODEL_IN_C, model.c from `augur-edge predict --to-c`) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "augur/predict.h"

#ifdef MODEL_IN_C
extern const uint64_t augur_model_data[];
extern const size_t augur_model_size;
#endif

static unsigned char *read_file(const char *path, size_t *size) {
  unsigned char *data = NULL;
  long end;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
    *size = (size_t)end;
    data = malloc(*size);
    if (data != NULL && fread(data, 1, *size, file) != *size) {
      free(data);
      data = NULL;
    }
  }
  fclose(file);
  return data;
}

/* A 3x3 convolution, then the 1x1 one that follows it, in Augur's eight columns. */
static const int64_t kColumns[2][8] = {{3, 56, 56, 64, 64, 1, 1, 1}, {1, 56, 56, 64, 128, 1, 0, 1}};

static int ask_about_layers(const augur_model *model) {
  int64_t layers[2][AUGUR_LAYER_INTS];
  double sums[4], total; /* augur_network_doubles(2) of them */
  float cost;
  int i;
  for (i = 0; i < 2; ++i) {
    augur_layer_from_short(kColumns[i], layers[i]);
    if (augur_predict_layer(model, layers[i], &cost) != AUGUR_OK) return 1;
    printf("layer %d: %.1f %s\n", i, (double)cost, augur_unit(model));
  }
  if (augur_network_start(model, layers[0], 2, sums, &total) != AUGUR_OK) return 1;
  printf("both: %.1f %s\n", total, augur_unit(model));
  layers[1][6] = 96; /* fewer output channels */
  if (augur_network_change(model, sums, 2, 1, layers[1], &total) != AUGUR_OK) return 1;
  printf("with 96 channels: %.1f %s\n", total, augur_unit(model));
  return 0;
}

static int ask_about_a_row(const augur_model *model) {
  float row[64] = {0}, answer;
  if (augur_predict_one(model, row, &answer) != AUGUR_OK) return 1;
  printf("a row of %zu zeros: %.3f %s\n", augur_n_features(model), (double)answer, augur_unit(model));
  return 0;
}

int main(int count, char **words) {
  unsigned char *data = NULL;
  const void *bytes = NULL;
  size_t size = 0;
  augur_model *model = NULL;
  augur_error error;
  int failed;
  if (count > 1) bytes = data = read_file(words[1], &size);
#ifdef MODEL_IN_C
  if (count == 1) bytes = augur_model_data, size = augur_model_size;
#endif
  if (bytes == NULL) {
    fprintf(stderr, "embed_c: no model; usage: %s MODEL.augpred\n", words[0]);
    return 2;
  }
  if (augur_load(bytes, size, &model, &error) != AUGUR_OK) {
    fprintf(stderr, "embed_c: byte %zu: %s\n", error.offset, error.message);
    free(data);
    return 5;
  }
  printf("%s, %zu trees, kernel %s\n", augur_target(model), augur_n_trees(model), augur_kernel_name());
  failed = augur_takes_layers(model) ? ask_about_layers(model) : ask_about_a_row(model);
  augur_free(model);
  free(data);
  return failed;
}
