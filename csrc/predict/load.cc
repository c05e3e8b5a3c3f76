// Checks a file, number by number, before anything is used; then points into it. load_trees.cc has the trees' part.
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "spaces.h"

namespace augur {

// Null in a program that asks nothing of vectors.cc, for which spaces.cc is not linked.
const SpaceEncoder *space_encoder(uint32_t code) __attribute__((weak));

constexpr uint8_t kMagic[8] = {0x89, 'A', 'U', 'G', 'P', '\r', '\n', 0x1a};

bool Loader::header() {
  if (size < 8) return fail(AUGUR_E_TRUNCATED, size, "shorter than a header");
  if (memcmp(data, kMagic, sizeof kMagic) != 0) return fail(AUGUR_E_MAGIC, 0, "not an .augpred file");
  if (size < AUGUR_HEADER_BYTES) return fail(AUGUR_E_TRUNCATED, size, "shorter than a header");
  const uint32_t order = at<uint32_t>(16);
  if (order == 0x0d0c0b0au) return fail(AUGUR_E_BYTE_ORDER, 16, "written in big-endian order");
  if (order != 0x0a0b0c0du) return fail(AUGUR_E_BYTE_ORDER, 16, "the byte order mark is damaged");
  if (at<uint16_t>(8) != AUGUR_FORMAT_MAJOR) return fail(AUGUR_E_VERSION, 8, "a major version that this build does not read");
  const uint32_t stated = at<uint32_t>(20);
  if (stated > size) return fail(AUGUR_E_TRUNCATED, 20, "the file is shorter than it says");
  if (stated < size) return fail(AUGUR_E_TRUNCATED, 20, "the file is longer than it says");
  if (at<uint32_t>(12) != crc32(data + 16, size - 16)) return fail(AUGUR_E_CHECKSUM, 12, "the checksum does not match: damaged");
  return true;
}

bool Loader::counts() {
  m.link = data[24], m.leaf = data[25], m.base_kind = data[26];
  if (m.link > AUGUR_LINK_EXP) return fail(AUGUR_E_LIMIT, 24, "unknown link");
  if (m.leaf > AUGUR_LEAF_I16) return fail(AUGUR_E_LIMIT, 25, "unknown kind of leaves");
  if (m.base_kind > AUGUR_BASE_ROOFLINE) return fail(AUGUR_E_LIMIT, 26, "unknown base term");
  m.encoder = at<uint16_t>(28);
  m.space = space_encoder == nullptr ? nullptr : space_encoder(m.encoder);
  if (m.encoder != AUGUR_ENCODER_RAW && m.encoder != AUGUR_ENCODER_LAYER && m.space == nullptr)
    return fail(AUGUR_E_ENCODER, 28, "an encoder that this build does not have");
  if (at<uint16_t>(30) != 1) return fail(AUGUR_E_ENCODER, 30, "a version of the encoder that this build does not have");
  m.n_features = at<uint16_t>(32), m.n_columns = at<uint16_t>(34), m.n_levels = at<uint16_t>(36);
  m.n_trees = at<uint32_t>(40);
  if (m.n_features < 1 || m.n_features > AUGUR_MAX_FEATURES) return fail(AUGUR_E_LIMIT, 32, "features must be 1 to 64");
  if (m.n_columns > AUGUR_MAX_COLUMNS) return fail(AUGUR_E_LIMIT, 34, "more than 64 columns");
  if (m.n_levels > AUGUR_MAX_LEVELS) return fail(AUGUR_E_LIMIT, 36, "more than 16 interval levels");
  if (m.n_trees > AUGUR_MAX_TREES) return fail(AUGUR_E_LIMIT, 40, "more than 65535 trees");
  if (m.n_trees > 0 && m.n_columns == 0) return fail(AUGUR_E_LIMIT, 34, "trees without columns");
  m.bias = at<double>(48), m.scale = at<double>(56), m.overhead = at<double>(64);
  for (uint32_t offset = 48; offset < 80; offset += 8)
    if (!finite(at<double>(offset))) return fail(AUGUR_E_VALUE, offset, "not a finite number");
  m.layer_overhead = at<double>(112);
  if (!finite(m.layer_overhead)) return fail(AUGUR_E_VALUE, 112, "not a finite number");
  if (data[103] != 0 || data[111] != 0) return fail(AUGUR_E_VALUE, 80, "target or unit without its closing NUL");
  return true;
}

bool Loader::table() {
  const uint32_t n = at<uint16_t>(38);
  if (n < 1 || n > AUGUR_MAX_SECTIONS) return fail(AUGUR_E_LIMIT, 38, "sections must be 1 to 32");
  uint64_t end = AUGUR_HEADER_BYTES + 16u * n;
  if (end > size) return fail(AUGUR_E_TRUNCATED, size, "the section table is cut off");
  for (uint32_t i = 0; i < n; ++i) {
    const size_t entry = AUGUR_HEADER_BYTES + 16u * i;
    const uint32_t id = at<uint32_t>(entry), offset = at<uint32_t>(entry + 4), bytes = at<uint32_t>(entry + 8);
    if (offset % 64 != 0) return fail(AUGUR_E_LAYOUT, entry + 4, "a section does not start at a multiple of 64");
    if (offset < end) return fail(AUGUR_E_LAYOUT, entry + 4, "a section overlaps or precedes the one before it");
    end = uint64_t{offset} + bytes;
    if (end > size) return fail(AUGUR_E_LAYOUT, entry + 8, "a section ends beyond the file");
    if (id == 0) return fail(AUGUR_E_LAYOUT, entry, "a section without an id");
    if (id >= kKnown) continue;
    if (sections[id].offset != 0) return fail(AUGUR_E_LAYOUT, entry, "a section occurs twice");
    sections[id] = {offset, bytes};
  }
  if (sections[kMeta].offset == 0 || sections[kFeatures].offset == 0 || sections[kDepths].offset == 0)
    return fail(AUGUR_E_LAYOUT, AUGUR_HEADER_BYTES, "section 1, 2 or 6 is missing");
  m.meta = reinterpret_cast<const char *>(data + sections[kMeta].offset);
  m.meta_bytes = sections[kMeta].bytes;
  return true;
}

bool Loader::features() {
  if (!expect(kFeatures, 16u * m.n_features, "section 2 does not fit the number of features")) return false;
  const size_t start = sections[kFeatures].offset;
  m.features = reinterpret_cast<const Feature *>(data + start);
  for (uint32_t i = 0; i < m.n_features; ++i) {
    const Feature &f = m.features[i];
    const uint32_t limit = m.space != nullptr                   ? m.space->n_features
                           : m.encoder == AUGUR_ENCODER_LAYER ? AUGUR_N_LAYER_FEATURES
                                                              : m.n_features;
    if (f.id >= limit) return fail(AUGUR_E_LIMIT, start + 16 * i, "a feature that the encoder does not have");
    if (!finite(f.low) || !finite(f.high) || f.low > f.high)
      return fail(AUGUR_E_VALUE, start + 16 * i + 4, "a feature's range is not low <= high");
    m.ids[i] = static_cast<uint8_t>(f.id);
  }
  return true;
}

bool Loader::base() {
  if (m.base_kind == AUGUR_BASE_NONE) return true;
  const uint64_t rows = m.base_kind == AUGUR_BASE_ROOFLINE ? 2 : 1;
  if (!expect(kBase, 8 * (1 + rows * m.n_features), "section 3 does not fit the base term")) return false;
  m.base = reinterpret_cast<const double *>(data + sections[kBase].offset);
  for (uint32_t i = 0; i < 1 + rows * m.n_features; ++i)
    if (!finite(m.base[i])) return fail(AUGUR_E_VALUE, sections[kBase].offset + 8 * i, "a weight is not finite");
  for (uint32_t row = 0; row < rows; ++row)
    for (uint32_t i = 0; i < m.n_features; ++i) {
      const double weight = m.base[1 + row * m.n_features + i];
      if (weight != 0) m.terms[row][m.n_terms[row]++] = {weight, i};
    }
  return true;
}

bool Loader::levels() {
  if (!expect(kInterval, 24u * m.n_levels, "section 10 does not fit the number of levels")) return false;
  const size_t start = sections[kInterval].offset;
  m.levels = reinterpret_cast<const Level *>(data + start);
  for (uint32_t i = 0; i < m.n_levels; ++i) {
    const Level &l = m.levels[i];
    if (!(l.level > (i == 0 ? 0.0 : m.levels[i - 1].level)) || !(l.level < 1.0))
      return fail(AUGUR_E_VALUE, start + 24 * i, "interval levels must ascend between 0 and 1");
    if (!finite(l.low) || !finite(l.high) || l.low > 0 || l.high < 0)
      return fail(AUGUR_E_VALUE, start + 24 * i + 8, "an interval does not contain its point");
  }
  return true;
}

bool Loader::spread() {
  const size_t start = sections[kSpread].offset;
  if (start == 0) return true;
  const uint32_t depth = sections[kSpread].bytes < 8 ? 0 : at<uint32_t>(start);
  if (depth < 1 || depth > AUGUR_MAX_DEPTH) return fail(AUGUR_E_LIMIT, start, "the spread must have depth 1 to 12");
  if (!expect(kSpread, 8 + 8 * depth + (uint64_t{4} << depth), "section 11 does not fit its depth")) return false;
  m.spread = {depth, reinterpret_cast<const Comparison *>(data + start + 8),
              reinterpret_cast<const float *>(data + start + 8 + 8 * depth)};
  for (uint32_t i = 0; i < depth; ++i)
    if (m.spread.comparisons[i].feature >= m.n_features || !finite(m.spread.comparisons[i].threshold))
      return fail(AUGUR_E_LIMIT, start + 8 + 8 * i, "the spread compares a feature that is not there, or with no number");
  for (uint32_t i = 0; i < 1u << depth; ++i)
    if (!(m.spread.shares[i] > 0 && m.spread.shares[i] <= 1))
      return fail(AUGUR_E_VALUE, start + 8 + 8 * depth + 4 * i, "a share of the interval is not above 0 and at most 1");
  return true;
}

bool Loader::tables() {
  const uint32_t n = sections[kTables].bytes / 8;
  const size_t start = sections[kTables].offset, values = sections[kValues].offset;
  m.needs_features = m.n_trees > 0 || m.base_kind != AUGUR_BASE_NONE;
  if (sections[kTables].bytes % 8 != 0) return fail(AUGUR_E_LAYOUT, start, "section 12 does not fit its tables");
  if (n > AUGUR_MAX_TABLES) return fail(AUGUR_E_LIMIT, start, "more than 128 tables");
  if (n > 0 && m.space == nullptr) return fail(AUGUR_E_ENCODER, start, "tables for an encoder without slots");
  uint64_t end = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t slot = at<uint16_t>(start + 8 * i), count = at<uint32_t>(start + 8 * i + 4), places = m.space->n_places;
    if (slot >= slot_count(*m.space) || (i > 0 && slot <= at<uint16_t>(start + 8 * i - 8)))
      return fail(AUGUR_E_LIMIT, start + 8 * i, "a slot that the encoder does not have, or that does not ascend");
    if (count != slot_size(*m.space, slot)) return fail(AUGUR_E_LIMIT, start + 8 * i + 4, "a table does not fit its slot");
    const bool pair = slot >= places;
    const uint16_t low = static_cast<uint16_t>(pair ? slot - places + 1 : slot);
    const uint16_t factor = pair ? m.space->sizes[low] : uint16_t{0};
    end += 4 * uint64_t{count};
    if (end > sections[kValues].bytes) return fail(AUGUR_E_LAYOUT, start + 8 * i, "section 13 does not hold the tables");
    m.tables[m.n_tables++] = {reinterpret_cast<const float *>(data + values + end - 4 * uint64_t{count}),
                              static_cast<uint16_t>(pair ? low - 1 : low), low, factor};
  }
  if (!expect(kValues, end, "section 13 does not fit the tables")) return false;
  for (uint64_t i = 0; i < end; i += 4)
    if (!finite(at<float>(values + i))) return fail(AUGUR_E_VALUE, values + i, "a value of a table is NaN or infinite");
  return true;
}

namespace {

AUGUR_SMALL augur_status load(const void *data, size_t size, augur_model **model, augur_error *error) {
  Loader l;
  memset(static_cast<void *>(&l), 0, sizeof l);
  if (data == nullptr || model == nullptr || reinterpret_cast<uintptr_t>(data) % 8 != 0) {
    *error = {AUGUR_E_ARGUMENT, 0, "data and model must be given, data aligned to 8 bytes"};
    return error->status;
  }
  if (size > AUGUR_MAX_FILE_BYTES) {
    *error = {AUGUR_E_LIMIT, 0, "larger than 256 MB"};
    return error->status;
  }
  l.data = static_cast<const uint8_t *>(data), l.size = static_cast<uint32_t>(size);
  l.m.data = l.data, l.m.size = size;
  if (!l.all()) {
    *error = l.error;
    return error->status;
  }
  if (selected_kernel() == nullptr && augur_kernel_select(nullptr) != AUGUR_OK) {
    *error = {AUGUR_E_KERNEL, 0, "AUGUR_EDGE_KERNEL names a kernel that this processor or build cannot run"};
    return error->status;
  }
  const Tables tables = {l.data + l.sections[kColumns].offset, l.data + l.sections[kBorders].offset, l.n_blocks};
  const augur_status status = build(l.m, tables, model);
  *error = {status, 0, augur_status_text(status)};
  return status;
}

}  // namespace
}  // namespace augur

augur_status augur_load(const void *data, size_t size, augur_model **model, augur_error *error) {
  augur_error ignored;
  return augur::load(data, size, model, error != nullptr ? error : &ignored);
}

void augur_free(augur_model *model) { free(model); }
