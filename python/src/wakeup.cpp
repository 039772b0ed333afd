// See wakeup.hpp.
#include "wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "errors.hpp"

namespace zerobuffer::python {

int Wakeup::descriptor() {
  if (descriptor_ < 0) {
    descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor_ < 0) {
      const int error = errno;
      raise(Failure(Status::system_error, "eventfd failed (errno " + std::to_string(error) + ")", error));
    }
  }
  return descriptor_;
}

void Wakeup::clear() noexcept {
  std::uint64_t count = 0;
  while (read(descriptor_, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

void Wakeup::close() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void Wakeup::signal() noexcept {
  const std::uint64_t one = 1;
  while (write(descriptor_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

}  // namespace zerobuffer::python
