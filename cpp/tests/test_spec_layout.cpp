// Reads the field tables and the table of constants in protocol/SPEC.md and compares them with protocol/layout.hpp,
// both ways, so that the document and the code cannot drift apart. Knows nothing of rings or segments.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "protocol/layout.hpp"

namespace zerobuffer::protocol {
namespace {

struct Field {
  std::uint64_t offset;
  std::uint64_t size;
  std::string type;
  bool operator==(const Field&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Field& field) {
  return out << field.type << " of " << field.size << " bytes at " << field.offset;
}
using Fields = std::map<std::string, Field>;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" `");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" `") - first + 1);
}

// The cells of the table below the heading `### NAME`, without its two head lines.
std::vector<std::vector<std::string>> table_of(const std::string& name) {
  std::ifstream file(ZEROBUFFER_SOURCE_DIR "/protocol/SPEC.md");
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) inside = line == "### " + name;
    if (!inside || !line.starts_with('|')) continue;
    std::vector<std::string> cells;
    for (std::size_t start = 1, end = 0; (end = line.find('|', start)) != std::string::npos; start = end + 1) {
      cells.push_back(trimmed(line.substr(start, end - start)));
    }
    rows.push_back(std::move(cells));
  }
  if (rows.size() < 3) throw std::runtime_error("SPEC.md has no table below '### " + name + "'");
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

std::uint64_t size_of(const std::string& type) {
  static const std::map<std::string, std::uint64_t> scalars{{"u8", 1},  {"u16", 2}, {"u32", 4},
                                                            {"i32", 4}, {"u64", 8}, {"{u64 position, u64 count}", 16}};
  const std::string times = "×";
  const auto cross = type.find(times);
  if (cross == std::string::npos) return scalars.at(type);
  return std::stoull(type.substr(0, cross)) * scalars.at(type.substr(cross + times.size()));
}

Fields documented(const std::string& name) {
  Fields fields;
  for (const auto& row : table_of(name)) {
    const bool added =
        fields.emplace(row.at(1), Field{std::stoull(row.at(0), nullptr, 16), size_of(row.at(2)), row.at(2)}).second;
    if (!added) throw std::runtime_error("SPEC.md lists " + name + "." + row.at(1) + " twice");
  }
  return fields;
}

template <class T>
std::string type_name() {
  if constexpr (std::is_array_v<T>) {
    return std::to_string(std::extent_v<T>) + "×" + type_name<std::remove_extent_t<T>>();
  } else if constexpr (std::is_same_v<T, CountEntry>) {
    return "{u64 position, u64 count}";
  } else {
    return (std::is_signed_v<T> ? "i" : "u") + std::to_string(8 * sizeof(T));
  }
}

#define ZEROBUFFER_FIELD(type, field)                                                                \
  {                                                                                                  \
#field, Field { offsetof(type, field), sizeof(type::field), type_name<decltype(type::field)>() } \
  }

const Fields real_oieb{
    ZEROBUFFER_FIELD(Oieb, oieb_size),
    ZEROBUFFER_FIELD(Oieb, version),
    ZEROBUFFER_FIELD(Oieb, magic),
    ZEROBUFFER_FIELD(Oieb, segment_size),
    ZEROBUFFER_FIELD(Oieb, ring_count),
    ZEROBUFFER_FIELD(Oieb, ring_index),
    ZEROBUFFER_FIELD(Oieb, feature_flags),
    ZEROBUFFER_FIELD(Oieb, metadata_offset),
    ZEROBUFFER_FIELD(Oieb, metadata_size),
    ZEROBUFFER_FIELD(Oieb, payload_offset),
    ZEROBUFFER_FIELD(Oieb, state),
    ZEROBUFFER_FIELD(Oieb, max_readers),
    ZEROBUFFER_FIELD(Oieb, capacity),
    ZEROBUFFER_FIELD(Oieb, payload_size),
    ZEROBUFFER_FIELD(Oieb, reader_table_offset),
    ZEROBUFFER_FIELD(Oieb, reader_table_size),
    ZEROBUFFER_FIELD(Oieb, share_slots),
    ZEROBUFFER_FIELD(Oieb, reserved_06c),
    ZEROBUFFER_FIELD(Oieb, segment_id),
    ZEROBUFFER_FIELD(Oieb, write_pos),
    ZEROBUFFER_FIELD(Oieb, counts),
    ZEROBUFFER_FIELD(Oieb, last_record_pos),
    ZEROBUFFER_FIELD(Oieb, origin_pos),
    ZEROBUFFER_FIELD(Oieb, reclaim_pos),
    ZEROBUFFER_FIELD(Oieb, lanes_used),
    ZEROBUFFER_FIELD(Oieb, reserved_0c4),
    ZEROBUFFER_FIELD(Oieb, readers_waiting),
    ZEROBUFFER_FIELD(Oieb, data_futex),
    ZEROBUFFER_FIELD(Oieb, reserved_10c),
    ZEROBUFFER_FIELD(Oieb, readers_fence_required),
    ZEROBUFFER_FIELD(Oieb, reserved_118),
    ZEROBUFFER_FIELD(Oieb, writer_waiting),
    ZEROBUFFER_FIELD(Oieb, space_futex),
    ZEROBUFFER_FIELD(Oieb, wanted_pos),
    ZEROBUFFER_FIELD(Oieb, writer_fence_required),
    ZEROBUFFER_FIELD(Oieb, writer_last_cpu),
    ZEROBUFFER_FIELD(Oieb, reserved_198),
    ZEROBUFFER_FIELD(Oieb, wraps),
    ZEROBUFFER_FIELD(Oieb, blocked_count),
    ZEROBUFFER_FIELD(Oieb, blocked_ns),
    ZEROBUFFER_FIELD(Oieb, readers_lost),
    ZEROBUFFER_FIELD(Oieb, last_commit_ns),
    ZEROBUFFER_FIELD(Oieb, dropped),
    ZEROBUFFER_FIELD(Oieb, reserved_230),
    ZEROBUFFER_FIELD(Oieb, writer_place),
    ZEROBUFFER_FIELD(Oieb, writer_pid),
    ZEROBUFFER_FIELD(Oieb, writer_start_time),
    ZEROBUFFER_FIELD(Oieb, reserved_258),
    ZEROBUFFER_FIELD(Oieb, metadata_used),
    ZEROBUFFER_FIELD(Oieb, metadata_version),
    ZEROBUFFER_FIELD(Oieb, reserved_290),
    ZEROBUFFER_FIELD(Oieb, source_count),
    ZEROBUFFER_FIELD(Oieb, reserved_304),
    ZEROBUFFER_FIELD(Oieb, source_table_offset),
    ZEROBUFFER_FIELD(Oieb, source_table_size),
    ZEROBUFFER_FIELD(Oieb, reserved_318),
};

const Fields real_slot{
    ZEROBUFFER_FIELD(ReaderSlot, read_pos),     ZEROBUFFER_FIELD(ReaderSlot, read_count),
    ZEROBUFFER_FIELD(ReaderSlot, place),        ZEROBUFFER_FIELD(ReaderSlot, pid),
    ZEROBUFFER_FIELD(ReaderSlot, start_time),   ZEROBUFFER_FIELD(ReaderSlot, last_cpu),
    ZEROBUFFER_FIELD(ReaderSlot, reserved_02c), ZEROBUFFER_FIELD(ReaderSlot, lost),
    ZEROBUFFER_FIELD(ReaderSlot, skipped),      ZEROBUFFER_FIELD(ReaderSlot, evicted_epoch),
    ZEROBUFFER_FIELD(ReaderSlot, client),       ZEROBUFFER_FIELD(ReaderSlot, pinned_for),
    ZEROBUFFER_FIELD(ReaderSlot, reserved_060),
};

const Fields real_source_entry{
    ZEROBUFFER_FIELD(SourceEntry, version),    ZEROBUFFER_FIELD(SourceEntry, name_size),
    ZEROBUFFER_FIELD(SourceEntry, segment_id), ZEROBUFFER_FIELD(SourceEntry, last_pos),
    ZEROBUFFER_FIELD(SourceEntry, name),       ZEROBUFFER_FIELD(SourceEntry, reserved_0e8),
};

const Fields real_descriptor{
    ZEROBUFFER_FIELD(Descriptor, source),   ZEROBUFFER_FIELD(Descriptor, source_version),
    ZEROBUFFER_FIELD(Descriptor, position), ZEROBUFFER_FIELD(Descriptor, size),
    ZEROBUFFER_FIELD(Descriptor, sequence),
};

const Fields real_header{
    ZEROBUFFER_FIELD(RecordHeader, size), ZEROBUFFER_FIELD(RecordHeader, sequence),
    ZEROBUFFER_FIELD(RecordHeader, tag),  ZEROBUFFER_FIELD(RecordHeader, extent),
    ZEROBUFFER_FIELD(RecordHeader, type), ZEROBUFFER_FIELD(RecordHeader, flags),
};

const std::map<std::string, std::uint64_t> real_constants{
    {"oieb_size", oieb_size},
    {"version_major", version_major},
    {"version_minor", version_minor},
    {"magic", magic},
    {"cache_line", cache_line},
    {"record_alignment", record_alignment},
    {"header_size", header_size},
    {"payload_lead", payload_lead},
    {"block_alignment", block_alignment},
    {"page_size", page_size},
    {"huge_page_size", huge_page_size},
    {"max_lanes", max_lanes},
    {"least_in_place_room", least_in_place_room},
    {"max_readers", max_readers},
    {"max_share_slots", max_share_slots},
    {"max_sources", max_sources},
    {"max_capacity", max_capacity},
    {"max_metadata_size", max_metadata_size},
    {"parked", parked},
    {"lock_base", lock_base},
    {"lock_stride", lock_stride},
};

// The fields fill the struct without a gap: nothing of it is left undocumented, and the list above forgets nothing.
void expect_to_fill(const Fields& fields, std::uint64_t size) {
  std::map<std::uint64_t, std::uint64_t> by_offset;
  for (const auto& [name, field] : fields) by_offset[field.offset] = field.size;
  std::uint64_t end = 0;
  for (const auto& [offset, length] : by_offset) {
    EXPECT_EQ(offset, end);
    end = offset + length;
  }
  EXPECT_EQ(end, size);
}

TEST(SpecLayout, the_table_of_the_oieb_is_the_struct) {
  EXPECT_EQ(documented("Oieb"), real_oieb);
  expect_to_fill(real_oieb, sizeof(Oieb));
}

TEST(SpecLayout, the_table_of_the_reader_slot_is_the_struct) {
  EXPECT_EQ(documented("ReaderSlot"), real_slot);
  expect_to_fill(real_slot, sizeof(ReaderSlot));
}

TEST(SpecLayout, the_table_of_the_record_header_is_the_struct) {
  EXPECT_EQ(documented("RecordHeader"), real_header);
  expect_to_fill(real_header, sizeof(RecordHeader));
}

TEST(SpecLayout, the_tables_of_payload_sharing_are_the_structs) {
  EXPECT_EQ(documented("SourceEntry"), real_source_entry);
  expect_to_fill(real_source_entry, sizeof(SourceEntry));
  EXPECT_EQ(documented("Descriptor"), real_descriptor);
  expect_to_fill(real_descriptor, sizeof(Descriptor));
}

TEST(SpecLayout, the_constants_are_those_of_the_code) {
  std::map<std::string, std::uint64_t> constants;
  for (const auto& row : table_of("Constants")) constants[row.at(0)] = std::stoull(row.at(1), nullptr, 0);
  EXPECT_EQ(constants, real_constants);
}

TEST(SpecLayout, every_state_has_the_number_in_the_document) {
  EXPECT_EQ(PlaceWord::of(WriterState::never, 0).bits, 0u);
  EXPECT_EQ(PlaceWord::of(WriterState::attached, 5).bits, 0x50001u);
  EXPECT_EQ(PlaceWord::of(WriterState::closed, 5).bits, 0x50002u);
  EXPECT_EQ(PlaceWord::of(SlotState::joining, 1).bits, 0x10001u);
  EXPECT_EQ(PlaceWord::of(SlotState::active, 1).bits, 0x10002u);
  EXPECT_EQ(PlaceWord::of(SlotState::closing, 1, SlotKind::pin).bits, 0x10103u);
  EXPECT_EQ(static_cast<std::uint32_t>(SegmentState::ready), 1u);
  EXPECT_EQ(static_cast<std::uint32_t>(SegmentState::retired), 2u);
}

TEST(SpecLayout, feature_bits_are_those_of_the_document_and_all_are_supported) {
  const std::map<std::string, std::uint64_t> real{{"duplex_immutable", feature::duplex_immutable},
                                                  {"duplex_in_place", feature::duplex_in_place},
                                                  {"payload_sharing", feature::payload_sharing}};
  std::map<std::string, std::uint64_t> written;
  for (const auto& row : table_of("Feature flags")) written[row.at(0)] = std::stoull(row.at(1));
  EXPECT_EQ(written, real);
  EXPECT_EQ(feature::supported, feature::duplex_immutable | feature::duplex_in_place | feature::payload_sharing);
}

// The proof of SPEC.md "Why a frame of max_frame_size always fits a drained ring", for every offset of small rings.
TEST(SpecLayout, padding_and_the_largest_record_fit_one_after_the_other_at_every_offset) {
  for (std::uint64_t payload = 1; payload <= 2048; ++payload) {
    const std::uint64_t capacity = capacity_for(payload);
    const std::uint64_t max_frame_size = capacity - header_size;
    ASSERT_GE(max_frame_size, payload);
    ASSERT_EQ(record_length(max_frame_size), capacity);
    for (std::uint64_t offset = record_alignment; offset < capacity; offset += record_alignment) {
      ASSERT_GE(capacity - offset, header_size);
      ASSERT_EQ((capacity - offset) % record_alignment, 0u);
    }
  }
}

}  // namespace
}  // namespace zerobuffer::protocol
