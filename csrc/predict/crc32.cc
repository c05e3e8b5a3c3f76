#include "check.h"

namespace augur {
namespace {

struct Table {
  uint32_t at[256];
  constexpr Table() : at() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0u);
      at[i] = value;
    }
  }
};
constexpr Table kTable;

}  // namespace

uint32_t crc32(const uint8_t *data, size_t size) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; ++i) crc = kTable.at[(crc ^ data[i]) & 255] ^ (crc >> 8);
  return ~crc;
}

}  // namespace augur
