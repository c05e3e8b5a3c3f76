// LiteRT (ai-edge-litert 2.3) through its C API, from a library found at run time; the types below are its ABI.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "library.h"
#include "task.h"

namespace augur {

constexpr int kLiteRtMaxRank = 8;
constexpr std::size_t kLiteRtAlignment = 64;  // LITERT_HOST_MEMORY_BUFFER_ALIGNMENT

struct LiteRtRankedTensorType {
  std::int32_t element_type;
  std::uint32_t rank;  // 7 bits of rank, then has_strides, which we never set
  std::int32_t dimensions[kLiteRtMaxRank];
  std::uint32_t strides[kLiteRtMaxRank];
};

struct LiteRtTensor {
  void* data;  // aligned to kLiteRtAlignment; the caller keeps it alive
  std::size_t n_bytes;
  std::vector<std::int32_t> shape;
  std::int32_t elem_type;  // LiteRtElementType, equal to TfLiteType
};

struct LiteRtEvent {
  std::string tag;
  int type;
  std::uint64_t start_us;
  std::uint64_t elapsed_us;
  std::uint64_t node;
};

struct LiteRtApi;

class LiteRtLibrary {
 public:
  explicit LiteRtLibrary(const std::string& path);  // std::runtime_error where it cannot be used
  ~LiteRtLibrary();
  LiteRtLibrary(const LiteRtLibrary&) = delete;
  LiteRtLibrary& operator=(const LiteRtLibrary&) = delete;
  const LiteRtApi& api() const { return *api_; }
  void* env() const { return env_; }

 private:
  Library library_;
  std::unique_ptr<LiteRtApi> api_;
  void* env_ = nullptr;
};

class LiteRtTask;

// A compiled model on the CPU (XNNPACK). The bytes of the model are used in place: the caller keeps them alive.
class LiteRtModel : public std::enable_shared_from_this<LiteRtModel> {
 public:
  LiteRtModel(std::shared_ptr<LiteRtLibrary> library, const void* model, std::size_t n_bytes, int threads,
              bool profiling);
  ~LiteRtModel();
  LiteRtModel(const LiteRtModel&) = delete;
  LiteRtModel& operator=(const LiteRtModel&) = delete;

  std::unique_ptr<LiteRtTask> bind(const std::vector<LiteRtTensor>& inputs, const std::vector<LiteRtTensor>& outputs);
  std::vector<LiteRtEvent> profile(LiteRtTask& task);  // one call under the runtime's own profiler
  const LiteRtLibrary& library() const { return *library_; }
  void* get() const { return compiled_; }

 private:
  void make_options(int threads, bool profiling);
  void clear() noexcept;

  std::shared_ptr<LiteRtLibrary> library_;
  std::vector<std::unique_ptr<std::string>> payloads_;
  void* model_ = nullptr;
  void* options_ = nullptr;
  void* compiled_ = nullptr;
};

class LiteRtTask final : public Task {
 public:
  LiteRtTask(std::shared_ptr<LiteRtModel> model, const std::vector<LiteRtTensor>& inputs,
             const std::vector<LiteRtTensor>& outputs);
  ~LiteRtTask() override;
  bool call() noexcept override;
  std::string error() const override;

 private:
  void add(const LiteRtTensor& tensor, std::vector<void*>& to);
  void clear() noexcept;

  std::shared_ptr<LiteRtModel> model_;
  std::vector<void*> inputs_;
  std::vector<void*> outputs_;
  int status_ = 0;
};

}  // namespace augur
