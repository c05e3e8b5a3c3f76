#include "library.h"

#include <dlfcn.h>

#include <stdexcept>

namespace augur {

Library::Library(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ == nullptr) throw std::runtime_error(dlerror());
}

void* Library::address(const char* name) const {
  void* found = dlsym(handle_, name);
  if (found == nullptr) throw std::runtime_error(std::string("the library exports no ") + name);
  return found;
}

}  // namespace augur
