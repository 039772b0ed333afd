// Structs that begin with their own size, so that library and caller may be of different age. Knows no particular one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace zerobuffer::c_api {

/// No struct of this interface will ever be larger: what is, is an uninitialised size.
inline constexpr std::size_t largest_struct = 4096;

[[nodiscard]] constexpr bool possible_size(std::size_t size) noexcept {
  return size >= sizeof(std::size_t) && size <= largest_struct;
}

/// Fills as much of *theirs as its struct_size says that there is; what is beyond ours becomes 0.
template <class Struct>
[[nodiscard]] bool store_sized(const Struct& ours, Struct* theirs) noexcept {
  if (theirs == nullptr || !possible_size(theirs->struct_size)) return false;
  const std::size_t size = theirs->struct_size;
  std::memset(static_cast<void*>(theirs), 0, size);
  std::memcpy(static_cast<void*>(theirs), &ours, std::min(size, sizeof(Struct)));
  theirs->struct_size = size;
  return true;
}

/// Overwrites what the caller's struct has; the rest of `ours` keeps its defaults. False where the caller uses a field
/// that this library does not know.
template <class Struct>
[[nodiscard]] bool load_sized(const Struct* theirs, Struct& ours) noexcept {
  const std::size_t size = theirs->struct_size;
  if (!possible_size(size)) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(theirs);
  for (std::size_t i = sizeof(Struct); i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  std::memcpy(static_cast<void*>(&ours), theirs, std::min(size, sizeof(Struct)));
  return true;
}

}  // namespace zerobuffer::c_api
