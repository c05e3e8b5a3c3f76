// The Python face of the timing core, and the only file here that knows of Python.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <tuple>

#include "clock.h"
#include "litert_client.h"
#include "loop.h"
#include "ort_client.h"
#include "sampler.h"
#include "spin_task.h"
#include "system.h"

namespace py = pybind11;

namespace {

using namespace augur;

constexpr std::size_t kMostRows = std::size_t{1} << 27;

// Any Python callable; a raised exception stays set for `raise_failure`.
class CallTask final : public Task {
 public:
  explicit CallTask(py::function function) : function_(std::move(function)) {}
  bool call() noexcept override {
    PyObject* result = PyObject_CallObject(function_.ptr(), nullptr);
    Py_XDECREF(result);
    return result != nullptr;
  }
  bool needs_gil() const noexcept override { return true; }

 private:
  py::function function_;
};

class GilRelease {
 public:
  explicit GilRelease(bool release) : state_(release ? PyEval_SaveThread() : nullptr) {}
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;
  ~GilRelease() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
  }

 private:
  PyThreadState* state_;
};

[[noreturn]] void raise_failure(const Task& task) {
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  throw std::runtime_error(task.error());
}

std::pair<std::int64_t*, std::size_t> int64_out(const py::buffer_info& view) {
  const bool is_int64 = view.itemsize == 8 && (view.format == "l" || view.format == "q");
  if (!is_int64 || view.ndim != 1 || view.readonly || (view.size > 0 && view.strides[0] != 8)) {
    throw py::type_error("out must be a writable contiguous one-dimensional int64 buffer");
  }
  return {static_cast<std::int64_t*>(view.ptr), static_cast<std::size_t>(view.size)};
}

void time_blocks_py(Task& task, std::uint64_t loops, const py::buffer& out) {
  if (loops == 0) throw py::value_error("loops must be at least 1");
  const py::buffer_info view = out.request(true);
  const auto [data, n_blocks] = int64_out(view);
  bool ok;
  {
    GilRelease gil(!task.needs_gil());
    ok = time_blocks(task, loops, data, n_blocks);
  }
  if (!ok) raise_failure(task);
}

void replay_py(const std::vector<Task*>& tasks, const py::buffer& out) {
  const py::buffer_info view = out.request(true);
  const auto [data, n_values] = int64_out(view);
  if (tasks.empty() || n_values % tasks.size() != 0) {
    throw py::value_error("out must hold a whole number of passes over at least one task");
  }
  bool gil_needed = false;
  for (const Task* task : tasks) gil_needed = gil_needed || task->needs_gil();
  std::size_t failed;
  {
    GilRelease gil(!gil_needed);
    failed = replay(tasks.data(), tasks.size(), n_values / tasks.size(), data);
  }
  if (failed != tasks.size()) raise_failure(*tasks[failed]);
}

void run_once(Task& task) {
  bool ok;
  {
    GilRelease gil(!task.needs_gil());
    ok = task.call();
  }
  if (!ok) raise_failure(task);
}

// (name, buffer, shape, element type): the buffer's memory is bound as it is and must outlive the task.
using PyTensor = std::tuple<std::string, py::buffer, std::vector<std::int64_t>, int>;

std::vector<OrtTensor> ort_tensors(const std::vector<PyTensor>& tensors) {
  std::vector<OrtTensor> out;
  for (const auto& [name, buffer, shape, elem_type] : tensors) {
    const py::buffer_info view = buffer.request(true);
    out.push_back({name, view.ptr, static_cast<std::size_t>(view.size * view.itemsize), shape, elem_type});
  }
  return out;
}

std::vector<LiteRtTensor> litert_tensors(const std::vector<PyTensor>& tensors) {
  std::vector<LiteRtTensor> out;
  for (const auto& [name, buffer, shape, elem_type] : tensors) {
    const py::buffer_info view = buffer.request(true);
    out.push_back({view.ptr, static_cast<std::size_t>(view.size * view.itemsize),
                   std::vector<std::int32_t>(shape.begin(), shape.end()), elem_type});
  }
  return out;
}

std::shared_ptr<OrtSession> ort_session(std::shared_ptr<OrtLibrary> library, const py::buffer& model, bool optimise) {
  const py::buffer_info view = model.request();
  py::gil_scoped_release release;
  return std::make_shared<OrtSession>(std::move(library), view.ptr, static_cast<std::size_t>(view.size), optimise);
}

std::shared_ptr<LiteRtModel> litert_model(std::shared_ptr<LiteRtLibrary> library, const py::buffer& model, int threads,
                                          bool profiling) {
  const py::buffer_info view = model.request();
  py::gil_scoped_release release;
  return std::make_shared<LiteRtModel>(std::move(library), view.ptr, static_cast<std::size_t>(view.size), threads,
                                       profiling);
}

std::string errno_text(int code) { return code == 0 ? std::string() : std::string(std::strerror(code)); }

void bind_clock_and_system(py::module_& m) {
  m.def("now_ns", &now_ns, "CLOCK_MONOTONIC_RAW in ns.");
  m.def(
      "clock",
      [] {
        const ClockFacts facts = measure_clock();
        return py::dict(py::arg("name") = "CLOCK_MONOTONIC_RAW", py::arg("resolution_ns") = facts.resolution_ns,
                        py::arg("overhead_ns") = facts.overhead_ns, py::arg("native") = true);
      },
      "Name, resolution and price of one reading (ns), measured now.");
  m.def("get_affinity", [] {
    std::vector<int> cpus;
    if (const int code = get_affinity(cpus)) throw std::runtime_error(errno_text(code));
    return cpus;
  });
  m.def("pin_to", [](const std::vector<int>& cpus) { return errno_text(pin_to(cpus)); }, py::arg("cpus"),
        "Pin the calling thread; returns why not, or an empty text.");
  m.def("set_fifo", [](int priority) { return errno_text(set_fifo(priority)); }, py::arg("priority"),
        "SCHED_FIFO at 1..99, or 0 for the normal class; returns why not, or an empty text.");
  m.def("lock_memory", [](bool on) { return errno_text(lock_memory(on)); }, py::arg("on"),
        "mlockall or munlockall; returns why not, or an empty text.");
}

void bind_tasks(py::module_& m) {
  py::class_<Task>(m, "Task").def("run", &run_once, "Call it once, untimed; RuntimeError with the reason.");
  py::class_<SpinTask, Task>(m, "SpinTask").def(py::init([](std::vector<std::int64_t> durations_ns) {
    if (durations_ns.empty()) throw py::value_error("durations_ns must not be empty");
    return std::make_unique<SpinTask>(std::move(durations_ns));
  }), py::arg("durations_ns"));
  py::class_<CallTask, Task>(m, "CallTask").def(py::init<py::function>(), py::arg("function"));
  m.def("time_blocks", &time_blocks_py, py::arg("task"), py::arg("loops"), py::arg("out"),
        "out[i] = ns of a block of `loops` calls; out: writable int64[n], filled in place. Releases the GIL.");
  m.def("replay", &replay_py, py::arg("tasks"), py::arg("out"),
        "Call the tasks in order, pass after pass; out: writable int64[n_passes * n_tasks], ns of each call.");
}

std::unique_ptr<FileSampler> file_sampler(std::vector<std::string> paths, std::int64_t period_ns, std::size_t capacity) {
  if (paths.empty() || period_ns < 1 || capacity < 1) {
    throw py::value_error("a sampler takes at least one path, a period of 1 ns and room for one row");
  }
  if (capacity > kMostRows / (paths.size() + 1)) throw py::value_error("capacity: more than 1 GiB of rows");
  return std::make_unique<FileSampler>(std::move(paths), period_ns, capacity);
}

void bind_sampler(py::module_& m) {
  m.attr("UNREADABLE") = FileSampler::kUnreadable;
  py::class_<FileSampler>(m, "FileSampler")
      .def(py::init(&file_sampler), py::arg("paths"), py::arg("period_ns"), py::arg("capacity"))
      .def("start", &FileSampler::start, py::arg("cpus"), py::call_guard<py::gil_scoped_release>(), "Begin, on these processors; all if empty.")
      .def("stop", &FileSampler::stop, py::call_guard<py::gil_scoped_release>(), "Returns when the thread has ended.")
      .def("take", [](FileSampler& self) {
        const std::vector<std::int64_t> rows = self.take();
        return py::bytes(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(std::int64_t));
      }, "Rows since the last call: native int64[n, 1 + files], time in ns first.")
      .def_property_readonly("lost", &FileSampler::lost)
      .def_property_readonly("failures", [](const FileSampler& self) {
        py::list out;
        for (const auto& f : self.failures()) out.append(py::make_tuple(f.file, f.code, f.at_ns));
        return out;
      }, "[(file, errno, at_ns)], the first of each file.");
}

void bind_runtimes(py::module_& m) {
  py::class_<OrtLibrary, std::shared_ptr<OrtLibrary>>(m, "OrtLibrary")
      .def(py::init<const std::string&, int>(), py::arg("path"), py::arg("threads"))
      .def_property_readonly("version", &OrtLibrary::version)
      .def("session", &ort_session, py::arg("model"), py::arg("optimise"));
  py::class_<OrtTask, Task>(m, "OrtTask");
  py::class_<OrtSession, std::shared_ptr<OrtSession>>(m, "OrtSession")
      .def("bind", [](OrtSession& self, const std::vector<PyTensor>& inputs, const std::vector<PyTensor>& outputs) {
        return self.bind(ort_tensors(inputs), ort_tensors(outputs));
      }, py::arg("inputs"), py::arg("outputs"), py::keep_alive<0, 2>(), py::keep_alive<0, 3>());
  py::class_<LiteRtLibrary, std::shared_ptr<LiteRtLibrary>>(m, "LiteRtLibrary")
      .def(py::init<const std::string&>(), py::arg("path"))
      .def("compile", &litert_model, py::arg("model"), py::arg("threads"), py::arg("profiling") = false,
           py::keep_alive<0, 2>());
  py::class_<LiteRtTask, Task>(m, "LiteRtTask");
  py::class_<LiteRtModel, std::shared_ptr<LiteRtModel>>(m, "LiteRtModel")
      .def("bind", [](LiteRtModel& self, const std::vector<PyTensor>& inputs, const std::vector<PyTensor>& outputs) {
        return self.bind(litert_tensors(inputs), litert_tensors(outputs));
      }, py::arg("inputs"), py::arg("outputs"), py::keep_alive<0, 1>(), py::keep_alive<0, 2>(), py::keep_alive<0, 3>())
      .def("profile", [](LiteRtModel& self, LiteRtTask& task) {
        py::list out;
        for (const auto& e : self.profile(task)) {
          out.append(py::make_tuple(py::bytes(e.tag), e.type, e.start_us, e.elapsed_us, e.node));
        }
        return out;
      }, py::arg("task"), "One call; [(tag, type, start_us, elapsed_us, node)].");
}

}  // namespace

PYBIND11_MODULE(_timing, m) {
  m.doc() = "Clock, timed loops and clients of the runtimes' C APIs; `_timing_py` is its twin in Python.";
  bind_clock_and_system(m);
  bind_tasks(m);
  bind_sampler(m);
  bind_runtimes(m);
}
