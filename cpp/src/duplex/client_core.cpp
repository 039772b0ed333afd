// Calling from many threads: each call takes a lane of its own.
#include "duplex/client_core.hpp"

#include <algorithm>
#include <utility>

#include "duplex/behaviour.hpp"
#include "os/clock.hpp"
#include "os/kernel.hpp"

namespace zerobuffer::duplex {
namespace {
constexpr std::int64_t ask_again_ns = 10'000'000;  // a channel without a free lane is asked again after so long

// Which lane this thread had last: it is likely to be in this CPU's cache.
thread_local std::size_t last_lane = 0;

// Whether one can begin to read at the end of this ring, in which the other side may be writing just now.
bool may_be_read(const ring::RingMemory& ring) noexcept {
  const std::uint64_t position = buffer::Machine::load_acquire(ring.oieb->write_pos);
  return position < ring::max_position && position % protocol::record_alignment == 0;
}
}  // namespace

// ---------------------------------------------------------------- attaching

CallbackSource::CallbackSource(buffer::Attachment& attachment, const ring::RingMemory& ring, const DuplexConfig& config)
    : RequestSource(attachment, *ring.oieb, config), server_(Peer::server(attachment)), lane_(nullptr) {
  add(std::make_unique<Answerer>(attachment, AnswererRings{ring, ring, true}, Peer::server(attachment), config, true,
                                 as_owner(), share()));
}

void CallbackSource::source_ended() noexcept {
  CallerLane* const lane = lane_;
  delete this;
  lane->drop();  // the place may be left now
}

Result<ClientCore*> ClientCore::open(std::string_view name, std::chrono::nanoseconds timeout,
                                     const DuplexConfig& config) {
  if (auto valid = buffer::check_config(config); !valid) return valid.take_failure();
  struct Closer {
    void operator()(ClientCore* core) const noexcept { core->close(); }
  };
  std::unique_ptr<ClientCore, Closer> core(new ClientCore(config));
  auto first = core->add(buffer::Attachment::open(name, timeout, behaviour_of(config), buffer::Role::client));
  if (!first) return first.take_failure();
  return core.release();
}

Result<CallerLane*> ClientCore::add(Result<buffer::Attachment> opened) {
  if (!opened) return opened.take_failure();
  buffer::Attachment& attachment = *opened;
  const BufferConfig behaviour = behaviour_of(config_);
  const buffer::Shape& shape = attachment.segment().geometry().shape;
  const std::uint32_t lane = attachment.slot_index();
  const bool first = count() == 0;
  if (first) {
    most_ = config_.client_lanes == 0 ? shape.lanes : std::min(config_.client_lanes, shape.lanes);
    lanes_ = std::make_unique<CallerLane*[]>(most_);
    id_ = client_id(lane, attachment.place().epoch());
  }
  const auto fail = [&](Failure failure) -> Result<CallerLane*> {
    attachment.leave();
    return failure;
  };
  auto out = attachment.map_ring(shape.request_ring(lane), behaviour, os::Access::read_write);
  if (!out) return fail(out.take_failure());
  CallerRings rings{*out, *out, shape.in_place, &attachment.oieb(), 1};
  if (!shape.in_place) {
    auto in = attachment.map_ring(shape.response_ring(lane), behaviour, os::Access::read_only);
    if (!in) return fail(in.take_failure());
    rings.in = *in;
  }
  ring::RingMemory callback;
  if (first && shape.callback_capacity != 0) {
    auto mapped = attachment.map_ring(shape.callback_ring(lane), behaviour, os::Access::read_write);
    if (!mapped) return fail(mapped.take_failure());
    callback = *mapped;
  }
  if (!ring::positions_possible<Machine>(rings.out) || !may_be_read(rings.in) ||
      (callback.oieb != nullptr && !may_be_read(callback))) {
    return fail(Failure(Status::corrupt, "the positions of lane " + std::to_string(lane) + " do not fit together"));
  }
  const Peer server = Peer::server(attachment);
  memory_.push_back(attachment.segment().owner());
  auto* made = new CallerLane(std::move(attachment), nullptr, rings, server, config_, this);
  made->set_wait_hook(hook_, hook_context_);
  buffer::Attachment& place = made->attachment();
  if (callback.oieb != nullptr) {
    callbacks_ = new CallbackSource(place, callback, config_);
    callbacks_->lane_ = made;
    made->retain();
  }
  protocol::Oieb& door = place.oieb();
  // last: who is found here can be called
  Machine::store_release(place.slot().client, id_);
  for (std::uint32_t used = Machine::load_relaxed(door.lanes_used); used < lane + 1;) {
    if (Machine::compare_exchange(door.lanes_used, used, lane + 1)) break;
    used = Machine::load_relaxed(door.lanes_used);
  }
  lanes_[count()] = made;
  count_.store(count() + 1, std::memory_order_release);
  return made;
}

// ---------------------------------------------------------------- which lane

CallerLane* ClientCore::try_lane(bool clean_only) noexcept {
  const std::size_t lanes = count();
  // the lane of send() is left to it where there are others
  const CallerLane* const taken = most_ > 1 ? pipeline_.load(std::memory_order_relaxed) : nullptr;
  for (std::size_t i = 0; i < lanes; ++i) {
    std::size_t at = last_lane < lanes ? last_lane + i : i;
    if (at >= lanes) at -= lanes;
    CallerLane* const lane = lanes_[at];
    if (lane == taken || !lane->try_own(CallerLane::calling)) continue;
    if (!lane->has_pipelined() && (!clean_only || lane->is_clean())) {
      last_lane = at;
      return lane;
    }
    lane->disown(CallerLane::calling);
  }
  return nullptr;
}

Result<CallerLane*> ClientCore::one_more_lane() noexcept {
  const std::lock_guard lock(adding_);
  if (count() == most_ || os::now_coarse_ns() < no_more_until_.load(std::memory_order_relaxed)) {
    return Failure(Status::lanes_busy, count());
  }
  try {
    auto added = add(buffer::Attachment::open_again(lanes_[0]->attachment(), behaviour_of(config_)));
    // somebody is just leaving or taking one, or the server has closed, which the lanes that there are will tell
    if (added.status() == Status::not_found) added = Failure(Status::lanes_busy, count());
    if (!added) no_more_until_.store(os::now_coarse_ns() + ask_again_ns, std::memory_order_relaxed);
    return added;
  } catch (const std::exception& error) {
    return Failure(Status::system_error, std::string("no further lane: ") + error.what());
  }
}

// A lane that nobody uses and that has nothing to wait for; a further one of the channel; one that waits for a late
// answer; or the first that gets free.
Result<CallerLane*> ClientCore::lane_for_call(stream::Deadline& deadline) noexcept {
  if (lanes_[0]->is_forked()) [[unlikely]] {
    return Status::forked;
  }
  if (interrupted_.load(std::memory_order_relaxed) && take_interrupt()) return Status::interrupted;
  if (CallerLane* lane = try_lane(true)) return lane;
  CallerLane* lane = nullptr;
  Failure failure(Status::ok);
  const Status status = await_lane(deadline, [&] {
    if ((lane = try_lane(true)) != nullptr) return true;
    if (auto added = one_more_lane(); added) {
      lane = *added;
      if (lane->try_own(CallerLane::calling)) return true;
    } else if (added.status() != Status::lanes_busy) {
      failure = added.take_failure();
      return true;
    }
    return (lane = try_lane(false)) != nullptr;
  });
  if (failure.status() != Status::ok) return failure;
  if (status != Status::ok) return status == Status::timeout ? Failure(Status::lanes_busy, count()) : Failure(status);
  return lane;
}

template <class Try>
Status ClientCore::await_lane(stream::Deadline& deadline, Try&& try_it) noexcept {
  const std::uint64_t interrupts = interrupts_.load(std::memory_order_seq_cst);
  if (try_it()) return Status::ok;
  if (deadline.at_once()) return Status::timeout;
  waiting_.fetch_add(1, std::memory_order_seq_cst);  // before the next look; pairs with the load in lane_is_free()
  Status status = Status::ok;
  for (;;) {
    const std::uint32_t seen = freed_.load(std::memory_order_seq_cst);
    if (interrupts_.load(std::memory_order_seq_cst) != interrupts) {
      status = Status::interrupted;
      break;
    }
    if (try_it()) break;
    if (lanes_[0]->attachment().forked()) {
      status = Status::forked;
      break;
    }
    if (hook_ != nullptr && hook_(hook_context_)) {
      status = Status::interrupted;
      break;
    }
    const std::int64_t now = os::now_ns();
    const std::int64_t end = deadline.at(now);
    if (now >= end) {
      status = Status::timeout;
      break;
    }
    // another client's lane may get free too, of which nobody tells us
    os::futex_wait(reinterpret_cast<const std::uint32_t&>(freed_), seen, std::min(end - now, ask_again_ns));
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return status;
}

void ClientCore::lane_is_free() noexcept {
  // the lane was given back before; pairs with the fetch_add in await_lane()
  if (waiting_.load(std::memory_order_seq_cst) == 0) [[likely]] {
    return;
  }
  freed_.fetch_add(1, std::memory_order_seq_cst);
  os::futex_wake_all(reinterpret_cast<std::uint32_t&>(freed_));
}

// The lane of send() and receive(): one that no call is using when they are first used, where there is one.
CallerLane& ClientCore::pipeline() noexcept {
  if (CallerLane* chosen = pipeline_.load(std::memory_order_acquire)) return *chosen;
  const std::lock_guard lock(choosing_);
  if (CallerLane* chosen = pipeline_.load(std::memory_order_acquire)) return *chosen;
  CallerLane* lane = try_lane(true);
  if (lane == nullptr) {
    if (auto added = one_more_lane(); added && (*added)->try_own(CallerLane::calling)) lane = *added;
  }
  if (lane == nullptr) lane = try_lane(false);
  CallerLane* const chosen = lane != nullptr ? lane : lanes_[0];
  pipeline_.store(chosen, std::memory_order_release);
  if (lane != nullptr) lane->disown(CallerLane::calling);
  return *chosen;
}

Result<CallerLane*> ClientCore::own_pipeline(CallerLane::Use use, stream::Deadline& deadline) noexcept {
  if (lanes_[0]->is_forked()) return Status::forked;
  if (take_interrupt()) return Status::interrupted;
  CallerLane& lane = pipeline();
  if (lane.try_own(use)) return &lane;
  const Status status = await_lane(deadline, [&] { return lane.try_own(use); });
  if (status != Status::ok) return status;
  return &lane;
}

// ---------------------------------------------------------------- calling

namespace {
/// A lane that was taken for one call.
class OneCall {
 public:
  explicit OneCall(CallerLane& lane) noexcept : lane_(lane) {}
  OneCall(const OneCall&) = delete;
  OneCall& operator=(const OneCall&) = delete;
  ~OneCall() {
    if (sent_ != 0) lane_.give_up(sent_);
    lane_.disown(CallerLane::calling);
  }
  void sent(std::uint64_t sequence) noexcept { sent_ = sequence; }

 private:
  CallerLane& lane_;
  std::uint64_t sent_ = 0;
};
}  // namespace

Result<Response> ClientCore::call(std::span<const std::byte> request, std::chrono::nanoseconds timeout,
                                  const RequestInfo& info) noexcept {
  stream::Deadline deadline(timeout);
  auto lane = lane_for_call(deadline);
  if (!lane) return lane.take_failure();
  OneCall call(**lane);
  auto sent = (*lane)->send(request, deadline, info, CallerLane::calling);
  if (!sent) return sent.take_failure();
  call.sent(*sent);
  return (*lane)->receive(*sent, deadline);
}

Result<PendingCall> ClientCore::begin(std::span<const std::byte> request, std::chrono::nanoseconds timeout,
                                      const RequestInfo& info) noexcept {
  stream::Deadline deadline(timeout);
  auto lane = lane_for_call(deadline);
  if (!lane) return lane.take_failure();
  auto sent = (*lane)->send(request, deadline, info, CallerLane::calling);
  if (!sent) {
    (*lane)->disown(CallerLane::calling);
    return sent.take_failure();
  }
  (*lane)->retain();
  return PendingCall(*lane, *sent);
}

Result<RequestClaim> ClientCore::claim(std::size_t size, std::size_t response_capacity,
                                       std::chrono::nanoseconds timeout, bool pipelined) noexcept {
  stream::Deadline deadline(timeout);
  const CallerLane::Use use = pipelined ? CallerLane::sending : CallerLane::calling;
  CallerLane* lane = nullptr;
  if (pipelined) {
    auto owned = own_pipeline(use, deadline);
    if (!owned) return owned.take_failure();
    lane = *owned;
  } else {
    auto found = lane_for_call(deadline);
    if (!found) return found.take_failure();
    lane = *found;
  }
  auto room = lane->claim(size, response_capacity, deadline, use);
  if (!room) {
    lane->disown(use);
    return room.take_failure();
  }
  lane->retain();
  return RequestClaim(lane, *room, pipelined);
}

Result<std::uint64_t> ClientCore::send(std::span<const std::byte> request, std::chrono::nanoseconds timeout,
                                       const RequestInfo& info) noexcept {
  stream::Deadline deadline(timeout);
  auto owned = own_pipeline(CallerLane::sending, deadline);
  if (!owned) return owned.take_failure();
  CallerLane& lane = **owned;
  lane.count_pipelined();  // before it is sent: the receiver may be faster
  auto sent = lane.send(request, deadline, info, CallerLane::sending);
  if (!sent) lane.uncount_pipelined();
  lane.disown(CallerLane::sending);
  return sent;
}

Result<Response> ClientCore::receive(std::chrono::nanoseconds timeout) noexcept {
  stream::Deadline deadline(timeout);
  auto owned = own_pipeline(CallerLane::receiving, deadline);
  if (!owned) return owned.take_failure();
  auto response = (*owned)->receive_pipelined(deadline);
  (*owned)->disown(CallerLane::receiving);
  return response;
}

Result<Received> ClientCore::receive_into(std::span<std::byte> buffer, std::chrono::nanoseconds timeout) noexcept {
  stream::Deadline deadline(timeout);
  auto owned = own_pipeline(CallerLane::receiving, deadline);
  if (!owned) return owned.take_failure();
  auto received = (*owned)->receive_pipelined_into(buffer, deadline);
  (*owned)->disown(CallerLane::receiving);
  return received;
}

Result<void> ClientCore::when_ready(ReadyCallback callback, void* context) {
  if (lanes_[0]->is_forked()) return Status::forked;
  if (take_interrupt()) return Status::interrupted;
  return pipeline().when_pipelined(callback, context);
}
bool ClientCore::cancel_when() noexcept {
  CallerLane* const lane = pipeline_.load(std::memory_order_acquire);
  return lane != nullptr && lane->cancel_pipelined();
}

// ---------------------------------------------------------------- the rest

bool ClientCore::take_interrupt() noexcept {
  return interrupted_.load(std::memory_order_relaxed) && interrupted_.exchange(false, std::memory_order_seq_cst);
}

void ClientCore::interrupt() noexcept {
  interrupts_.fetch_add(1, std::memory_order_seq_cst);
  bool ended = waiting_.load(std::memory_order_seq_cst) != 0;
  for (std::size_t i = 0; i < count(); ++i) ended = lanes_[i]->interrupt() || ended;
  if (!ended) interrupted_.store(true, std::memory_order_seq_cst);
  lane_is_free();
  if (callbacks_ != nullptr) callbacks_->interrupt();
}

void ClientCore::set_wait_hook(WaitHook hook, void* context) noexcept {
  const std::lock_guard lock(adding_);
  hook_ = hook;
  hook_context_ = context;
  for (std::size_t i = 0; i < count(); ++i) lanes_[i]->set_wait_hook(hook, context);
  if (callbacks_ != nullptr) callbacks_->set_wait_hook(hook, context);
}

DuplexStats ClientCore::stats() const noexcept {
  DuplexStats stats;
  if (callbacks_ != nullptr) {
    callbacks_->add_to(stats);
    stats.callbacks = std::exchange(stats.requests, 0);
    stats.answers = stats.errors = 0;
  }
  for (std::size_t i = 0; i < count(); ++i) lanes_[i]->add_to(stats);
  stats.lanes = static_cast<std::uint32_t>(count());
  return stats;
}

std::shared_ptr<const void> ClientCore::mapping() const {
  const std::lock_guard lock(adding_);
  return std::make_shared<std::vector<std::shared_ptr<const void>>>(memory_);
}

DuplexInfo ClientCore::info() const noexcept { return info_of(lanes_[0]->attachment()); }

void ClientCore::close() noexcept {
  const std::size_t lanes = count();
  if (lanes != 0 && lanes_[0]->attachment().forked()) return;  // the parent's
  if (callbacks_ != nullptr) callbacks_->end();
  for (std::size_t i = 0; i < lanes; ++i) lanes_[i]->end();
  delete this;
}

DuplexInfo info_of(const buffer::Attachment& attachment) noexcept {
  const buffer::Geometry& geometry = attachment.segment().geometry();
  const auto most = [](std::uint64_t capacity) { return capacity == 0 ? 0 : capacity - protocol::header_size; };
  DuplexInfo info;
  info.segment_size = geometry.segment_size;
  info.max_request_size = most(geometry.shape.request_capacity);
  info.max_response_size =
      most(geometry.shape.in_place ? geometry.shape.request_capacity : geometry.shape.response_capacity);
  info.max_callback_size = most(geometry.shape.callback_capacity);
  info.lanes = geometry.shape.lanes;
  info.in_place = geometry.shape.in_place;
  info.created = attachment.created();
  return info;
}

}  // namespace zerobuffer::duplex
