// Reading: the hot path first, then everything that happens only when there is nothing to read.
#include "stream/reader_core.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "share/kept_frames.hpp"
#include "share/lent_frames.hpp"
#include "stream/exit_guard.hpp"

namespace zerobuffer::stream {
namespace {
using DataSignal = ring::DataSignal<buffer::Machine>;
using SpaceSignal = ring::SpaceSignal<buffer::Machine>;
using protocol::WriterState;

constexpr std::size_t messages_per_publication = 64;

Failure no_message_size() noexcept {
  try {
    return {Status::invalid_argument, std::string("messages of 0 bytes cannot be read; read() gives empty frames")};
  } catch (...) {
    return Status::invalid_argument;
  }
}

ring::RingMemory memory_of(const buffer::Attachment& attachment) noexcept {
  const buffer::Segment& segment = attachment.segment();
  return {&segment.oieb(), segment.slots(), segment.records(), segment.geometry().capacity, segment.pins()};
}
}  // namespace

// What a sleeping reader waits for: a publication, or a change of the writer's place.
struct ReaderCore::DataWait {
  ReaderCore& core;

  bool ready() const noexcept {
    return core.ring_.more() || core.attachment_.writer_place().bits != core.seen_writer_.bits;
  }
  std::uint32_t arm() const noexcept {
    return DataSignal::arm(core.attachment_.oieb(), core.attachment_.slot_bit(), core.attachment_.barriers());
  }
  void disarm() const noexcept { DataSignal::disarm(core.attachment_.oieb(), core.attachment_.slot_bit()); }
  const std::uint32_t& word() const noexcept { return core.attachment_.oieb().data_futex; }
  void seen_on(int cpu) const noexcept {
    if (cpu != core.cpu_) Machine::store_relaxed(core.attachment_.slot().last_cpu, core.cpu_ = cpu);
  }
  PeerCpu peer_cpu(int cpu) const noexcept {
    const std::int32_t seen = Machine::load_relaxed(core.attachment_.oieb().writer_last_cpu);
    return seen == cpu ? PeerCpu::mine : seen < 0 ? PeerCpu::unknown : PeerCpu::another;
  }
};

struct ReaderCore::MetadataWait : DataWait {
  std::uint64_t seen_version;

  bool ready() const noexcept {
    return Machine::load_acquire(core.attachment_.oieb().metadata_version) != seen_version ||
           core.attachment_.writer_place().bits != core.seen_writer_.bits;
  }
};

ReaderCore* ReaderCore::make(buffer::Attachment attachment, const BufferConfig& config) {
  return new ReaderCore(std::move(attachment), config);
}

ReaderCore::ReaderCore(buffer::Attachment attachment, const BufferConfig& config)
    : attachment_(std::move(attachment)),
      ring_(memory_of(attachment_), attachment_.position()),
      held_(std::bit_ceil(config.max_held), os::thread_barrier_available(), attachment_.position()),
      waiter_(config, !attachment_.barriers().sleeper_can_call),
      acknowledge_(config.acknowledge),
      published_(attachment_.position()),
      worked_on_(attachment_.position()),
      taken_sequence_(Machine::load_relaxed(attachment_.slot().read_count)),
      count_lost_(attachment_.resumed_after().has_value()),
      config_(config) {
  if (attachment_.segment().geometry().share_slots != 0) {
    mappings_ = std::make_shared<share::Mappings>();
    mappings_->own = attachment_.segment().payload_owner();
  }
  leave_at_exit(attachment_);
}

ReaderCore::~ReaderCore() { delete lent_.load(std::memory_order_acquire); }

// ---------------------------------------------------------------- the hot path

// Whether there is a frame that take() may hand out.
[[gnu::always_inline]] inline ReaderCore::Next ReaderCore::look(Status& status) noexcept {
  if (attachment_.forked()) [[unlikely]] {
    status = Status::forked;
    return Next::failed;
  }
  const ring::Peek peek = ring_.peek();
  if (peek != ring::Peek::frame) [[unlikely]] {
    return look_slow(peek, status);
  }
  if (held_.room() == 0) [[unlikely]] {
    status = Status::too_many_held;
    return Next::failed;
  }
  return Next::frame;
}

ReaderCore::Next ReaderCore::look_slow(ring::Peek peek, Status& status) noexcept {
  if (peek == ring::Peek::empty) return Next::nothing;
  if (peek == ring::Peek::shared && held_.room() != 0) return Next::shared;
  status = peek == ring::Peek::shared ? Status::too_many_held : Status::corrupt;
  return Next::failed;
}

[[gnu::always_inline]] inline Frame ReaderCore::take() noexcept {
  // word by word: a copy of the header would be made of wide loads, which cannot be forwarded from its narrow stores
  const std::uint64_t size = ring_.header().size;
  const std::uint64_t sequence = ring_.header().sequence;
  const std::uint64_t tag = ring_.header().tag;
  const std::uint16_t type = ring_.header().type;
  const std::byte* payload = ring_.payload();
  const std::uint32_t held = held_.hold(ring_.next());
  taken_sequence_.store(sequence, std::memory_order_relaxed);
  frames_.add();
  bytes_.add(size);
  if (count_lost_) [[unlikely]] {
    note_lost(sequence);
  }
  ring_.take();
  held_.passed(ring_.next());
  return {this, {payload, size}, sequence, tag, held, type};
}

Result<Frame> ReaderCore::read(std::chrono::nanoseconds timeout) noexcept {
  Status status = Status::ok;
  const Next next = look(status);
  if (next == Next::frame) [[likely]] {
    return take();
  }
  return read_slow(next, status, Deadline(timeout));
}

// Not by way of read(): a frame that is moved once more costs a fourth of what reading it does.
Result<Frame> ReaderCore::try_read() noexcept {
  Status status = Status::ok;
  const Next next = look(status);
  if (next == Next::frame) [[likely]] {
    return take();
  }
  auto result = read_slow(next, status, Deadline(std::chrono::nanoseconds::zero()));
  if (result.status() == Status::timeout) return Status::would_block;
  return result;
}

void ReaderCore::release(std::uint32_t held) noexcept {
  if (attachment_.forked()) [[unlikely]] {
    return;
  }
  if (lent_.load(std::memory_order_acquire) != nullptr) [[unlikely]] {
    give_back_shared(held);
  }
  held_.release(held, [this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

// One thread at a time, after every change of what is held.
[[gnu::always_inline]] inline void ReaderCore::work(std::uint64_t oldest, bool finished) noexcept {
  if (finished) [[unlikely]] {
    finish();
  } else {
    tell(oldest);
  }
}

[[gnu::always_inline]] inline void ReaderCore::tell(std::uint64_t oldest) noexcept {
  if (oldest == published_) return;
  if (acknowledge_.frames > 1 && !is_due(oldest)) return;
  publish(oldest);
}

// Whether the acknowledgement policy lets `oldest` be told now.
bool ReaderCore::is_due(std::uint64_t oldest) noexcept {
  if (oldest != worked_on_) {
    worked_on_ = oldest;
    ++unpublished_;
  }
  return unpublished_ >= acknowledge_.frames || publish_now_.load(std::memory_order_relaxed) ||
         Machine::load_relaxed(attachment_.oieb().writer_waiting) != 0 ||
         (acknowledge_.interval.count() != 0 &&
          os::now_coarse_ns() - published_at_ >= std::chrono::nanoseconds(acknowledge_.interval).count());
}

[[gnu::always_inline]] inline void ReaderCore::publish(std::uint64_t position) noexcept {
  // the record at `position`, if there is one, is the oldest that is not let go
  const std::uint64_t count =
      held_.span() == 0 ? taken_sequence_.load(std::memory_order_relaxed) : count_before(position);
  protocol::ReaderSlot& slot = attachment_.slot();
  ZEROBUFFER_POINT("release.before_publish");
  Machine::store_relaxed(slot.read_count, count);
  Machine::store_release(slot.read_pos, position);  // pairs with the acquire in ring::look_at
  ZEROBUFFER_POINT("release.published");
  published_ = position;
  if (acknowledge_.frames > 1) {
    unpublished_ = 0;
    if (acknowledge_.interval.count() != 0) published_at_ = os::now_coarse_ns();
  }
  if (SpaceSignal::notify(attachment_.oieb(), position, attachment_.barriers())) wakes_.add();
}

std::uint64_t ReaderCore::count_before(std::uint64_t position) const noexcept {
  const std::uint64_t sequence =
      ring::load_header<Machine>(ring::record_at<Machine>(memory_of(attachment_), position)).sequence;
  return sequence != 0 ? sequence - 1 : taken_sequence_.load(std::memory_order_relaxed);
}

// Tells the writer everything that is let go or stepped over, whatever the acknowledgement policy says: it may wait for
// just that.
void ReaderCore::settle() noexcept {
  held_.passed(ring_.next());
  publish_now_.store(true, std::memory_order_relaxed);
  held_.settle([this](std::uint64_t oldest, bool) { tell(oldest); });  // never finished: close() comes after it
  publish_now_.store(false, std::memory_order_relaxed);
}

// ---------------------------------------------------------------- frames of other buffers

// The next record is a descriptor. A frame that is gone is told, and stepped over where somebody hears of it.
[[gnu::noinline]] Result<Frame> ReaderCore::take_shared(bool step_over_lost) noexcept {
  share::LentFrames* lent = lent_.load(std::memory_order_relaxed);  // only this thread stores it
  if (lent == nullptr) {
    try {
      lent = new share::LentFrames(attachment_, config_, held_.capacity(), mappings_);
    } catch (...) {
      return Failure(Status::system_error, 0, 0, ENOMEM);
    }
    lent_.store(lent, std::memory_order_release);  // pairs with the acquire in release(): frames go to other threads
  }
  const protocol::RecordHeader header = ring_.header();
  const protocol::Descriptor descriptor = ring_.descriptor();
  share::Origin origin;
  const Status status = lent->find(descriptor, origin);
  if (status == Status::corrupt) return failure(status);
  if (status != Status::ok && status != Status::frame_lost)
    return Failure(status, descriptor.size, descriptor.sequence);
  if (status == Status::frame_lost && !step_over_lost) return status;
  if (count_lost_) note_lost(header.sequence);
  taken_sequence_.store(header.sequence, std::memory_order_relaxed);
  if (status == Status::frame_lost) {
    ring_.take();
    settle();
    lost_.add();
    protocol::ReaderSlot& slot = attachment_.slot();
    Machine::store_relaxed(slot.lost, Machine::load_relaxed(slot.lost) + 1);
    return Failure(Status::frame_lost, header.sequence, descriptor.sequence);
  }
  const std::span<const std::byte> data{origin.data, descriptor.size};
  const std::uint32_t held = held_.hold(ring_.next());
  lent->keep(held, std::move(origin));
  frames_.add();
  shared_frames_.add();
  bytes_.add(descriptor.size);
  ring_.take();
  held_.passed(ring_.next());
  return Frame(this, data, header.sequence, header.tag, held, header.type);
}

[[gnu::noinline]] void ReaderCore::give_back_shared(std::uint32_t held) noexcept {
  lent_.load(std::memory_order_relaxed)->give_back(held);
}

const share::Origin* ReaderCore::origin_of(const Frame& frame) const noexcept {
  const share::LentFrames* lent = lent_.load(std::memory_order_acquire);
  return lent != nullptr ? lent->origin_of(frame.held_) : nullptr;
}

void ReaderCore::keep_with(std::shared_ptr<share::KeptFrames> kept) {
  kept_.erase(std::remove_if(kept_.begin(), kept_.end(), [](const auto& old) { return old->ended(); }), kept_.end());
  kept_.push_back(std::move(kept));
}
bool ReaderCore::keeps_with(const share::KeptFrames& kept) const noexcept {
  return std::any_of(kept_.begin(), kept_.end(), [&](const auto& one) { return one.get() == &kept; });
}

// A pin that is idle must not keep a buffer whose writer has gone.
void ReaderCore::look_after_lent(std::int64_t now) noexcept {
  share::LentFrames* lent = lent_.load(std::memory_order_acquire);
  if (lent == nullptr || now - looked_after_lent_ < longest_sleep_ns) return;
  looked_after_lent_ = now;
  lent->look_after();
}

// This thread may be away for a while: what a SharedWriter keeps is then looked after by another.
void ReaderCore::call_the_waiting() noexcept {
  for (const auto& kept : kept_) kept->call_the_waiting();
}

std::shared_ptr<const void> ReaderCore::mapping() const noexcept {
  if (mappings_) return mappings_;
  return attachment_.segment().payload_owner();
}

// ---------------------------------------------------------------- nothing there

Failure ReaderCore::failure(Status status) const noexcept {
  switch (status) {
    case Status::too_many_held:
    case Status::held_frames_block:
      return {status, held_.span(), attachment_.segment().geometry().capacity};
    case Status::corrupt:
      return {status, ring_.next(), Machine::load_relaxed(attachment_.oieb().write_pos)};
    default:
      return status;
  }
}

[[gnu::noinline]] Result<Frame> ReaderCore::read_slow(Next next, Status status, Deadline deadline) noexcept {
  next = wait_for_next(next, status, deadline);
  if (next == Next::frame) return take();
  if (next == Next::shared) return take_shared(true);
  return failure(status);
}

// Waits while there is nothing. Never answers `nothing`; where it is `failed`, `status` says why.
[[gnu::always_inline]] inline ReaderCore::Next ReaderCore::wait_for_next(Next next, Status& status,
                                                                         Deadline deadline) noexcept {
  while (next == Next::nothing) {
    settle();
    call_the_waiting();
    // First the wait: a frame comes within nanoseconds or not at all, and everything else can be seen after it.
    Status waited = deadline.at_once() ? Status::timeout : Status::ok;
    if (!deadline.at_once() && seen_writer_.writer_state() != WriterState::closed) {
      waited = waiter_.wait(DataWait{*this}, deadline);
      next = look(status);
      if (next != Next::nothing) break;
      settle();
    }
    const std::int64_t now = os::now_coarse_ns();
    look_after_lent(now);
    Status ended = look_at_writer(now);
    if (ended == Status::ok && !attachment_.owns_slot()) ended = Status::evicted;
    // whatever it is, the last frames were published before it
    next = look(status);
    if (next != Next::nothing) break;
    if (ended == Status::peer_dead) reported_dead_.store(seen_writer_.epoch(), std::memory_order_relaxed);
    status = ended != Status::ok ? ended : blocks_the_writer(now) ? Status::held_frames_block : waited;
    if (status != Status::ok) return Next::failed;
  }
  return next;
}

// End of stream is the state of the writer's place and of its lock, never a count.
Status ReaderCore::look_at_writer(std::int64_t now) noexcept {
  seen_writer_ = attachment_.writer_place();
  switch (seen_writer_.writer_state()) {
    case WriterState::closed:
      return Status::closed;
    case WriterState::attached:
      if (reported_dead_.load(std::memory_order_relaxed) == seen_writer_.epoch() || now - looked_at_ < longest_sleep_ns)
        return Status::ok;
      looked_at_ = now;
      looks_.add();
      if (attachment_.writer_lock_held()) return Status::ok;
      // the word again: it may have closed, or had a successor, between the two looks
      return attachment_.writer_place().bits == seen_writer_.bits ? Status::peer_dead : Status::ok;
    default:
      return Status::ok;
  }
}

// The same from any thread.
Status ReaderCore::glance_at_writer(std::int64_t now) noexcept {
  const protocol::PlaceWord place = attachment_.writer_place();
  if (place.writer_state() == WriterState::closed) return Status::closed;
  if (place.writer_state() != WriterState::attached ||
      reported_dead_.load(std::memory_order_relaxed) == place.epoch() ||
      now - glanced_at_.load(std::memory_order_relaxed) < longest_sleep_ns) {
    return Status::ok;
  }
  if (attachment_.writer_lock_held()) {
    glanced_at_.store(now, std::memory_order_relaxed);
    return Status::ok;
  }
  return attachment_.writer_place().bits == place.bits ? Status::peer_dead : Status::ok;
}

// For a while now, the writer has been waiting for room that only this reader's held frames keep from it.
bool ReaderCore::blocks_the_writer(std::int64_t now) noexcept {
  const protocol::Oieb& oieb = attachment_.oieb();
  const bool lives = seen_writer_.writer_state() == WriterState::attached &&
                     seen_writer_.epoch() != reported_dead_.load(std::memory_order_relaxed);
  const std::uint64_t oldest = Machine::load_relaxed(attachment_.slot().read_pos);
  bool blocks = lives && held_.span() != 0 && Machine::load_acquire(oieb.writer_waiting) != 0 &&
                Machine::load_relaxed(oieb.wanted_pos) > oldest;
  // what a SharedWriter keeps is not in this reader's hands
  for (const auto& kept : kept_) blocks = blocks && !kept->keeps(oldest);
  // a frame of another buffer is in the way of that buffer's writer, who in turn has nothing for whoever writes this
  // one
  share::LentFrames* lent = lent_.load(std::memory_order_acquire);
  blocks = blocks || (lent != nullptr && lent->blocks_a_writer());
  if (!blocks || blocking_at_ != ring_.next()) {
    blocking_at_ = ring_.next();
    blocking_since_ = now;
  }
  return blocks && now - blocking_since_ >= longest_sleep_ns;
}

// Whether releases that were not told may be what the writer waits for. Settling for nothing is no error, but from
// another thread than the reader's it makes every release dearer from then on (ring/held.hpp).
bool ReaderCore::owes_the_writer() const noexcept {
  return acknowledge_.frames > 1 && Machine::load_acquire(attachment_.oieb().writer_waiting) != 0 &&
         Machine::load_relaxed(attachment_.slot().read_pos) != ring_.next();
}

void ReaderCore::note_lost(std::uint64_t first_sequence) noexcept {
  count_lost_ = false;
  const std::uint64_t last_seen = *attachment_.resumed_after();
  if (first_sequence <= last_seen + 1) return;
  lost_.add(first_sequence - 1 - last_seen);
  protocol::ReaderSlot& slot = attachment_.slot();
  Machine::store_relaxed(slot.lost, Machine::load_relaxed(slot.lost) + first_sequence - 1 - last_seen);
}

Result<std::size_t> ReaderCore::read_many(std::span<Frame> out, std::chrono::nanoseconds timeout) noexcept {
  if (out.empty()) return std::size_t{0};
  auto first = read(timeout);
  if (!first) return first.take_failure();
  out[0] = std::move(*first);
  std::size_t count = 1;
  Status status;  // of a frame that fails after the first: the next call meets it again
  while (count < out.size()) {
    const Next next = look(status);
    if (next == Next::frame) {
      out[count++] = take();
      continue;
    }
    if (next != Next::shared) break;
    auto shared = take_shared(false);
    if (!shared) break;
    out[count++] = std::move(*shared);
  }
  return count;
}

Result<std::size_t> ReaderCore::read_messages(std::span<std::byte> into, std::size_t size,
                                              std::chrono::nanoseconds timeout) noexcept {
  if (size == 0) return no_message_size();
  const std::size_t most = into.size() / size;
  if (most == 0) return std::size_t{0};
  Status status = Status::ok;
  Next next = look(status);
  if (next != Next::frame) next = wait_for_next(next, status, Deadline(timeout));
  if (next == Next::failed) return failure(status);
  std::size_t count = 0;
  for (;;) {
    const std::uint64_t has = next == Next::shared ? ring_.descriptor().size : ring_.header().size;
    if (has != size) {
      if (count == 0) return Failure(Status::wrong_size, has, size);
      break;
    }
    if (next == Next::shared) {
      auto shared = take_shared(count == 0);
      if (!shared) {
        if (count == 0) return shared.take_failure();
        break;
      }
      if (shared->size() != size) return failure(Status::corrupt);  // it was changed meanwhile
      std::memcpy(into.data() + count * size, shared->data().data(), size);
      ++count;
    } else {
      count += copy_messages(into.data() + count * size, size, most - count);
    }
    if (count == most) break;
    next = look(status);
    if (next != Next::frame && next != Next::shared) break;  // what fails is met again by the next call
  }
  return count;
}

// There is one of this size. Copies it and those that follow; their room goes back some at a time.
std::size_t ReaderCore::copy_messages(std::byte* into, std::size_t size, std::size_t most) noexcept {
  if (count_lost_) [[unlikely]] {
    note_lost(ring_.header().sequence);
  }
  std::size_t count = 0;
  do {
    // wide, as another CPU has stored it: no narrow store of ours is waited for; and never past the cache, whose stores
    // ask for an alignment that the caller's memory need not have
    if (size == 64) {
      std::memcpy(into + count * size, ring_.payload(), 64);
    } else {
      std::memcpy(into + count * size, ring_.payload(), size);
    }
    taken_sequence_.store(ring_.header().sequence, std::memory_order_relaxed);
    ring_.take();
    if (++count % messages_per_publication == 0) settle();
  } while (count != most && ring_.peek() == ring::Peek::frame && ring_.header().size == size);
  settle();
  frames_.add(count);
  bytes_.add(count * size);
  return count;
}

Result<Frame> ReaderCore::read_newest(std::chrono::nanoseconds timeout) noexcept {
  std::uint64_t first = 0;  // sequence of the frame that an ordinary read would have given
  if (const ring::Peek peek = ring_.peek(); peek == ring::Peek::frame || peek == ring::Peek::shared) {
    first = ring_.header().sequence;
    if (!ring_.jump_to_newest()) return failure(Status::corrupt);
    held_.passed(ring_.next());
  }
  auto result = read(timeout);
  if (!result) return result;
  // at most what is there now: a fast writer must not keep us here
  Status status;
  for (std::uint64_t left = ring_.unread(), from = ring_.next(); ring_.next() - from < left;) {
    const Next next = look(status);
    if (next != Next::frame && next != Next::shared) break;
    if (first == 0) first = result->sequence();
    if (next == Next::frame) {
      *result = take();
    } else if (auto shared = take_shared(true); shared) {
      *result = std::move(*shared);
    } else if (shared.status() != Status::frame_lost) {
      break;
    }
  }
  if (first != 0 && result->sequence() > first) {
    skipped_.add(result->sequence() - first);
    Machine::store_relaxed(attachment_.slot().skipped, skipped_.get());
  }
  return result;
}

Result<std::vector<std::byte>> ReaderCore::metadata(std::chrono::nanoseconds timeout) {
  Deadline deadline(timeout);
  protocol::Oieb& oieb = attachment_.oieb();
  for (;;) {
    if (attachment_.forked()) return Status::forked;
    // With a zero timeout any thread may ask: nothing of this object is touched that is not constant or atomic.
    const std::uint64_t version = Machine::load_acquire(oieb.metadata_version);
    if (version != 0 && version % 2 == 0) {
      const std::uint64_t used = Machine::load_relaxed(oieb.metadata_used);
      const std::span<std::byte> block = attachment_.segment().metadata();
      if (used <= block.size()) {
        std::vector<std::byte> copy(used);
        for (std::size_t i = 0; i < used; ++i) copy[i] = Machine::load_relaxed(block[i]);
        Machine::load_fence();
        if (Machine::load_relaxed(oieb.metadata_version) == version) return copy;
      } else if (Machine::load_acquire(oieb.metadata_version) == version) {
        return Failure(Status::corrupt, "metadata_used is " + std::to_string(used) + ", the metadata block has " +
                                            std::to_string(block.size()) + " bytes");
      }
      if (deadline.at(os::now_ns()) <= os::now_ns()) return Status::timeout;
      continue;  // it was changed while we read
    }
    const std::int64_t now = os::now_coarse_ns();
    const Status ended = deadline.at_once() ? glance_at_writer(now) : look_at_writer(now);
    if (Machine::load_acquire(oieb.metadata_version) != version) continue;  // written just before the writer went
    if (ended != Status::ok) return ended;
    if (deadline.at_once()) return Status::timeout;
    const Status waited = waiter_.wait(MetadataWait{{*this}, version}, deadline);
    if (waited != Status::ok && Machine::load_acquire(oieb.metadata_version) == version) return waited;
  }
}

// ---------------------------------------------------------------- others wait for us

Result<void> ReaderCore::when_ready(ReadyCallback callback, void* context) {
  return watch_.begin(false, callback, context);
}
Result<void> ReaderCore::when_metadata(ReadyCallback callback, void* context) {
  return watch_.begin(true, callback, context);
}
bool ReaderCore::cancel_when() noexcept { return watch_.unwatch(); }

Result<void> ReaderCore::Watch::begin(bool for_metadata, ReadyCallback callback, void* context) {
  if (core_.attachment_.forked()) return Status::forked;
  if (is_watched()) return watched_already();
  if (core_.waiter_.take_interrupt()) return Status::interrupted;
  if (core_.acknowledge_.frames > 1) core_.settle();
  core_.call_the_waiting();
  for_metadata_ = for_metadata;
  // a glance, which the asker has had, leaves no trace of what it saw
  if (for_metadata) core_.seen_writer_ = core_.attachment_.writer_place();
  return watch(callback, context);
}

bool ReaderCore::Watch::worth_a_look(std::int64_t now) noexcept {
  buffer::Attachment& attachment = core_.attachment_;
  if (attachment.forked()) return false;  // exit() has begun: nobody wants to hear of it any more
  if (core_.waiter_.interrupt_pending()) return true;
  if (attachment.writer_place().bits != core_.seen_writer_.bits) return true;
  if (for_metadata_) {
    const std::uint64_t version = Machine::load_acquire(attachment.oieb().metadata_version);
    if (version != 0 && version % 2 == 0) return true;
  } else if (core_.ring_.more()) {
    return true;
  }
  if (core_.seen_writer_.writer_state() == WriterState::closed) return true;
  if (now - looked_at_ < longest_sleep_ns) return false;
  looked_at_ = now;
  core_.look_after_lent(now);
  if (core_.owes_the_writer()) core_.settle();
  const bool alive = core_.seen_writer_.writer_state() != WriterState::attached ||
                     core_.reported_dead_.load(std::memory_order_relaxed) == core_.seen_writer_.epoch() ||
                     attachment.writer_lock_held();
  if (!alive) {  // so that the next call looks too
    core_.looked_at_ = 0;
    core_.glanced_at_.store(0, std::memory_order_relaxed);
  }
  return !alive || !attachment.owns_slot() || core_.blocks_the_writer(now);
}

std::uint32_t ReaderCore::Watch::arm() noexcept { return DataWait{core_}.arm(); }
void ReaderCore::Watch::disarm() noexcept { DataWait{core_}.disarm(); }

// ---------------------------------------------------------------- the rest

void ReaderCore::interrupt() noexcept {
  if (attachment_.forked()) return;
  waiter_.interrupt();
  DataSignal::poke(attachment_.oieb());
}

ReaderStats ReaderCore::stats() const noexcept {
  if (attachment_.forked()) return {};
  ReaderStats stats;
  stats.frames = frames_.get();
  stats.bytes = bytes_.get();
  stats.lost = lost_.get();
  stats.shared_frames = shared_frames_.get();
  const share::LentFrames* lent = lent_.load(std::memory_order_acquire);
  if (lent != nullptr) stats.shared_copied_bytes = lent->copied_bytes();
  stats.skipped = skipped_.get();
  stats.dropped = Machine::load_relaxed(attachment_.oieb().dropped);
  stats.held = held_.span();
  stats.sleeps = waiter_.sleeps();
  stats.barriers = waiter_.barriers();
  stats.wakes = wakes_.get();
  stats.liveness_checks = looks_.get();
  const std::uint64_t unread = Machine::load_relaxed(attachment_.oieb().write_pos) - held_.next();
  stats.unread_bytes = unread <= attachment_.segment().geometry().capacity ? unread : 0;
  return stats;
}

BufferInfo ReaderCore::info() const noexcept { return attachment_.info(); }

int ReaderCore::fd() const noexcept { return attachment_.named() ? -1 : attachment_.segment().file().fd(); }

void ReaderCore::close() noexcept {
  if (attachment_.forked()) return;  // the parent's; its mapping stays, so that views of it do not fault
  watch_.unwatch();
  settle();
  attachment_.begin_leave();
  held_.end([this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

void ReaderCore::finish() noexcept {
  forget_at_exit(attachment_);
  attachment_.leave();
  delete this;
}

}  // namespace zerobuffer::stream
