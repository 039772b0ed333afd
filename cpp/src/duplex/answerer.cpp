// Taking and answering.
#include "duplex/answerer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "duplex/behaviour.hpp"
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
      waiter_(behaviour_of(config), !barriers_.sleeper_can_call),
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
  if (last < Machine::load_relaxed(rings_.out.oieb->origin_pos)) return 0;  // let go before the ring began anew
  const auto header = ring::load_header<Machine>(ring::record_at<Machine>(rings_.out, last));
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
      Machine::prefetch_for_writing(next - protocol::header_size);
      Machine::prefetch_for_writing(next);
    }
    if (garbled_.load(std::memory_order_relaxed)) return Taken::corrupt;
    const ring::Peek peek = in_.peek();
    if (peek == ring::Peek::empty) {
      if (in_.next() != held_.next()) {  // padding, of which nobody waits for an answer, but maybe for its room
        held_.passed(in_.next());
        std::optional<Early> next;
        held_.settle([&](std::uint64_t oldest, bool finished) { work(oldest, finished, next); });
        if (next) publish_from(std::move(next));
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
      let_go(request);
    } else {
      fail(request, half_done);
    }
  }
}

// ---------------------------------------------------------------- answering

// Whether every request before it is answered; then nobody else answers in this lane. In place that makes no
// difference.
bool Answerer::is_turn_of(const Request& request) const noexcept {
  return turn_.load(std::memory_order_seq_cst) >= request.ticket_;  // pairs with the store in work()
}

// A client may not look at this lane for long, so an answer that fits where everything before it was let go does not
// wait until the client has stepped over padding: nothing is padded, and the ring begins anew.
std::byte* Answerer::try_room(std::size_t size, std::uint64_t& wanted) noexcept {
  if (out_.needs_start(size) && !out_.begin_anew()) [[unlikely]] {
    wanted = out_.write_pos();
    return nullptr;
  }
  std::byte* const found = out_.try_claim(size);
  if (found == nullptr) wanted = out_.wanted_pos();
  return found;
}

// Room in the ring of answers, for whose turn it is.
Result<std::byte*> Answerer::room(std::uint64_t sequence, std::size_t size) noexcept {
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
    if (peer_.gone() || Machine::load_acquire(rings_.out.slots[0].read_count) >= sequence) {
      return Status::closed;
    }
    if (out_.scan().impossible != 0) {  // its client's own doing: whoever takes next finds the lane garbled
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
  if (!is_turn_of(request)) return claim_early(request, size);
  if (early_count_.load(std::memory_order_relaxed) != 0) forget_early(request);
  if (out_.claim_open()) out_.discard();
  auto found = room(request.sequence_, size);
  if (!found) return found.take_failure();
  claimed_ = request.ticket_;
  request.room_size_ = size;
  return std::span{*found, size};
}

Result<void> Answerer::respond(Request& request, std::size_t n, std::uint16_t type) noexcept {
  if (unusable()) return attachment_.forked() ? Status::forked : Status::handle_closed;
  const bool early = !rings_.in_place && has_early(request);
  const bool has_room = rings_.in_place || early || (is_turn_of(request) && claimed_ == request.ticket_);
  if (!has_room && n == 0) {  // an empty answer needs no claim
    if (auto claimed = claim(request, 0); !claimed) return claimed.take_failure();
    return respond(request, 0, type);
  }
  if (!has_room || n > request.room_size_) return Failure(Status::invalid_argument, n, request.room_size_);
  if (early) {
    answer_early(request, n, type);
    return {};
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
  release(request.held_);
}

void Answerer::release(std::uint32_t held) noexcept {
  std::optional<Early> next;
  held_.release(held, [&](std::uint64_t oldest, bool finished) { work(oldest, finished, next); });
  if (next) [[unlikely]] {
    publish_from(std::move(next));
  }
}

// One thread at a time, after every change of what is held.
[[gnu::always_inline]] inline void Answerer::work(std::uint64_t oldest, bool finished,
                                                  std::optional<Early>& next) noexcept {
  if (finished) [[unlikely]] {
    owner_.answerer_ended();
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
  if (early_count_.load(std::memory_order_seq_cst) != 0) next = take_early(oldest);
}

// ---------------------------------------------------------------- before it is its turn

Result<std::span<std::byte>> Answerer::claim_early(Request& request, std::size_t size) noexcept {
  if (size > out_.max_frame_size()) return Failure(Status::frame_too_large, size, out_.max_frame_size());
  Early early(request.ticket_, request.sequence_, request.held_);
  try {
    early.memory = std::make_unique_for_overwrite<std::byte[]>(size + protocol::cache_line);
    const auto at = reinterpret_cast<std::uintptr_t>(early.memory.get());
    early.bytes = early.memory.get() + (protocol::round_up(at, protocol::cache_line) - at);
    const std::span room{early.bytes, size};
    forget_early(request);
    const std::lock_guard lock(early_mutex_);
    early_.push_back(std::move(early));
    early_count_.store(early_.size(), std::memory_order_seq_cst);  // before the look at the turn in answer_early()
    request.room_size_ = size;
    return room;
  } catch (const std::bad_alloc&) {
    return Failure(Status::no_space, "no memory for an answer of " + std::to_string(size) + " bytes before its turn");
  }
}

bool Answerer::has_early(const Request& request) noexcept {
  if (early_count_.load(std::memory_order_relaxed) == 0) return false;  // own entries were made by this thread
  const std::lock_guard lock(early_mutex_);
  return std::ranges::any_of(early_, [&](const Early& early) { return early.ticket == request.ticket_; });
}

void Answerer::forget_early(const Request& request) noexcept {
  const std::lock_guard lock(early_mutex_);
  std::erase_if(early_, [&](const Early& early) { return early.ticket == request.ticket_; });
  early_count_.store(early_.size(), std::memory_order_seq_cst);
}

void Answerer::answer_early(Request& request, std::size_t n, std::uint16_t type) noexcept {
  const std::uint64_t ticket = request.ticket_;
  request.answerer_ = nullptr;
  request.data_ = nullptr;
  request.size_ = 0;
  {
    const std::lock_guard lock(early_mutex_);
    for (Early& early : early_) {
      if (early.ticket != ticket) continue;
      early.size = n;
      early.type = type;
      early.ready = true;
    }
    // whoever moves the turn on after this finds it ready; where it was moved before, it is ours to publish
    if (turn_.load(std::memory_order_seq_cst) < ticket) return;
  }
  publish_from(take_early(ticket));
}

std::optional<Answerer::Early> Answerer::take_early(std::uint64_t turn) noexcept {
  const std::lock_guard lock(early_mutex_);
  const auto found =
      std::ranges::find_if(early_, [&](const Early& early) { return early.ready && early.ticket <= turn; });
  if (found == early_.end()) return std::nullopt;
  std::optional<Early> taken(std::move(*found));
  early_.erase(found);
  early_count_.store(early_.size(), std::memory_order_seq_cst);
  return taken;
}

// It is its turn, and nobody else's.
void Answerer::publish(const Early& early) noexcept {
  if (out_.claim_open()) out_.discard();
  if (!unusable()) {
    if (auto found = room(early.sequence, early.size)) {
      stream::copy_payload(*found, early.bytes, early.size);
      counters_.copied_bytes.add(early.size);
      counters_.answers.add(1);
      out_.commit(early.size, early.type, early.sequence);
      if (out_.publish()) share_.wakes.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

// Each may be followed by the one after it, thousands in a row. While there is one it is held: this lane has not ended.
void Answerer::publish_from(std::optional<Early> next) noexcept {
  while (next) {
    const Early early = std::move(*next);
    next.reset();
    publish(early);
    held_.release(early.held, [&](std::uint64_t oldest, bool finished) { work(oldest, finished, next); });
  }
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
    if (!rings_.in_place && has_early(request)) {
      share_.copied_bytes.fetch_add(answer.size(), std::memory_order_relaxed);
    } else {
      count(share_.copied_bytes, counters_.copied_bytes, answer.size());
    }
  }
  return respond(request, answer.size(), type);
}

void Answerer::fail(Request& request, std::string_view text) noexcept {
  if (attachment_.forked()) {
    request.answerer_ = nullptr;
    return;
  }
  std::size_t most = request.room_size_;
  std::byte* at = request.room_;
  if (!rings_.in_place) {
    most = std::min(out_.max_frame_size(), std::max<std::uint64_t>(protocol::least_in_place_room, text.size()));
  }
  std::size_t length = std::min(text.size(), most);
  // never within a character
  while (length < text.size() && length != 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  if (!rings_.in_place) {
    auto found = claim(request, length);
    if (!found) {  // nobody reads it any more
      let_go(request);
      return;
    }
    at = found->data();
  }
  if (length != 0) std::memmove(at, text.data(), length);
  share_.errors.fetch_add(1, std::memory_order_relaxed);
  if (!rings_.in_place && has_early(request)) {
    answer_early(request, length, system_error);
  } else {
    publish_answer(request, length, system_error);
  }
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
  std::optional<Early> next;
  held_.end([&](std::uint64_t oldest, bool finished) { work(oldest, finished, next); });
  publish_from(std::move(next));
}

}  // namespace zerobuffer::duplex
