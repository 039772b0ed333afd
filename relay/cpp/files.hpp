// Bytes from and to files, pipes and the standard streams. A stop signal ends every wait. Must not know buffers.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace zerobuffer::relay {

/// A file, or a standard stream for "-", that waits with poll(), so that a signal just before a call is not missed.
/// Everything throws Outcome where the operating system refuses.
class File {
 public:
  enum class Use { read, write };
  File(const std::string& path, Use use);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// Waits until there is a byte to take. @return false at the end, and after a stop signal
  [[nodiscard]] bool has_more();
  /// @return how many bytes were read; fewer than the room only at the end or after a stop signal
  [[nodiscard]] std::size_t read(std::span<std::byte> room);
  /// Writes all, unless a stop signal comes.
  void write(std::span<const std::byte> bytes);

 private:
  [[nodiscard]] bool wait(short events);
  [[noreturn]] void fail() const;

  std::string path_;
  int descriptor_;
  bool regular_ = false;
};

}  // namespace zerobuffer::relay
