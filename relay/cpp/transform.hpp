// What a relay does to the bytes that it passes on: one pass, from the input ring into the output ring.
#pragma once

#include <cstddef>
#include <span>

namespace zerobuffer::relay {

enum class Transform { none, reverse, exclusive_or };

/// Writes the transformed `from` into `to`, which is as long and does not overlap.
void apply(Transform transform, std::byte key, std::span<const std::byte> from, std::span<std::byte> to) noexcept;
/// The same, of bytes that stay where they are.
void apply_in_place(Transform transform, std::byte key, std::span<std::byte> bytes) noexcept;

}  // namespace zerobuffer::relay
