// Small helpers that several files share.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define AUGUR_UNROLL _Pragma("unroll")
#else
#define AUGUR_UNROLL _Pragma("GCC unroll 16")
#endif

namespace augur {

inline bool finite(double x) { return x - x == 0; }
inline bool finite(float x) { return x - x == 0; }

// CRC-32 of IEEE 802.3, the one of zlib.
uint32_t crc32(const uint8_t *data, size_t size);

}  // namespace augur
