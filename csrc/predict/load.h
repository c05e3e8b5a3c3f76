// A file that is being checked. Each step looks at a part of it, relies on those before it, and points the model there.
#pragma once
#include <string.h>

#include "build.h"
#include "kernels.h"

namespace augur {

enum : uint32_t {
  kMeta = 1, kFeatures, kBase, kColumns, kBorders, kDepths, kSlots, kCuts, kLeaves, kInterval, kSpread, kTables, kValues,
  kKnown
};

struct Section {
  uint32_t offset, bytes;
};

struct Loader {
  const uint8_t *data;
  uint32_t size;
  augur_model m;
  Section sections[kKnown];
  uint32_t n_borders, n_blocks;
  augur_error error;

  template <class T>
  T at(size_t offset) const {
    T value;
    memcpy(&value, data + offset, sizeof value);
    return value;
  }
  bool fail(augur_status status, size_t offset, const char *message) {
    error = {status, offset, message};
    return false;
  }
  // The section `id` must hold `bytes`; 64 bits, so that no product of counts can wrap.
  bool expect(uint32_t id, uint64_t bytes, const char *message) {
    if (sections[id].bytes == bytes) return true;
    return fail(AUGUR_E_LAYOUT, sections[id].offset, message);
  }

  AUGUR_SMALL bool header();
  AUGUR_SMALL bool counts();
  AUGUR_SMALL bool table();
  AUGUR_SMALL bool features();
  AUGUR_SMALL bool base();
  AUGUR_SMALL bool columns();
  AUGUR_SMALL bool groups();
  bool slots(const Group &g);
  AUGUR_SMALL bool leaves();
  AUGUR_SMALL bool levels();
  AUGUR_SMALL bool spread();
  AUGUR_SMALL bool tables();
  bool all() {
    return header() && counts() && table() && features() && base() && columns() && groups() && leaves() && levels() &&
           spread() && tables();
  }
};

}  // namespace augur
