// A shared library opened at run time; symbols by name.
#pragma once
#include <string>

namespace augur {

class Library {
 public:
  explicit Library(const std::string& path);  // throws std::runtime_error with the loader's words
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <typename Function>
  Function symbol(const char* name) const {
    return reinterpret_cast<Function>(address(name));
  }

 private:
  void* address(const char* name) const;  // throws std::runtime_error when the library has no such symbol
  void* handle_;  // never closed: runtimes keep threads and exit handlers in their own code
};

}  // namespace augur
