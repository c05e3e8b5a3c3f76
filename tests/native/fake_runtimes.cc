// Both runtimes' C APIs as the clients call them, doing nothing but count what is alive; one chosen call fails.
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace {

int n_alive = 0, n_calls = 0, failing = -1, object = 0;

bool fails() { return n_calls++ == failing; }

// onnxruntime: a status is an object too; null is success.
void* answer(void** out = nullptr) {
  const bool failed = fails();
  if (failed || out != nullptr) ++n_alive;
  if (!failed && out != nullptr) *out = &object;
  return failed ? &object : nullptr;
}

void release(void* it) { n_alive -= it != nullptr; }

void* makes(void** out) { return answer(out); }
void* makes_env(int, const char*, void** out) { return answer(out); }
void* makes_env_with_pools(int, const char*, const void*, void** out) { return answer(out); }
void* makes_memory_info(int, int, void** out) { return answer(out); }
void* makes_session(const void*, const void*, std::size_t, const void*, void** out) { return answer(out); }
void* makes_tensor(const void*, void*, std::size_t, const std::int64_t*, std::size_t, int, void** out) {
  return answer(out);
}
void* makes_binding(void*, void** out) { return answer(out); }
void* does(void*) { return answer(); }
void* sets(void*, int) { return answer(); }
void* binds(void*, const char*, const void*) { return answer(); }
void* runs(void*, const void*, const void*) { return answer(); }
void* refuses(const void*) {  // whether telemetry could be switched off stops nobody
  ++n_alive;
  return &object;
}
const char* message(const void*) { return "as planned"; }
const char* version() { return "0.0"; }

void* const* api(std::uint32_t) {
  static void* slots[148];
  const auto put = [](int slot, auto* function) { slots[slot] = reinterpret_cast<void*>(function); };
  put(2, message), put(3, makes_env), put(6, refuses), put(8, makes_session), put(10, makes), put(17, does);
  put(23, sets), put(24, sets), put(25, sets), put(49, makes_tensor), put(69, makes_memory_info);
  put(119, makes_env_with_pools), put(120, does), put(121, makes), put(133, runs), put(134, makes_binding);
  put(136, binds), put(137, binds), put(147, sets);
  for (const int slot : {92, 93, 94, 95, 96, 100, 122, 135}) put(slot, release);
  return slots;
}

struct Base {
  void* const* (*get_api)(std::uint32_t);
  const char* (*version)();
};

// LiteRT: 0 is success, and a status no object.
int status(void** out = nullptr) {
  if (fails()) return 1;
  if (out != nullptr) ++n_alive, *out = &object;
  return 0;
}

}  // namespace

extern "C" {
void fail_at(int call) { n_calls = 0, failing = call; }
int calls() { return n_calls; }
int alive() { return n_alive; }

const Base* OrtGetApiBase() {
  static const Base base{api, version};
  return &base;
}

int LiteRtCreateEnvironment(int, const void*, void** out) { return status(out); }
int LiteRtCreateModelFromBuffer(void*, const void*, std::size_t, void** out) { return status(out); }
int LiteRtCreateOptions(void** out) { return status(out); }
int LiteRtSetOptionsHardwareAccelerators(void*, int) { return status(); }
int LiteRtCreateOpaqueOptions(const char*, void*, void (*)(void*), void** out) { return status(out); }
int LiteRtAddOpaqueOptions(void*, void*) {  // they live and die with the options from here on
  const int failed = status();
  n_alive -= failed == 0;
  return failed;
}
int LiteRtCreateCompiledModel(void*, void*, void*, void** out) { return status(out); }
int LiteRtRunCompiledModel(void*, std::size_t, std::size_t, void**, std::size_t, void**) { return status(); }
int LiteRtCreateTensorBufferFromHostMemory(const void*, void*, std::size_t, void (*)(void*), void** out) {
  return status(out);
}
int LiteRtCompiledModelGetProfiler(void*, void** out) {
  *out = &object;
  return status();
}
int LiteRtStartProfiler(void*) { return status(); }
int LiteRtStopProfiler(void*) { return status(); }
int LiteRtResetProfiler(void*) { return status(); }
int LiteRtGetNumProfilerEvents(void*, int* n) {
  *n = 0;
  return status();
}
int LiteRtGetProfilerEvents(void*, int, void*) { return status(); }
void LiteRtDestroyEnvironment(void* it) { release(it); }
void LiteRtDestroyModel(void* it) { release(it); }
void LiteRtDestroyOptions(void* it) { release(it); }
void LiteRtDestroyOpaqueOptions(void* it) { release(it); }
void LiteRtDestroyCompiledModel(void* it) { release(it); }
void LiteRtDestroyTensorBuffer(void* it) { release(it); }
}
