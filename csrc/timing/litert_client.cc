#include "litert_client.h"

#include <stdexcept>

namespace augur {
namespace {

constexpr int kCpu = 1;                            // kLiteRtHwAcceleratorCpu
constexpr std::int32_t kAutoRegisterAccelerators = 24;  // kLiteRtEnvOptionTagAutoRegisterAccelerators
constexpr std::int32_t kMinLoggerSeverity = 25;         // kLiteRtEnvOptionTagMinLoggerSeverity
constexpr std::int64_t kErrorsOnly = 3;
constexpr std::int32_t kAnyTypeInt = 2;

struct EnvOption {
  std::int32_t tag;
  struct {
    std::int32_t type;
    std::int64_t int_value;
  } value;
};

// ProfiledEventData of 2.3.
struct ProfiledEvent {
  const char* tag;
  std::int32_t type;
  std::uint64_t start_us;
  std::uint64_t elapsed_us;
  std::uint64_t memory[6];
  std::uint64_t metadata1;
  std::uint64_t metadata2;
  std::int32_t source;
};

void nothing_to_destroy(void*) {}

void check(int status, const char* what) {
  if (status != 0) throw std::runtime_error(std::string("LiteRT: ") + what + " failed with status " + std::to_string(status));
}

}  // namespace

struct LiteRtApi {
  explicit LiteRtApi(const Library& lib);
  int (*create_environment)(int, const EnvOption*, void**);
  void (*destroy_environment)(void*);
  int (*create_model)(void*, const void*, std::size_t, void**);
  void (*destroy_model)(void*);
  int (*create_options)(void**);
  void (*destroy_options)(void*);
  int (*set_accelerators)(void*, int);
  int (*create_opaque)(const char*, void*, void (*)(void*), void**);
  void (*destroy_opaque)(void*);
  int (*add_opaque)(void*, void*);
  int (*compile)(void*, void*, void*, void**);
  void (*destroy_compiled)(void*);
  int (*run)(void*, std::size_t, std::size_t, void**, std::size_t, void**);
  int (*create_buffer)(const LiteRtRankedTensorType*, void*, std::size_t, void (*)(void*), void**);
  void (*destroy_buffer)(void*);
  int (*get_profiler)(void*, void**);
  int (*start_profiler)(void*);
  int (*stop_profiler)(void*);
  int (*reset_profiler)(void*);
  int (*count_events)(void*, int*);
  int (*get_events)(void*, int, ProfiledEvent*);
};

#define AUGUR_LOAD(field, name) field = lib.symbol<decltype(field)>(name)
LiteRtApi::LiteRtApi(const Library& lib) {
  AUGUR_LOAD(create_environment, "LiteRtCreateEnvironment");
  AUGUR_LOAD(destroy_environment, "LiteRtDestroyEnvironment");
  AUGUR_LOAD(create_model, "LiteRtCreateModelFromBuffer");
  AUGUR_LOAD(destroy_model, "LiteRtDestroyModel");
  AUGUR_LOAD(create_options, "LiteRtCreateOptions");
  AUGUR_LOAD(destroy_options, "LiteRtDestroyOptions");
  AUGUR_LOAD(set_accelerators, "LiteRtSetOptionsHardwareAccelerators");
  AUGUR_LOAD(create_opaque, "LiteRtCreateOpaqueOptions");
  AUGUR_LOAD(destroy_opaque, "LiteRtDestroyOpaqueOptions");
  AUGUR_LOAD(add_opaque, "LiteRtAddOpaqueOptions");
  AUGUR_LOAD(compile, "LiteRtCreateCompiledModel");
  AUGUR_LOAD(destroy_compiled, "LiteRtDestroyCompiledModel");
  AUGUR_LOAD(run, "LiteRtRunCompiledModel");
  AUGUR_LOAD(create_buffer, "LiteRtCreateTensorBufferFromHostMemory");
  AUGUR_LOAD(destroy_buffer, "LiteRtDestroyTensorBuffer");
  AUGUR_LOAD(get_profiler, "LiteRtCompiledModelGetProfiler");
  AUGUR_LOAD(start_profiler, "LiteRtStartProfiler");
  AUGUR_LOAD(stop_profiler, "LiteRtStopProfiler");
  AUGUR_LOAD(reset_profiler, "LiteRtResetProfiler");
  AUGUR_LOAD(count_events, "LiteRtGetNumProfilerEvents");
  AUGUR_LOAD(get_events, "LiteRtGetProfilerEvents");
}
#undef AUGUR_LOAD

LiteRtLibrary::LiteRtLibrary(const std::string& path) : library_(path), api_(std::make_unique<LiteRtApi>(library_)) {
  const EnvOption options[] = {{kMinLoggerSeverity, {kAnyTypeInt, kErrorsOnly}},
                               {kAutoRegisterAccelerators, {kAnyTypeInt, kCpu}}};
  check(api_->create_environment(2, options, &env_), "creating an environment");
}

LiteRtLibrary::~LiteRtLibrary() {
  if (env_ != nullptr) api_->destroy_environment(env_);
}

LiteRtModel::LiteRtModel(std::shared_ptr<LiteRtLibrary> library, const void* model, std::size_t n_bytes, int threads,
                         bool profiling)
    : library_(std::move(library)) {
  const LiteRtApi& api = library_->api();
  try {
    check(api.create_model(library_->env(), model, n_bytes, &model_), "loading the model");
    make_options(threads, profiling);
    check(api.compile(library_->env(), model_, options_, &compiled_), "compiling the model");
  } catch (...) {
    clear();
    throw;
  }
}

// Options travel as TOML text under an identifier; the text is read while compiling, so it lives as long as the model.
void LiteRtModel::make_options(int threads, bool profiling) {
  const LiteRtApi& api = library_->api();
  check(api.create_options(&options_), "creating options");
  check(api.set_accelerators(options_, kCpu), "choosing the CPU");
  const auto add = [&](const char* identifier, std::string text) {
    payloads_.push_back(std::make_unique<std::string>(std::move(text)));
    void* opaque = nullptr;
    check(api.create_opaque(identifier, const_cast<char*>(payloads_.back()->c_str()), nothing_to_destroy, &opaque),
          "creating options");
    const int status = api.add_opaque(options_, opaque);
    if (status != 0) api.destroy_opaque(opaque);
    check(status, "adding options");
  };
  add("xnnpack", "num_threads = " + std::to_string(threads) + "\n");
  if (profiling) add("runtime_options_string", "enable_profiling = true\n");
}

void LiteRtModel::clear() noexcept {
  const LiteRtApi& api = library_->api();
  if (compiled_ != nullptr) api.destroy_compiled(compiled_);
  if (options_ != nullptr) api.destroy_options(options_);
  if (model_ != nullptr) api.destroy_model(model_);
}

LiteRtModel::~LiteRtModel() { clear(); }

std::unique_ptr<LiteRtTask> LiteRtModel::bind(const std::vector<LiteRtTensor>& inputs,
                                              const std::vector<LiteRtTensor>& outputs) {
  return std::make_unique<LiteRtTask>(shared_from_this(), inputs, outputs);
}

std::vector<LiteRtEvent> LiteRtModel::profile(LiteRtTask& task) {
  const LiteRtApi& api = library_->api();
  void* profiler = nullptr;
  check(api.get_profiler(compiled_, &profiler), "getting the profiler");
  if (profiler == nullptr) throw std::runtime_error("LiteRT: the model was not compiled for profiling");
  check(api.reset_profiler(profiler), "resetting the profiler");
  check(api.start_profiler(profiler), "starting the profiler");
  const bool ok = task.call();
  check(api.stop_profiler(profiler), "stopping the profiler");
  if (!ok) throw std::runtime_error(task.error());
  int n_events = 0;
  check(api.count_events(profiler, &n_events), "counting events");
  std::vector<ProfiledEvent> raw(static_cast<std::size_t>(n_events));
  std::vector<LiteRtEvent> events;
  if (n_events > 0) check(api.get_events(profiler, n_events, raw.data()), "reading events");
  for (const auto& e : raw) {
    events.push_back({e.tag != nullptr ? e.tag : "", e.type, e.start_us, e.elapsed_us, e.metadata1});
  }
  return events;
}

LiteRtTask::LiteRtTask(std::shared_ptr<LiteRtModel> model, const std::vector<LiteRtTensor>& inputs,
                       const std::vector<LiteRtTensor>& outputs)
    : model_(std::move(model)) {
  try {
    for (const auto& tensor : inputs) add(tensor, inputs_);
    for (const auto& tensor : outputs) add(tensor, outputs_);
  } catch (...) {
    clear();
    throw;
  }
}

void LiteRtTask::add(const LiteRtTensor& tensor, std::vector<void*>& to) {
  if (tensor.shape.size() > kLiteRtMaxRank) throw std::runtime_error("LiteRT takes at most 8 dimensions");
  if (reinterpret_cast<std::uintptr_t>(tensor.data) % kLiteRtAlignment != 0) {
    throw std::runtime_error("LiteRT takes buffers aligned to 64 bytes");
  }
  LiteRtRankedTensorType type{};
  type.element_type = tensor.elem_type;
  type.rank = static_cast<std::uint32_t>(tensor.shape.size());
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) type.dimensions[i] = tensor.shape[i];
  void* buffer = nullptr;
  check(model_->library().api().create_buffer(&type, tensor.data, tensor.n_bytes, nullptr, &buffer), "binding a buffer");
  to.push_back(buffer);
}

void LiteRtTask::clear() noexcept {
  const LiteRtApi& api = model_->library().api();
  for (void* buffer : inputs_) api.destroy_buffer(buffer);
  for (void* buffer : outputs_) api.destroy_buffer(buffer);
}

LiteRtTask::~LiteRtTask() { clear(); }

bool LiteRtTask::call() noexcept {
  status_ = model_->library().api().run(model_->get(), 0, inputs_.size(), inputs_.data(), outputs_.size(),
                                        outputs_.data());
  return status_ == 0;
}

std::string LiteRtTask::error() const { return "LiteRT: running failed with status " + std::to_string(status_); }

}  // namespace augur
