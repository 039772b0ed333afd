// Looking at buffers from outside, without taking a reader's place: what `zerobuffer list`, `dump` and `clean` show.
// Every function is safe on foreign, half-made and corrupt segments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zerobuffer/result.hpp"

namespace zerobuffer {

enum class Presence : std::uint8_t {
  never_attached,
  attached,  ///< and alive
  closed,    ///< left properly
  dead,      ///< its process ended without closing
};
[[nodiscard]] std::string_view to_string(Presence presence) noexcept;

struct ParticipantState {
  Presence presence = Presence::never_attached;
  std::uint64_t pid = 0;  ///< As its own PID namespace counts; for people only.
  std::uint64_t epoch = 0;
  std::string state;  ///< The place word's state: never, attached, closed; free, joining, active, closing.
};

struct ReaderState : ParticipantState {
  std::uint32_t slot = 0;
  std::uint64_t read_pos = 0;
  std::uint64_t read_count = 0;  ///< Sequence of the last frame let go.
  std::uint64_t unread_bytes = 0;
  std::uint64_t lost = 0;
  std::uint64_t skipped = 0;
  bool waiting = false;
};

/// A reader of another buffer that looks at frames of this one where they lie (see SharedWriter).
struct PinState : ParticipantState {
  std::uint32_t slot = 0;
  std::uint64_t position = 0;  ///< The oldest one that it needs; only where `holds`.
  bool holds = false;          ///< Else it is parked, and in nobody's way.
  std::string pinned_for;      ///< Id of the other buffer, 32 hexadecimal digits.
};

/// An entry of the source table: another buffer whose frames descriptors in this one name.
struct SourceState {
  std::uint32_t index = 0;
  std::uint32_t version = 0;
  std::string name;
  std::string segment_id;      ///< 32 hexadecimal digits
  std::uint64_t last_pos = 0;  ///< Behind the last descriptor that names it.
};

/// One record between the slowest reader and the writer, as far as it could be followed.
struct RecordState {
  std::uint64_t position = 0;
  std::uint64_t length = 0;  ///< Bytes of ring.
  std::uint64_t size = 0;    ///< Bytes of payload.
  std::uint64_t sequence = 0;
  std::uint64_t tag = 0;
  std::uint16_t type = 0;
  bool padding = false;
  bool shared = false;                ///< A descriptor: the frame lies elsewhere. `size` is then the frame's.
  std::uint32_t source = 0;           ///< ... in the buffer of this entry of the source table,
  std::uint64_t source_position = 0;  ///< ... at this position,
  std::uint64_t source_sequence = 0;  ///< ... with this sequence.
};

/// One lane of a duplex channel, of which `presence`, `pid` and `epoch` are its client's.
struct LaneState : ParticipantState {
  std::uint32_t lane = 0;
  std::uint64_t client = 0;        ///< Request::client(); the same for all lanes of one client.
  std::uint64_t sent = 0;          ///< Requests, of all clients that ever had the lane.
  std::uint64_t answered = 0;      ///< ... of which so many.
  std::uint64_t waiting = 0;       ///< The rest, as far as it could be followed (1,000 at most) ...
  std::uint64_t begun = 0;         ///< ... of which the server has taken so many.
  std::uint64_t sent_pos = 0;      ///< Positions in the request ring: written up to,
  std::uint64_t answered_pos = 0;  ///< ... answered up to,
  std::uint64_t let_go_pos = 0;    ///< ... and (immutable: in the response ring) answers let go up to.
  std::uint64_t calls_sent = 0;    ///< Calls and notices of the server.
  std::uint64_t calls_waiting = 0;
  std::string problem;  ///< Empty, or what is wrong with its rings.
};

/// A snapshot of a buffer. Values were read one after the other while the buffer went on.
struct BufferState {
  std::string name;
  std::string state;    ///< initialising, ready, retired
  std::string problem;  ///< Empty, or what is wrong with the segment (then only the fields before it hold).
  std::uint64_t file_size = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t segment_size = 0;
  std::uint64_t capacity = 0;
  std::uint64_t max_frame_size = 0;
  std::uint64_t metadata_size = 0;
  std::uint64_t metadata_used = 0;
  bool metadata_written = false;
  std::uint32_t max_readers = 0;
  std::uint32_t share_slots = 0;
  std::string segment_id;  ///< 32 hexadecimal digits
  std::uint64_t write_pos = 0;
  std::uint64_t reclaim_pos = 0;
  std::uint64_t origin_pos = 0;  ///< The position at offset 0 of the ring: it moves where the ring begins anew.
  std::uint64_t frames = 0;
  std::uint64_t dropped = 0;
  std::uint64_t wraps = 0;
  std::uint64_t blocked_count = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t readers_lost = 0;
  std::uint64_t used_bytes = 0;  ///< Between the slowest reader and the writer.
  bool writer_waiting = false;
  ParticipantState writer;
  std::vector<ReaderState> readers;  ///< Every slot of the table.
  std::vector<PinState> pins;        ///< Every slot for pins that was ever used.
  std::vector<SourceState> sources;  ///< Every entry that was ever used.
  std::vector<RecordState> records;  ///< At most the first 1,000 from the slowest reader on.
  bool stale = false;                ///< Nobody alive holds a place.

  // Duplex channels. `writer` is then the server, `frames` counts requests, `capacity` and `max_frame_size` are those
  // of a request ring, `max_readers` is the number of lanes; readers, records and what else belongs to a stream stay
  // empty.
  std::string kind = "stream";   ///< stream, immutable duplex, mutable duplex
  std::vector<LaneState> lanes;  ///< Those that were ever taken.
};

/// The names of all buffers of this user in shared memory (files that begin like an OIEB), sorted.
[[nodiscard]] Result<std::vector<std::string>> list_buffers();

/// A snapshot of one buffer. @return not_found, invalid_argument, permission_denied, incompatible (not a buffer at
/// all: `problem` has no meaning then), system_error. A corrupt buffer gives a state with `problem` set.
[[nodiscard]] Result<BufferState> dump_state(std::string_view name);

/// Removes a buffer that is proved dead: every participant's lock could be taken.
/// @return already_exists while somebody alive uses it; not_found, permission_denied, incompatible.
Result<void> remove_dead(std::string_view name);

}  // namespace zerobuffer
