#include "check.h"

namespace augur {
namespace {

// Of half a byte: 64 bytes where a table of whole ones takes 1 KB of every program, for twice the time of a load.
struct Table {
  uint32_t at[16];
  constexpr Table() : at() {
    for (uint32_t i = 0; i < 16; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 4; ++bit) value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0u);
      at[i] = value;
    }
  }
};
constexpr Table kTable;

}  // namespace

uint32_t crc32(const uint8_t *data, size_t size) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; ++i) {
    crc ^= data[i];
    crc = kTable.at[crc & 15] ^ (crc >> 4);
    crc = kTable.at[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

}  // namespace augur
