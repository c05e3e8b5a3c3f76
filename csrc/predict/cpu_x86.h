// What this processor and its system can run, from cpuid and xgetbv; the compiler's own helper is 4 KB of code.
#pragma once
#include <cpuid.h>
#include <stdint.h>

namespace augur {

struct CpuX86 {
  uint32_t ecx1 = 0, ebx7 = 0, ecx7 = 0, states = 0;
  CpuX86() {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &ecx1, &d)) return;
    if (!__get_cpuid_count(7, 0, &a, &ebx7, &ecx7, &d)) return;
    if (ecx1 >> 27 & 1) __asm__("xgetbv" : "=a"(states), "=d"(c) : "c"(0));  // which registers the system saves
  }
  static bool all(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }
  bool avx2() const {
    constexpr uint32_t kPopcntAvx = 1u << 23 | 1u << 28, kBmiAvx2Bmi2 = 1u << 3 | 1u << 5 | 1u << 8;
    return all(states, 0x06) && all(ecx1, kPopcntAvx) && all(ebx7, kBmiAvx2Bmi2);
  }
  bool avx512() const {
    constexpr uint32_t kFDqBwVl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, kVbmi = 1u << 1;
    return avx2() && all(states, 0xe6) && all(ebx7, kFDqBwVl) && all(ecx7, kVbmi);
  }
};

}  // namespace augur
