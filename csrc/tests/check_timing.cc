// check_timing: the clock, the timed loops and the affinity calls, on a machine that has no Python. Prints what it saw.
#include <stdint.h>
#include <stdio.h>

#include <vector>

#include "clock.h"
#include "loop.h"
#include "spin_task.h"
#include "system.h"

namespace {

int failed = 0;

void expect(bool good, const char* what) {
  if (!good) fprintf(stderr, "check_timing: %s\n", what);
  failed += !good;
}

}  // namespace

int main() {
  const augur::ClockFacts clock = augur::measure_clock();
  expect(clock.resolution_ns > 0 && clock.overhead_ns > 0, "the clock does not tick");
  augur::SpinTask slow({2000000}), fast({500000});
  std::vector<std::int64_t> out(6);
  expect(augur::time_blocks(slow, 2, out.data(), 3), "a block failed");
  for (int i = 0; i < 3; ++i) expect(out[i] >= 4000000, "a block took less than its calls");
  augur::Task* tasks[] = {&slow, &fast};
  expect(augur::replay(tasks, 2, 3, out.data()) == 2, "a replayed task failed");
  for (int i = 0; i < 6; ++i) expect(out[i] >= (i % 2 ? 500000 : 2000000), "a replayed call took less than it should");
  std::vector<int> cpus;
  expect(augur::get_affinity(cpus) == 0 && !cpus.empty(), "the affinity is not told");
  expect(augur::pin_to({cpus.at(0)}) == 0, "one processor is refused");
  expect(augur::pin_to({-1}) != 0, "a processor that cannot be is taken");
  printf("the clock steps by %.0f ns; %d checks failed\n", clock.resolution_ns, failed);
  return failed != 0;
}
