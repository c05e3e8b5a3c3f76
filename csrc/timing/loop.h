// The timed loops. No allocation, no lock and no Python between the first and the last reading of the clock.
#pragma once
#include <cstddef>
#include <cstdint>

#include "task.h"

namespace augur {

// out[i] = ns of one block of `loops` calls, one reading of the clock included. False when a call failed.
bool time_blocks(Task& task, std::uint64_t loops, std::int64_t* out, std::size_t n_blocks) noexcept;

// Calls the tasks one after the other, pass after pass: out[pass * n_tasks + i] = ns of one call of task i. One reading
// of the clock ends a call and begins the next, so a pass has no gaps. Returns the failed task's index, or n_tasks.
std::size_t replay(Task* const* tasks, std::size_t n_tasks, std::size_t n_passes, std::int64_t* out) noexcept;

}  // namespace augur
