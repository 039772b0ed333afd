// A piece of a file in this process's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "os/file.hpp"

namespace zerobuffer::os {

enum class Access : std::uint8_t { read_only, read_write };

/// Shared ownership of a mapped region: copies keep it mapped.
class Mapping {
 public:
  Mapping() noexcept = default;
  /// Maps [offset, offset + size) of the file; offset a multiple of the page size.
  static Result<Mapping> map(const File& file, std::uint64_t offset, std::uint64_t size, Access access);

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::shared_ptr<const void> owner() const noexcept { return region_; }

  /// Asks for huge pages; before the first touch.
  void advise_huge() const noexcept;
  /// Maps every page now. A refusal of memory is an error, not a signal.
  Result<void> populate() const;
  /// Puts a private view of the same bytes in its place, at once for all threads: later stores are seen by nobody else.
  Result<void> make_private(const File& file, std::uint64_t offset) const;
  /// Keeps every page in memory (mlock).
  Result<void> lock() const;
  /// Bytes that the kernel backs with huge pages now (/proc/self/smaps).
  [[nodiscard]] std::uint64_t huge_bytes() const;

 private:
  std::shared_ptr<const void> region_;
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
  Access access_ = Access::read_only;
};

}  // namespace zerobuffer::os
