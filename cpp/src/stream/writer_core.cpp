// Writing: the hot path first, then everything that happens only when there is no room.
#include "stream/writer_core.hpp"

#include <string>
#include <utility>

#include "share/kept_frames.hpp"
#include "stream/copy.hpp"
#include "stream/exit_guard.hpp"

namespace zerobuffer::stream {
namespace {
using DataSignal = ring::DataSignal<buffer::Machine>;
using SpaceSignal = ring::SpaceSignal<buffer::Machine>;
using Slots = ring::Slots<buffer::Machine>;
using protocol::PlaceWord;
using protocol::SlotKind;
using protocol::SlotState;

constexpr std::uint64_t frames_per_sample = 1024;     // last_commit_ns is stored once in so many small frames,
constexpr std::size_t always_sampled_size = 1 << 16;  // and for every one from this size on

constexpr std::size_t bytes_per_publication = 1024;  // of write_messages(): 16 of 64 bytes

Failure no_messages(std::size_t bytes, std::size_t size) noexcept {
  try {
    return {Status::invalid_argument,
            std::to_string(bytes) + " bytes are no whole number of messages of " + std::to_string(size), bytes, size};
  } catch (...) {
    return {Status::invalid_argument, bytes, size};
  }
}

ring::RingMemory memory_of(const buffer::Attachment& attachment) noexcept {
  const buffer::Segment& segment = attachment.segment();
  return {&segment.oieb(), segment.slots(), segment.records(), segment.geometry().capacity, segment.pins()};
}
}  // namespace

// What a sleeping writer waits for: the slowest reader at `wanted`, or another number of readers than were `seen`.
struct WriterCore::SpaceWait {
  WriterCore& core;
  std::uint64_t wanted;
  std::uint32_t seen;
  bool for_room;         // the readers' held frames, and pins, are in the way of it
  bool told = for_room;  // who holds it is to know

  bool ready() const noexcept {
    const ring::Scan scan = core.ring_.scan();
    if (scan.active != seen) return true;
    if (!scan.sound()) return false;
    // pins are in the way of room, and of nothing else
    return for_room ? scan.counted != 0 && scan.slowest >= wanted : scan.readers != 0 && scan.slowest_reader >= wanted;
  }
  std::uint32_t arm() const noexcept {
    core.flag_up_ = true;
    // who waits for anything but room names no position: no reader may think that it is in the way
    return SpaceSignal::arm(core.attachment_.oieb(), told ? wanted : 0, core.attachment_.barriers());
  }
  void disarm() const noexcept {}  // see WaitingFlag
  const std::uint32_t& word() const noexcept { return core.attachment_.oieb().space_futex; }
  void seen_on(int cpu) const noexcept { core.seen_on(cpu); }
  PeerCpu peer_cpu(int cpu) const noexcept {
    PeerCpu nearest = PeerCpu::another;
    for (const protocol::ReaderSlot& slot : core.attachment_.segment().slots()) {
      if (Slots::place(slot).slot_state() != SlotState::active) continue;
      const std::int32_t reader_cpu = Machine::load_relaxed(slot.last_cpu);
      if (reader_cpu == cpu) return PeerCpu::mine;
      if (reader_cpu < 0) nearest = PeerCpu::unknown;
    }
    return nearest;
  }
};

// writer_waiting stays up between the sleeps of one call: a reader looks at it only from time to time, and both sides
// wake every 100 ms, so that a flag that is down in between could be missed again and again.
struct WriterCore::WaitingFlag {
  WriterCore& core;
  ~WaitingFlag() {
    if (!std::exchange(core.flag_up_, false)) return;
    SpaceSignal::disarm(core.attachment_.oieb());
    for (const auto& kept : core.kept_) kept->call_the_waiting();  // it may be waiting for the readers, too
  }
};

WriterCore* WriterCore::make(buffer::Attachment attachment, const BufferConfig& config) {
  return new WriterCore(std::move(attachment), config);
}

WriterCore::WriterCore(buffer::Attachment attachment, const BufferConfig& config)
    : attachment_(std::move(attachment)),
      ring_(memory_of(attachment_), attachment_.barriers(), config.burst_size),
      waiter_(config, !attachment_.barriers().sleeper_can_call),
      full_(config.full),
      copying_(config.burst_size != 0 && config.burst_size < attachment_.segment().geometry().capacity / 2),
      frames_at_open_(ring_.frames()) {
  seen_on(os::current_cpu());
  leave_at_exit(attachment_);
}

// ---------------------------------------------------------------- the hot path

inline Status WriterCore::check_claim(std::size_t size) const noexcept {
  if (attachment_.forked()) return Status::forked;
  if (claim_open_) return Status::claim_open;
  if (size > ring_.max_frame_size()) return Status::frame_too_large;
  return Status::ok;
}

[[gnu::always_inline]] inline std::byte* WriterCore::room(std::size_t size, Deadline deadline, Full full,
                                                          Status& status) noexcept {
  status = check_claim(size);
  if (status != Status::ok) [[unlikely]] {
    return nullptr;
  }
  if (std::byte* found = ring_.try_claim(size)) [[likely]] {
    return found;
  }
  return room_slow(size, deadline, full, status);
}

[[gnu::always_inline]] inline void WriterCore::publish(std::size_t size) noexcept {
  if (batch_open_) return;
  const bool woke = ring_.publish();
  if (woke || size >= always_sampled_size || ring_.frames() - sampled_at_frame_ >= frames_per_sample) [[unlikely]] {
    if (woke) wakes_.add();
    note_progress();
  }
}

Result<void> WriterCore::commit(std::size_t n, std::size_t claimed, FrameInfo info) noexcept {
  if (closed_) return Status::handle_closed;
  if (attachment_.forked()) return Status::forked;
  if (n > claimed) return Failure(Status::invalid_argument, n, claimed);
  ZEROBUFFER_POINT("commit.begin");
  ring_.commit(n, info.type, info.tag);
  bytes_.add(n);
  publish(n);
  return {};
}

Result<Claim> WriterCore::claim(std::size_t size, std::chrono::nanoseconds timeout) noexcept {
  Status status;
  std::byte* found = room(size, Deadline(timeout), Full::wait, status);
  if (found == nullptr) return failure(status, size);
  claim_open_ = true;
  ZEROBUFFER_POINT("claim.reserved");
  return Claim(this, found, size);
}

Result<Claim> WriterCore::try_claim(std::size_t size) noexcept {
  Status status;
  std::byte* found = room(size, Deadline(std::chrono::nanoseconds::zero()), Full::answer, status);
  if (found == nullptr) return failure(status, size);
  claim_open_ = true;
  return Claim(this, found, size);
}

// Claim, copy, commit, and nothing else.
Result<void> WriterCore::write(std::span<const std::byte> data, std::chrono::nanoseconds timeout,
                               FrameInfo info) noexcept {
  if (can_copy_past_cache && data.size() >= large_copy) [[unlikely]] {
    return write_large(data, Deadline(timeout), Full::wait, info);
  }
  Status status;
  std::byte* found = room(data.size(), Deadline(timeout), Full::wait, status);
  if (found == nullptr) [[unlikely]] {
    return failure(status, data.size());
  }
  ZEROBUFFER_POINT("claim.reserved");
  copy_payload(found, data.data(), data.size());
  ZEROBUFFER_POINT("write.copied");
  ring_.commit(data.size(), info.type, info.tag);
  bytes_.add(data.size());
  publish(data.size());
  return {};
}

Result<void> WriterCore::try_write(std::span<const std::byte> data, FrameInfo info) noexcept {
  if (can_copy_past_cache && data.size() >= large_copy) [[unlikely]] {
    return write_large(data, Deadline(std::chrono::nanoseconds::zero()), Full::answer, info);
  }
  auto claimed = try_claim(data.size());
  if (!claimed) return claimed.take_failure();
  copy_payload(claimed->data().data(), data.data(), data.size());
  return claimed->commit(data.size(), info);
}

// As write(), over and over; a publication is for several, and the readers see the first ones early.
Result<std::size_t> WriterCore::write_messages(std::span<const std::byte> messages, std::size_t size,
                                               std::chrono::nanoseconds timeout, FrameInfo info) noexcept {
  const std::size_t count = size != 0 ? messages.size() / size : 0;
  if (size == 0 || count * size != messages.size()) return no_messages(messages.size(), size);
  Status status = check_claim(size);
  if (status != Status::ok) return failure(status, size);
  Deadline deadline(timeout);
  std::size_t written = 0;
  for (std::size_t unpublished = 0; written < count; ++written) {
    std::byte* found = ring_.try_claim(size);
    if (found == nullptr) [[unlikely]] {
      static_cast<void>(deadline.at(os::now_ns()));  // one for all the waits of this call
      found = room_slow(size, deadline, Full::wait, status);
      if (found == nullptr) break;
      unpublished = 0;
    }
    copy_payload(found, messages.data() + written * size, size);
    ZEROBUFFER_POINT("write.copied");
    ring_.commit(size, info.type, info.tag);
    unpublished += size;
    if (unpublished >= bytes_per_publication) {
      unpublished = 0;
      publish(size);
    }
  }
  bytes_.add(written * size);
  publish(size);
  if (status == Status::dropped) {  // and so are those behind it
    for (std::size_t left = count - written - 1; left != 0; --left) ring_.drop();
  }
  if (written == 0 && count != 0) return failure(status, size);
  if (status == Status::interrupted) waiter_.interrupt_again();
  return written;
}

// The same by the routine that has proved to be the better one.
[[gnu::noinline]] Result<void> WriterCore::write_large(std::span<const std::byte> data, Deadline deadline, Full full,
                                                       FrameInfo info) noexcept {
  if (copying_.is_untried()) {
    const ring::Scan before = ring_.scan();
    copying_.comes_after(before.readers != 0 && before.slowest == ring_.end());
  }
  if (copying_.measures()) copying_.begun(os::now_ns());
  Status status;
  std::byte* found = room(data.size(), deadline, full, status);
  if (found == nullptr) return failure(status, data.size());
  ZEROBUFFER_POINT("claim.reserved");
  copy_large(found, data.data(), data.size(), copying_.routine());
  ZEROBUFFER_POINT("write.copied");
  ring_.commit(data.size(), info.type, info.tag);
  bytes_.add(data.size());
  publish(data.size());
  const ring::Scan scan = copying_.settles() ? ring_.scan() : ring::Scan{};
  copying_.copied(data.size(), ring_.end(), scan.readers != 0 ? scan.slowest : 0);
  return {};
}

// A writer that never waits is seen too: by what it samples and whenever it wakes somebody.
void WriterCore::seen_on(int cpu) noexcept {
  if (cpu != cpu_) Machine::store_relaxed(attachment_.oieb().writer_last_cpu, cpu_ = cpu);
}

void WriterCore::note_progress() noexcept {
  seen_on(os::current_cpu());
  protocol::Oieb& oieb = attachment_.oieb();
  sampled_at_frame_ = ring_.frames();
  Machine::store_relaxed(oieb.last_commit_ns, static_cast<std::uint64_t>(os::now_coarse_ns()));
}

// ---------------------------------------------------------------- claims and batches

void WriterCore::end_claim(bool discard) noexcept {
  if (discard && !attachment_.forked()) ring_.discard();
  claim_open_ = false;
  release_if_unused();
}

Batch WriterCore::batch() noexcept {
  if (batch_open_) return {};  // one inside another: the outer one publishes
  batch_open_ = true;
  return Batch(this);
}

void WriterCore::end_batch() noexcept {
  batch_open_ = false;
  if (!closed_ && !attachment_.forked()) publish(0);
  release_if_unused();
}

// A forked child frees nothing of its parent's: mappings stay, and the lock's descriptor may be somebody else's by now.
void WriterCore::release_if_unused() noexcept {
  if (!attachment_.forked() && closed_ && !claim_open_ && !batch_open_ && kept_.empty()) delete this;
}

// ---------------------------------------------------------------- no room

Failure WriterCore::failure(Status status, std::size_t size) const noexcept {
  if (status == Status::frame_too_large) return {status, size, ring_.max_frame_size()};
  return {status, size, attachment_.segment().geometry().capacity};
}

std::byte* WriterCore::room_slow(std::size_t size, Deadline deadline, Full full, Status& status) noexcept {
  if (ring_.publish()) wakes_.add();  // an open batch is published rather than waited with
  const bool drops = full_ == FullPolicy::drop;
  const std::int64_t began = os::now_coarse_ns();
  const WaitingFlag flag{*this};
  bool counted = false;
  for (;;) {
    status = look_at_readers(false);
    // the look may have freed a dead reader's room
    std::byte* found = ring_.try_claim(size);
    if (found != nullptr) status = Status::ok;
    if (found == nullptr && drops) {
      ring_.drop();
      status = Status::dropped;
    } else if (found == nullptr && status == Status::ok && full == Full::answer) {
      status = Status::would_block;
    } else if (found == nullptr && status == Status::ok && deadline.at_once()) {
      status = Status::timeout;
    } else if (found == nullptr && status == Status::ok) {
      if (!counted) {
        counted = true;
        blocked_count_.add();
      }
      const ring::Scan scan = ring_.scan();
      status = waiter_.wait(SpaceWait{*this, ring_.wanted_pos(), scan.active, true}, deadline);
      found = ring_.try_claim(size);
      if (found != nullptr) {
        status = Status::ok;
      } else if (status == Status::ok) {
        // one that spins says so too, after a while, for a reader may hold what it waits for and not know it
        static_cast<void>(SpaceSignal::arm(attachment_.oieb(), ring_.wanted_pos(), ring::Barriers{}));
        flag_up_ = true;
        continue;
      }
    }
    if (counted) {
      protocol::Oieb& oieb = attachment_.oieb();
      const auto waited = static_cast<std::uint64_t>(os::now_coarse_ns() - began);
      blocked_ns_.add(waited);
      Machine::store_relaxed(oieb.blocked_count, Machine::load_relaxed(oieb.blocked_count) + 1);
      Machine::store_relaxed(oieb.blocked_ns, Machine::load_relaxed(oieb.blocked_ns) + waited);
    }
    return found;
  }
}

bool WriterCore::readers_ever_came() const noexcept {
  return Slots::epoch_sum(attachment_.segment().slots()) != forgotten_epochs_;
}

Status WriterCore::look_at_readers(bool must_look) noexcept {
  const std::span<protocol::ReaderSlot> slots = attachment_.segment().slots();
  const std::int64_t now = os::now_coarse_ns();
  ring::Scan scan = ring_.scan();
  // a death that was seen is looked at again at once: somebody may have taken the slot over
  if (must_look || dead_ != 0 || now - looked_at_ >= longest_sleep_ns) {
    looked_at_ = now;
    looks_.add();
    std::uint64_t dead = 0;
    std::uint32_t living = 0;
    const auto is_dead = [&](std::uint32_t i) { return !attachment_.slot_lock_held(i); };
    for (std::uint32_t i = 0; i < slots.size(); ++i) {
      const PlaceWord seen = Slots::place(slots[i]);  // the word first, then its lock
      if (seen.slot_state() == SlotState::free) continue;
      const std::uint64_t bit = std::uint64_t{1} << i;
      if (!is_dead(i)) {
        const bool impossible = (scan.impossible & bit) != 0;
        if (impossible && (suspicious_ & bit) != 0) {
          attachment_.evict_slot(i, seen);
        } else if (seen.slot_state() != SlotState::closing) {
          ++living;
        }
      } else if (seen.slot_state() == SlotState::active && seen.kind() == SlotKind::reader &&
                 (scan.impossible & bit) == 0) {
        dead |= bit;
      } else {
        attachment_.free_dead_slot(i, seen);  // died while joining or closing: nobody can resume that
      }
    }
    suspicious_ = scan.impossible;
    dead_ = dead;
    look_at_pins(scan.impossible_pins);
    if (living != 0 && dead != 0) {
      // others go on; the dead one's frames were kept until their room was needed, which is now
      protocol::Oieb& oieb = attachment_.oieb();
      for (std::uint32_t i = 0; i < slots.size(); ++i) {
        if ((dead >> i & 1) == 0) continue;
        const PlaceWord seen = Slots::place(slots[i]);
        if (seen.slot_state() != SlotState::active || !is_dead(i) || !attachment_.free_dead_slot(i, seen)) continue;
        Machine::store_relaxed(oieb.readers_lost, Machine::load_relaxed(oieb.readers_lost) + 1);
      }
      dead_ = 0;
    }
    scan = ring_.scan();
  }
  if (scan.active == 0) return readers_ever_came() ? Status::closed : Status::ok;
  if (dead_ != 0) return Status::peer_dead;
  return Status::ok;
}

// A dead pin holds nothing any more, and one at an impossible position no longer than a reader there. A living one that
// is merely far behind came too late and is about to see it.
void WriterCore::look_at_pins(std::uint64_t impossible) noexcept {
  const std::span<protocol::ReaderSlot> pins = attachment_.segment().pins();
  for (std::uint32_t i = 0; i < pins.size(); ++i) {
    const PlaceWord seen = Slots::place(pins[i]);  // the word first, then its lock
    if (seen.slot_state() == SlotState::free) continue;
    if (!attachment_.pin_lock_held(i)) {
      attachment_.free_dead_pin(i, seen);
    } else if ((impossible & suspicious_pins_ & std::uint64_t{1} << i) != 0) {
      attachment_.evict_pin(i, seen);
    }
  }
  suspicious_pins_ = impossible;
}

// ---------------------------------------------------------------- frames of other buffers

Status WriterCore::usable() const noexcept {
  if (closed_) return Status::handle_closed;
  if (attachment_.forked()) return Status::forked;
  return claim_open_ ? Status::claim_open : Status::ok;
}

Status WriterCore::drop() noexcept {
  ring_.drop();
  return Status::dropped;
}

void WriterCore::begin_sharing(std::shared_ptr<share::KeptFrames> kept) {
  if (!sources_) sources_ = std::make_unique<share::SourceTable>(attachment_.segment());
  kept_.push_back(std::move(kept));
}

void WriterCore::end_sharing(const share::KeptFrames& kept) noexcept {
  std::erase_if(kept_, [&](const auto& one) { return one.get() == &kept; });
  release_if_unused();
}

bool WriterCore::all_passed(std::uint64_t position) const noexcept {
  const ring::Scan scan = ring_.scan();
  if (scan.readers != 0) return scan.slowest_reader >= position;
  return Slots::epoch_sum(attachment_.segment().slots()) != 0;
}

share::Named WriterCore::name_source(share::SegmentId id, std::string_view name) noexcept {
  return sources_->name(id, name, [this](std::uint64_t position) { return all_passed(position); });
}

Result<std::uint64_t> WriterCore::write_descriptor(const protocol::Descriptor& descriptor, FrameInfo info,
                                                   std::size_t size, Deadline& deadline) noexcept {
  Status status;
  std::byte* found = room(sizeof descriptor, deadline, Full::wait, status);
  if (found == nullptr) return failure(status, sizeof descriptor);
  ZEROBUFFER_POINT("forward.reserved");
  auto* words = reinterpret_cast<std::uint64_t*>(found);
  // relaxed: the release store of write_pos publishes them
  Machine::store_relaxed(words[0], std::uint64_t{descriptor.source} | std::uint64_t{descriptor.source_version} << 32);
  Machine::store_relaxed(words[1], descriptor.position);
  Machine::store_relaxed(words[2], descriptor.size);
  Machine::store_relaxed(words[3], descriptor.sequence);
  ring_.commit(sizeof descriptor, info.type, info.tag, sizeof descriptor, protocol::record_flag::shared_descriptor);
  const std::uint64_t end = ring_.end();
  sources_->used(descriptor.source, end);
  ZEROBUFFER_POINT("forward.described");
  bytes_.add(size);
  publish(size);
  return end;
}

Status WriterCore::wait_until_passed(std::uint64_t position, Deadline& deadline, bool for_room) noexcept {
  if (attachment_.forked()) return Status::forked;
  if (closed_) {  // its words are not ours any more: nobody wakes us
    if (all_passed(position)) return Status::ok;
    os::sleep_ns(1'000'000);
    const std::int64_t now = os::now_ns();
    return now >= deadline.at(now) ? Status::timeout : Status::ok;
  }
  if (ring_.publish()) wakes_.add();
  const WaitingFlag flag{*this};
  for (;;) {
    if (attachment_.forked()) return Status::forked;
    const Status status = look_at_readers(false);
    if (all_passed(position)) return Status::ok;
    if (status != Status::ok) return status;
    if (deadline.at_once()) return Status::timeout;
    const ring::Scan scan = ring_.scan();
    const Status waited = waiter_.wait(SpaceWait{*this, position, scan.active, false, for_room}, deadline);
    if (waited != Status::ok) return all_passed(position) ? Status::ok : waited;
  }
}

// ---------------------------------------------------------------- others wait for us

Result<void> WriterCore::when_ready(std::size_t size, ReadyCallback callback, void* context) {
  return watch_.begin(size, callback, context);
}
bool WriterCore::cancel_when() noexcept { return watch_.unwatch(); }

Result<void> WriterCore::Watch::begin(std::size_t size, ReadyCallback callback, void* context) {
  if (core_.attachment_.forked()) return Status::forked;
  if (is_watched()) return watched_already();
  if (core_.waiter_.take_interrupt()) return Status::interrupted;
  if (const Status status = core_.check_claim(size); status != Status::ok) return core_.failure(status, size);
  if (core_.ring_.publish()) core_.wakes_.add();  // an open batch is published rather than waited with
  there_is_room_ = core_.ring_.try_claim(size) != nullptr;
  if (there_is_room_) core_.ring_.discard();
  seen_ = core_.ring_.scan().active;
  return watch(callback, context);
}

bool WriterCore::Watch::worth_a_look(std::int64_t now) noexcept {
  const buffer::Attachment& attachment = core_.attachment_;
  if (attachment.forked()) return false;  // exit() has begun: nobody wants to hear of it any more
  if (there_is_room_ || core_.waiter_.interrupt_pending()) return true;
  if (SpaceWait{core_, core_.ring_.wanted_pos(), seen_, true}.ready()) return true;
  const ring::Scan scan = core_.ring_.scan();
  if (scan.active == 0 && core_.readers_ever_came()) return true;  // closed
  if (now - looked_at_ < longest_sleep_ns) return false;
  looked_at_ = now;
  if (!scan.sound()) return true;  // the next call's second look evicts it, where it stays so
  const std::span<protocol::ReaderSlot> slots = attachment.segment().slots();
  for (std::uint32_t i = 0; i < slots.size(); ++i) {
    if (Slots::place(slots[i]).slot_state() == SlotState::free || attachment.slot_lock_held(i)) continue;
    core_.looked_at_ = 0;  // so that the next call looks too
    return true;
  }
  const std::span<protocol::ReaderSlot> pins = attachment.segment().pins();
  for (std::uint32_t i = 0; i < pins.size(); ++i) {
    if (Slots::place(pins[i]).slot_state() == SlotState::free || attachment.pin_lock_held(i)) continue;
    core_.looked_at_ = 0;
    return true;
  }
  return false;
}

std::uint32_t WriterCore::Watch::arm() noexcept {
  return SpaceSignal::arm(core_.attachment_.oieb(), core_.ring_.wanted_pos(), core_.attachment_.barriers());
}
void WriterCore::Watch::disarm() noexcept { SpaceSignal::disarm(core_.attachment_.oieb()); }

// ---------------------------------------------------------------- the rest

Result<void> WriterCore::write_metadata(std::span<const std::byte> metadata) noexcept {
  if (attachment_.forked()) return Status::forked;
  const std::span<std::byte> block = attachment_.segment().metadata();
  if (metadata.size() > block.size()) return Failure(Status::metadata_too_large, metadata.size(), block.size());
  protocol::Oieb& oieb = attachment_.oieb();
  if (metadata_settled_ || frames_at_open_ != ring_.frames()) return Status::metadata_exists;
  const std::uint64_t version = Machine::load_relaxed(oieb.metadata_version);
  if (version != 0 && version % 2 == 0) {  // a predecessor's
    bool same = Machine::load_relaxed(oieb.metadata_used) == metadata.size();
    for (std::size_t i = 0; same && i < metadata.size(); ++i) same = Machine::load_relaxed(block[i]) == metadata[i];
    if (same) {
      metadata_settled_ = true;
      return {};
    }
  }
  // no frame of the old stream may be read with the new metadata
  if (!ring_.retire_published()) return Status::metadata_in_use;
  Machine::store_relaxed(oieb.metadata_version, version | 1);
  Machine::store_fence();
  ZEROBUFFER_POINT("metadata.writing");
  for (std::size_t i = 0; i < metadata.size(); ++i) Machine::store_relaxed(block[i], metadata[i]);
  Machine::store_relaxed(oieb.metadata_used, std::uint64_t{metadata.size()});
  Machine::store_release(oieb.metadata_version, (version | 1) + 1);  // pairs with the acquire in ReaderCore::metadata
  metadata_settled_ = true;
  DataSignal::notify(oieb, ring::Barriers{});
  return {};
}

Result<void> WriterCore::wait_for_readers(std::uint32_t n, std::chrono::nanoseconds timeout) noexcept {
  const std::uint32_t most = attachment_.segment().geometry().max_readers;
  if (n > most) return Failure(Status::invalid_argument, n, most);
  Deadline deadline(timeout);
  const WaitingFlag flag{*this};
  for (;;) {
    if (attachment_.forked()) return Status::forked;
    static_cast<void>(look_at_readers(true));
    const ring::Scan scan = ring_.scan();
    const std::uint32_t dead = static_cast<std::uint32_t>(__builtin_popcountll(dead_));
    if (scan.active - std::min(scan.active, dead) >= n) return {};
    if (deadline.at_once()) return Status::timeout;
    const Status waited = waiter_.wait(SpaceWait{*this, protocol::parked, scan.active, false}, deadline);
    if (waited != Status::ok) return waited;
  }
}

Result<void> WriterCore::drain(std::chrono::nanoseconds timeout) noexcept {
  Deadline deadline(timeout);
  const WaitingFlag flag{*this};
  if (!attachment_.forked() && ring_.publish()) wakes_.add();
  for (;;) {
    if (attachment_.forked()) return Status::forked;
    const Status status = look_at_readers(false);
    const ring::Scan scan = ring_.scan();
    if (ring_.frames() == 0) return {};
    if (scan.readers != 0 && scan.sound() && scan.slowest_reader == ring_.write_pos()) return {};
    if (scan.active == 0 && unread_by_all() == 0) return {};
    if (status != Status::ok) return status;
    if (deadline.at_once()) return Status::timeout;
    const Status waited = waiter_.wait(SpaceWait{*this, ring_.write_pos(), scan.active, false}, deadline);
    if (waited != Status::ok) return waited;
  }
}

Result<std::uint32_t> WriterCore::forget_dead_readers() noexcept {
  if (attachment_.forked()) return Status::forked;
  const std::span<protocol::ReaderSlot> slots = attachment_.segment().slots();
  protocol::Oieb& oieb = attachment_.oieb();
  std::uint32_t freed = 0;
  for (std::uint32_t i = 0; i < slots.size(); ++i) {
    const PlaceWord seen = Slots::place(slots[i]);
    if (seen.slot_state() == SlotState::free || attachment_.slot_lock_held(i)) continue;
    if (!attachment_.free_dead_slot(i, seen)) continue;
    ++freed;
    Machine::store_relaxed(oieb.readers_lost, Machine::load_relaxed(oieb.readers_lost) + 1);
  }
  look_at_pins(0);
  dead_ = 0;
  forgotten_epochs_ = Slots::epoch_sum(slots);
  ring_.reclaim_unread();
  return freed;
}

void WriterCore::interrupt() noexcept {
  if (attachment_.forked()) return;
  waiter_.interrupt();
  SpaceSignal::poke(attachment_.oieb());
}

WriterStats WriterCore::stats() const noexcept {
  if (attachment_.forked()) return {};
  // from the buffer, not from the ring's private state: any thread may ask
  const protocol::Oieb& oieb = attachment_.oieb();
  const std::uint64_t position = Machine::load_acquire(oieb.write_pos);
  const ring::Scan scan =
      ring::look_at<Machine>(attachment_.segment().slots(), position, attachment_.segment().geometry().capacity);
  WriterStats stats;
  const bool first = Machine::load_relaxed(oieb.counts[0].position) == position;
  stats.frames = Machine::load_relaxed(oieb.counts[first ? 0 : 1].count);
  stats.bytes = bytes_.get();
  stats.dropped = Machine::load_relaxed(oieb.dropped);
  stats.wraps = Machine::load_relaxed(oieb.wraps);
  stats.early_restarts = ring_.early_restarts();
  stats.blocked_count = blocked_count_.get();
  stats.blocked_time = std::chrono::nanoseconds(blocked_ns_.get());
  stats.readers_lost = Machine::load_relaxed(oieb.readers_lost);
  stats.sleeps = waiter_.sleeps();
  stats.barriers = waiter_.barriers();
  stats.wakes = wakes_.get();
  stats.liveness_checks = looks_.get();
  for (std::uint32_t i = 0; i < attachment_.segment().slots().size(); ++i) {
    const PlaceWord seen = Slots::place(attachment_.segment().slots()[i]);
    const bool reads = seen.slot_state() == SlotState::active || seen.slot_state() == SlotState::joining;
    if (reads && attachment_.slot_lock_held(i)) ++stats.readers;
  }
  if (scan.readers != 0 && scan.sound()) stats.unread_bytes = position - scan.slowest_reader;
  return stats;
}

int WriterCore::fd() const noexcept { return attachment_.named() ? -1 : attachment_.segment().file().fd(); }

// Frames that were published after the last one that any reader, present or past, has let go.
std::uint64_t WriterCore::unread_by_all() const noexcept {
  std::uint64_t read = 0;
  for (const protocol::ReaderSlot& slot : attachment_.segment().slots()) {
    if (Slots::place(slot).epoch() == 0) continue;
    read = std::max(read, Machine::load_relaxed(slot.read_count));
  }
  return ring_.frames() - std::min(ring_.frames(), read);
}

Result<std::uint64_t> WriterCore::close(std::chrono::nanoseconds linger) noexcept {
  watch_.unwatch();
  std::uint64_t unread = 0;
  Result<void> drained;
  if (!attachment_.forked()) {
    if (claim_open_) ring_.discard();
    if (ring_.publish()) wakes_.add();
    if (linger.count() > 0) drained = drain(linger);
    static_cast<void>(look_at_readers(true));
    const ring::Scan scan = ring_.scan();
    const bool read_on = scan.active > static_cast<std::uint32_t>(__builtin_popcountll(dead_));
    if (!read_on) unread = unread_by_all();
    for (const auto& kept : kept_) kept->output_closed();
    attachment_.leave();
  }
  forget_at_exit(attachment_);
  closed_ = true;
  release_if_unused();
  if (drained.status() == Status::interrupted) return Status::interrupted;
  return unread;
}

}  // namespace zerobuffer::stream
