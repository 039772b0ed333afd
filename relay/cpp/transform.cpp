// See transform.hpp. The loops work on blocks of a fixed size, which compilers turn into vector instructions at -O2
// too.
#include "transform.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace zerobuffer::relay {
namespace {

constexpr std::size_t word = sizeof(std::uint64_t);

void exclusive_or(std::byte key, const std::byte* from, std::byte* to, std::size_t size) noexcept {
  const std::uint64_t keys = 0x0101010101010101u * std::to_integer<std::uint64_t>(key);
  std::size_t i = 0;
  for (; i + word <= size; i += word) {
    std::uint64_t value = 0;
    std::memcpy(&value, from + i, word);
    value ^= keys;
    std::memcpy(to + i, &value, word);
  }
  for (; i < size; ++i) to[i] = from[i] ^ key;
}

void reverse(const std::byte* from, std::byte* to, std::size_t size) noexcept {
  std::size_t i = 0;
  for (; i + word <= size; i += word) {
    std::uint64_t value = 0;
    std::memcpy(&value, from + i, word);
    value = __builtin_bswap64(value);
    std::memcpy(to + size - i - word, &value, word);
  }
  for (; i < size; ++i) to[size - i - 1] = from[i];
}

}  // namespace

void apply(Transform transform, std::byte key, std::span<const std::byte> from, std::span<std::byte> to) noexcept {
  if (from.empty()) return;
  switch (transform) {
    case Transform::none:
      std::memcpy(to.data(), from.data(), from.size());
      return;
    case Transform::reverse:
      reverse(from.data(), to.data(), from.size());
      return;
    case Transform::exclusive_or:
      exclusive_or(key, from.data(), to.data(), from.size());
      return;
  }
}

void apply_in_place(Transform transform, std::byte key, std::span<std::byte> bytes) noexcept {
  switch (transform) {
    case Transform::none:
      return;
    case Transform::reverse:
      std::ranges::reverse(bytes);
      return;
    case Transform::exclusive_or:
      exclusive_or(key, bytes.data(), bytes.data(), bytes.size());
      return;
  }
}

}  // namespace zerobuffer::relay
