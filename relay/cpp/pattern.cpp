// See pattern.hpp.
#include "pattern.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace zerobuffer::relay {
namespace {

static_assert(std::endian::native == std::endian::little, "the random pattern stores its words as they are");

/// The finalizer of SplitMix64.
constexpr std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Pattern::Pattern(const std::string& name, std::uint64_t seed)
    : kind_(name == "zeros"        ? Kind::zeros
            : name == "ones"       ? Kind::ones
            : name == "sequential" ? Kind::sequential
                                   : Kind::random),
      seed_(seed) {
  if (kind_ != Kind::sequential) return;
  counting_.resize(block_size + 256);
  for (std::size_t i = 0; i < counting_.size(); ++i) counting_[i] = static_cast<std::byte>(i & 255u);
}

void Pattern::fill(std::span<std::byte> room, std::uint64_t sequence) const {
  for (std::size_t offset = 0; offset < room.size(); offset += block_size) {
    fill_block(room.subspan(offset, std::min(block_size, room.size() - offset)), sequence, offset);
  }
}

std::optional<Pattern::Mismatch> Pattern::compare(std::span<const std::byte> content, std::uint64_t sequence) {
  expected_.resize(block_size);
  for (std::size_t offset = 0; offset < content.size(); offset += block_size) {
    const auto found = content.subspan(offset, std::min(block_size, content.size() - offset));
    const auto expected = std::span(expected_).first(found.size());
    fill_block(expected, sequence, offset);
    if (std::memcmp(expected.data(), found.data(), found.size()) == 0) continue;
    const auto [e, f] = std::mismatch(expected.begin(), expected.end(), found.begin());
    if (e == expected.end()) continue;  // it changed between the two looks, back to what it should be
    return Mismatch{offset + static_cast<std::size_t>(e - expected.begin()), *e, *f};
  }
  return std::nullopt;
}

void Pattern::fill_block(std::span<std::byte> room, std::uint64_t sequence, std::size_t offset) const {
  switch (kind_) {
    case Kind::zeros:
      std::ranges::fill(room, std::byte{0});
      return;
    case Kind::ones:
      std::ranges::fill(room, std::byte{255});
      return;
    case Kind::sequential:
      std::memcpy(room.data(), counting_.data() + ((sequence + offset) & 255u), room.size());
      return;
    case Kind::random: {
      constexpr std::uint64_t step = 0x9e3779b97f4a7c15u;
      std::uint64_t state = mix(mix(seed_) + sequence) + (offset / sizeof(std::uint64_t)) * step;
      for (std::size_t i = 0; i < room.size(); i += sizeof(std::uint64_t)) {
        const std::uint64_t word = mix(state += step);
        std::memcpy(room.data() + i, &word, std::min(sizeof word, room.size() - i));
      }
      return;
    }
  }
}

}  // namespace zerobuffer::relay
