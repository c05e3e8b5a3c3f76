// Reads small files of whole numbers (sysfs) at a steady rate from a thread of its own, into a ring buffer.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace augur {

// A row is the time of the reading (now_ns, halfway through it) and one value per file; kUnreadable stands for a file
// that gave no number then. All methods but the constructor may be called from any thread.
class FileSampler {
 public:
  static constexpr std::int64_t kUnreadable = std::numeric_limits<std::int64_t>::min();

  struct Failure {  // of a file, the first one
    std::size_t file;
    int code;  // an errno; ENOENT for a file that was removed
    std::int64_t at_ns;
  };

  // Opens the files; throws std::runtime_error naming the one that cannot be opened.
  FileSampler(std::vector<std::string> paths, std::int64_t period_ns, std::size_t capacity);
  FileSampler(const FileSampler&) = delete;
  FileSampler& operator=(const FileSampler&) = delete;
  ~FileSampler();

  // Begins on these processors, all where the list is empty or not allowed; returns when the thread is there. Does
  // nothing if it runs already.
  void start(const std::vector<int>& cpus);
  // Returns when the thread has ended; what was sampled stays to be taken.
  void stop();
  // Rows since the last call, oldest first, one after the other; they are then forgotten.
  std::vector<std::int64_t> take();

  std::size_t n_columns() const { return paths_.size() + 1; }
  std::uint64_t lost() const;  // rows overwritten before they were taken
  std::vector<Failure> failures() const;

 private:
  void run(std::vector<int> cpus, std::promise<void>* placed);
  void sample(std::vector<std::int64_t>& row);
  std::int64_t read_file(std::size_t file);
  void close_files();

  const std::vector<std::string> paths_;
  const std::int64_t period_ns_;
  const std::size_t capacity_;
  std::vector<int> files_;
  std::thread thread_;
  std::atomic<bool> running_{false};
  std::mutex control_;        // of start and stop
  mutable std::mutex mutex_;  // of all below; held for the copying of a row only
  std::vector<std::int64_t> ring_;
  std::size_t first_ = 0;
  std::size_t n_rows_ = 0;
  std::uint64_t lost_ = 0;
  std::vector<Failure> failures_;
};

}  // namespace augur
