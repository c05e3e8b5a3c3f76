// onnxruntime through its C API, from a library found at run time. No header of it is needed: the OrtApi table only ever
// grows, so a function is its slot number (tests hold each against the Python binding's result).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "library.h"
#include "task.h"

namespace augur {

// A tensor bound to memory of the caller's, who keeps it alive. elem_type: ONNX TensorProto.DataType.
struct OrtTensor {
  std::string name;
  void* data;
  std::size_t n_bytes;
  std::vector<std::int64_t> shape;
  int elem_type;
};

// The library with one environment. threads > 1: one pool shared by all sessions, since a pool per cut layer would leave
// dozens of spinning workers fighting for the cores. Errors are std::runtime_error with onnxruntime's own words.
class OrtLibrary : public std::enable_shared_from_this<OrtLibrary> {
 public:
  OrtLibrary(const std::string& path, int threads);
  ~OrtLibrary();
  OrtLibrary(const OrtLibrary&) = delete;
  OrtLibrary& operator=(const OrtLibrary&) = delete;

  std::string version() const;
  int threads() const { return threads_; }

  template <typename... Args>
  void check(std::size_t slot, Args... args) const;
  template <typename... Args>
  void* status(std::size_t slot, Args... args) const;
  void release(std::size_t slot, void* object) const;
  void* env() const { return env_; }
  void* memory_info() const { return memory_info_; }
  std::string take_message(void* status) const;

 private:
  Library library_;
  void* const* api_ = nullptr;
  const char* version_ = "";
  int threads_;
  void* env_ = nullptr;
  void* memory_info_ = nullptr;
};

class OrtTask;

// A loaded model. optimise: as deployed (all graph optimisations), or exactly the graph given (for cut layers).
class OrtSession : public std::enable_shared_from_this<OrtSession> {
 public:
  OrtSession(std::shared_ptr<OrtLibrary> library, const void* model, std::size_t n_bytes, bool optimise);
  ~OrtSession();
  OrtSession(const OrtSession&) = delete;
  OrtSession& operator=(const OrtSession&) = delete;

  std::unique_ptr<OrtTask> bind(const std::vector<OrtTensor>& inputs, const std::vector<OrtTensor>& outputs);
  OrtLibrary& library() const { return *library_; }
  void* get() const { return session_; }

 private:
  std::shared_ptr<OrtLibrary> library_;
  void* session_ = nullptr;
};

// One call of a session on bound tensors.
class OrtTask final : public Task {
 public:
  OrtTask(std::shared_ptr<OrtSession> session, const std::vector<OrtTensor>& inputs,
          const std::vector<OrtTensor>& outputs);
  ~OrtTask() override;

  bool call() noexcept override;
  std::string error() const override { return error_; }

 private:
  void bind(const OrtTensor& tensor, std::size_t slot);
  void clear() noexcept;

  std::shared_ptr<OrtSession> session_;
  void* binding_ = nullptr;
  std::vector<void*> values_;
  std::string error_;  // of the last call that failed
};

}  // namespace augur
