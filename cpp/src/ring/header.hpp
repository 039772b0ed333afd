// The record header as four 64-bit words: stored and fetched word by word through the atomics policy, checked as
// locals.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "protocol/layout.hpp"

namespace zerobuffer::ring {

static_assert(std::endian::native == std::endian::little,
              "the wire format is little-endian, and so must the machine be");

template <class M>
inline void store_header(std::byte* at, const protocol::RecordHeader& header) noexcept {
  auto* words = reinterpret_cast<std::uint64_t*>(at);
  // relaxed: the release store of write_pos publishes them
  M::store_relaxed(words[0], header.size);
  M::store_relaxed(words[1], header.sequence);
  M::store_relaxed(words[2], header.tag);
  M::store_relaxed(words[3], std::uint64_t{header.extent} | (std::uint64_t{header.type} << 32) |
                                 (std::uint64_t{header.flags} << 48));
}

template <class M>
inline protocol::RecordHeader load_header(const std::byte* at) noexcept {
  const auto* words = reinterpret_cast<const std::uint64_t*>(at);
  // relaxed: the acquire load of write_pos came before; each word is loaded exactly once
  protocol::RecordHeader header{};
  header.size = M::load_relaxed(words[0]);
  header.sequence = M::load_relaxed(words[1]);
  header.tag = M::load_relaxed(words[2]);
  const std::uint64_t last = M::load_relaxed(words[3]);
  header.extent = static_cast<std::uint32_t>(last);
  header.type = static_cast<std::uint16_t>(last >> 32);
  header.flags = static_cast<std::uint16_t>(last >> 48);
  return header;
}

}  // namespace zerobuffer::ring
