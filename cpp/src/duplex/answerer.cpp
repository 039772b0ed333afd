// Taking and answering.
#include "duplex/answerer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "stream/copy.hpp"

namespace zerobuffer::duplex {
namespace {
using DataSignal = ring::DataSignal<buffer::Machine>;
using SpaceSignal = ring::SpaceSignal<buffer::Machine>;
using protocol::record_type::system_error;

constexpr std::string_view half_done =
    "the server died while it worked on this request, which may have been done in part; its successor did not repeat "
    "it";
constexpr std::string_view no_answer = "the handler gave no answer";

// Asks for a line that is going to be written in the state that writing needs: one journey instead of two.
void prefetch_for_writing(const std::byte* at) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*at));
#else
  __builtin_prefetch(at, 1);
#endif
}

std::uint64_t start_of(const AnswererRings& rings, bool from_now) noexcept {
  const std::uint64_t end = buffer::Machine::load_acquire(rings.in.oieb->write_pos);
  if (from_now) return end;
  return buffer::Machine::load_acquire(rings.in.slots[0].read_pos);  // what cannot be is found by the first look
}
}  // namespace

// An answer waits for room, or for the end of whoever should make it.
struct Answerer::RoomWait {
  Answerer& lane;
  std::uint64_t wanted;

  bool ready() const noexcept {
    return Machine::load_acquire(lane.rings_.out.slots[0].read_pos) >= wanted || lane.peer_.changed() ||
           lane.ended_.load(std::memory_order_acquire) || lane.share_.closing.load(std::memory_order_acquire);
  }
  std::uint32_t arm() const noexcept { return SpaceSignal::arm(*lane.rings_.out.oieb, wanted, lane.barriers_); }
  void disarm() const noexcept {
  }  // stays up for as long as the answer waits: who holds answers looks at it now and then
  const std::uint32_t& word() const noexcept { return lane.rings_.out.oieb->space_futex; }
  void seen_on(int) const noexcept {}
  stream::PeerCpu peer_cpu(int cpu) const noexcept { return where(lane.peer_.last_cpu(), cpu); }
};

Answerer::Answerer(const buffer::Attachment& attachment, const AnswererRings& rings, const Peer& peer,
                   const DuplexConfig& config, bool from_now, AnswererOwner& owner, AnswererShare& share)
    : attachment_(attachment),
      rings_(rings),
      owner_(owner),
      share_(share),
      barriers_(attachment.barriers()),
      in_(rings.in, start_of(rings, from_now)),
      held_(std::bit_ceil(config.max_held), os::thread_barrier_available(), in_.next()),
      out_(rings.out, barriers_, rings.out.capacity),
      waiter_(
          [&] {
            BufferConfig behaviour;
            behaviour.wait = config.wait;
            behaviour.spin_pauses = config.spin_pauses;
            return behaviour;
          }(),
          !barriers_.sleeper_can_call),
      peer_(peer),
      turn_(in_.next()),
      published_(in_.next()) {
  if (from_now) {
    Machine::store_release(rings_.in.slots[0].read_pos, in_.next());
    SpaceSignal::notify(*rings_.in.oieb, in_.next(), ring::Barriers{});
  }
  if (rings_.in_place) return;
  counters_.others = share_.lanes.load(std::memory_order_relaxed);
  share_.lanes.store(&counters_, std::memory_order_release);  // pairs with the acquire in RequestSource::add_to
  Machine::store_relaxed(rings_.out.oieb->writer_waiting, std::uint32_t{0});  // a predecessor may have died waiting
  SpaceSignal::require_fence(*rings_.out.oieb, !barriers_.sleeper_can_call);
  begun_ = Machine::load_relaxed(rings_.in.slots[0].read_count);
  answered_ = last_answered();
}

// Sequence of the last request that a predecessor answered, as far as it matters: one that it had answered and not let
// go. Nothing was claimed between these two steps, so what was written over meanwhile is of no interest. Answers are
// given in order: one that it was just going to publish when it died says that all before it were.
std::uint64_t Answerer::last_answered() const noexcept {
  const std::uint64_t last = Machine::load_relaxed(rings_.out.oieb->last_record_pos);
  const std::uint64_t end = out_.write_pos();
  const std::uint64_t apart = last < end ? end - last : last - end;
  if (apart > rings_.out.capacity || last % protocol::record_alignment != 0) return 0;
  const auto header = ring::load_header<Machine>(rings_.out.records + last % rings_.out.capacity);
  if (last >= end) return header.tag == 0 ? 0 : header.tag - 1;
  const bool is_whole = header.sequence == out_.frames() && header.flags == 0 &&
                        last + std::uint64_t{header.extent} * protocol::record_alignment == end;
  return is_whole ? header.tag : 0;
}

bool Answerer::unusable() const noexcept { return ended_.load(std::memory_order_acquire) || attachment_.forked(); }

// ---------------------------------------------------------------- taking

// Whether a predecessor died with it in its hands.
bool Answerer::was_begun() const noexcept {
  return rings_.in_place ? (in_.header().flags & protocol::record_flag::in_place) != 0
                         : in_.header().sequence <= begun_;
}

// Tells a successor that this request is not what was sent any more, before the first change.
void Answerer::begin_change() noexcept {
  if (rings_.in_place) {
    auto* header =
        reinterpret_cast<protocol::RecordHeader*>(const_cast<std::byte*>(in_.payload()) - protocol::header_size);
    Machine::store_relaxed(header->flags, protocol::record_flag::in_place);
  } else {
    Machine::store_relaxed(rings_.in.slots[0].read_count, in_.header().sequence);
  }
  Machine::store_fence();
}

Answerer::Taken Answerer::take(Request& request, std::uint64_t client) noexcept {
  for (;;) {
    if (!rings_.in_place) {
      // where nobody is answering: else this is his to read
      if (turn_.load(std::memory_order_acquire) == held_.next()) out_.fetch_next_lines();  // pairs with work()
    } else {
      const std::byte* next = in_.payload();
      prefetch_for_writing(next - protocol::header_size);
      prefetch_for_writing(next);
    }
    if (garbled_.load(std::memory_order_relaxed)) return Taken::corrupt;
    const ring::Peek peek = in_.peek();
    if (peek == ring::Peek::empty) {
      if (in_.next() != held_.next()) {  // padding, of which nobody waits for an answer, but maybe for its room
        held_.passed(in_.next());
        held_.settle([this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
      }
      return Taken::nothing;
    }
    if (peek != ring::Peek::frame) return Taken::corrupt;
    if (held_.room() == 0) {
      full_.store(true, std::memory_order_seq_cst);  // before the second look; work() makes room first
      if (held_.room() == 0) return Taken::too_many;
    }
    const bool begun = was_begun();
    if (!begun) begin_change();
    ZEROBUFFER_POINT("take.begun");
    request.answerer_ = this;
    request.data_ = in_.payload();
    request.size_ = in_.header().size;
    request.sequence_ = in_.header().sequence;
    request.tag_ = in_.header().tag;
    request.type_ = in_.header().type;
    request.client_ = client;
    request.room_ = nullptr;
    request.room_size_ = 0;
    if (rings_.in_place) {
      request.room_ = const_cast<std::byte*>(in_.payload());
      request.room_size_ = std::uint64_t{in_.header().extent} * protocol::record_alignment - protocol::header_size;
    }
    request.ticket_ = held_.next();
    request.held_ = held_.hold(in_.next());
    in_.take();
    held_.passed(in_.next());
    if (!begun) [[likely]] {
      share_.requests.add();
      return Taken::request;
    }
    if (!rings_.in_place && request.sequence_ <= answered_) {  // it died between the answer and letting the request go
      await_turn(request);
      let_go(request);
    } else {
      fail(request, half_done);
    }
  }
}

// ---------------------------------------------------------------- answering

void Answerer::await_turn(const Request& request) noexcept {
  if (rings_.in_place) return;
  for (;;) {
    const std::uint64_t turn = turn_.load(std::memory_order_acquire);  // pairs with the store in work()
    if (turn >= request.ticket_) [[likely]] {
      return;
    }
    turn_waiters_.fetch_add(1, std::memory_order_seq_cst);
    turn_.wait(turn, std::memory_order_seq_cst);
    turn_waiters_.fetch_sub(1, std::memory_order_relaxed);
  }
}

// A client may not look at this lane for long, so an answer that fits where everything before it was let go does not
// wait until the client has stepped over padding: it begins the next lap.
std::byte* Answerer::try_room(std::size_t size, std::uint64_t& wanted) noexcept {
  if (!out_.needs_restart(size)) [[likely]] {
    std::byte* const found = out_.try_claim(size);
    if (found == nullptr) wanted = out_.wanted_pos();
    return found;
  }
  wanted = out_.write_pos();
  return Machine::load_acquire(rings_.out.slots[0].read_pos) == wanted ? out_.claim_restarted(size) : nullptr;
}

// Whether the client stands where everything was let go, and one answer began the next lap since.
bool Answerer::has_restarted() const noexcept {
  const std::uint64_t at = Machine::load_acquire(rings_.out.slots[0].read_pos);
  const std::uint64_t last = out_.last_record_pos();
  const std::uint64_t capacity = rings_.out.capacity;
  return last % capacity == 0 && at < last && last - at < capacity && out_.write_pos() - last <= capacity;
}

// Room in the ring of answers, for whose turn it is.
Result<std::byte*> Answerer::room(const Request& request, std::size_t size) noexcept {
  if (size > out_.max_frame_size()) return Failure(Status::frame_too_large, size, out_.max_frame_size());
  stream::Deadline deadline(forever);
  bool waited = false;
  for (std::uint64_t wanted = 0;;) {
    if (std::byte* found = try_room(size, wanted)) {
      if (waited) SpaceSignal::disarm(*rings_.out.oieb);
      return found;
    }
    if (unusable()) return attachment_.forked() ? Status::forked : Status::handle_closed;
    if (share_.closing.load(std::memory_order_acquire)) return Status::handle_closed;
    peer_.see();
    // nobody will read it: who asked is gone, or has given the call up (and may not look at this lane for long)
    if (peer_.gone() || Machine::load_acquire(rings_.out.slots[0].read_count) >= request.sequence_) {
      return Status::closed;
    }
    if (out_.scan().impossible != 0 &&
        !has_restarted()) {  // its client's own doing: whoever takes next finds the lane garbled
      garbled_.store(true, std::memory_order_relaxed);
      return Status::closed;
    }
    const std::uint64_t slept = waiter_.sleeps();
    const Status status = waiter_.wait(RoomWait{*this, wanted}, deadline);
    share_.sleeps.fetch_add(waiter_.sleeps() - slept, std::memory_order_relaxed);
    // one that spins says so too: a client may hold what this waits for and not know it
    static_cast<void>(SpaceSignal::arm(*rings_.out.oieb, wanted, ring::Barriers{}));
    waited = true;
    if (status == Status::interrupted) return status;
  }
}

Result<std::span<std::byte>> Answerer::claim(Request& request, std::size_t size) noexcept {
  if (unusable()) return attachment_.forked() ? Status::forked : Status::handle_closed;
  if (rings_.in_place) {
    if (size > request.room_size_) return Failure(Status::frame_too_large, size, request.room_size_);
    return std::span{request.room_, size};
  }
  await_turn(request);
  if (out_.claim_open()) out_.discard();
  auto found = room(request, size);
  if (!found) return found.take_failure();
  claimed_ = request.ticket_;
  request.room_size_ = size;
  return std::span{*found, size};
}

Result<void> Answerer::respond(Request& request, std::size_t n, std::uint16_t type) noexcept {
  if (unusable()) return attachment_.forked() ? Status::forked : Status::handle_closed;
  const bool has_room =
      rings_.in_place || (turn_.load(std::memory_order_acquire) >= request.ticket_ && claimed_ == request.ticket_);
  if (!has_room && n == 0) {  // an empty answer needs no claim
    if (auto claimed = claim(request, 0); !claimed) return claimed.take_failure();
  } else if (!has_room || n > request.room_size_) {
    return Failure(Status::invalid_argument, n, request.room_size_);
  }
  publish_answer(request, n, type);
  return {};
}

// Whose turn it is counts alone, without an operation that would wait for the stores of the answer. In place nobody's
// turn is awaited.
void Answerer::count(std::atomic<std::uint64_t>& any, stream::Counter& own, std::uint64_t amount) noexcept {
  if (rings_.in_place) {
    any.fetch_add(amount, std::memory_order_relaxed);
  } else {
    own.add(amount);
  }
}

void Answerer::publish_answer(Request& request, std::size_t n, std::uint16_t type) noexcept {
  ZEROBUFFER_POINT("answer.begin");
  count(share_.answers, counters_.answers, 1);  // before anybody can have it
  if (rings_.in_place) {
    auto* header = reinterpret_cast<protocol::RecordHeader*>(request.room_ - protocol::header_size);
    Machine::store_relaxed(header->size, std::uint64_t{n});
    Machine::store_relaxed(header->type, type);
  } else {
    out_.commit(n, type, request.sequence_);
    if (out_.publish()) share_.wakes.fetch_add(1, std::memory_order_relaxed);
  }
  ZEROBUFFER_POINT("answer.before_let_go");
  let_go(request);
}

// The request is answered. In place this is the answer.
void Answerer::let_go(Request& request) noexcept {
  request.answerer_ = nullptr;
  request.data_ = nullptr;
  request.size_ = 0;
  request.room_ = nullptr;
  held_.release(request.held_, [this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

// One thread at a time, after every change of what is held.
[[gnu::always_inline]] inline void Answerer::work(std::uint64_t oldest, bool finished) noexcept {
  if (finished) [[unlikely]] {
    owner_.answerer_ended(*this);
    return;
  }
  if (oldest == published_) return;
  published_ = oldest;
  if (!unusable()) [[likely]] {
    Machine::store_release(rings_.in.slots[0].read_pos, oldest);  // pairs with the acquire in RingReader::peek
    ZEROBUFFER_POINT("answer.let_go");
    if (rings_.in_place && DataSignal::notify(*rings_.in.oieb, barriers_)) {
      share_.wakes.fetch_add(1, std::memory_order_relaxed);
    }
    SpaceSignal::notify(*rings_.in.oieb, oldest, barriers_);
  }
  if (full_.load(std::memory_order_relaxed) && full_.exchange(false, std::memory_order_seq_cst)) {
    owner_.answerer_has_room();
  }
  if (rings_.in_place) return;
  // last: whoever answers next does so after this request was let go, and a successor knows what was answered
  turn_.store(oldest, std::memory_order_seq_cst);
  if (turn_waiters_.load(std::memory_order_seq_cst) != 0) turn_.notify_all();
}

Result<void> Answerer::write(Request& request, std::span<const std::byte> answer, std::uint16_t type) noexcept {
  auto claimed = claim(request, answer.size());
  if (!claimed) return claimed.take_failure();
  if (!answer.empty() && answer.data() != claimed->data()) {
    if (rings_.in_place) {
      std::memmove(claimed->data(), answer.data(), answer.size());  // it may be a part of the request
    } else {
      stream::copy_payload(claimed->data(), answer.data(), answer.size());
    }
    count(share_.copied_bytes, counters_.copied_bytes, answer.size());
  }
  publish_answer(request, answer.size(), type);
  return {};
}

void Answerer::fail(Request& request, std::string_view text) noexcept {
  if (attachment_.forked()) {
    request.answerer_ = nullptr;
    return;
  }
  std::size_t most = request.room_size_;
  std::byte* at = request.room_;
  if (!rings_.in_place) {
    await_turn(request);
    if (out_.claim_open()) out_.discard();
    most = std::min(out_.max_frame_size(), std::max<std::uint64_t>(protocol::least_in_place_room, text.size()));
  }
  std::size_t length = std::min(text.size(), most);
  // never within a character
  while (length < text.size() && length != 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  if (!rings_.in_place) {
    auto found = unusable() ? Result<std::byte*>(Status::handle_closed) : room(request, length);
    if (!found) {  // nobody reads it any more
      let_go(request);
      return;
    }
    at = *found;
  }
  if (length != 0) std::memmove(at, text.data(), length);
  share_.errors.fetch_add(1, std::memory_order_relaxed);
  publish_answer(request, length, system_error);
}

void Answerer::finish(Request& request) noexcept {
  if (attachment_.forked()) {
    request.answerer_ = nullptr;
  } else if (rings_.in_place) {
    if (unusable()) {
      let_go(request);
    } else {
      publish_answer(request, request.size_, request.type_);
    }
  } else {
    fail(request, no_answer);
  }
}

void Answerer::end() noexcept {
  ended_.store(true, std::memory_order_release);
  held_.end([this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

}  // namespace zerobuffer::duplex
