// Calling: sending and receiving first, then everything that happens only when there is no room or no answer.
#include "duplex/caller_lane.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "duplex/behaviour.hpp"
#include "os/process.hpp"
#include "stream/copy.hpp"
#include "stream/exit_guard.hpp"

namespace zerobuffer::duplex {
namespace {
using DataSignal = ring::DataSignal<buffer::Machine>;
using SpaceSignal = ring::SpaceSignal<buffer::Machine>;
using protocol::record_type::system_error;

// Another thread that holds the answers in the way may be off the CPU for that long.
constexpr std::int64_t given_back_within_ns = 1'000'000'000;
constexpr std::size_t longest_text = 64 << 10;  // of an error that is kept; a server may have sent anything

thread_local constinit char this_thread = 0;  // its address names the thread
}  // namespace

// What a sending caller waits for: room, or a change of the other side's place.
struct CallerLane::RoomWait {
  CallerLane& lane;
  std::uint64_t wanted;
  bool alone;  // what this side has let go is its own business: only the other side is waited for

  bool ready() const noexcept {
    if (lane.out_peer_.changed()) return true;
    if (alone) return Machine::load_acquire(lane.rings_.out.slots[0].read_pos) >= wanted;
    const ring::Scan scan = lane.out_.scan();
    return scan.impossible == 0 && scan.slowest >= wanted;
  }
  std::uint32_t arm() const noexcept { return SpaceSignal::arm(*lane.rings_.out.oieb, wanted, lane.barriers_); }
  void disarm() const noexcept { SpaceSignal::disarm(*lane.rings_.out.oieb); }
  const std::uint32_t& word() const noexcept { return lane.rings_.out.oieb->space_futex; }
  void seen_on(int) const noexcept {}
  stream::PeerCpu peer_cpu(int cpu) const noexcept { return where(lane.out_peer_.last_cpu(), cpu); }
};

// What a receiving caller waits for: an answer, or a change of the other side's place.
struct CallerLane::AnswerWait {
  CallerLane& lane;

  bool ready() const noexcept { return lane.more() || lane.in_peer_.changed(); }
  std::uint32_t arm() const noexcept {
    return DataSignal::arm(*lane.rings_.in.oieb, lane.rings_.answer_bit, lane.barriers_);
  }
  void disarm() const noexcept {
    DataSignal::disarm(*lane.rings_.in.oieb, lane.rings_.answer_bit);
    if (lane.pipeline_watch_.was_watched()) lane.wants_a_poke_.store(true, std::memory_order_seq_cst);
  }
  const std::uint32_t& word() const noexcept { return lane.rings_.in.oieb->data_futex; }
  void seen_on(int cpu) const noexcept {
    if (!lane.own_ || cpu == lane.cpu_) return;
    Machine::store_relaxed(lane.own_->slot().last_cpu, lane.cpu_ = cpu);
  }
  stream::PeerCpu peer_cpu(int cpu) const noexcept { return where(lane.in_peer_.last_cpu(), cpu); }
};

CallerLane::CallerLane(std::optional<buffer::Attachment> own, const buffer::Attachment* shared,
                       const CallerRings& rings, const Peer& peer, const DuplexConfig& config, LaneOwner* owner)
    : own_(std::move(own)),
      shared_(shared),
      rings_(rings),
      owner_(owner),
      barriers_(place().barriers()),
      out_(rings.out, barriers_, rings.out.capacity, rings.data_signal),
      in_(rings.in, Machine::load_acquire(rings.in.oieb->write_pos),
          rings.in_place ? rings.in.slots[0].read_pos : rings.in.oieb->write_pos),
      held_(std::bit_ceil(config.max_held), os::thread_barrier_available(), in_.next()),
      out_waiter_(behaviour_of(config), !barriers_.sleeper_can_call),
      in_waiter_(behaviour_of(config), !barriers_.sleeper_can_call),
      out_peer_(own_ ? Peer::server(*own_) : peer),
      in_peer_(out_peer_),
      published_(in_.next()) {
  // a predecessor may have died waiting; what was on its way for it is nobody's
  Machine::store_relaxed(rings_.out.oieb->writer_waiting, std::uint32_t{0});
  DataSignal::forget(*rings_.in.oieb, rings_.answer_bit);
  if (!barriers_.sleeper_can_call) DataSignal::require_fence(*rings_.in.oieb, rings_.answer_bit);
  SpaceSignal::require_fence(*rings_.out.oieb, !barriers_.sleeper_can_call);
  Machine::store_release(own_slot().read_pos, in_.next());  // pairs with the acquire in ring::look_at
  SpaceSignal::notify(*rings_.in.oieb, in_.next(), ring::Barriers{});
  give_up(out_.frames());
  if (own_) stream::leave_at_exit(*own_);
}

// ---------------------------------------------------------------- who uses it

bool CallerLane::try_own(Use use) noexcept {
  std::uint32_t seen = used_.load(std::memory_order_relaxed);
  do {
    while ((seen & use) != 0) {
      if ((seen & watch_looks) == 0) return false;
      wait_for_look();
      seen = used_.load(std::memory_order_relaxed);
    }
  } while (!used_.compare_exchange_weak(seen, seen | use, std::memory_order_seq_cst));
  // a call that begins now; who sends and receives on and on is told himself
  if (const std::uint64_t told = owner_->told_death.load(std::memory_order_relaxed);
      told != 0 && use == calling && own_) [[unlikely]] {
    out_peer_.believe(told);
    in_peer_.believe(told);
  }
  return true;
}

void CallerLane::disown(Use use) noexcept {
  // an interrupt that came too late for this use is not the next one's
  if ((use & sending) != 0) static_cast<void>(out_waiter_.take_interrupt());
  if ((use & receiving) != 0) static_cast<void>(in_waiter_.take_interrupt());
  stop_using(use);
  if (!ended()) owner_->lane_is_free();
}

void CallerLane::stop_using(std::uint32_t use) noexcept {
  used_.fetch_and(~use, std::memory_order_seq_cst);  // pairs with try_own of the next owner, and with try_look
  if ((use & receiving) != 0 && wants_a_poke_.load(std::memory_order_seq_cst)) [[unlikely]] {
    wants_a_poke_.store(false, std::memory_order_seq_cst);
    DataSignal::poke(*rings_.in.oieb);
  }
}

// For the pipeline's watch. False where somebody uses the lane, who pokes at the end: either this sees that he has
// given it back, or he that it wants a poke.
bool CallerLane::try_look() noexcept {
  for (const bool last : {false, true}) {
    std::uint32_t seen = used_.load(std::memory_order_seq_cst);
    while ((seen & receiving) == 0) {
      if (used_.compare_exchange_weak(seen, seen | receiving | watch_looks, std::memory_order_seq_cst)) return true;
    }
    if (!last) wants_a_poke_.store(true, std::memory_order_seq_cst);
  }
  return false;
}

// A look is a few loads, unless its thread is kept from running: by this one perhaps, so this one sleeps.
void CallerLane::wait_for_look() const noexcept {
  constexpr int pauses = 1000;
  constexpr std::int64_t nap_ns = 100'000;
  for (int i = 0; i < pauses; ++i) {
    if ((used_.load(std::memory_order_relaxed) & watch_looks) == 0) return;
    Machine::pause();
  }
  const std::uint32_t seen = used_.load(std::memory_order_relaxed);
  if ((seen & watch_looks) != 0) os::futex_wait(reinterpret_cast<const std::uint32_t&>(used_), seen, nap_ns);
}

bool CallerLane::somebody_receives() const noexcept {
  return (used_.load(std::memory_order_seq_cst) & (receiving | watch_looks)) == receiving;
}

// Answers to abandoned calls go here, and padding behind them.
void CallerLane::pass_late() noexcept {
  Status status = Status::ok;
  while (more() && look(status) == Next::answer && answers_to() < floor_.load(std::memory_order_relaxed)) pass();
  settle();
}

bool CallerLane::is_clean() noexcept {
  // the usual case, in which no word that the other side stores need be loaded
  if (last_answer_ == out_.frames()) [[likely]] {
    return !is_crowded();
  }
  pass_late();
  const std::uint64_t sent = out_.write_pos();
  const std::uint64_t answered = rings_.in_place ? in_.next() : Machine::load_acquire(rings_.out.slots[0].read_pos);
  return answered >= sent && !is_crowded();
}

// A thread that holds an answer may be off the CPU for long: the others shall not come to the end of this lane
// meanwhile.
bool CallerLane::is_crowded() const noexcept {
  return held_.span() > held_.room() ||
         in_.next() - Machine::load_acquire(own_slot().read_pos) > rings_.in.capacity / 2;
}

void CallerLane::drop() noexcept {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (own_) {
    stream::forget_at_exit(*own_);
    own_->leave();
  } else {
    owner_->lane_ended();
  }
  delete this;
}

void CallerLane::end() noexcept {
  if (place().forked()) return;  // the parent's
  call_watch_.unwatch();
  pipeline_watch_.unwatch();
  ended_.store(true, std::memory_order_release);
  if (own_) own_->begin_leave();
  users_.fetch_sub(1, std::memory_order_acq_rel);  // never the last one: held_ still counts
  held_.end([this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

void CallerLane::tell_death(const Peer& peer) noexcept {
  if (own_) owner_->told_death.store(peer.reported(), std::memory_order_relaxed);
}

// ---------------------------------------------------------------- sending

std::byte* CallerLane::room(std::size_t size, std::size_t response_capacity, stream::Deadline& deadline, Use use,
                            Failure& failure) noexcept {
  if (ended()) [[unlikely]] {
    failure = Status::handle_closed;
    return nullptr;
  }
  if (place().forked()) [[unlikely]] {
    failure = Status::forked;
    return nullptr;
  }
  if (out_.claim_open()) [[unlikely]] {
    failure = Status::claim_open;
    return nullptr;
  }
  reserved_ = rings_.in_place ? std::max({size, response_capacity, std::size_t{protocol::least_in_place_room}}) : size;
  if (reserved_ > out_.max_frame_size()) [[unlikely]] {
    failure = Failure(Status::frame_too_large, reserved_, out_.max_frame_size());
    return nullptr;
  }
  if (std::byte* found = out_.try_claim(reserved_)) [[likely]] {
    return found;
  }
  return room_slow(deadline, use, failure);
}

// Only answers that this side still holds, or has not fetched, keep the room from it, and nobody else fetches them: the
// last one who did was this thread, or nobody ever has, for a while now.
bool CallerLane::blocked_by_ourselves(Use use, bool waited) const noexcept {
  if (!rings_.in_place || Machine::load_acquire(rings_.out.slots[0].read_pos) < out_.wanted_pos()) return false;
  if (Machine::load_acquire(own_slot().read_pos) >= out_.wanted_pos()) return false;
  if (use == calling) return true;
  if (somebody_receives()) return false;
  const void* const receiver = receiver_.load(std::memory_order_relaxed);
  return receiver == nullptr ? waited : receiver == &this_thread;
}

// Makes room of late answers, and in place of padding that the server has passed: where nobody is receiving, nobody
// else does.
void CallerLane::step_on(Use use) noexcept {
  if (use == calling) {
    pass_late();
  } else if (try_own(receiving)) {
    Status status = Status::ok;
    static_cast<void>(look(status));
    settle();
    stop_using(receiving);
    owner_->lane_is_free();
  }
}

[[gnu::noinline]] std::byte* CallerLane::room_slow(stream::Deadline& deadline, Use use, Failure& failure) noexcept {
  std::int64_t blocked_since = 0;
  for (bool waited = false;; waited = true) {
    step_on(use);
    if (std::byte* found = out_.try_claim(reserved_)) return found;
    const bool blocked = blocked_by_ourselves(use, waited);
    if (!blocked) {
      blocked_since = 0;
    } else if (blocked_since == 0) {
      blocked_since = os::now_coarse_ns();  // another thread may be about to give an answer back
      step_on(use);                         // the server may have passed padding since
      if (std::byte* found = out_.try_claim(reserved_)) return found;
    }
    if (blocked && (deadline.is_over() || os::now_coarse_ns() - blocked_since >= given_back_within_ns)) {
      failure = Failure(Status::held_frames_block, held_.span(), rings_.out.capacity);
      return nullptr;
    }
    Status status = deadline.at_once() ? Status::timeout : Status::ok;
    if (status == Status::ok) {
      const bool alone = !blocked && (use == calling || receiver_.load(std::memory_order_relaxed) == &this_thread);
      status = out_waiter_.wait(RoomWait{*this, out_.wanted_pos(), alone}, deadline);
      if (std::byte* found = out_.try_claim(reserved_)) return found;
    }
    Status ended = out_peer_.look(os::now_coarse_ns());
    if (ended == Status::peer_dead) tell_death(out_peer_);
    if (ended == Status::ok && own_ && !own_->owns_slot()) ended = Status::evicted;
    if (ended != Status::ok) status = ended;
    // whoever says that there is room and takes it back does not keep us here
    if (status == Status::ok && deadline.is_over() && !blocked) status = Status::timeout;
    if (status != Status::ok && !(status == Status::timeout && blocked)) {
      failure = status;
      return nullptr;
    }
  }
}

Result<std::span<std::byte>> CallerLane::claim(std::size_t size, std::size_t response_capacity,
                                               stream::Deadline& deadline, Use use) noexcept {
  Failure failure(Status::ok);
  std::byte* found = room(size, response_capacity, deadline, use, failure);
  if (found == nullptr) return failure;
  return std::span{found, size};
}

std::uint64_t CallerLane::commit(std::size_t n, const RequestInfo& info) noexcept {
  out_.commit(n, info.type, info.tag, rings_.in_place ? reserved_ : n);
  ZEROBUFFER_POINT("call.committed");
  if (out_.publish()) wakes_.add();
  ZEROBUFFER_POINT("call.published");
  out_.fetch_next_lines();
  requests_.add();
  return out_.frames();
}

Result<std::uint64_t> CallerLane::send(std::span<const std::byte> request, stream::Deadline& deadline,
                                       const RequestInfo& info, Use use) noexcept {
  Failure failure(Status::ok);
  std::byte* found = room(request.size(), info.response_capacity, deadline, use, failure);
  if (found == nullptr) [[unlikely]] {
    return failure;
  }
  return send_claimed(found, request, info);
}

std::uint64_t CallerLane::send_claimed(std::byte* room, std::span<const std::byte> request,
                                       const RequestInfo& info) noexcept {
  ZEROBUFFER_POINT("call.claimed");
  stream::copy_payload(room, request.data(), request.size());
  copied_out_.add(request.size());
  return commit(request.size(), info);
}

// ---------------------------------------------------------------- receiving

// A caller that took the lane over may stand before the position of a server that still answers its predecessor.
bool CallerLane::more() const noexcept { return static_cast<std::int64_t>(in_.unread()) > 0; }

std::uint64_t CallerLane::answers_to() const noexcept {
  return rings_.in_place ? in_.header().sequence : in_.header().tag;
}

// The next answer that somebody waits for; late ones are passed over.
CallerLane::Next CallerLane::look(Status& status) noexcept {
  if (place().forked()) [[unlikely]] {
    status = Status::forked;
    return Next::failed;
  }
  if (ended()) [[unlikely]] {
    status = Status::handle_closed;
    return Next::failed;
  }
  for (;;) {
    const std::uint64_t unread = in_.unread();
    if (static_cast<std::int64_t>(unread) <= 0) return Next::nothing;
    const ring::Peek peek = in_.peek();
    if (peek != ring::Peek::frame) [[unlikely]] {
      status = Status::corrupt;
      return peek == ring::Peek::empty ? Next::nothing : Next::failed;
    }
    // answers come in the order of their requests, once; in place the ring's sequence says so
    if (!rings_.in_place && answers_to() <= last_answer_) [[unlikely]] {
      status = Status::corrupt;
      return Next::failed;
    }
    if (answers_to() >= floor_.load(std::memory_order_relaxed)) [[likely]] {
      break;
    }
    late_.add();
    pass();
  }
  if (held_.room() == 0) [[unlikely]] {
    status = Status::too_many_held;
    return Next::failed;
  }
  return Next::answer;
}

// The answer that was looked at is over without having been handed out.
void CallerLane::pass() noexcept {
  last_answer_ = answers_to();
  in_.take();
  held_.passed(in_.next());
}

void CallerLane::settle() noexcept {
  held_.passed(in_.next());
  held_.settle([this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

void CallerLane::release(std::uint32_t held) noexcept {
  if (place().forked()) [[unlikely]] {
    return;
  }
  held_.release(held, [this](std::uint64_t oldest, bool finished) { work(oldest, finished); });
}

// One thread at a time, after every change of what is held.
[[gnu::always_inline]] inline void CallerLane::work(std::uint64_t oldest, bool finished) noexcept {
  if (finished) [[unlikely]] {
    drop();
    return;
  }
  if (oldest == published_) return;
  published_ = oldest;
  Machine::store_release(own_slot().read_pos, oldest);  // pairs with the acquire in ring::look_at
  SpaceSignal::notify(*rings_.in.oieb, oldest, barriers_);
}

Result<void> CallerLane::await_answer(stream::Deadline& deadline) noexcept {
  Status status = Status::ok;
  const Next next = look(status);
  if (next == Next::answer) [[likely]] {
    return {};
  }
  return await_slow(next, status, deadline);
}

[[gnu::noinline]] Result<void> CallerLane::await_slow(Next next, Status status, stream::Deadline& deadline) noexcept {
  for (;;) {
    if (next == Next::failed) {
      if (status == Status::too_many_held) return Failure(status, held_.span(), rings_.in.capacity);
      if (status == Status::corrupt) return Failure(status, in_.next(), in_.next() + in_.unread());
      return status;
    }
    settle();
    Status waited = deadline.at_once() ? Status::timeout : Status::ok;
    if (!deadline.at_once()) {
      waited = in_waiter_.wait(AnswerWait{*this}, deadline);
      next = look(status);
      if (next == Next::answer) return {};
      if (next == Next::failed) continue;
      settle();
    }
    const std::int64_t now = os::now_coarse_ns();
    Status ended = in_peer_.look(now);
    if (ended == Status::peer_dead) tell_death(in_peer_);
    if (ended == Status::ok && own_ && !own_->owns_slot()) ended = Status::evicted;
    next = look(status);  // whatever it is, the last answers were given before it
    if (next == Next::answer) return {};
    if (next == Next::failed) continue;
    if (ended != Status::ok) return ended;
    const bool over = !deadline.at_once() && deadline.is_over();
    if (blocks_the_server(now, over)) return Failure(Status::held_frames_block, held_.span(), rings_.in.capacity);
    if (waited != Status::ok) return waited;
    if (over) return Status::timeout;  // also where something seems to come again and again
  }
}

// For a while now, the server has been waiting for room that only this side's held answers keep from it. Who asks again
// and again, or has time left, gives another thread that holds them the time to give them back.
bool CallerLane::blocks_the_server(std::int64_t now, bool time_is_over) noexcept {
  const protocol::Oieb& oieb = *rings_.in.oieb;
  const bool blocks = !rings_.in_place && held_.span() != 0 && Machine::load_acquire(oieb.writer_waiting) != 0 &&
                      Machine::load_relaxed(oieb.wanted_pos) > Machine::load_relaxed(own_slot().read_pos);
  if (!blocks || blocking_at_ != in_.next()) {
    blocking_at_ = in_.next();
    blocking_since_ = now;
  }
  return blocks && now - blocking_since_ >= (time_is_over ? stream::longest_sleep_ns : given_back_within_ns);
}

// The answer that was looked at.
[[gnu::always_inline]] inline Result<Response> CallerLane::take() noexcept {
  if (is_no_answer()) [[unlikely]] {
    return take_failure();
  }
  return take_answer();
}

[[gnu::always_inline]] inline Result<Response> CallerLane::take_answer() noexcept {
  Result<Response> taken{Response()};  // filled where the caller wants it
  Response& response = *taken;
  response.size_ = in_.header().size;
  response.data_ = in_.payload();
  response.sequence_ = answers_to();
  response.type_ = in_.header().type;
  response.held_ = held_.hold(in_.next());
  response.lane_ = this;
  last_answer_ = response.sequence_;
  in_.take();
  held_.passed(in_.next());
  answers_.add();
  return taken;
}

// An error, or, in place, what somebody passed over who was not there when it was sent.
[[gnu::always_inline]] inline bool CallerLane::is_no_answer() const noexcept {
  return in_.header().type == system_error ||
         (rings_.in_place && (in_.header().flags & protocol::record_flag::in_place) == 0);
}

Failure CallerLane::take_failure() noexcept {
  const std::uint64_t sequence = answers_to();
  Failure failure(Status::peer_dead, sequence);
  if (in_.header().type == system_error) {
    const auto* text = reinterpret_cast<const char*>(in_.payload());
    failure = Failure(Status::remote_error, std::string(text, std::min<std::size_t>(in_.header().size, longest_text)),
                      sequence, 0);
    answers_.add();
    errors_.add();
  }
  pass();
  settle();
  return failure;
}

Result<Received> CallerLane::take_into(std::span<std::byte> buffer) noexcept {
  if (is_no_answer()) return take_failure();
  const Received received{in_.header().size, answers_to(), in_.header().type};
  if (received.size > buffer.size()) return Failure(Status::buffer_too_small, received.size, buffer.size());
  if (received.size != 0) std::memcpy(buffer.data(), in_.payload(), received.size);
  copied_in_.add(received.size);
  answers_.add();
  pass();
  settle();
  return received;
}

Result<Response> CallerLane::receive(std::uint64_t sequence, stream::Deadline deadline) noexcept {
  if (auto there = await_answer(deadline); !there) return there.take_failure();
  if (answers_to() != sequence) return Failure(Status::corrupt, in_.next(), in_.next() + in_.unread());
  return take();
}

Result<Received> CallerLane::receive_into(std::uint64_t sequence, std::span<std::byte> buffer,
                                          stream::Deadline deadline) noexcept {
  if (auto there = await_answer(deadline); !there) return there.take_failure();
  if (answers_to() != sequence) return Failure(Status::corrupt, in_.next(), in_.next() + in_.unread());
  return take_into(buffer);
}

Result<Response> CallerLane::receive_pipelined(stream::Deadline deadline) noexcept {
  receiver_.store(&this_thread, std::memory_order_relaxed);
  if (pipeline_watch_.take_interrupt()) return Status::interrupted;
  if (auto there = await_answer(deadline); !there) return there.take_failure();
  auto response = take();
  if (response || response.status() == Status::remote_error) uncount_pipelined();
  return response;
}

Result<Received> CallerLane::receive_pipelined_into(std::span<std::byte> buffer, stream::Deadline deadline) noexcept {
  receiver_.store(&this_thread, std::memory_order_relaxed);
  if (pipeline_watch_.take_interrupt()) return Status::interrupted;
  if (auto there = await_answer(deadline); !there) return there.take_failure();
  auto received = take_into(buffer);
  if (received || received.status() == Status::remote_error) uncount_pipelined();
  return received;
}

void CallerLane::give_up(std::uint64_t sequence) noexcept {
  floor_.store(sequence + 1, std::memory_order_relaxed);
  // a server that has no room for the answer waits for none
  if (!rings_.in_place) Machine::store_release(own_slot().read_count, sequence);
}

// ---------------------------------------------------------------- others wait for us

Status CallerLane::Watch::may_begin() const {
  if (lane_.place().forked()) return Status::forked;
  return lane_.ended() ? Status::handle_closed : Status::ok;
}

// For who owns `receiving`.
bool CallerLane::Watch::look(std::int64_t now) noexcept {
  if (lane_.more() || lane_.in_peer_.changed()) return true;
  if (now - looked_at_ < stream::longest_sleep_ns) return false;
  looked_at_ = now;
  const bool gone = !lane_.in_peer_.told() && lane_.in_peer_.gone();
  if (gone) lane_.in_peer_.look_closely();
  return gone || (lane_.own_ && !lane_.own_->owns_slot()) || lane_.blocks_the_server(now, false);
}

std::uint32_t CallerLane::Watch::arm() noexcept { return AnswerWait{lane_}.arm(); }

Result<void> CallerLane::CallWatch::begin(ReadyCallback callback, void* context) {
  if (const Status status = may_begin(); status != Status::ok) return status;
  if (is_watched()) return stream::watched_already();
  if (lane_.in_waiter_.take_interrupt()) return Status::interrupted;
  return watch(callback, context);
}

bool CallerLane::CallWatch::worth_a_look(std::int64_t now) noexcept {
  if (lane_.place().forked()) return false;  // exit() has begun: nobody wants to hear of it any more
  return lane_.in_waiter_.interrupt_pending() || look(now);
}

void CallerLane::CallWatch::disarm() noexcept { AnswerWait{lane_}.disarm(); }

Result<void> CallerLane::PipelineWatch::begin(ReadyCallback callback, void* context) {
  if (const Status status = may_begin(); status != Status::ok) return status;
  if (is_watched()) return stream::watched_already();
  if (take_interrupt()) return Status::interrupted;
  return watch(callback, context);
}

bool CallerLane::PipelineWatch::worth_a_look(std::int64_t now) noexcept {
  if (lane_.place().forked()) return false;
  if (interrupted_.load(std::memory_order_seq_cst)) return true;
  if (!lane_.try_look()) return false;
  const bool worth = look(now);
  lane_.used_.fetch_and(~(std::uint32_t{receiving} | watch_looks), std::memory_order_seq_cst);
  return worth;
}

// Who sleeps on the same lane has lost his bit too, and sets it again.
void CallerLane::PipelineWatch::disarm() noexcept {
  DataSignal::disarm(*lane_.rings_.in.oieb, lane_.rings_.answer_bit);
  if (lane_.somebody_receives()) DataSignal::poke(*lane_.rings_.in.oieb);
}

// ---------------------------------------------------------------- the rest

bool CallerLane::interrupt() noexcept {
  if (place().forked()) return false;
  // only who uses it: the other half's next wait is none that runs now
  const bool receives = somebody_receives() || call_watch_.is_watched();
  const bool watches = pipeline_watch_.is_watched();
  const bool sends = (used_.load(std::memory_order_seq_cst) & sending) != 0;
  if (receives) in_waiter_.interrupt();
  if (watches) pipeline_watch_.interrupt();
  if (receives || watches) DataSignal::poke(*rings_.in.oieb);
  if (sends) {
    out_waiter_.interrupt();
    SpaceSignal::poke(*rings_.out.oieb);
  }
  return receives || watches || sends;
}

void CallerLane::set_wait_hook(WaitHook hook, void* context) noexcept {
  in_waiter_.set_hook(hook, context);
  out_waiter_.set_hook(hook, context);
}

void CallerLane::add_to(DuplexStats& stats) const noexcept {
  stats.requests += requests_.get();
  stats.answers += answers_.get();
  stats.errors += errors_.get();
  stats.late += late_.get();
  stats.copied_bytes += copied_out_.get() + copied_in_.get();
  stats.sleeps += in_waiter_.sleeps() + out_waiter_.sleeps();
  stats.wakes += wakes_.get();
}

}  // namespace zerobuffer::duplex
