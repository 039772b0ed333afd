// See numbers.hpp.
#include "numbers.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace zerobuffer::relay {
namespace {

[[noreturn]] void refuse(std::string_view text, const char* what) {
  throw std::invalid_argument("'" + std::string(text) + "' is " + what);
}

}  // namespace

std::uint64_t parse_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  if (error != std::errc{} || end != digits.data() + digits.size()) refuse(text, "no whole number of 64 bits");
  return value;
}

std::uint64_t parse_size(std::string_view text) {
  unsigned shift = 0;
  if (!text.empty()) {
    const char unit = text.back();
    shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
  }
  const std::uint64_t value = parse_number(shift != 0 ? text.substr(0, text.size() - 1) : text);
  if (value > (UINT64_MAX >> shift)) refuse(text, "too large");
  return value << shift;
}

std::vector<std::uint64_t> parse_sizes(std::string_view text) {
  constexpr std::size_t most = 1'000'000;
  std::vector<std::uint64_t> sizes;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, comma - begin);
    begin = comma + 1;
    const std::size_t dots = part.find("..");
    const std::uint64_t first = parse_size(part.substr(0, dots));
    const std::uint64_t last = dots == std::string_view::npos ? first : parse_size(part.substr(dots + 2));
    if (last < first || last - first >= most - sizes.size()) refuse(part, "no range, or more than a million sizes");
    for (std::uint64_t size = first; size <= last; ++size) sizes.push_back(size);
  }
  return sizes;
}

}  // namespace zerobuffer::relay
