/* Evolution over FBNet's 9^22 architectures within a limit, in C99 against the kernel: no Python, no allocation in the loop.
 *
 *   search WORTH.augpred COST.augpred LIMIT [EVALUATIONS [SEED]]     the most worth of what costs at most LIMIT
 *
 * As augur_edge.search.evolve does it: tournaments, half of the father's answers, one or more answers mutated, few met
 * twice; limits are looked at first. It differs in who makes room: a child takes the place of the worse of a few drawn. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "augur/predict.h"

enum { LENGTH = 22, ANSWERS = 9, ROW = 24, BITS = 14, POPULATION = 1 << BITS, BATCH = 256, SEEN_BITS = 20 };

static uint64_t state;
static uint64_t draw(void) { /* Steele and Vigna's SplitMix64 */
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static uint32_t below(uint32_t n, uint32_t bits) { return (uint32_t)((uint64_t)n * bits >> 32); }

static uint8_t people[POPULATION][ROW];
static float worth[POPULATION];
static uint64_t seen[1 << SEEN_BITS];
static size_t n_people;

static void *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  long end;
  void *data = NULL;
  if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
    *size = (size_t)end;
    data = malloc(*size);
    if (data != NULL && fread(data, 1, *size, file) != *size) *size = 0;
  }
  if (file != NULL) fclose(file);
  return data;
}

static augur_model *load(const char *path) {
  augur_model *model = NULL;
  augur_error error = {AUGUR_E_ARGUMENT, 0, "cannot be read"};
  size_t size = 0;
  void *data = read_file(path, &size); /* stays until the end: the model refers to it */
  if (data == NULL || augur_load(data, size, &model, &error) != AUGUR_OK) {
    fprintf(stderr, "search: %s: byte %zu: %s\n", path, error.offset, error.message);
    exit(5);
  }
  if (augur_vector_length(model) != LENGTH) {
    fprintf(stderr, "search: %s: not a predictor of FBNet's architectures\n", path);
    exit(2);
  }
  return model;
}

/* The best, or for `worst` the worst, of three; without a branch, which no processor could foresee. */
static size_t tournament(int worst) {
  uint64_t bits = draw();
  size_t chosen = bits % POPULATION, i, other;
  for (i = 1; i < 3; ++i) {
    other = (bits >>= BITS) % POPULATION;
    chosen ^= (chosen ^ other) & (0 - (size_t)((worth[other] > worth[chosen]) != worst));
  }
  return chosen;
}

static void make(uint8_t *child) {
  uint64_t a[ROW / 8], b[ROW / 8], more;
  size_t i;
  if (n_people < POPULATION) {
    for (i = 0; i < LENGTH; ++i) child[i] = (uint8_t)below(ANSWERS, (uint32_t)(draw() >> 32));
    return;
  }
  memcpy(a, people[tournament(0)], ROW);
  memcpy(b, people[tournament(0)], ROW);
  for (i = 0; i < ROW / 8; ++i) a[i] ^= (a[i] ^ b[i]) & (draw() >> 7 & 0x0101010101010101u) * 255; /* bytes of one or the other */
  memcpy(child, a, ROW);
  do { /* another answer at one place; again in a quarter of the cases */
    uint8_t *place;
    more = draw();
    place = child + below(LENGTH, (uint32_t)more);
    *place = (uint8_t)((*place + 1 + below(ANSWERS - 1, (uint32_t)(more >> 32))) % ANSWERS);
  } while ((more & 3) == 0);
}

/* 64 bits of which no two architectures of a search are likely to have the same. */
static uint64_t hash(const uint8_t *vector) {
  uint64_t words[3] = {0, 0, 0}, h;
  memcpy(words, vector, LENGTH);
  h = words[0] * 0x9e3779b97f4a7c15u ^ (words[1] + 1) * 0xc2b2ae3d27d4eb4fu ^ (words[2] + 2) * 0x165667b19e3779f9u;
  h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
  return (h ^ (h >> 29)) | 1;
}

/* Up to BATCH new architectures, row after row, as the kernel takes them. */
static size_t propose(uint8_t *rows) {
  static uint8_t children[BATCH][ROW];
  uint64_t hashes[BATCH];
  size_t i, n = 0;
  for (i = 0; i < BATCH; ++i) {
    make(children[i]);
    hashes[i] = hash(children[i]);
  }
  for (i = 0; i < BATCH; ++i) {
    uint64_t *place = &seen[hashes[i] >> (64 - SEEN_BITS)];
    if (*place == hashes[i]) continue;
    *place = hashes[i];
    memcpy(rows + LENGTH * n++, children[i], LENGTH);
  }
  return n;
}

static void learn(const uint8_t *vector, float value) {
  const int full = n_people == POPULATION;
  const size_t place = full ? tournament(1) : n_people++;
  if (full && worth[place] >= value) return;
  memcpy(people[place], vector, LENGTH);
  worth[place] = value;
}

int main(int count, char **words) {
  static uint8_t rows[BATCH * LENGTH], inside[BATCH * LENGTH], best[LENGTH];
  float costs[BATCH], worths[BATCH], most = 0, its_cost = 0;
  uint64_t asked = 0, evaluated = 0, wanted = count > 4 ? strtoull(words[4], NULL, 10) : 1000000, barren = 0;
  size_t i, n, m;
  clock_t start;
  double limit, seconds;
  if (count < 4) {
    fprintf(stderr, "usage: %s WORTH.augpred COST.augpred LIMIT [EVALUATIONS [SEED]]\n", words[0]);
    return 2;
  }
  augur_model *value = load(words[1]), *cost = load(words[2]);
  limit = strtod(words[3], NULL);
  state = count > 5 ? strtoull(words[5], NULL, 10) : 0;
  start = clock();
  while (evaluated < wanted && barren < 10000) {
    n = propose(rows);
    if (augur_predict_vectors(cost, rows, n, costs) != AUGUR_OK) return 1;
    for (i = m = 0; i < n; ++i) {
      if ((double)costs[i] > limit) continue;
      costs[m] = costs[i];
      memmove(inside + LENGTH * m++, rows + LENGTH * i, LENGTH);
    }
    if (augur_predict_vectors(value, inside, m, worths) != AUGUR_OK) return 1;
    for (i = 0; i < m; ++i) {
      learn(inside + LENGTH * i, worths[i]);
      if (evaluated + i > 0 && worths[i] <= most) continue;
      most = worths[i], its_cost = costs[i];
      memcpy(best, inside + LENGTH * i, LENGTH);
    }
    asked += n, evaluated += m, barren = m > 0 ? 0 : barren + 1;
  }
  seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  if (evaluated == 0) {
    fprintf(stderr, "search: nothing found within %g %s\n", limit, augur_unit(cost));
    return 1;
  }
  printf("%" PRIu64 " evaluated, %" PRIu64 " looked at, %.0f evaluated a second\nfbnet:", evaluated, asked, (double)evaluated / seconds);
  for (i = 0; i < LENGTH; ++i) printf("%s%d", i ? "," : "", best[i]);
  printf("\n%s %.6g, %s %.6g %s\n", augur_target(value), (double)most, augur_target(cost), (double)its_cost, augur_unit(cost));
  return 0;
}
