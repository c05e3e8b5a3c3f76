// What a timed loop calls.
#pragma once
#include <string>

namespace augur {

class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  // Calls it once. False when it failed; `error` then says why. Allocates nothing of its own while it succeeds.
  virtual bool call() noexcept = 0;
  virtual std::string error() const { return {}; }
  // True when `call` enters Python: the loop then keeps the GIL, otherwise it lets go of it.
  virtual bool needs_gil() const noexcept { return false; }
};

}  // namespace augur
