#include "system.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

namespace augur {

// sched_* with pid 0 act on the calling thread, on glibc, musl and bionic alike (pthread_setaffinity_np is not in bionic).
int pin_to(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
    CPU_SET(cpu, &set);
  }
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

int get_affinity(std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return errno;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return 0;
}

int set_fifo(int priority) {
  sched_param param{};
  param.sched_priority = priority;
  return sched_setscheduler(0, priority > 0 ? SCHED_FIFO : SCHED_OTHER, &param) == 0 ? 0 : errno;
}

int lock_memory(bool on) {
  return (on ? mlockall(MCL_CURRENT | MCL_FUTURE) : munlockall()) == 0 ? 0 : errno;
}

}  // namespace augur
