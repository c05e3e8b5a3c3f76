// A task that takes exactly as long as it is told: the known truth that tests measure against.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "clock.h"
#include "task.h"

namespace augur {

class SpinTask final : public Task {
 public:
  // Call k takes durations_ns[k % size] ns of busy waiting.
  explicit SpinTask(std::vector<std::int64_t> durations_ns) : durations_ns_(std::move(durations_ns)) {}

  bool call() noexcept override {
    const std::int64_t until = now_ns() + durations_ns_[next_];
    next_ = (next_ + 1) % durations_ns_.size();
    while (now_ns() < until) {
    }
    return true;
  }

 private:
  std::vector<std::int64_t> durations_ns_;
  std::size_t next_ = 0;
};

}  // namespace augur
