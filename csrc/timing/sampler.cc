#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "clock.h"
#include "system.h"

namespace augur {
namespace {

constexpr std::int64_t kSecond = 1000000000;

// The clock of clock_nanosleep, which knows no CLOCK_MONOTONIC_RAW.
std::int64_t sleep_clock_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::int64_t>(t.tv_sec) * kSecond + t.tv_nsec;
}

void sleep_until(std::int64_t at_ns) {
  timespec t;
  t.tv_sec = static_cast<time_t>(at_ns / kSecond);
  t.tv_nsec = static_cast<long>(at_ns % kSecond);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

// A whole number, blanks around it allowed; kUnreadable for anything else.
std::int64_t number(const char* text, const char* end) {
  while (end > text && (end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\0')) --end;
  while (text < end && *text == ' ') ++text;
  const bool negative = text < end && *text == '-';
  if (negative) ++text;
  if (text == end || end - text > 18) return FileSampler::kUnreadable;  // 18 digits always fit
  std::int64_t value = 0;
  for (; text < end; ++text) {
    if (*text < '0' || *text > '9') return FileSampler::kUnreadable;
    value = value * 10 + (*text - '0');
  }
  return negative ? -value : value;
}

}  // namespace

FileSampler::FileSampler(std::vector<std::string> paths, std::int64_t period_ns, std::size_t capacity)
    : paths_(std::move(paths)), period_ns_(period_ns), capacity_(capacity), ring_(capacity * (paths_.size() + 1)) {
  for (const std::string& path : paths_) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
      const int code = errno;
      close_files();
      throw std::runtime_error(path + ": " + std::strerror(code));
    }
    files_.push_back(file);
  }
}

FileSampler::~FileSampler() {
  stop();
  close_files();
}

void FileSampler::close_files() {
  for (int file : files_) close(file);
  files_.clear();
}

void FileSampler::start(const std::vector<int>& cpus) {
  const std::lock_guard<std::mutex> lock(control_);
  if (thread_.joinable()) return;
  running_ = true;
  // Waits, for a real-time caller on the only processor the new thread may begin on would never let it move away.
  std::promise<void> placed;
  thread_ = std::thread(&FileSampler::run, this, cpus, &placed);
  placed.get_future().wait();
}

void FileSampler::stop() {
  const std::lock_guard<std::mutex> lock(control_);
  running_ = false;
  if (thread_.joinable()) thread_.join();
}

std::vector<std::int64_t> FileSampler::take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::size_t width = n_columns();
  std::vector<std::int64_t> out(n_rows_ * width);
  for (std::size_t i = 0; i < n_rows_; ++i) {
    const auto* row = ring_.data() + (first_ + i) % capacity_ * width;
    std::copy(row, row + width, out.data() + i * width);
  }
  first_ = n_rows_ = 0;
  return out;
}

std::uint64_t FileSampler::lost() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lost_;
}

std::vector<FileSampler::Failure> FileSampler::failures() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failures_;
}

void FileSampler::run(std::vector<int> cpus, std::promise<void>* placed) {
  if (!cpus.empty()) pin_to(cpus);
  placed->set_value();
  std::vector<std::int64_t> row(n_columns());
  std::int64_t next_ns = sleep_clock_ns();
  while (running_) {
    sample(row);
    next_ns += period_ns_;
    const std::int64_t late_ns = sleep_clock_ns() - next_ns;
    if (late_ns >= 0) next_ns += (late_ns / period_ns_ + 1) * period_ns_;  // missed beats are not made up for
    // never longer than a moment at once, so that a slow sensor is stopped promptly
    while (running_ && sleep_clock_ns() < next_ns) sleep_until(std::min(next_ns, sleep_clock_ns() + kSecond / 20));
  }
}

void FileSampler::sample(std::vector<std::int64_t>& row) {
  const std::int64_t before_ns = now_ns();
  for (std::size_t i = 0; i < files_.size(); ++i) row[i + 1] = read_file(i);
  row[0] = before_ns + (now_ns() - before_ns) / 2;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::size_t place = (first_ + n_rows_) % capacity_;
  if (n_rows_ == capacity_) {
    place = first_;
    first_ = (first_ + 1) % capacity_;
    ++lost_;
  } else {
    ++n_rows_;
  }
  std::copy(row.begin(), row.end(), ring_.data() + place * row.size());
}

std::int64_t FileSampler::read_file(std::size_t file) {
  char text[64];
  struct stat facts;
  const ssize_t n = pread(files_[file], text, sizeof text, 0);
  int code = n < 0 ? errno : EINVAL;
  if (n >= 0 && fstat(files_[file], &facts) == 0 && facts.st_nlink == 0) {
    code = ENOENT;  // an open file outlives its name, with its last content
  } else if (n > 0 && n < static_cast<ssize_t>(sizeof text)) {
    const std::int64_t value = number(text, text + n);
    if (value != kUnreadable) return value;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = [file](const Failure& f) { return f.file == file; };
  if (std::none_of(failures_.begin(), failures_.end(), known)) failures_.push_back({file, code, now_ns()});
  return kUnreadable;
}

}  // namespace augur
