// Waiting for requests and taking them, lane after lane.
#include "duplex/request_source.hpp"

#include <algorithm>

#include "duplex/behaviour.hpp"

namespace zerobuffer::duplex {
namespace {
using DataSignal = ring::DataSignal<buffer::Machine>;
constexpr std::uint64_t own_bit = 1;
}  // namespace

struct RequestSource::RequestWait {
  RequestSource& source;
  bool background;

  bool ready() const noexcept {
    return source.any_ready() || source.has_more_lanes() || source.peer_changed() ||
           (background && source.paused_.load(std::memory_order_acquire)) ||
           source.ended_.load(std::memory_order_acquire);
  }
  std::uint32_t arm() const noexcept { return DataSignal::arm(source.signal_, own_bit, source.barriers_); }
  void disarm() const noexcept { DataSignal::disarm(source.signal_, own_bit); }
  const std::uint32_t& word() const noexcept { return source.signal_.data_futex; }
  void seen_on(int cpu) const noexcept { source.seen_on(cpu); }
  stream::PeerCpu peer_cpu(int cpu) const noexcept { return source.peer_cpu(cpu); }
};

RequestSource::RequestSource(const buffer::Attachment& attachment, protocol::Oieb& signal, const DuplexConfig& config)
    : attachment_(attachment),
      signal_(signal),
      barriers_(attachment.barriers()),
      waiter_(behaviour_of(config), !barriers_.sleeper_can_call) {
  DataSignal::forget(signal_, own_bit);
  if (!barriers_.sleeper_can_call) DataSignal::require_fence(signal_, own_bit);
}

bool RequestSource::any_ready() const noexcept {
  for (const auto& answerer : answerers_) {
    if (answerer->ready()) return true;
  }
  return false;
}

// ok with a request, would_block without; else what ends the taking.
Status RequestSource::take_next(Request& request) noexcept {
  if (has_more_lanes()) [[unlikely]] {
    if (auto added = add_lanes(); !added) return added.status();
  }
  bool too_many = false;  // in one lane; the others are not held back by it
  const std::size_t lanes = answerers_.size();
  for (std::size_t i = 0; i < lanes; ++i) {
    std::size_t lane = next_ + i;
    if (lane >= lanes) lane -= lanes;
    Answerer& answerer = *answerers_[lane];
    if (!answerer.has_request()) continue;
    switch (answerer.take(request, client_of(lane))) {
      case Answerer::Taken::request:
        next_ = lane + 1 == lanes ? 0 : lane + 1;
        return Status::ok;
      case Answerer::Taken::corrupt:
        answerer.mark_broken();
        if (const Status status = lane_is_broken(lane); status != Status::ok) return status;
        break;
      case Answerer::Taken::too_many:
        too_many = true;
        break;
      case Answerer::Taken::nothing:
        break;
    }
  }
  return too_many ? Status::too_many_held : Status::would_block;
}

Result<Request> RequestSource::take(std::chrono::nanoseconds timeout, bool background) noexcept {
  Result<Request> taken{Request()};  // filled where the caller wants it
  if (const Status status = take(*taken, timeout, background); status != Status::ok) taken = status;
  return taken;
}

Status RequestSource::take(Request& request, std::chrono::nanoseconds timeout, bool background) noexcept {
  stream::Deadline deadline(timeout);
  const std::uint64_t interrupts = interrupts_.load(std::memory_order_seq_cst);
  const auto interrupted = [&] {
    return interrupts_.load(std::memory_order_seq_cst) != interrupts ||
           (background && paused_.load(std::memory_order_acquire));
  };
  const auto sent_home = [&] { return ended_.load(std::memory_order_acquire) || interrupted(); };
  if (attachment_.forked()) return Status::forked;
  bool hooked = false;
  if (!gate_.try_enter() && !gate_.enter(deadline, [&] {
        hooked = hook_ != nullptr && hook_(hook_context_);
        return hooked || sent_home();
      })) {
    if (ended_.load(std::memory_order_acquire)) return Status::handle_closed;
    return hooked || interrupted() ? Status::interrupted : Status::timeout;
  }
  const Inside inside(gate_);
  if (interrupted()) {
    // the leader before had waited with us
    static_cast<void>(waiter_.take_interrupt());
    return Status::interrupted;
  }
  bool waited = false;
  for (;;) {
    if (attachment_.forked()) return Status::forked;
    if (ended_.load(std::memory_order_acquire)) return Status::handle_closed;
    if (background && paused_.load(std::memory_order_acquire)) return Status::interrupted;
    Status status = take_next(request);
    if (status == Status::ok) return status;
    // with a pool others answer, and make room; who takes by himself would wait for himself
    if (status == Status::too_many_held && background) status = Status::would_block;
    if (status != Status::would_block) return status;
    // only now: a request that has come is taken without a look at the clock
    Status peer = waited ? look_at_peer(os::now_coarse_ns()) : Status::ok;
    // a client that says again and again that there is something does not keep us here
    if (deadline.at_once() || (waited && deadline.is_over())) {
      status = Status::timeout;
    } else if (peer == Status::ok) {
      status = waiter_.wait(RequestWait{*this, background}, deadline);
      waited = true;
      if (status == Status::ok) continue;
    }
    if (peer == Status::ok) peer = look_at_peer(os::now_coarse_ns());
    // whatever it is, the last requests were sent before it
    const Status last = take_next(request);
    if (last == Status::ok) return last;
    if (last != Status::would_block && !(last == Status::too_many_held && background)) return last;
    return peer != Status::ok ? peer : status;
  }
}

// ---------------------------------------------------------------- others wait for us

Result<void> RequestSource::Watch::begin(ReadyCallback callback, void* context) {
  if (source_.attachment_.forked()) return Status::forked;
  if (source_.ended_.load(std::memory_order_acquire)) return Status::handle_closed;
  if (is_watched()) return stream::watched_already();
  if (source_.waiter_.take_interrupt()) return Status::interrupted;
  return watch(callback, context);
}

bool RequestSource::Watch::worth_a_look(std::int64_t now) noexcept {
  if (source_.attachment_.forked()) return false;
  if (source_.waiter_.interrupt_pending()) return true;
  if (!source_.gate_.try_enter()) return false;  // somebody is taking, and takes what there is
  const Inside inside(source_.gate_);
  if (RequestWait{source_, false}.ready()) return true;
  if (now - looked_at_ < stream::longest_sleep_ns) return false;
  looked_at_ = now;
  return source_.look_at_peer(now) != Status::ok;
}

std::uint32_t RequestSource::Watch::arm() noexcept { return RequestWait{source_, false}.arm(); }
void RequestSource::Watch::disarm() noexcept { RequestWait{source_, false}.disarm(); }

// ---------------------------------------------------------------- the rest

void RequestSource::pause() noexcept {
  paused_.store(true, std::memory_order_seq_cst);
  if (!attachment_.forked()) DataSignal::poke(signal_);
}

void RequestSource::interrupt() noexcept {
  if (attachment_.forked()) return;
  interrupts_.fetch_add(1, std::memory_order_seq_cst);
  waiter_.interrupt();
  DataSignal::poke(signal_);
}

void RequestSource::set_wait_hook(WaitHook hook, void* context) noexcept {
  hook_ = hook;
  hook_context_ = context;
  waiter_.set_hook(hook, context);
  for (const auto& answerer : answerers_) answerer->set_wait_hook(hook, context);
}

void RequestSource::add_to(DuplexStats& stats) const noexcept {
  for (const LaneCounters* lane = share_.lanes.load(std::memory_order_acquire); lane != nullptr; lane = lane->others) {
    stats.answers += lane->answers.get();
    stats.copied_bytes += lane->copied_bytes.get();
  }
  stats.requests += share_.requests.get();
  stats.answers += share_.answers.load(std::memory_order_relaxed);
  stats.errors += share_.errors.load(std::memory_order_relaxed);
  stats.copied_bytes += share_.copied_bytes.load(std::memory_order_relaxed);
  stats.wakes += share_.wakes.load(std::memory_order_relaxed);
  stats.sleeps += share_.sleeps.load(std::memory_order_relaxed) + waiter_.sleeps();
}

void RequestSource::end() noexcept {
  if (attachment_.forked()) return;  // the parent's
  watch_.unwatch();
  ended_.store(true, std::memory_order_seq_cst);
  DataSignal::poke(signal_);
  living_.store(answerers_.size() + 1, std::memory_order_seq_cst);
  // each may end within this call, the last one with this object
  for (std::size_t i = 0, count = answerers_.size(); i < count; ++i) answerers_[i]->end();
  if (living_.fetch_sub(1, std::memory_order_acq_rel) == 1) source_ended();
}

void RequestSource::answerer_has_room() noexcept { DataSignal::poke(signal_); }

void RequestSource::answerer_ended() noexcept {
  if (living_.fetch_sub(1, std::memory_order_acq_rel) == 1) source_ended();
}

}  // namespace zerobuffer::duplex
