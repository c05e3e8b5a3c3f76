// What a model and a status say of themselves.
#include "model.h"

uint32_t augur_abi_version(void) { return AUGUR_ABI_VERSION; }

const char *augur_status_text(augur_status status) {
  static const char *const kTexts[] = {
      "ok", "a null pointer or an impossible size", "truncated or too long", "not an .augpred file", "wrong byte order",
      "a major version this build does not read", "checksum does not match", "a count or code above the limits",
      "sections do not fit together", "a number that must not be", "unknown or unsuitable encoder", "out of memory",
      "a feature is NaN or infinite", "the output overlaps the input", "a layer's integers are out of range",
      "no such kernel here", "no interval at this level", "a number beyond what its position of the vector can be"};
  const size_t i = static_cast<size_t>(status);
  return i < sizeof kTexts / sizeof kTexts[0] ? kTexts[i] : "unknown status";
}

size_t augur_n_features(const augur_model *model) { return model->n_features; }
size_t augur_n_trees(const augur_model *model) { return model->n_trees; }
uint16_t augur_feature_id(const augur_model *model, size_t i) { return i < model->n_features ? model->ids[i] : 0xffff; }
int augur_takes_layers(const augur_model *model) { return model->encoder == AUGUR_ENCODER_LAYER; }
int augur_has_calls(const augur_model *model) { return model->n_knots > 0; }
double augur_overhead(const augur_model *model) { return model->overhead; }
double augur_layer_overhead(const augur_model *model) { return model->layer_overhead; }
const char *augur_target(const augur_model *model) { return reinterpret_cast<const char *>(model->data + 80); }
const char *augur_unit(const augur_model *model) { return reinterpret_cast<const char *>(model->data + 104); }
const char *augur_meta(const augur_model *model, size_t *bytes) {
  *bytes = model->meta_bytes;
  return model->meta;
}
