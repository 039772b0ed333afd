// Where `write` takes its bytes from: a file, standard input, or a pattern made up on the spot. Bytes go straight into
// the memory that the caller gives; nothing is kept between. Must not know buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace zerobuffer::cli {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Waits until there is a byte to take, or none will come. A stop signal ends the wait; then the answer is true.
  [[nodiscard]] virtual bool at_end() = 0;

  /// Fills `room`. @return how many bytes; fewer only at the end, or after a stop signal
  [[nodiscard]] virtual std::size_t fill(std::span<std::byte> room) = 0;

  /// Takes up to n bytes and forgets them. @return how many
  [[nodiscard]] std::uint64_t skip(std::uint64_t n);
};

/// @param path a file, or "-" for standard input. Throws std::system_error where it cannot be opened.
[[nodiscard]] std::unique_ptr<ByteSource> open_input(const std::string& path);

/// An endless source. @param pattern zeros; sequential (64-bit little-endian 0, 1, 2 …); random (the same for a seed)
[[nodiscard]] std::unique_ptr<ByteSource> make_pattern(const std::string& pattern, std::uint64_t seed);

}  // namespace zerobuffer::cli
