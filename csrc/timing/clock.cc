#include "clock.h"

#include <algorithm>
#include <array>
#include <limits>

namespace augur {

ClockFacts measure_clock() {
  constexpr int kRounds = 31;
  constexpr int kReads = 512;
  std::int64_t step = std::numeric_limits<std::int64_t>::max();
  std::array<double, kRounds> price{};
  for (auto& p : price) {
    const std::int64_t start = now_ns();
    std::int64_t last = start;
    for (int i = 0; i < kReads; ++i) {
      const std::int64_t t = now_ns();
      if (t != last) step = std::min(step, t - last);
      last = t;
    }
    p = static_cast<double>(last - start) / kReads;
  }
  std::nth_element(price.begin(), price.begin() + kRounds / 2, price.end());
  return {static_cast<double>(step), price[kRounds / 2]};
}

}  // namespace augur
