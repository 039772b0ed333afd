// Numbers, sizes and lists of sizes as relay/README.md writes them. Each function throws std::invalid_argument, saying
// what is wrong. Must not know options.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zerobuffer::relay {

/// Decimal, or hexadecimal after 0x.
[[nodiscard]] std::uint64_t parse_number(std::string_view text);
/// A number that may end in k, m or g.
[[nodiscard]] std::uint64_t parse_size(std::string_view text);
/// Sizes and ranges A..B, separated by commas.
[[nodiscard]] std::vector<std::uint64_t> parse_sizes(std::string_view text);

}  // namespace zerobuffer::relay
