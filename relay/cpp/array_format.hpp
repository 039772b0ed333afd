// Arrays in frames as docs/arrays.md describes them: the format of an array, the descriptor at the end of an array
// frame, and the metadata. Checks all that comes from shared memory before it is used. Must not know readers and
// writers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zerobuffer::relay {

inline constexpr std::uint16_t array_frame_type = 2;

struct ArrayFormat {
  std::string dtype = "|u1";
  std::vector<std::uint64_t> shape;
  char order = 'C';

  [[nodiscard]] std::uint64_t size() const noexcept;  ///< Bytes of the array.
  [[nodiscard]] std::string metadata() const;
  friend bool operator==(const ArrayFormat&, const ArrayFormat&) = default;

  /// From DTYPE:SHAPE or DTYPE:SHAPE:F. Throws std::invalid_argument.
  [[nodiscard]] static ArrayFormat parse(const std::string& spec);
  /// What plain frames of a stream with this metadata are; nullopt where it says nothing of arrays. Throws Outcome.
  [[nodiscard]] static std::optional<ArrayFormat> of_metadata(std::span<const std::byte> metadata);
};

struct ArrayDescriptor {
  ArrayFormat format;
  std::optional<std::int64_t> timestamp_ns;
  std::optional<std::int64_t> send_time_ns;

  [[nodiscard]] static std::uint64_t frame_size(const ArrayFormat& format) noexcept;
  /// Writes padding and descriptor behind the array's bytes in a frame of exactly frame_size() bytes.
  void write(std::span<std::byte> frame) const;
  /// Reads the end of a frame, once. Throws Outcome (corrupt), which names the sequence.
  [[nodiscard]] static ArrayDescriptor read(std::span<const std::byte> frame, std::uint64_t sequence);
};

}  // namespace zerobuffer::relay
