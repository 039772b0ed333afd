// See records.hpp.
#include "records.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <cmath>
#include <string>

#include "convert.hpp"
#include "errors.hpp"
#include "repr.hpp"
#include "zerobuffer/config.hpp"
#include "zerobuffer/inspect.hpp"
#include "zerobuffer/version.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

std::uint64_t to_size(const char* what, const py::int_& value) {
  const unsigned long long size = PyLong_AsUnsignedLongLong(value.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    raise(Status::invalid_argument,
          std::string(what) + " is " + py::cast<std::string>(py::repr(value)) + "; it must be 0 … 2**64 - 1");
  }
  return size;
}

std::uint32_t to_count(const char* what, const py::int_& value) {
  const std::uint64_t count = to_size(what, value);
  if (count > UINT32_MAX)
    raise(Status::invalid_argument, std::string(what) + " is " + std::to_string(count) + "; that is too many");
  return static_cast<std::uint32_t>(count);
}

void bind_config(py::module_& module) {
  py::class_<BufferConfig>(module, "BufferConfig",
                           "Geometry of a buffer and behaviour of one end, as the core takes it.")
      .def(py::init([](const py::int_& payload_size, const py::int_& metadata_size, const py::int_& max_readers,
                       const py::int_& share_slots, bool huge_pages, bool exist_ok, const std::string& full,
                       const std::string& wait, const py::int_& spin_pauses, const py::int_& burst_size,
                       const py::int_& acknowledge_frames, double acknowledge_interval, const py::int_& max_held,
                       const std::string& join, bool pre_touch, bool lock_in_memory) {
             BufferConfig config;
             config.payload_size = to_size("payload_size", payload_size);
             config.metadata_size = to_size("metadata_size", metadata_size);
             config.max_readers = to_count("max_readers", max_readers);
             config.share_slots = to_count("share_slots", share_slots);
             config.huge_pages = huge_pages;
             config.exist_ok = exist_ok;
             config.full = to_full_policy(full);
             config.wait = to_wait_policy(wait);
             config.spin_pauses = to_count("spin_pauses", spin_pauses);
             config.burst_size = to_size("burst_size", burst_size);
             config.acknowledge.frames = to_count("acknowledge_frames", acknowledge_frames);
             if (!(acknowledge_interval >= 0 && acknowledge_interval <= 1e6)) {
               raise(Status::invalid_argument, "acknowledge_interval is a number of seconds, 0 … 1000000");
             }
             config.acknowledge.interval = std::chrono::microseconds(std::llround(acknowledge_interval * 1e6));
             config.max_held = to_count("max_held", max_held);
             config.join = to_join_at(join);
             config.pre_touch = pre_touch;
             config.lock_in_memory = lock_in_memory;
             return config;
           }),
           py::kw_only(), py::arg("payload_size"), py::arg("metadata_size"), py::arg("max_readers"),
           py::arg("share_slots"), py::arg("huge_pages"), py::arg("exist_ok"), py::arg("full"), py::arg("wait"),
           py::arg("spin_pauses"), py::arg("burst_size"), py::arg("acknowledge_frames"),
           py::arg("acknowledge_interval"), py::arg("max_held"), py::arg("join"), py::arg("pre_touch"),
           py::arg("lock_in_memory"))
      .def_static(
          "sizes_for_frames",
          [](const py::int_& frame_size, const py::int_& in_flight) {
            const BufferConfig config =
                BufferConfig::for_frames(to_size("frame_size", frame_size), to_count("in_flight", in_flight));
            return py::make_tuple(config.payload_size, config.burst_size);
          },
          py::arg("frame_size"), py::arg("in_flight"), "payload_size and burst_size for a ring of such frames.");
}

void bind_info(py::module_& module) {
  py::class_<BufferInfo> info(module, "BufferInfo", "What a buffer really is; sizes in bytes.");
  info.def_readonly("segment_size", &BufferInfo::segment_size, "Bytes of shared memory.")
      .def_readonly("capacity", &BufferInfo::capacity, "Bytes of ring; a frame takes its size + 32, rounded up to 64.")
      .def_readonly("max_frame_size", &BufferInfo::max_frame_size, "The largest frame.")
      .def_readonly("metadata_size", &BufferInfo::metadata_size, "Bytes of the metadata block.")
      .def_readonly("huge_bytes", &BufferInfo::huge_bytes, "Bytes of this mapping that are backed with huge pages now.")
      .def_readonly("max_readers", &BufferInfo::max_readers, "How many readers may attach.")
      .def_readonly("share_slots", &BufferInfo::share_slots,
                    "How many readers of other buffers may look at its frames at the same time.")
      .def_readonly("created", &BufferInfo::created, "True where this end made the buffer.");
  def_repr(info);
}

void bind_stats(py::module_& module) {
  py::class_<WriterStats> writer(module, "WriterStats", "Counters of a writer at one moment.");
  writer.def_readonly("frames", &WriterStats::frames, "Frames published since the buffer was made.")
      .def_readonly("bytes", &WriterStats::bytes, "Payload bytes published by this writer.")
      .def_readonly("dropped", &WriterStats::dropped, "Frames dropped since the buffer was made.")
      .def_readonly("wraps", &WriterStats::wraps, "Times the ring was begun anew, early restarts included.")
      .def_readonly("early_restarts", &WriterStats::early_restarts, "... of which by this writer before the end.")
      .def_readonly("blocked_count", &WriterStats::blocked_count, "Waits for room.")
      .def_property_readonly(
          "blocked_time", [](const WriterStats& self) { return seconds(self.blocked_time); },
          "Seconds waited for room.")
      .def_readonly("readers_lost", &WriterStats::readers_lost, "Dead readers whose place was taken back.")
      .def_readonly("sleeps", &WriterStats::sleeps, "Sleeps of this writer.")
      .def_readonly("barriers", &WriterStats::barriers, "membarrier calls of this writer.")
      .def_readonly("wakes", &WriterStats::wakes, "Wake-ups that this writer sent.")
      .def_readonly("liveness_checks", &WriterStats::liveness_checks, "Times it was seen whether the other side lives.")
      .def_readonly("readers", &WriterStats::readers, "Readers attached and alive now.")
      .def_readonly("unread_bytes", &WriterStats::unread_bytes, "Bytes of ring between slowest reader and writer.");
  def_repr(writer);

  py::class_<ReaderStats> reader(module, "ReaderStats", "Counters of a reader at one moment.");
  reader.def_readonly("frames", &ReaderStats::frames, "Frames handed out.")
      .def_readonly("bytes", &ReaderStats::bytes, "Payload bytes handed out.")
      .def_readonly("lost", &ReaderStats::lost, "Frames this reader should have seen and did not (a late resume).")
      .def_readonly("skipped", &ReaderStats::skipped, "Frames passed over by read_newest().")
      .def_readonly("dropped", &ReaderStats::dropped, "Frames the writer dropped since the buffer was made.")
      .def_readonly("held", &ReaderStats::held, "Frames held now.")
      .def_readonly("sleeps", &ReaderStats::sleeps, "Sleeps of this reader.")
      .def_readonly("barriers", &ReaderStats::barriers, "membarrier calls of this reader.")
      .def_readonly("wakes", &ReaderStats::wakes, "Wake-ups that this reader sent.")
      .def_readonly("liveness_checks", &ReaderStats::liveness_checks, "Times it was seen whether the writer lives.")
      .def_readonly("unread_bytes", &ReaderStats::unread_bytes, "Bytes of ring published and not yet handed out.")
      .def_readonly("shared_frames", &ReaderStats::shared_frames, "Frames handed out that lie in another buffer.")
      .def_readonly("shared_copied_bytes", &ReaderStats::shared_copied_bytes,
                    "Bytes of such frames copied, as that buffer had no pin free.");
  def_repr(reader);
}

void bind_state(py::module_& module) {
  py::class_<ParticipantState> participant(module, "ParticipantState", "The place of a writer or reader.");
  participant
      .def_property_readonly(
          "presence", [](const ParticipantState& self) { return std::string(to_string(self.presence)); },
          "'never_attached', 'attached', 'closed' or 'dead'.")
      .def_readonly("pid", &ParticipantState::pid, "Process id, as its own PID namespace counts; for people only.")
      .def_readonly("epoch", &ParticipantState::epoch, "Grows with every change of owner.")
      .def_readonly("state", &ParticipantState::state, "The state word in shared memory.");
  def_repr(participant);

  py::class_<ReaderState, ParticipantState> reader(module, "ReaderState", "The place of a reader.");
  reader.def_readonly("slot", &ReaderState::slot, "Number in the table of readers.")
      .def_readonly("read_pos", &ReaderState::read_pos, "Position up to which everything was given back.")
      .def_readonly("read_count", &ReaderState::read_count, "Sequence of the last frame given back.")
      .def_readonly("unread_bytes", &ReaderState::unread_bytes, "Bytes of ring between it and the writer.")
      .def_readonly("lost", &ReaderState::lost, "Frames it lost.")
      .def_readonly("skipped", &ReaderState::skipped, "Frames it skipped.")
      .def_readonly("waiting", &ReaderState::waiting, "True while it waits for data.");
  def_repr(reader);

  py::class_<PinState, ParticipantState> pin(
      module, "PinState", "A reader of another buffer that looks at frames of this one where they lie.");
  pin.def_readonly("slot", &PinState::slot, "Number in the table of readers.")
      .def_readonly("position", &PinState::position, "The oldest one that it needs; only where `holds`.")
      .def_readonly("holds", &PinState::holds, "False where it is parked, and in nobody's way.")
      .def_readonly("pinned_for", &PinState::pinned_for, "Id of the other buffer, 32 hexadecimal digits.");
  def_repr(pin);

  py::class_<SourceState> source(module, "SourceState", "Another buffer whose frames this one names.");
  source.def_readonly("index", &SourceState::index, "Number in the table of sources.")
      .def_readonly("version", &SourceState::version, "Grows with every change of the entry.")
      .def_readonly("name", &SourceState::name, "Its name.")
      .def_readonly("segment_id", &SourceState::segment_id, "32 hexadecimal digits.")
      .def_readonly("last_pos", &SourceState::last_pos, "Behind the last descriptor that names it.");
  def_repr(source);

  py::class_<RecordState> record(module, "RecordState", "A record in the ring.");
  record.def_readonly("position", &RecordState::position, "Where it begins, counted since the ring was made.")
      .def_readonly("length", &RecordState::length, "Bytes of ring.")
      .def_readonly("size", &RecordState::size, "Bytes of payload.")
      .def_readonly("sequence", &RecordState::sequence, "Its sequence.")
      .def_readonly("tag", &RecordState::tag, "Its tag.")
      .def_readonly("type", &RecordState::type, "Its type.")
      .def_readonly("padding", &RecordState::padding, "True where it only fills the ring up to its end.")
      .def_readonly("shared", &RecordState::shared, "True where the frame lies in another buffer.")
      .def_readonly("source", &RecordState::source, "... of this number in the table of sources,")
      .def_readonly("source_position", &RecordState::source_position, "... at this position,")
      .def_readonly("source_sequence", &RecordState::source_sequence, "... with this sequence.");
  def_repr(record);

  py::class_<BufferState> state(module, "BufferState", "A snapshot of a buffer, seen from outside; sizes in bytes.");
  state.def_readonly("name", &BufferState::name, "The name.")
      .def_readonly("state", &BufferState::state, "'initialising', 'ready' or 'retired'.")
      .def_readonly("problem", &BufferState::problem, "Empty, or what is wrong with the segment.")
      .def_readonly("file_size", &BufferState::file_size, "Size of the file.")
      .def_readonly("allocated_bytes", &BufferState::allocated_bytes, "Memory that it really takes.")
      .def_readonly("segment_size", &BufferState::segment_size, "Size that its header states.")
      .def_readonly("capacity", &BufferState::capacity, "Bytes of ring.")
      .def_readonly("max_frame_size", &BufferState::max_frame_size, "The largest frame.")
      .def_readonly("metadata_size", &BufferState::metadata_size, "Bytes of the metadata block.")
      .def_readonly("metadata_used", &BufferState::metadata_used, "... of which used.")
      .def_readonly("metadata_written", &BufferState::metadata_written, "True once metadata was written.")
      .def_readonly("max_readers", &BufferState::max_readers, "How many readers may attach.")
      .def_readonly("segment_id", &BufferState::segment_id, "32 hexadecimal digits.")
      .def_readonly("write_pos", &BufferState::write_pos, "Position up to which frames are published.")
      .def_readonly("reclaim_pos", &BufferState::reclaim_pos, "Position below which the writer may overwrite.")
      .def_readonly("origin_pos", &BufferState::origin_pos,
                    "Position at offset 0 of the ring: it moves where the ring begins anew.")
      .def_readonly("frames", &BufferState::frames, "Frames published since the buffer was made.")
      .def_readonly("dropped", &BufferState::dropped, "Frames dropped since then.")
      .def_readonly("wraps", &BufferState::wraps, "Times the ring was begun anew.")
      .def_readonly("blocked_count", &BufferState::blocked_count, "Waits of the writer for room.")
      .def_property_readonly(
          "blocked_time", [](const BufferState& self) { return static_cast<double>(self.blocked_ns) * 1e-9; },
          "Seconds it waited.")
      .def_readonly("readers_lost", &BufferState::readers_lost, "Dead readers whose place was taken back.")
      .def_readonly("used_bytes", &BufferState::used_bytes, "Bytes of ring between slowest reader and writer.")
      .def_readonly("writer_waiting", &BufferState::writer_waiting, "True while the writer waits for room.")
      .def_readonly("writer", &BufferState::writer, "The writer's place.")
      .def_readonly("readers", &BufferState::readers, "Every place of the table of readers.")
      .def_readonly("share_slots", &BufferState::share_slots,
                    "How many readers of other buffers may look at its frames.")
      .def_readonly("pins", &BufferState::pins, "Those that do or did.")
      .def_readonly("sources", &BufferState::sources, "The buffers whose frames this one names.")
      .def_readonly("records", &BufferState::records, "At most the first 1,000 records from the slowest reader on.")
      .def_readonly("stale", &BufferState::stale, "True where nobody alive holds a place.");
  def_repr(state);
}

}  // namespace

void bind_records(py::module_& module) {
  bind_config(module);
  bind_info(module);
  bind_stats(module);
  bind_state(module);
  module.def(
      "list_buffers",
      [] {
        const Result<std::vector<std::string>> names = list_buffers();
        if (!names) raise(names.failure());
        return *names;
      },
      "The names of all buffers of this user in shared memory, sorted.");
  module.def(
      "dump_state",
      [](const std::string& name) {
        Result<BufferState> state = dump_state(name);
        if (!state) raise(state.failure());
        return std::move(*state);
      },
      py::arg("name"),
      R"(A snapshot of a buffer, taken without a reader's place; safe on corrupt ones.

Args:
    name: of the buffer.

Returns:
    A BufferState; where the segment is corrupt its `problem` says how.

Raises:
    BufferNotFoundError, InvalidArgumentError, PermissionDeniedError, IncompatibleError (no buffer at all).
)");
  module.attr("__version__") = std::string(library_version());
  module.attr("protocol_version") = std::string(protocol_version());
}

}  // namespace zerobuffer::python
