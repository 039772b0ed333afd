// Where `read` puts its bytes: a file or standard output, written straight from the memory given. Must not know
// buffers.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "file_descriptor.hpp"

namespace zerobuffer::cli {

class ByteSink {
 public:
  /// @param path a file, made or emptied, or "-" for standard output. Throws std::system_error where that fails.
  explicit ByteSink(const std::string& path);

  /// Writes all of `bytes`. A stop signal ends a wait for room in a pipe. Throws std::system_error.
  /// @return false where a signal came before all was written
  bool write(std::span<const std::byte> bytes);

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  FileDescriptor file_;
};

}  // namespace zerobuffer::cli
