// Where and how the measuring thread runs. Every function returns 0 or an errno, and changes nothing when it fails.
#pragma once
#include <vector>

namespace augur {

int pin_to(const std::vector<int>& cpus);     // EINVAL for an empty list or a CPU this machine does not have
int get_affinity(std::vector<int>& cpus);     // CPUs the calling thread may run on
int set_fifo(int priority);                   // SCHED_FIFO at `priority` (1..99); 0 goes back to SCHED_OTHER
int lock_memory(bool on);                     // mlockall(MCL_CURRENT | MCL_FUTURE), or munlockall

}  // namespace augur
