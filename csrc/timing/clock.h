// The clock every figure comes from: CLOCK_MONOTONIC_RAW, which no time daemon slews.
#pragma once
#include <time.h>

#include <cstdint>

namespace augur {

inline std::int64_t now_ns() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// What one reading costs and how fine it is, in ns; measured, since clock_getres says 1 ns on clocks that tick in 52.
struct ClockFacts {
  double resolution_ns;  // smallest step ever seen between two different readings
  double overhead_ns;    // median price of one reading
};

ClockFacts measure_clock();

}  // namespace augur
