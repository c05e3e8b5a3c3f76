#include "loop.h"

#include "clock.h"

namespace augur {

bool time_blocks(Task& task, std::uint64_t loops, std::int64_t* out, std::size_t n_blocks) noexcept {
  for (std::size_t i = 0; i < n_blocks; ++i) {
    const std::int64_t start = now_ns();
    for (std::uint64_t k = 0; k < loops; ++k) {
      if (!task.call()) return false;
    }
    out[i] = now_ns() - start;
  }
  return true;
}

std::size_t replay(Task* const* tasks, std::size_t n_tasks, std::size_t n_passes, std::int64_t* out) noexcept {
  for (std::size_t pass = 0; pass < n_passes; ++pass) {
    std::int64_t before = now_ns();
    for (std::size_t i = 0; i < n_tasks; ++i) {
      if (!tasks[i]->call()) return i;
      const std::int64_t after = now_ns();
      *out++ = after - before;
      before = after;
    }
  }
  return n_tasks;
}

}  // namespace augur
