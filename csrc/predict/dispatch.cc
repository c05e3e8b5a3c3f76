// Which kernel runs: the library's only global.
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

namespace augur {
namespace {

// From the best to the plainest.
#if defined(__x86_64__)
const Kernel *const kKernels[] = {&kAvx512, &kAvx2, &kScalar};
#elif defined(__aarch64__)
const Kernel *const kKernels[] = {&kNeon, &kScalar};
#else
const Kernel *const kKernels[] = {&kScalar};
#endif
constexpr size_t kCount = sizeof kKernels / sizeof kKernels[0];

const Kernel *g_selected = nullptr;

}  // namespace

const Kernel *selected_kernel() { return __atomic_load_n(&g_selected, __ATOMIC_RELAXED); }

}  // namespace augur

using namespace augur;

size_t augur_kernel_count(void) { return kCount; }
const char *augur_kernel_at(size_t i) { return i < kCount ? kKernels[i]->name : nullptr; }
int augur_kernel_usable(size_t i) { return i < kCount && kKernels[i]->usable(); }
const char *augur_kernel_name(void) { return selected_kernel() != nullptr ? selected_kernel()->name : ""; }

augur_status augur_kernel_select(const char *name) {
  if (name == nullptr) name = getenv("AUGUR_EDGE_KERNEL");
  const bool any = name == nullptr || *name == 0;
  for (const Kernel *kernel : kKernels) {
    if ((!any && strcmp(kernel->name, name) != 0) || !kernel->usable()) continue;
    __atomic_store_n(&g_selected, kernel, __ATOMIC_RELAXED);
    return AUGUR_OK;
  }
  return AUGUR_E_KERNEL;
}
