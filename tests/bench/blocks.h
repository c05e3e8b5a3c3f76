// What the timed programs share: a file in memory, the clock, and the lowest tenth of many blocks.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

namespace {

constexpr int kBlocks = 101;

// At most 4 MiB of a file, aligned as a predictor has to be; it is never freed. Exits with 2 where there is none.
void *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == nullptr) exit(2);
  void *data = aligned_alloc(64, 1 << 22);
  *size = fread(data, 1, 1 << 22, file);
  fclose(file);
  return data;
}

double now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

int ascending(const void *a, const void *b) {
  const double x = *static_cast<const double *>(a), y = *static_cast<const double *>(b);
  return (x > y) - (x < y);
}

// Of kBlocks times, which it sorts.
double tenth(double *times) {
  qsort(times, kBlocks, sizeof *times, ascending);
  return times[kBlocks / 10];
}

}  // namespace
