// See array_format.hpp.
#include "array_format.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "numbers.hpp"
#include "outcome.hpp"

namespace zerobuffer::relay {
namespace {

constexpr std::size_t most_dimensions = 32;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 62;
constexpr std::uint8_t has_timestamp = 1;
constexpr std::uint8_t has_send_time = 2;

/// The beginning of a descriptor, as it lies in memory on a little-endian machine.
struct Head {
  std::array<char, 4> magic{'Z', 'B', 'A', 'R'};
  std::uint16_t version = 1;
  char kind = 0;
  std::uint8_t item_size = 0;
  std::uint8_t big_endian = 0;
  std::uint8_t fortran = 0;
  std::uint8_t dimensions = 0;
  std::uint8_t flags = 0;
  std::uint32_t reserved = 0;
  std::uint64_t data_bytes = 0;
  std::int64_t timestamp_ns = 0;
  std::int64_t send_time_ns = 0;
};
static_assert(sizeof(Head) == 40 && offsetof(Head, data_bytes) == 16);
constexpr std::uint64_t least_descriptor = sizeof(Head) + sizeof(std::uint64_t);
constexpr std::uint64_t most_descriptor = least_descriptor + 8 * most_dimensions;

constexpr std::uint64_t round_up_8(std::uint64_t size) noexcept { return (size + 7) & ~std::uint64_t{7}; }

bool is_dtype(std::string_view dtype) {
  constexpr std::array known{"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"};
  if (dtype.size() < 3 || std::ranges::find(known, dtype.substr(1)) == known.end()) return false;
  return dtype.substr(2) == "1" ? dtype[0] == '|' : dtype[0] == '<' || dtype[0] == '>';
}

std::uint64_t item_size(std::string_view dtype) {
  return dtype.size() == 4 ? 16u : static_cast<unsigned>(dtype[2] - '0');
}

/// What is wrong with a format; empty where nothing is.
std::string fault_of(const ArrayFormat& format) {
  if (!is_dtype(format.dtype)) return "dtype '" + format.dtype + "' is none of docs/arrays.md";
  if (format.shape.size() > most_dimensions) return "more than 32 dimensions";
  std::uint64_t bytes = item_size(format.dtype);
  for (const std::uint64_t dimension : format.shape) {
    const std::uint64_t factor = std::max<std::uint64_t>(dimension, 1);
    if (factor > most_bytes / bytes) return "the shape is too large";
    bytes *= factor;
  }
  return "";
}

[[noreturn]] void corrupt(const std::string& what) { throw Outcome{ExitCode::corrupt, what}; }

}  // namespace

std::uint64_t ArrayFormat::size() const noexcept {
  std::uint64_t bytes = item_size(dtype);
  for (const std::uint64_t dimension : shape) bytes *= dimension;
  return bytes;
}

std::string ArrayFormat::metadata() const {
  const nlohmann::ordered_json fields{
      {"zerobuffer_schema", 1},         {"kind", "array"}, {"dtype", dtype}, {"shape", shape},
      {"order", std::string(1, order)}, {"names", nullptr}};
  return fields.dump();
}

ArrayFormat ArrayFormat::parse(const std::string& spec) {
  ArrayFormat format;
  const std::size_t colon = spec.find(':');
  if (colon == std::string::npos) throw std::invalid_argument("'" + spec + "' is not DTYPE:SHAPE");
  format.dtype = spec.substr(0, colon);
  std::string dimensions = spec.substr(colon + 1);
  if (const std::size_t second = dimensions.find(':'); second != std::string::npos) {
    const std::string order = dimensions.substr(second + 1);
    if (order != "C" && order != "F") throw std::invalid_argument("order '" + order + "' is neither C nor F");
    format.order = order[0];
    dimensions.resize(second);
  }
  for (std::size_t begin = 0; !dimensions.empty() && begin <= dimensions.size();) {
    const std::size_t end = std::min(dimensions.find('x', begin), dimensions.size());
    format.shape.push_back(parse_number(std::string_view(dimensions).substr(begin, end - begin)));
    begin = end + 1;
  }
  if (const std::string fault = fault_of(format); !fault.empty()) throw std::invalid_argument(fault);
  return format;
}

std::optional<ArrayFormat> ArrayFormat::of_metadata(std::span<const std::byte> metadata) {
  const std::string_view text(reinterpret_cast<const char*>(metadata.data()), metadata.size());
  if (!text.starts_with("{\"zerobuffer_schema\":")) return std::nullopt;
  const auto fields = nlohmann::json::parse(text, nullptr, false);
  const auto is_natural = [](const nlohmann::json& value) { return value.is_number_unsigned(); };
  if (!fields.is_object() || !fields["zerobuffer_schema"].is_number_integer())
    corrupt("the metadata is no valid schema");
  if (fields["zerobuffer_schema"] != 1) throw Outcome{ExitCode::refused, "the metadata follows a later schema"};
  const nlohmann::json kind = fields.value("kind", nlohmann::json());
  if (kind == "video") return std::nullopt;
  if (kind != "array") throw Outcome{ExitCode::refused, "the metadata has an unknown kind"};
  const nlohmann::json shape = fields.value("shape", nlohmann::json());
  const nlohmann::json dtype = fields.value("dtype", nlohmann::json());
  const nlohmann::json order = fields.value("order", nlohmann::json());
  if (!dtype.is_string() || !shape.is_array() || !std::ranges::all_of(shape, is_natural) ||
      (order != "C" && order != "F")) {
    corrupt("array metadata needs dtype, shape and order");
  }
  ArrayFormat format{dtype, shape.get<std::vector<std::uint64_t>>(), order.get<std::string>()[0]};
  if (const std::string fault = fault_of(format); !fault.empty()) corrupt("array metadata: " + fault);
  return format;
}

std::uint64_t ArrayDescriptor::frame_size(const ArrayFormat& format) noexcept {
  return round_up_8(format.size()) + least_descriptor + 8 * format.shape.size();
}

void ArrayDescriptor::write(std::span<std::byte> frame) const {
  const std::uint64_t dimensions = format.shape.size();
  const std::uint64_t length = least_descriptor + 8 * dimensions;
  Head head;
  head.kind = format.dtype[1];
  head.item_size = static_cast<std::uint8_t>(item_size(format.dtype));
  head.big_endian = format.dtype[0] == '>' ? 1 : 0;
  head.fortran = format.order == 'F' ? 1 : 0;
  head.dimensions = static_cast<std::uint8_t>(dimensions);
  head.flags = static_cast<std::uint8_t>((timestamp_ns ? has_timestamp : 0) | (send_time_ns ? has_send_time : 0));
  head.data_bytes = format.size();
  head.timestamp_ns = timestamp_ns.value_or(0);
  head.send_time_ns = send_time_ns.value_or(0);
  std::byte* at = frame.data() + (frame.size() - length);
  std::ranges::fill(frame.subspan(head.data_bytes, frame.size() - length - head.data_bytes), std::byte{0});
  std::memcpy(at, &head, sizeof head);
  if (dimensions != 0) std::memcpy(at + sizeof head, format.shape.data(), 8 * dimensions);
  std::memcpy(at + length - sizeof length, &length, sizeof length);
}

ArrayDescriptor ArrayDescriptor::read(std::span<const std::byte> frame, std::uint64_t sequence) {
  const auto refuse = [&](const std::string& what) { corrupt("frame " + std::to_string(sequence) + ": " + what); };
  std::array<std::byte, most_descriptor> copy;  // fetched once: a hostile writer may change it
  const std::size_t have = std::min<std::size_t>(frame.size(), copy.size());
  if (have < least_descriptor) refuse("too small for an array descriptor");
  std::memcpy(copy.data(), frame.data() + (frame.size() - have), have);
  std::uint64_t length = 0;
  std::memcpy(&length, copy.data() + have - sizeof length, sizeof length);
  if (length < least_descriptor || length > have || length % 8 != 0) refuse("an array descriptor of impossible length");
  const std::byte* at = copy.data() + (have - length);
  Head head;
  std::memcpy(&head, at, sizeof head);
  if (head.magic != Head{}.magic || head.version != 1) refuse("no array descriptor of version 1");
  if (length != least_descriptor + 8u * head.dimensions)
    refuse("an array descriptor whose length is not that of its shape");
  if (head.big_endian > 1 || head.fortran > 1 || head.reserved != 0 || head.flags > (has_timestamp | has_send_time) ||
      (head.item_size == 1 && head.big_endian != 0)) {
    refuse("an array descriptor with unknown byte order, order, flags or reserved bytes");
  }
  if ((head.timestamp_ns != 0 && (head.flags & has_timestamp) == 0) ||
      (head.send_time_ns != 0 && (head.flags & has_send_time) == 0)) {
    refuse("an array descriptor with a time that its flags deny");
  }
  ArrayDescriptor descriptor;
  descriptor.format.dtype = std::string(1, head.item_size == 1    ? '|'
                                           : head.big_endian != 0 ? '>'
                                                                  : '<') +
                            head.kind + std::to_string(head.item_size);
  descriptor.format.order = head.fortran != 0 ? 'F' : 'C';
  descriptor.format.shape.resize(head.dimensions);
  if (head.dimensions != 0) std::memcpy(descriptor.format.shape.data(), at + sizeof head, 8u * head.dimensions);
  if (const std::string fault = fault_of(descriptor.format); !fault.empty()) refuse(fault);
  if (head.data_bytes != descriptor.format.size() || round_up_8(head.data_bytes) + length != frame.size()) {
    refuse("an array descriptor that contradicts the frame's size");
  }
  if ((head.flags & has_timestamp) != 0) descriptor.timestamp_ns = head.timestamp_ns;
  if ((head.flags & has_send_time) != 0) descriptor.send_time_ns = head.send_time_ns;
  return descriptor;
}

}  // namespace zerobuffer::relay
