// See byte_sink.hpp.
#include "byte_sink.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "signals.hpp"

namespace zerobuffer::cli {

ByteSink::ByteSink(const std::string& path)
    : path_(path == "-" ? "standard output" : path),
      file_(path == "-" ? STDOUT_FILENO : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (file_.get() < 0) fail();
}

bool ByteSink::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      fail();
    } else if (stop_requested()) {
      return false;
    }
  }
  return true;
}

void ByteSink::fail() const { throw std::system_error(errno, std::generic_category(), path_); }

}  // namespace zerobuffer::cli
