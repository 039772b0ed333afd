// Kernel locks on single bytes of a file (open file description locks): they tell who lives, because the kernel drops
// them when their owner is gone, however it went. The descriptor is never mapped and is closed in a forked child, so
// that nothing else keeps the description alive.
#pragma once

#include <cstdint>

#include "os/file.hpp"

namespace zerobuffer::os {

class LockFile {
 public:
  LockFile() noexcept = default;
  /// Opens the file once more, for locks only.
  static Result<LockFile> open(const File& file);
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

  /// Takes the exclusive lock of [byte, byte + count), count 0: to the end of all offsets. False where somebody else
  /// holds a part of it. Never waits.
  [[nodiscard]] bool try_lock(std::uint64_t byte, std::uint64_t count = 1) const noexcept;
  void unlock(std::uint64_t byte, std::uint64_t count = 1) const noexcept;
  /// Whether somebody else holds a part of it. Only asks.
  [[nodiscard]] bool held_by_other(std::uint64_t byte, std::uint64_t count = 1) const noexcept;

  [[nodiscard]] const File& file() const noexcept { return file_; }

 private:
  File file_;
};

}  // namespace zerobuffer::os
