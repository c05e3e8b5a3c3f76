// The fuzz entry: any bytes are refused or answer every question. Built for libFuzzer (clang -fsanitize=fuzzer), or with
// -DAUGUR_MUTATE for the mutator below, which needs no engine:
//   fuzz_load COUNT SEED FILE...    mutates the files COUNT times; every second time the checksum is made right again
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "augur/format.h"
#include "augur/predict.h"
#include "../predict/check.h"

namespace {

unsigned long g_loaded;

void require(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "fuzz_load: %s\n", what);
  abort();
}

void fill(const augur_model *model, uint32_t seed, float *x, int64_t *layer) {
  for (size_t i = 0; i < augur_n_features(model); ++i) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = static_cast<float>(static_cast<int32_t>(seed)) / static_cast<float>(1u << (seed % 31));
  }
  for (size_t i = 0; i < AUGUR_LAYER_INTS; ++i) {
    seed = seed * 1664525u + 1013904223u;
    layer[i] = static_cast<int64_t>(seed >> 9) >> (seed % 24);
  }
}

// Architectures: all at once as one by one, and numbers that are too large refused.
void ask_vectors(const augur_model *model, size_t size) {
  constexpr size_t kVectors = 20;
  const size_t length = augur_vector_length(model);
  uint8_t vectors[kVectors * AUGUR_MAX_VECTOR];
  float out[kVectors], one, x[AUGUR_MAX_FEATURES];
  for (size_t i = 0; i < kVectors * length; ++i) vectors[i] = static_cast<uint8_t>((i * 7 + size + i / length) % 3 == 0);
  for (size_t i = 0; i < length; i += 3) vectors[i] = 0;
  const augur_status status = augur_predict_vectors(model, vectors, kVectors, out);
  if (status != AUGUR_OK) require(status == AUGUR_E_VECTOR, "vectors were refused for another reason");
  for (size_t i = 0; i < kVectors && status == AUGUR_OK; ++i) {
    require(augur_predict_vector(model, vectors + length * i, &one) == AUGUR_OK, "one vector was refused");
    require(memcmp(&one, out + i, sizeof one) == 0 && isfinite(one), "one vector differs, or is not finite");
    augur_interval interval;
    if (augur_predict_vector_interval(model, vectors + length * i, 0.5, &interval) == AUGUR_OK)
      require(interval.low <= interval.value && interval.value <= interval.high, "an interval misses its point");
  }
  require(augur_encode_vector(model, vectors, x) == status || status == AUGUR_E_VECTOR, "a vector was not encoded");
  vectors[length - 1] = 255;
  require(augur_predict_vector(model, vectors, &one) == AUGUR_E_VECTOR, "a vector out of range was taken");
}

void ask(const augur_model *model, const uint8_t *data, size_t size) {
  if (augur_vector_length(model) != 0) ask_vectors(model, size);
  constexpr size_t kRows = 40;
  const size_t n = augur_n_features(model);
  float x[kRows * AUGUR_MAX_FEATURES], out[kRows], one;
  int64_t layers[3 * AUGUR_LAYER_INTS];
  for (size_t r = 0; r < kRows; ++r) fill(model, static_cast<uint32_t>(size + r * 77 + data[size - 1]), x + n * r, layers);
  const augur_status status = augur_predict_many(model, x, kRows, out);
  if (status == AUGUR_E_ENCODER && augur_vector_length(model) != 0) return;  // has tables
  require(status == AUGUR_OK, "finite rows were refused");
  augur_interval interval;
  for (size_t r = 0; r < kRows; r += 13) {
    require(augur_predict_one(model, x + n * r, &one) == AUGUR_OK && memcmp(&one, out + r, sizeof one) == 0, "one row differs");
    require(isfinite(one), "an answer is not finite");
    if (augur_predict_interval(model, x + n * r, 0.5, &interval) == AUGUR_OK)
      require(interval.low <= interval.value && interval.value <= interval.high, "an interval misses its point");
  }
  x[n - 1] = NAN;
  require(augur_predict_one(model, x, &one) == AUGUR_E_NOT_FINITE, "NaN was taken");
  for (size_t i = 0; i < 3; ++i) fill(model, static_cast<uint32_t>(size * 3 + i), x, layers + AUGUR_LAYER_INTS * i);
  double total, sums[8];
  (void)augur_predict_network(model, layers, 3, &total);
  if (augur_network_start(model, layers, 3, sums, &total) == AUGUR_OK)
    (void)augur_network_change(model, sums, 3, 1, layers, &total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *copy = nullptr;  // of exactly this size, so that one byte too far is seen
  if (posix_memalign(&copy, 8, size > 0 ? size : 1) != 0) return 0;
  memcpy(copy, data, size);
  augur_model *model = nullptr;
  augur_error error = {AUGUR_OK, 0, nullptr};
  const augur_status status = augur_load(copy, size, &model, &error);
  require(status == error.status && error.message != nullptr, "status and error disagree");
  if (status == AUGUR_OK) {
    ++g_loaded;
    for (size_t k = 0; k < augur_kernel_count(); ++k)
      if (augur_kernel_select(augur_kernel_at(k)) == AUGUR_OK) ask(model, static_cast<const uint8_t *>(copy), size);
    augur_free(model);
  } else {
    require(error.offset <= size, "an offset beyond the file");
  }
  free(copy);
  return 0;
}

#ifdef AUGUR_MUTATE
namespace {

struct Random {
  uint64_t state;
  uint32_t operator()(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((state >> 33) % (below > 0 ? below : 1));
  }
};

struct Bytes {
  uint8_t *data;
  size_t size;
};

Bytes read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == nullptr) exit(2);
  Bytes bytes = {static_cast<uint8_t *>(malloc(1 << 20)), 0};
  bytes.size = fread(bytes.data, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

// Mostly in the header, the table and the small sections, where the counts and offsets are.
size_t place(Random &random, size_t size) {
  const uint32_t part = random(4);
  return random(static_cast<uint32_t>(part == 0 ? size : part == 1 && size > 128 ? 128 : size > 1024 ? 1024 : size));
}

void put(uint8_t *at, size_t room, uint64_t value, size_t width) { memcpy(at, &value, width < room ? width : room); }

size_t mutate(Random &random, uint8_t *data, size_t size) {
  static const uint64_t kValues[] = {0, 1, 7, 13, 63, 64, 65, 127, 128, 255, 256, 65535, 0x7fffffff, 0x80000000, 0xffffffff,
                                     0x7f800000, 0x7fc00000, 0xff800000, 0x7ff0000000000000, 0x7ff8000000000000, ~0ull};
  for (uint32_t left = 1 + random(4); left > 0 && size > 0; --left) {
    const size_t at = place(random, size), room = size - at;
    switch (random(7)) {
      case 0: data[at] ^= static_cast<uint8_t>(1u << random(8)); break;
      case 1: data[at] = static_cast<uint8_t>(random(256)); break;
      case 2: put(data + at / 4 * 4, room, kValues[random(sizeof kValues / sizeof *kValues)], size_t{1} << random(4)); break;
      case 3: put(data + at / 2 * 2, room, random(70), 2); break;
      case 4: put(data + at / 4 * 4, room, 64 * random(static_cast<uint32_t>(size / 64 + 2)), 4); break;
      case 5: memmove(data + at, data + place(random, size - room / 2), room / 2 < 32 ? room / 2 : 32); break;
      default: if (random(4) == 0) size = at; break;
    }
  }
  return size;
}

void repair(uint8_t *data, size_t size) {
  if (size < 128) return;
  put(data + 20, 4, size, 4);
  put(data + 12, 4, augur::crc32(data + 16, size - 16), 4);
}

}  // namespace

int main(int count, char **words) {
  if (count < 4) return 2;
  Random random = {strtoull(words[2], nullptr, 10)};
  Bytes *seeds = static_cast<Bytes *>(malloc(sizeof(Bytes) * static_cast<size_t>(count)));
  const uint32_t n_seeds = static_cast<uint32_t>(count - 3);
  for (uint32_t i = 0; i < n_seeds; ++i) seeds[i] = read_file(words[3 + i]);
  uint8_t *data = static_cast<uint8_t *>(malloc(1 << 20));
  const unsigned long rounds = strtoul(words[1], nullptr, 10);
  for (unsigned long i = 0; i < rounds; ++i) {
    const Bytes &seed = seeds[random(n_seeds)];
    memcpy(data, seed.data, seed.size);
    const size_t size = mutate(random, data, seed.size);
    if (i % 2 == 0) repair(data, size);
    LLVMFuzzerTestOneInput(data, size);
  }
  printf("%lu files, %lu of them loaded and answered\n", rounds, g_loaded);
  for (uint32_t i = 0; i < n_seeds; ++i) free(seeds[i].data);
  free(seeds);
  free(data);
  return 0;
}
#endif
