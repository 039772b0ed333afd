// Making, opening, joining and leaving. In every path the lock comes first and the place last; on leaving the place
// goes first and the lock last.
#include "buffer/attachment.hpp"

#include <algorithm>

#include "buffer/machine.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "ring/header.hpp"
#include "ring/pins.hpp"
#include "ring/writer.hpp"

namespace zerobuffer::buffer {
namespace {
using protocol::PlaceWord;
using protocol::SlotState;
using protocol::WriterState;
using Slots = ring::Slots<Machine>;

constexpr std::uint64_t writer_byte = protocol::lock_base;

// No participant's: locked only by whoever holds the whole range, because it is just removing the buffer.
constexpr std::uint64_t whole_range_byte = protocol::lock_base + protocol::lock_stride - 1;

constexpr std::int64_t longest_creation_ns = 10'000'000'000;  // exist_ok waits as long for another creator
constexpr std::int64_t retry_pause_ns = 1'000'000;            // between looks for a buffer that is not there yet

std::string quoted(std::string_view name) { return "buffer \"" + std::string(name) + "\""; }

// Failures that may be over a moment later: the buffer is not there yet, is being made, or was just given up.
bool may_come(Status status) noexcept { return status == Status::not_found; }

Result<void> same_geometry(const Geometry& found, const Geometry& wanted, const std::string& what) {
  if (found.shape != wanted.shape) {
    return Failure(Status::incompatible, what + " exists with other geometry: " + std::to_string(found.shape.lanes) +
                                             " lanes (asked for " + std::to_string(wanted.shape.lanes) +
                                             "), or rings of other sizes or kind");
  }
  if (found.capacity == wanted.capacity && found.metadata_size == wanted.metadata_size &&
      found.max_readers == wanted.max_readers && found.share_slots == wanted.share_slots) {
    return {};
  }
  const auto pair = [](std::uint64_t is, std::uint64_t asked) {
    return std::to_string(is) + " (asked for " + std::to_string(asked) + ")";
  };
  return Failure(Status::incompatible, what + " exists with other geometry: capacity " +
                                           pair(found.capacity, wanted.capacity) + ", metadata_size " +
                                           pair(found.metadata_size, wanted.metadata_size) + ", max_readers " +
                                           pair(found.max_readers, wanted.max_readers) + ", share_slots " +
                                           pair(found.share_slots, wanted.share_slots));
}

// Whoever sleeps on rings of a duplex segment looks at the other side's place again.
void wake_rings(const Segment& segment, std::uint32_t first, std::uint32_t end) noexcept {
  for (std::uint32_t i = first; i < end; ++i) {
    ring::DataSignal<Machine>::wake(segment.ring_oieb(i));
    ring::SpaceSignal<Machine>::wake(segment.ring_oieb(i));
  }
}
}  // namespace

// A stride of bytes per ring: a stream's slots have bytes of the first one, a lane has a stride of its own.
std::uint64_t Attachment::slot_byte(std::uint32_t slot) const noexcept {
  return in_duplex() ? protocol::lock_base + protocol::lock_stride * (1 + std::uint64_t{slot})
                     : protocol::lock_base + 1 + slot;
}

void Attachment::set_up_barriers() {
  barriers_.publisher_registered = os::register_for_remote_barrier();
  barriers_.sleeper_can_call = !sleeps_always_ && os::remote_barrier_available();
  if (in_duplex()) return;  // which signals are slept on is the lane's business
  if (role_ == Role::writer) {
    ring::SpaceSignal<Machine>::require_fence(oieb(), !barriers_.sleeper_can_call);
  } else if (role_ == Role::reader) {
    ring::DataSignal<Machine>::forget(oieb(), slot_bit());
    if (!barriers_.sleeper_can_call) ring::DataSignal<Machine>::require_fence(oieb(), slot_bit());
  }
}

// ---------------------------------------------------------------- creating

Result<void> Attachment::build(os::File file, const BufferConfig& config, Role role, const Geometry& geometry) {
  auto locks = os::LockFile::open(file);
  if (!locks) return locks.take_failure();
  locks_ = std::move(*locks);
  role_ = role;
  sleeps_always_ = config.wait == WaitPolicy::block;
  if (!locks_.try_lock(writes() ? writer_byte : slot_byte(0))) {
    return Failure(Status::not_found, "the new buffer was taken over before it was locked");
  }
  ZEROBUFFER_POINT("create.locked");
  // a visible file may have been taken for stale and removed before it was locked
  if (named() && !os::name_refers_to(name_, file)) return Failure(Status::not_found, "the new buffer was removed");
  auto segment = Segment::initialise(std::move(file), config, geometry);
  if (!segment) return segment.take_failure();
  segment_ = std::move(*segment);
  ZEROBUFFER_POINT("create.initialised");
  if (writes()) return take_writer_place("the new buffer");
  if (auto done = segment_.restrict_payload(config); !done) return done;
  return take_slot(JoinAt::automatic, "the new buffer");
}

Result<Attachment> Attachment::create(std::string_view name, const BufferConfig& config, Role role) {
  if (auto valid = check_config(config); !valid) return valid.take_failure();
  return create(name, config, role, plan(config));
}

Result<Attachment> Attachment::create(std::string_view name, const BufferConfig& config, Role role,
                                      const Geometry& geometry) {
  if (auto valid = os::check_name(name); !valid) return valid.take_failure();
  // the segment is built once, without a name, and then offered until it has one or somebody else has
  Attachment made;
  made.generation_ = os::fork_generation();
  auto file = os::create_unnamed();
  const bool unnamed = file.ok();
  if (!unnamed && file.status() != Status::would_block) return file.take_failure();
  const std::int64_t give_up = os::now_ns() + longest_creation_ns;
  for (bool built = false;;) {
    Result<void> linked = Status::already_exists;
    if (unnamed) {
      // asked before anything is reserved: a buffer that lives needs no second one built in vain
      const bool taken = !built && os::open_existing(name).ok();
      if (!taken) {
        if (!built) {
          if (auto done = made.build(std::move(*file), config, role, geometry); !done) return done.take_failure();
          made.segment_.make_ready();
          built = true;
        }
        ZEROBUFFER_POINT("create.before_link");
        linked = os::link_to_name(made.segment_.file(), name);
        if (linked) made.name_ = name;
      }
    } else {
      auto visible = os::create_named(name);
      if (visible) {
        made = Attachment();
        made.generation_ = os::fork_generation();
        made.name_ = name;
        auto done = made.build(std::move(*visible), config, role, geometry);
        if (done) {
          made.segment_.make_ready();
          linked = {};
        } else if (may_come(done.status())) {
          continue;  // taken for stale before it was locked: start over
        } else {
          // only what is ours for certain: without the lock somebody may have taken it over already
          if (made.locks_.file().valid() && os::name_refers_to(name, made.locks_.file())) os::unlink_name(name);
          return done.take_failure();
        }
      } else {
        linked = visible.take_failure();
      }
    }
    if (linked) {
      made.created_ = true;
      return made;
    }
    if (linked.status() != Status::already_exists) return linked.take_failure();
    auto retired = retire_if_dead(name);
    if (retired || may_come(retired.status())) continue;  // stale and gone: the name is free again
    if (retired.status() == Status::already_exists && config.exist_ok) {
      auto opened = open_named(name, std::chrono::nanoseconds::zero(), config, role, geometry);
      if (opened) return opened;
      // it is being made or given up just now; who stays so does not keep us here
      if (may_come(opened.status()) && os::now_ns() < give_up) {
        os::sleep_ns(retry_pause_ns);
        continue;
      }
      return opened.take_failure();
    }
    const std::string remedy =
        retired.status() == Status::already_exists ? "; open it, or create it with exist_ok" : "";
    return Failure(retired.status() == Status::incompatible ? Status::already_exists : retired.status(),
                   "cannot create " + quoted(name) + ": " + retired.failure().message() + remedy);
  }
}

Result<Attachment> Attachment::create_anonymous(const BufferConfig& config, Role role) {
  if (auto valid = check_config(config); !valid) return valid.take_failure();
  auto file = os::create_memfd();
  if (!file) return file.take_failure();
  Attachment made;
  made.generation_ = os::fork_generation();
  if (auto done = made.build(std::move(*file), config, role, plan(config)); !done) return done.take_failure();
  if (auto done = os::seal_size(made.segment_.file()); !done) return done.take_failure();
  made.segment_.make_ready();
  made.created_ = true;
  return made;
}

// ---------------------------------------------------------------- opening

Result<void> Attachment::attach(os::File file, const BufferConfig& config, Role role, const std::string& what,
                                const std::optional<Geometry>& wanted) {
  auto segment = Segment::attach(std::move(file), config,
                                 role == Role::writer ? os::Access::read_write : os::Access::read_only, what);
  if (!segment) return segment.take_failure();
  segment_ = std::move(*segment);
  role_ = role;
  sleeps_always_ = config.wait == WaitPolicy::block;
  if (in_duplex() != (segment_.geometry().shape.lanes != 0)) {
    return Failure(Status::incompatible,
                   what + (in_duplex() ? " is a stream, no duplex channel; open it as a reader or writer"
                                       : " is a duplex channel; open it as a client"));
  }
  if (wanted) {  // before a place is taken: who is refused here has never been
    if (auto same = same_geometry(segment_.geometry(), *wanted, what); !same) return same;
  }
  auto locks = os::LockFile::open(segment_.file());
  if (!locks) return locks.take_failure();
  locks_ = std::move(*locks);
  generation_ = os::fork_generation();
  return writes() ? take_writer_place(what) : take_slot(config.join, what);
}

Result<Attachment> Attachment::open(std::string_view name, std::chrono::nanoseconds timeout, const BufferConfig& config,
                                    Role role) {
  return open_named(name, timeout, config, role, std::nullopt);
}

Result<Attachment> Attachment::open_named(std::string_view name, std::chrono::nanoseconds timeout,
                                          const BufferConfig& config, Role role,
                                          const std::optional<Geometry>& wanted) {
  if (auto valid = os::check_name(name); !valid) return valid.take_failure();
  if (auto valid = check_config(config); !valid) return valid.take_failure();
  const std::int64_t deadline = os::deadline_after(timeout);
  const std::string what = quoted(name);
  for (;;) {
    auto file = os::open_existing(name);
    Result<void> attached = file ? Result<void>() : Result<void>(file.take_failure());
    if (file) {
      Attachment candidate;
      candidate.name_ = name;
      attached = candidate.attach(std::move(*file), config, role, what, wanted);
      if (attached) {
        ZEROBUFFER_POINT("attach.locked");
        // after locking: is it still the buffer of this name, and still in use?
        if (os::name_refers_to(name, candidate.segment_.file()) &&
            candidate.segment_.state() == protocol::SegmentState::ready) {
          return candidate;
        }
        candidate.leave();
        attached = Failure(Status::not_found, what + " was replaced while it was opened");
      }
    }
    if (!may_come(attached.status()) || os::now_ns() >= deadline) return attached.take_failure();
    os::sleep_ns(std::min(retry_pause_ns, deadline - os::now_ns()));
  }
}

Result<Attachment> Attachment::open_again(const Attachment& first, const BufferConfig& config) {
  auto file = os::adopt(first.segment_.file().fd());
  if (!file) return file.take_failure();
  Attachment result;
  result.name_ = first.name_;
  auto done = result.attach(std::move(*file), config, first.role_, quoted(first.name_), std::nullopt);
  if (!done) return done.take_failure();
  return result;
}

Result<ring::RingMemory> Attachment::map_ring(std::uint32_t index, const BufferConfig& config, os::Access access) {
  const Geometry& geometry = segment_.geometry();
  const RingPlace place = place_of_ring(geometry.shape, geometry.layout, index);
  auto records = segment_.map_records(place, config, access);
  if (!records) return records.take_failure();
  return ring::RingMemory{&segment_.ring_oieb(index), segment_.ring_slots(place), *records, place.capacity};
}

Result<Attachment> Attachment::open_fd(int fd, const BufferConfig& config, Role role) {
  if (auto valid = check_config(config); !valid) return valid.take_failure();
  auto file = os::adopt(fd);
  if (!file) return file.take_failure();
  const std::string what = "the buffer behind descriptor " + std::to_string(fd);
  if (!os::size_is_sealed(*file)) {
    return Failure(Status::incompatible,
                   what +
                       " is not sealed against changes of its size; only memfds that are (F_SEAL_SHRINK, "
                       "F_SEAL_GROW, F_SEAL_SEAL) are opened by descriptor");
  }
  Attachment result;
  if (auto done = result.attach(std::move(*file), config, role, what, std::nullopt); !done) return done.take_failure();
  return result;
}

// ---------------------------------------------------------------- places

Result<void> Attachment::take_writer_place(const std::string& what) {
  if (!locks_.try_lock(writer_byte)) {  // a lock of our own description that is there already stays
    if (locks_.held_by_other(whole_range_byte)) return Failure(Status::not_found, what + " is just being removed");
    if (writer_place().writer_state() != WriterState::attached) {
      return Failure(Status::not_found, what + " has a writer that is just leaving or attaching");
    }
    return Failure(Status::writer_exists, what + " has a living writer (process " +
                                              std::to_string(Machine::load_relaxed(oieb().writer_pid)) +
                                              "); there can be only one");
  }
  if (!in_duplex() && !ring::positions_possible<Machine>(
                          {&oieb(), segment_.slots(), segment_.records(), segment_.geometry().capacity})) {
    return Failure(Status::corrupt,
                   what + ": write_pos, reclaim_pos, origin_pos and the frame counts do not fit together");
  }
  set_up_barriers();
  Machine::store_relaxed(oieb().writer_waiting, std::uint32_t{0});  // a predecessor may have died waiting
  Machine::store_relaxed(oieb().writer_pid, os::process_id());
  Machine::store_relaxed(oieb().writer_start_time, os::process_start_time());
  Machine::store_relaxed(oieb().writer_last_cpu, std::int32_t{-1});
  const PlaceWord seen = writer_place();
  place_ = PlaceWord::of(WriterState::attached, seen.epoch() + 1);
  ZEROBUFFER_POINT("attach.writer_before_place");
  if (!Machine::compare_exchange(oieb().writer_place, seen.bits, place_.bits)) {
    return Failure(Status::corrupt, what + ": the writer's place changed under the holder of its lock");
  }
  left_ = false;
  return {};
}

bool Attachment::try_slot(std::uint32_t index, JoinAt join, bool take_dead) {
  protocol::ReaderSlot& slot = segment_.slots()[index];
  const bool wants_dead = join == JoinAt::resume;
  const PlaceWord first = Slots::place(slot);
  if (first.slot_state() == SlotState::broken) return false;
  const bool free = first.slot_state() == SlotState::free;
  // a byte is locked only where it may pay: somebody who leaves just then would think that we stay
  const bool evicted = free && first.epoch() != 0 && Machine::load_relaxed(slot.evicted_epoch) == first.epoch();
  const bool resumable = evicted || first.slot_state() == SlotState::active;
  if (wants_dead ? !resumable : !free && !take_dead) return false;
  if (!locks_.try_lock(slot_byte(index))) return false;
  ZEROBUFFER_POINT("join.locked");
  slot_ = index;
  const PlaceWord seen = Slots::place(slot);  // under the lock: whoever was here is gone
  Slots::Joined joined;
  if (wants_dead) {
    if (seen.slot_state() == SlotState::active) {
      joined = Slots::resume(slot);
    } else if (seen.slot_state() == SlotState::free && seen.epoch() != 0 &&
               Machine::load_relaxed(slot.evicted_epoch) == seen.epoch()) {
      resumed_after_ = Machine::load_relaxed(slot.read_count);
      const std::uint64_t stopped_at = Machine::load_relaxed(slot.read_pos);
      joined = Slots::join_oldest(oieb(), slot);
      if (joined.ok && stopped_at > joined.position && stopped_at <= Machine::load_acquire(oieb().write_pos)) {
        // somebody slower kept the room: nothing is lost, and what the dead reader had let go does not come again
        joined.position = stopped_at;
        Machine::store_release(slot.read_pos, stopped_at);  // pairs with the acquire in RingWriter::scan
        resumed_after_.reset();
      }
    }
  } else if (seen.slot_state() == SlotState::free || (take_dead && Slots::free_dead(slot, seen))) {
    // the table is looked at before we are in it ourselves
    const bool first_ever = Slots::epoch_sum(segment_.slots()) == 0;
    const bool oldest = join == JoinAt::oldest || (join == JoinAt::automatic && first_ever);
    set_up_barriers();
    joined = oldest ? Slots::join_oldest(oieb(), slot) : Slots::join_now(oieb(), slot);
  }
  if (!joined.ok) {
    resumed_after_.reset();
    locks_.unlock(slot_byte(index));
    // whoever left meanwhile has met this byte twice and believes that somebody stays (SPEC.md 15.4)
    if (named()) retire_if_last(segment_, locks_, name_);
    return false;
  }
  if (wants_dead) set_up_barriers();
  place_ = joined.word;
  position_ = joined.position;
  Machine::store_relaxed(slot.pid, os::process_id());
  Machine::store_relaxed(slot.start_time, os::process_start_time());
  Machine::store_relaxed(slot.last_cpu, std::int32_t{-1});
  if (!wants_dead) {
    // a lane's slot counts no frames: the door has none to be looked at
    Machine::store_relaxed(slot.read_count, in_duplex() ? 0 : frames_before(position_));
    Machine::store_relaxed(slot.lost, std::uint64_t{0});
    Machine::store_relaxed(slot.skipped, std::uint64_t{0});
  }
  left_ = false;
  // the writer may be waiting for a reader
  ring::SpaceSignal<Machine>::notify(oieb(), protocol::parked, ring::Barriers{});
  return true;
}

// Sequence of the last frame before a position that is pinned; 0 where padding hides it. Only counts depend on it.
std::uint64_t Attachment::frames_before(std::uint64_t position) const noexcept {
  if (position % protocol::record_alignment != 0) return 0;
  for (const protocol::CountEntry& entry : oieb().counts) {
    if (Machine::load_acquire(entry.position) != position) continue;
    const std::uint64_t count = Machine::load_acquire(entry.count);
    // an entry is written again only after write_pos has left its position
    if (Machine::load_acquire(oieb().write_pos) == position) return count;
  }
  if (Machine::load_acquire(oieb().write_pos) == position) return 0;
  const std::uint64_t offset =
      ring::offset_of(position, Machine::load_acquire(oieb().origin_pos), segment_.geometry().capacity);
  const auto header = ring::load_header<Machine>(segment_.records() + offset);
  return header.sequence == 0 ? 0 : header.sequence - 1;
}

Result<void> Attachment::take_slot(JoinAt join, const std::string& what) {
  const auto count = static_cast<std::uint32_t>(segment_.slots().size());
  const auto try_all = [&](bool take_dead) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (try_slot(i, join, take_dead)) return true;
    }
    return false;
  };
  if (try_all(false)) return {};
  if (locks_.held_by_other(whole_range_byte)) return Failure(Status::not_found, what + " is just being removed");
  if (join == JoinAt::resume) {
    return Failure(Status::nothing_to_resume,
                   what + ": no reader died that could be resumed; open it with another `join`");
  }
  if (try_all(true)) return {};  // a dead reader's slot, which nobody has resumed so far
  for (const protocol::ReaderSlot& slot : segment_.slots()) {
    if (Slots::place(slot).slot_state() != SlotState::free) continue;
    return Failure(Status::not_found, what + " has a slot that a reader is just leaving or taking");
  }
  if (in_duplex()) return Failure(Status::lanes_busy, count);
  return Failure(Status::too_many_readers,
                 what + " has " + std::to_string(count) +
                     " reader slot(s), all taken by the living; create it with a larger max_readers");
}

Result<Attachment> Attachment::open_source(std::string_view name, std::span<const std::uint8_t, 16> segment_id,
                                           const BufferConfig& config) {
  if (auto valid = os::check_name(name); !valid) return valid.take_failure();
  auto file = os::open_existing(name);
  if (!file) return file.take_failure();
  const std::string what = quoted(name);
  Attachment source;
  source.generation_ = os::fork_generation();
  auto segment = Segment::attach(std::move(*file), config, os::Access::read_only, what);
  if (!segment) return segment.take_failure();
  source.segment_ = std::move(*segment);
  bool same = source.segment_.geometry().share_slots != 0;
  for (std::size_t i = 0; i < segment_id.size(); ++i) {
    same = same && Machine::load_relaxed(source.oieb().segment_id[i]) == segment_id[i];
  }
  if (!same) return Failure(Status::not_found, what + " is not the one that is named, or shares nothing");
  auto locks = os::LockFile::open(source.segment_.file());
  if (!locks) return locks.take_failure();
  source.locks_ = std::move(*locks);
  source.name_ = name;
  source.role_ = Role::pin;
  source.set_up_barriers();
  return source;
}

std::uint64_t Attachment::pin_byte(std::uint32_t pin) const noexcept {
  return slot_byte(segment_.geometry().max_readers + pin);
}

bool Attachment::try_pin(std::uint32_t index) {
  const std::uint64_t byte = pin_byte(index);
  if (!locks_.try_lock(byte)) return false;
  ZEROBUFFER_POINT("pin.locked");
  protocol::ReaderSlot& slot = segment_.pins()[index];
  const PlaceWord seen = Slots::place(slot);  // under the lock: whoever was here is gone
  // after locking: is it still the buffer of this name, and still in use?
  const bool in_use = os::name_refers_to(name_, segment_.file()) && segment_.state() == protocol::SegmentState::ready;
  if (in_use && (seen.slot_state() == SlotState::free || Slots::free_dead(slot, seen)) &&
      ring::Pins<Machine>::take(slot, place_)) {
    slot_ = index;
    left_ = false;
    return true;
  }
  // whoever left meanwhile has met this byte twice and believes that somebody stays (SPEC.md 15.4)
  locks_.unlock(byte);
  retire_if_last(segment_, locks_, name_);
  return false;
}

bool Attachment::take_pin(std::span<const std::uint8_t, 16> pinned_for) {
  if (!left_) return true;
  const std::span<protocol::ReaderSlot> pins = segment_.pins();
  const auto try_all = [&](bool take_dead) {
    for (std::uint32_t i = 0; i < pins.size(); ++i) {
      const bool free = Slots::place(pins[i]).slot_state() == SlotState::free;
      // a byte is locked only where it may pay: somebody who leaves just then would think that we stay
      if (free != take_dead && try_pin(i)) return true;
    }
    return false;
  };
  if (!try_all(false) && !try_all(true)) return false;
  Machine::store_relaxed(pin().pid, os::process_id());
  Machine::store_relaxed(pin().start_time, os::process_start_time());
  Machine::store_relaxed(pin().last_cpu, std::int32_t{-1});
  Machine::store_relaxed(pin().read_count, std::uint64_t{0});
  for (std::size_t i = 0; i < pinned_for.size(); ++i) Machine::store_relaxed(pin().pinned_for[i], pinned_for[i]);
  return true;
}

void Attachment::leave_pin() noexcept {
  if (left_ || forked()) return;
  give_up_place(segment_);
  locks_.unlock(protocol::lock_base, 0);
}

BufferInfo Attachment::info() const noexcept {
  const Geometry& geometry = segment_.geometry();
  return {.segment_size = geometry.segment_size,
          .capacity = geometry.capacity,
          .max_frame_size = geometry.capacity - protocol::header_size,
          .metadata_size = geometry.metadata_size,
          .huge_bytes = segment_.huge_bytes(),
          .max_readers = geometry.max_readers,
          .share_slots = geometry.share_slots,
          .created = created_};
}

bool Attachment::owns_slot() const noexcept { return Slots::place(slot()).bits == place_.bits; }

void Attachment::begin_leave() noexcept {
  if (left_ || writes() || place_.slot_state() != SlotState::active) return;
  if (!Slots::begin_leave(slot(), place_)) return;
  ZEROBUFFER_POINT("close.closing");
  ring::SpaceSignal<Machine>::notify(oieb(), protocol::parked, ring::Barriers{});
}

void Attachment::leave() noexcept {
  if (left_ || forked()) return;
  give_up_place(segment_);
  locks_ = os::LockFile();
}

// Threads may still be running, and static objects are still to be destroyed, but the place may be somebody else's a
// moment later. So whoever comes from now on is refused; who is in the middle of something goes on in private memory.
void Attachment::leave_at_exit() noexcept {
  if (left_ || forked()) return;
  Machine::store_relaxed(generation_, process_ending);
  auto last = segment_.withdraw(writes());
  if (!last) return;  // a death, then: the kernel drops the lock when this process is gone
  give_up_place(*last);
  locks_.unlock(protocol::lock_base, 0);
}

void Attachment::give_up_place(const Segment& segment) noexcept {
  left_ = true;
  protocol::Oieb& oieb = segment.oieb();
  std::uint64_t own_byte = writer_byte;
  if (writes()) {
    const PlaceWord closed = PlaceWord::of(WriterState::closed, place_.epoch());
    Machine::compare_exchange(oieb.writer_place, place_.bits, closed.bits);
    ZEROBUFFER_POINT("close.place_given_up");
    Machine::fence();
    ring::DataSignal<Machine>::wake(oieb);
    if (in_duplex()) wake_rings(segment, 1, segment.geometry().shape.ring_count());
  } else if (role_ == Role::pin) {
    own_byte = pin_byte(slot_);
    static_cast<void>(Slots::end_leave(segment.pins()[slot_], place_));
    ZEROBUFFER_POINT("pin.given_up");
    ring::SpaceSignal<Machine>::notify(oieb, protocol::parked, ring::Barriers{});
  } else {
    own_byte = slot_byte(slot_);
    protocol::ReaderSlot& slot = segment.slots()[slot_];
    if (!in_duplex()) ring::DataSignal<Machine>::forget(oieb, slot_bit());
    if (place_.slot_state() == SlotState::active) static_cast<void>(Slots::begin_leave(slot, place_));
    static_cast<void>(Slots::end_leave(slot, place_));
    ZEROBUFFER_POINT("close.place_given_up");
    ring::SpaceSignal<Machine>::notify(oieb, protocol::parked, ring::Barriers{});
    const Shape& shape = segment.geometry().shape;
    if (in_duplex()) wake_rings(segment, shape.request_ring(slot_), shape.request_ring(slot_ + 1));
  }
  // a server that closes ends the channel, whoever is attached: who waits for it sees its place, and the name is free
  if (role_ == Role::server && named() && os::name_refers_to(name_, segment.file())) {
    segment.make_retired();
    ZEROBUFFER_POINT("close.retired");
    os::unlink_name(name_);
    return;
  }
  // Two who leave at the same time each see the other's lock; whoever has let its own go last can take them all.
  if (named() && !retire_if_last(segment, locks_, name_)) {
    locks_.unlock(own_byte);
    ZEROBUFFER_POINT("close.unlocked");
    retire_if_last(segment, locks_, name_);
  }
}

// ---------------------------------------------------------------- the others

PlaceWord Attachment::writer_place() const noexcept {
  return {Machine::load_acquire(oieb().writer_place)};  // pairs with the compare-and-swaps of the writer's place
}
bool Attachment::writer_lock_held() const noexcept { return locks_.held_by_other(writer_byte); }
bool Attachment::slot_lock_held(std::uint32_t slot) const noexcept { return locks_.held_by_other(slot_byte(slot)); }

bool Attachment::free_dead_slot(std::uint32_t slot, PlaceWord seen) noexcept {
  if (!locks_.try_lock(slot_byte(slot))) return false;
  ZEROBUFFER_POINT("reclaim.locked");
  const bool freed = Slots::free_dead(segment_.slots()[slot], seen);
  if (freed) ring::DataSignal<Machine>::forget(oieb(), std::uint64_t{1} << slot);
  ZEROBUFFER_POINT("reclaim.freed");
  locks_.unlock(slot_byte(slot));
  return freed;
}

bool Attachment::evict_slot(std::uint32_t slot, PlaceWord seen) noexcept {
  return Slots::free_dead(segment_.slots()[slot], seen);
}

bool Attachment::pin_lock_held(std::uint32_t pin) const noexcept { return locks_.held_by_other(pin_byte(pin)); }

bool Attachment::free_dead_pin(std::uint32_t pin, PlaceWord seen) noexcept {
  const std::uint64_t byte = pin_byte(pin);
  if (!locks_.try_lock(byte)) return false;
  ZEROBUFFER_POINT("reclaim.locked");
  const bool freed = Slots::free_dead(segment_.pins()[pin], seen);
  ZEROBUFFER_POINT("reclaim.freed");
  locks_.unlock(byte);
  return freed;
}

bool Attachment::evict_pin(std::uint32_t pin, PlaceWord seen) noexcept {
  return Slots::free_dead(segment_.pins()[pin], seen);
}

}  // namespace zerobuffer::buffer
