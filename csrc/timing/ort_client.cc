#include "ort_client.h"

#include <stdexcept>

namespace augur {
namespace {

// Slots of OrtApi, as in onnxruntime_c_api.h; all within version 5 of the API (onnxruntime 1.5).
enum Slot : std::size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kDisableTelemetryEvents = 6,
  kCreateSessionFromArray = 8,
  kCreateSessionOptions = 10,
  kDisableMemPattern = 17,
  kSetGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kCreateTensorWithData = 49,
  kCreateCpuMemoryInfo = 69,
  kReleaseEnv = 92,
  kReleaseStatus = 93,
  kReleaseMemoryInfo = 94,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseSessionOptions = 100,
  kCreateEnvWithGlobalThreadPools = 119,
  kDisablePerSessionThreads = 120,
  kCreateThreadingOptions = 121,
  kReleaseThreadingOptions = 122,
  kRunWithBinding = 133,
  kCreateIoBinding = 134,
  kReleaseIoBinding = 135,
  kBindInput = 136,
  kBindOutput = 137,
  kSetGlobalIntraOpNumThreads = 147,
};

constexpr std::uint32_t kApiVersion = 5;
constexpr int kLogErrors = 3;
constexpr int kOptimiseNothing = 0;
constexpr int kOptimiseAll = 99;
constexpr int kDeviceAllocator = 0;
constexpr int kDefaultMemory = 0;

struct OrtApiBase {
  void* const* (*get_api)(std::uint32_t version);
  const char* (*version_string)();
};

}  // namespace

template <typename... Args>
void* OrtLibrary::status(std::size_t slot, Args... args) const {
  return reinterpret_cast<void* (*)(Args...)>(api_[slot])(args...);
}

template <typename... Args>
void OrtLibrary::check(std::size_t slot, Args... args) const {
  if (void* failure = status(slot, args...)) throw std::runtime_error(take_message(failure));
}

void OrtLibrary::release(std::size_t slot, void* object) const {
  if (object != nullptr) reinterpret_cast<void (*)(void*)>(api_[slot])(object);
}

std::string OrtLibrary::take_message(void* failure) const {
  std::string text = reinterpret_cast<const char* (*)(const void*)>(api_[kGetErrorMessage])(failure);
  release(kReleaseStatus, failure);
  return text;
}

OrtLibrary::OrtLibrary(const std::string& path, int threads) : library_(path), threads_(threads) {
  const auto* base = library_.symbol<const OrtApiBase* (*)()>("OrtGetApiBase")();
  version_ = base->version_string();
  api_ = base->get_api(kApiVersion);
  if (api_ == nullptr) throw std::runtime_error("this onnxruntime offers no C API of version 5");
  if (threads_ > 1) {
    void* pools = nullptr;
    check(kCreateThreadingOptions, &pools);
    void* failure = status(kSetGlobalIntraOpNumThreads, pools, threads_);
    if (failure == nullptr) {
      failure = status(kCreateEnvWithGlobalThreadPools, kLogErrors, "augur-edge", static_cast<const void*>(pools), &env_);
    }
    release(kReleaseThreadingOptions, pools);
    if (failure != nullptr) throw std::runtime_error(take_message(failure));
  } else {
    check(kCreateEnv, kLogErrors, "augur-edge", &env_);
  }
  void* refused = status(kDisableTelemetryEvents, static_cast<const void*>(env_));
  release(kReleaseStatus, refused);  // builds without telemetry may say so
  if (void* failure = status(kCreateCpuMemoryInfo, kDeviceAllocator, kDefaultMemory, &memory_info_)) {
    release(kReleaseEnv, env_);
    throw std::runtime_error(take_message(failure));
  }
}

OrtLibrary::~OrtLibrary() {
  if (api_ == nullptr) return;
  release(kReleaseMemoryInfo, memory_info_);
  release(kReleaseEnv, env_);
}

std::string OrtLibrary::version() const { return version_; }

OrtSession::OrtSession(std::shared_ptr<OrtLibrary> library, const void* model, std::size_t n_bytes, bool optimise)
    : library_(std::move(library)) {
  void* options = nullptr;
  library_->check(kCreateSessionOptions, &options);
  void* failure =
      library_->status(kSetGraphOptimizationLevel, options, optimise ? kOptimiseAll : kOptimiseNothing);
  if (failure == nullptr) {
    failure = library_->threads() > 1 ? library_->status(kDisablePerSessionThreads, options)
                                      : library_->status(kSetIntraOpNumThreads, options, 1);
  }
  if (failure == nullptr) failure = library_->status(kSetInterOpNumThreads, options, 1);
  // One node with all its memory bound has nothing to plan; looking the plan up costs 60 ns a call (x86-64, 1.31).
  if (failure == nullptr && !optimise) failure = library_->status(kDisableMemPattern, options);
  if (failure == nullptr) {
    failure = library_->status(kCreateSessionFromArray, static_cast<const void*>(library_->env()), model, n_bytes,
                               static_cast<const void*>(options), &session_);
  }
  library_->release(kReleaseSessionOptions, options);
  if (failure != nullptr) throw std::runtime_error(library_->take_message(failure));
}

OrtSession::~OrtSession() { library_->release(kReleaseSession, session_); }

std::unique_ptr<OrtTask> OrtSession::bind(const std::vector<OrtTensor>& inputs,
                                          const std::vector<OrtTensor>& outputs) {
  return std::make_unique<OrtTask>(shared_from_this(), inputs, outputs);
}

OrtTask::OrtTask(std::shared_ptr<OrtSession> session, const std::vector<OrtTensor>& inputs,
                 const std::vector<OrtTensor>& outputs)
    : session_(std::move(session)) {
  try {
    session_->library().check(kCreateIoBinding, session_->get(), &binding_);
    for (const auto& tensor : inputs) bind(tensor, kBindInput);
    for (const auto& tensor : outputs) bind(tensor, kBindOutput);
  } catch (...) {
    clear();
    throw;
  }
}

void OrtTask::bind(const OrtTensor& tensor, std::size_t slot) {
  void* value = nullptr;
  const OrtLibrary& ort = session_->library();
  ort.check(kCreateTensorWithData, static_cast<const void*>(ort.memory_info()), tensor.data, tensor.n_bytes,
            tensor.shape.data(), tensor.shape.size(), tensor.elem_type, &value);
  values_.push_back(value);
  ort.check(slot, binding_, tensor.name.c_str(), static_cast<const void*>(value));
}

void OrtTask::clear() noexcept {
  const OrtLibrary& ort = session_->library();
  ort.release(kReleaseIoBinding, binding_);
  for (void* value : values_) ort.release(kReleaseValue, value);
}

OrtTask::~OrtTask() { clear(); }

bool OrtTask::call() noexcept {
  void* failure = session_->library().status(kRunWithBinding, session_->get(), static_cast<const void*>(nullptr),
                                             static_cast<const void*>(binding_));
  if (failure == nullptr) return true;
  error_ = session_->library().take_message(failure);
  return false;
}

}  // namespace augur
