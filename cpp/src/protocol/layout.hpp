// The wire layout of protocol 2, as SPEC.md states it: plain fixed-width words and nothing else.
// Owns: the offsets, sizes and constants that two processes must agree on; every offset is asserted below, and a test
// compares this file with the tables of SPEC.md. Knows nothing of atomics (ring/), files or locks (os/, buffer/).
#pragma once

#include <cstddef>
#include <cstdint>

namespace zerobuffer::protocol {

// The first eight bytes of an OIEB are those of ZeroBuffer 1.x, so that its peers refuse a segment cleanly.
inline constexpr std::uint32_t oieb_size = 1024;
inline constexpr std::uint8_t version_major = 2;
inline constexpr std::uint8_t version_minor = 0;
inline constexpr std::uint64_t magic = 0x0032524646554245;  // the bytes "EBUFFR2\0"

inline constexpr std::uint64_t cache_line = 64;
inline constexpr std::uint64_t record_alignment = 64;  // records start at 32 modulo 64, payloads on 64 bytes
inline constexpr std::uint64_t header_size = 32;
inline constexpr std::uint64_t payload_lead = 32;  // unused bytes in front of the first header
inline constexpr std::uint64_t block_alignment = 64;
inline constexpr std::uint64_t page_size = 4096;
inline constexpr std::uint64_t huge_page_size = 2 << 20;

inline constexpr std::uint32_t max_lanes = 1024;      // of a duplex channel; each has up to three rings
inline constexpr std::uint32_t max_readers = 64;      // one bit each in readers_waiting
inline constexpr std::uint32_t max_share_slots = 64;  // pins of a ring whose frames may be shared
inline constexpr std::uint32_t max_sources = 16;      // segments that the descriptors of one ring can name at a time
inline constexpr std::uint64_t max_capacity = std::uint64_t{1}
                                              << 37;  // 128 GiB; extents count 64-byte units in 32 bits
inline constexpr std::uint64_t max_metadata_size = std::uint64_t{1} << 30;
inline constexpr std::uint64_t least_in_place_room = 256;   // payload bytes of a record in place: an error text fits
inline constexpr std::uint64_t parked = ~std::uint64_t{0};  // a read_pos that counts for nothing

// Kernel locks (open file description locks) on bytes far beyond the data: one stride of bytes per ring,
// byte 0 the writer's, byte 1 + i that of slot i.
inline constexpr std::uint64_t lock_base = std::uint64_t{1} << 62;
inline constexpr std::uint64_t lock_stride = 256;

enum class SegmentState : std::uint32_t { initialising = 0, ready = 1, retired = 2 };
enum class WriterState : std::uint8_t { never = 0, attached = 1, closed = 2 };
enum class SlotState : std::uint8_t { free = 0, joining = 1, active = 2, closing = 3, broken = 4 };
enum class SlotKind : std::uint8_t { reader = 0, pin = 1 };

// Features a peer must understand; a set bit that it does not know makes it refuse to attach.
namespace feature {
inline constexpr std::uint64_t duplex_immutable = 1;
inline constexpr std::uint64_t duplex_in_place = 2;
inline constexpr std::uint64_t payload_sharing = 4;
inline constexpr std::uint64_t supported = duplex_immutable | duplex_in_place | payload_sharing;
}  // namespace feature

namespace record_type {
inline constexpr std::uint16_t normal = 0;
inline constexpr std::uint16_t array = 2;  // payload, then a descriptor (SPEC.md, "Array frames")
inline constexpr std::uint16_t system_error = 127;
inline constexpr std::uint16_t first_application = 128;
}  // namespace record_type

namespace record_flag {
inline constexpr std::uint16_t padding = 1;
inline constexpr std::uint16_t shared_descriptor = 2;  // the payload is a Descriptor: the frame lies in another segment
inline constexpr std::uint16_t in_place = 4;           // a server has begun to change it where it lies
inline constexpr std::uint16_t supported = padding | shared_descriptor;
}  // namespace record_flag

// A place word holds who owns a writer's place or a reader slot: bits 0-7 state, 8-15 kind, 16-63 epoch.
// It is changed only by compare-and-swap, and the epoch grows with every change of owner.
struct PlaceWord {
  std::uint64_t bits = 0;

  [[nodiscard]] constexpr std::uint8_t state_bits() const noexcept { return static_cast<std::uint8_t>(bits); }
  [[nodiscard]] constexpr SlotState slot_state() const noexcept { return static_cast<SlotState>(state_bits()); }
  [[nodiscard]] constexpr WriterState writer_state() const noexcept { return static_cast<WriterState>(state_bits()); }
  [[nodiscard]] constexpr SlotKind kind() const noexcept { return static_cast<SlotKind>((bits >> 8) & 0xff); }
  [[nodiscard]] constexpr std::uint64_t epoch() const noexcept { return bits >> 16; }

  template <class State>
  [[nodiscard]] static constexpr PlaceWord of(State state, std::uint64_t epoch,
                                              SlotKind kind = SlotKind::reader) noexcept {
    return {static_cast<std::uint64_t>(state) | (static_cast<std::uint64_t>(kind) << 8) | (epoch << 16)};
  }
};

struct CountEntry {  // how many frames had been published when write_pos was `position`
  std::uint64_t position;
  std::uint64_t count;
};

struct Oieb {
  // 0x000 identity: written by the creator before `state` becomes ready, never changed again
  std::uint32_t oieb_size;
  std::uint8_t version[4];
  std::uint64_t magic;
  std::uint64_t segment_size;
  std::uint32_t ring_count;
  std::uint32_t ring_index;
  std::uint64_t feature_flags;
  std::uint64_t metadata_offset;
  std::uint64_t metadata_size;
  std::uint64_t payload_offset;
  // 0x040
  std::uint32_t state;  // SegmentState; written last of all, with release
  std::uint32_t max_readers;
  std::uint64_t capacity;
  std::uint64_t payload_size;
  std::uint64_t reader_table_offset;
  std::uint64_t reader_table_size;
  std::uint32_t share_slots;
  std::uint32_t reserved_06c;
  std::uint8_t segment_id[16];
  // 0x080 hot, the writer's
  std::uint64_t write_pos;
  CountEntry counts[2];
  std::uint64_t last_record_pos;
  std::uint64_t origin_pos;  // a position at offset 0 of the ring: all others are counted from it
  std::uint64_t reclaim_pos;
  std::uint32_t lanes_used;  // duplex: lanes that were ever taken; they are taken from the first on
  std::uint8_t reserved_0c4[60];
  // 0x100 hot, the wait for data
  std::uint64_t readers_waiting;
  std::uint32_t data_futex;
  std::uint32_t reserved_10c;
  std::uint64_t readers_fence_required;
  std::uint8_t reserved_118[104];
  // 0x180 hot, the wait for space
  std::uint32_t writer_waiting;
  std::uint32_t space_futex;
  std::uint64_t wanted_pos;
  std::uint32_t writer_fence_required;
  std::int32_t writer_last_cpu;
  std::uint8_t reserved_198[104];
  // 0x200 the writer's statistics
  std::uint64_t wraps;
  std::uint64_t blocked_count;
  std::uint64_t blocked_ns;
  std::uint64_t readers_lost;
  std::uint64_t last_commit_ns;
  std::uint64_t dropped;
  std::uint8_t reserved_230[16];
  // 0x240 the writer's place
  std::uint64_t writer_place;  // PlaceWord
  std::uint64_t writer_pid;
  std::uint64_t writer_start_time;
  std::uint8_t reserved_258[40];
  // 0x280 metadata
  std::uint64_t metadata_used;
  std::uint64_t metadata_version;  // odd while being written; 0 = never written
  std::uint8_t reserved_290[112];
  // 0x300 payload sharing: the segments that descriptors of this ring name
  std::uint32_t source_count;  // entries that were ever used, from the first on
  std::uint32_t reserved_304;
  std::uint64_t source_table_offset;
  std::uint64_t source_table_size;
  std::uint8_t reserved_318[232];
};

struct ReaderSlot {
  std::uint64_t read_pos;
  std::uint64_t read_count;  // sequence of the last frame let go
  std::uint64_t place;       // PlaceWord
  std::uint64_t pid;
  std::uint64_t start_time;
  std::int32_t last_cpu;
  std::uint32_t reserved_02c;
  std::uint64_t lost;
  std::uint64_t skipped;
  std::uint64_t evicted_epoch;  // epoch of an owner that the writer removed from the slot
  std::uint64_t client;         // duplex, of a lane: the client that it belongs to
  std::uint8_t pinned_for[16];  // a pin: id of the segment whose reader pins, for people
  std::uint8_t reserved_060[32];
};

struct RecordHeader {
  std::uint64_t size;
  std::uint64_t sequence;
  std::uint64_t tag;
  std::uint32_t extent;  // length of the record in 64-byte units, header included
  std::uint16_t type;
  std::uint16_t flags;
};

// An entry of the source table: a segment whose frames descriptors of this ring name. `version` is odd while the entry
// is written; a descriptor carries the even version that it was made under.
struct SourceEntry {
  std::uint32_t version;
  std::uint32_t name_size;
  std::uint8_t segment_id[16];
  std::uint64_t last_pos;  // behind the last descriptor that names it
  std::uint8_t name[200];
  std::uint8_t reserved_0e8[24];
};

// The payload of a record with the flag shared_descriptor: a frame of another segment.
struct Descriptor {
  std::uint32_t source;          // index in the source table
  std::uint32_t source_version;  // of that entry
  std::uint64_t position;        // of the frame's record in the source's ring
  std::uint64_t size;            // bytes of its payload
  std::uint64_t sequence;        // its sequence there
};

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}
// Bytes of ring that a record with `size` bytes of payload takes.
constexpr std::uint64_t record_length(std::uint64_t size) noexcept {
  return round_up(header_size + size, record_alignment);
}
// Capacity of the ring for somebody who asks for `payload_size` bytes: one frame of that size fits.
constexpr std::uint64_t capacity_for(std::uint64_t payload_size) noexcept { return record_length(payload_size); }

// clang-format off
#define ZEROBUFFER_AT(type, field, offset) static_assert(offsetof(type, field) == (offset), #type "::" #field)
ZEROBUFFER_AT(Oieb, oieb_size, 0x000);            ZEROBUFFER_AT(Oieb, version, 0x004);
ZEROBUFFER_AT(Oieb, magic, 0x008);                ZEROBUFFER_AT(Oieb, segment_size, 0x010);
ZEROBUFFER_AT(Oieb, ring_count, 0x018);           ZEROBUFFER_AT(Oieb, ring_index, 0x01c);
ZEROBUFFER_AT(Oieb, feature_flags, 0x020);        ZEROBUFFER_AT(Oieb, metadata_offset, 0x028);
ZEROBUFFER_AT(Oieb, metadata_size, 0x030);        ZEROBUFFER_AT(Oieb, payload_offset, 0x038);
ZEROBUFFER_AT(Oieb, state, 0x040);                ZEROBUFFER_AT(Oieb, max_readers, 0x044);
ZEROBUFFER_AT(Oieb, capacity, 0x048);             ZEROBUFFER_AT(Oieb, payload_size, 0x050);
ZEROBUFFER_AT(Oieb, reader_table_offset, 0x058);  ZEROBUFFER_AT(Oieb, reader_table_size, 0x060);
ZEROBUFFER_AT(Oieb, share_slots, 0x068);          ZEROBUFFER_AT(Oieb, segment_id, 0x070);
ZEROBUFFER_AT(Oieb, write_pos, 0x080);            ZEROBUFFER_AT(Oieb, counts, 0x088);
ZEROBUFFER_AT(Oieb, last_record_pos, 0x0a8);      ZEROBUFFER_AT(Oieb, origin_pos, 0x0b0);
ZEROBUFFER_AT(Oieb, reclaim_pos, 0x0b8);          ZEROBUFFER_AT(Oieb, lanes_used, 0x0c0);
ZEROBUFFER_AT(Oieb, readers_waiting, 0x100);
ZEROBUFFER_AT(Oieb, data_futex, 0x108);           ZEROBUFFER_AT(Oieb, readers_fence_required, 0x110);
ZEROBUFFER_AT(Oieb, writer_waiting, 0x180);       ZEROBUFFER_AT(Oieb, space_futex, 0x184);
ZEROBUFFER_AT(Oieb, wanted_pos, 0x188);           ZEROBUFFER_AT(Oieb, writer_fence_required, 0x190);
ZEROBUFFER_AT(Oieb, writer_last_cpu, 0x194);      ZEROBUFFER_AT(Oieb, wraps, 0x200);
ZEROBUFFER_AT(Oieb, blocked_count, 0x208);        ZEROBUFFER_AT(Oieb, blocked_ns, 0x210);
ZEROBUFFER_AT(Oieb, readers_lost, 0x218);         ZEROBUFFER_AT(Oieb, last_commit_ns, 0x220);
ZEROBUFFER_AT(Oieb, dropped, 0x228);
ZEROBUFFER_AT(Oieb, writer_place, 0x240);         ZEROBUFFER_AT(Oieb, writer_pid, 0x248);
ZEROBUFFER_AT(Oieb, writer_start_time, 0x250);    ZEROBUFFER_AT(Oieb, metadata_used, 0x280);
ZEROBUFFER_AT(Oieb, metadata_version, 0x288);     ZEROBUFFER_AT(Oieb, source_count, 0x300);
ZEROBUFFER_AT(Oieb, source_table_offset, 0x308);  ZEROBUFFER_AT(Oieb, source_table_size, 0x310);
ZEROBUFFER_AT(ReaderSlot, read_pos, 0x00);        ZEROBUFFER_AT(ReaderSlot, read_count, 0x08);
ZEROBUFFER_AT(ReaderSlot, place, 0x10);           ZEROBUFFER_AT(ReaderSlot, pid, 0x18);
ZEROBUFFER_AT(ReaderSlot, start_time, 0x20);      ZEROBUFFER_AT(ReaderSlot, last_cpu, 0x28);
ZEROBUFFER_AT(ReaderSlot, lost, 0x30);            ZEROBUFFER_AT(ReaderSlot, skipped, 0x38);
ZEROBUFFER_AT(ReaderSlot, evicted_epoch, 0x40);   ZEROBUFFER_AT(ReaderSlot, client, 0x48);
ZEROBUFFER_AT(ReaderSlot, pinned_for, 0x50);
ZEROBUFFER_AT(SourceEntry, version, 0x00);        ZEROBUFFER_AT(SourceEntry, name_size, 0x04);
ZEROBUFFER_AT(SourceEntry, segment_id, 0x08);     ZEROBUFFER_AT(SourceEntry, last_pos, 0x18);
ZEROBUFFER_AT(SourceEntry, name, 0x20);
ZEROBUFFER_AT(Descriptor, source, 0x00);          ZEROBUFFER_AT(Descriptor, source_version, 0x04);
ZEROBUFFER_AT(Descriptor, position, 0x08);        ZEROBUFFER_AT(Descriptor, size, 0x10);
ZEROBUFFER_AT(Descriptor, sequence, 0x18);
ZEROBUFFER_AT(RecordHeader, size, 0x00);          ZEROBUFFER_AT(RecordHeader, sequence, 0x08);
ZEROBUFFER_AT(RecordHeader, tag, 0x10);           ZEROBUFFER_AT(RecordHeader, extent, 0x18);
ZEROBUFFER_AT(RecordHeader, type, 0x1c);          ZEROBUFFER_AT(RecordHeader, flags, 0x1e);
#undef ZEROBUFFER_AT
// clang-format on
static_assert(sizeof(Oieb) == oieb_size && sizeof(ReaderSlot) == 128 && sizeof(RecordHeader) == header_size);
static_assert(sizeof(SourceEntry) == 256 && sizeof(Descriptor) == 32);

}  // namespace zerobuffer::protocol
