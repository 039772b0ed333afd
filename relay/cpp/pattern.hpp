// The bytes of made-up frames: the four patterns of relay/README.md, to write and to compare with. Must not know
// frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zerobuffer::relay {

class Pattern {
 public:
  /// @param name zeros, ones, sequential or random
  Pattern(const std::string& name, std::uint64_t seed);

  /// Fills `room` with the content of the frame with this sequence.
  void fill(std::span<std::byte> room, std::uint64_t sequence) const;

  struct Mismatch {
    std::size_t offset;
    std::byte expected;
    std::byte found;
  };
  /// The first byte that is not what fill() writes.
  [[nodiscard]] std::optional<Mismatch> compare(std::span<const std::byte> content, std::uint64_t sequence);

 private:
  enum class Kind { zeros, ones, sequential, random };
  static constexpr std::size_t block_size = 64 << 10;

  /// Fills `room` with the bytes from `offset` on; `offset` is a multiple of 8 and `room` at most block_size long.
  void fill_block(std::span<std::byte> room, std::uint64_t sequence, std::size_t offset) const;

  Kind kind_;
  std::uint64_t seed_;
  std::vector<std::byte> counting_;  ///< 0, 1 … 255 again and again, one block and 256 bytes long
  std::vector<std::byte> expected_;  ///< scratch for compare()
};

}  // namespace zerobuffer::relay
