// CRC-32 of contents: one line per frame in a file, and one sum of all. Must not know buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>

namespace zerobuffer::relay {

[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;
/// Eight lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(std::uint32_t crc);

class Digests {
 public:
  /// @param path of the file with the lines, empty for none. Throws Outcome where it cannot be made.
  Digests(const std::string& path, bool whole);
  void add(std::uint64_t sequence, std::uint16_t type, std::uint64_t tag, std::span<const std::byte> content);
  [[nodiscard]] std::string checksum() const { return to_hex(whole_crc_); }
  /// Throws Outcome where the file could not be written.
  void close();

 private:
  std::string path_;
  std::ofstream file_;
  bool whole_;
  std::uint32_t whole_crc_ = 0;
};

}  // namespace zerobuffer::relay
