// Serving, and calling the clients.
#include "duplex/server_core.hpp"

#include <algorithm>
#include <utility>

#include "duplex/behaviour.hpp"
#include "duplex/client_core.hpp"
#include "stream/exit_guard.hpp"

namespace zerobuffer::duplex {
namespace {
using Slots = ring::Slots<buffer::Machine>;

constexpr std::uint64_t answers_to_server = 2;  // bit of a callback ring's readers_waiting; 1 is the client's
constexpr std::uint32_t few_lanes = 8;          // so many are asked where they run
}  // namespace

Result<ServerCore*> ServerCore::create(std::string_view name, bool in_place, const DuplexConfig& config) {
  if (auto valid = buffer::check_config(config); !valid) return valid.take_failure();
  auto attachment =
      buffer::Attachment::create(name, behaviour_of(config), buffer::Role::server, buffer::plan(config, in_place));
  if (!attachment) return attachment.take_failure();
  auto* core = new ServerCore(std::move(*attachment), config);
  // what a predecessor left is looked at before anything new
  if (auto added = core->add_lanes(); !added) {
    core->close();
    return added.take_failure();
  }
  return core;
}

ServerCore::ServerCore(buffer::Attachment attachment, const DuplexConfig& config)
    : ServerPlace{std::move(attachment)},
      RequestSource(ServerPlace::own_place, ServerPlace::own_place.oieb(), config),
      config_(config),
      callers_(std::make_unique<Caller[]>(shape().lanes)) {
  memory_ = ServerPlace::own_place.segment().owner();
  stream::leave_at_exit(ServerPlace::own_place);
}

std::uint32_t ServerCore::lanes_used() const noexcept {
  return std::min(Machine::load_acquire(attachment().oieb().lanes_used), shape().lanes);
}

Result<void> ServerCore::add_lanes() {
  const BufferConfig behaviour = behaviour_of(config_);
  buffer::Attachment& place = ServerPlace::own_place;
  const std::lock_guard lock(mapping_);
  for (std::uint32_t lane = static_cast<std::uint32_t>(count()); lane < lanes_used(); ++lane) {
    const os::Access requests = shape().in_place ? os::Access::read_write : os::Access::read_only;
    auto in = place.map_ring(shape().request_ring(lane), behaviour, requests);
    if (!in) return in.take_failure();
    AnswererRings rings{*in, *in, shape().in_place};
    if (!shape().in_place) {
      auto out = place.map_ring(shape().response_ring(lane), behaviour, os::Access::read_write);
      if (!out) return out.take_failure();
      rings.out = *out;
    }
    add(std::make_unique<Answerer>(place, rings, Peer::lane(place, lane), config_, false, as_owner(), share()));
    memory_ = place.segment().owner();
  }
  return {};
}

std::uint64_t ServerCore::client_of(std::size_t lane) const noexcept {
  return Machine::load_acquire(attachment().segment().slots()[lane].client);
}

stream::PeerCpu ServerCore::peer_cpu(int cpu) const noexcept {
  const std::size_t lanes = count();
  if (lanes == 0 || lanes > few_lanes) return stream::PeerCpu::unknown;
  stream::PeerCpu nearest = stream::PeerCpu::another;
  for (std::size_t i = 0; i < lanes; ++i) {
    const protocol::ReaderSlot& slot = attachment().segment().slots()[i];
    if (Slots::place(slot).slot_state() != protocol::SlotState::active) continue;
    const stream::PeerCpu at = where(Machine::load_relaxed(slot.last_cpu), cpu);
    if (at == stream::PeerCpu::mine) return at;
    if (at == stream::PeerCpu::unknown) nearest = at;
  }
  return nearest;
}

void ServerCore::seen_on(int cpu) noexcept {
  if (cpu != cpu_) Machine::store_relaxed(attachment().oieb().writer_last_cpu, cpu_ = cpu);
}

// Its client is told (`evicted`), and nobody gets this lane again: nobody knows what its positions mean.
Status ServerCore::lane_is_broken(std::size_t lane) noexcept {
  protocol::ReaderSlot& slot = attachment().segment().slots()[lane];
  const protocol::PlaceWord seen = Slots::place(slot);
  Machine::compare_exchange(slot.place, seen.bits,
                            protocol::PlaceWord::of(protocol::SlotState::broken, seen.epoch()).bits);
  return Status::ok;
}

// ---------------------------------------------------------------- calling the clients

bool ServerCore::is_client(std::uint64_t client) const noexcept {
  if (client == 0 || lane_of_client(client) >= lanes_used()) return false;
  const std::uint32_t lane = lane_of_client(client);
  const protocol::ReaderSlot& slot = attachment().segment().slots()[lane];
  const protocol::PlaceWord place = Slots::place(slot);
  return place.slot_state() == protocol::SlotState::active && client_id(lane, place.epoch()) == client &&
         Machine::load_acquire(slot.client) == client && attachment().slot_lock_held(lane);
}

std::vector<std::uint64_t> ServerCore::clients() const {
  std::vector<std::uint64_t> found;
  if (attachment().forked()) return found;
  for (std::uint32_t lane = 0; lane < lanes_used(); ++lane) {
    const std::uint64_t client = client_of(lane);
    if (client != 0 && lane_of_client(client) == lane && is_client(client)) found.push_back(client);
  }
  return found;
}

// Only by who is inside the lane's gate.
Result<CallerLane*> ServerCore::caller(std::uint32_t lane) {
  Caller& caller = callers_[lane];
  if (CallerLane* made = caller.lane.load(std::memory_order_acquire)) return made;
  buffer::Attachment& place = ServerPlace::own_place;
  Result<ring::RingMemory> ring = Status::ok;
  {
    const std::lock_guard lock(mapping_);
    ring = place.map_ring(shape().callback_ring(lane), behaviour_of(config_), os::Access::read_write);
    memory_ = place.segment().owner();
  }
  if (!ring) return ring.take_failure();
  if (!ring::positions_possible<Machine>(*ring))
    return Failure(Status::corrupt, "the positions of callback ring " + std::to_string(lane) + " do not fit together");
  const CallerRings rings{*ring, *ring, true, ring->oieb, answers_to_server};
  auto* made = new CallerLane(std::nullopt, &place, rings, Peer::lane(place, lane), config_, this);
  made->set_wait_hook(hook_, hook_context_);
  parts_.fetch_add(1, std::memory_order_relaxed);
  caller.lane.store(made, std::memory_order_release);
  return made;
}

template <class Call>
auto ServerCore::with_caller(std::uint64_t client, stream::Deadline& deadline, Call&& call) noexcept
    -> decltype(call(std::declval<CallerLane&>())) {
  if (attachment().forked()) return Status::forked;
  if (shape().callback_capacity == 0) {
    return Failure(Status::invalid_argument, "this channel was made with callback_size 0: its server cannot call");
  }
  if (!is_client(client)) return Failure(Status::not_found, "client " + std::to_string(client) + " is gone");
  Caller& entry = callers_[lane_of_client(client)];
  if (!entry.gate.enter(deadline, [&] { return !is_client(client); })) {
    if (!is_client(client)) return Failure(Status::not_found, "client " + std::to_string(client) + " is gone");
    return Status::timeout;
  }
  const Inside inside(entry.gate);
  try {
    auto lane = caller(lane_of_client(client));
    if (!lane) return lane.take_failure();
    static_cast<void>((*lane)->try_own(CallerLane::calling));
    auto result = call(**lane);
    (*lane)->disown(CallerLane::calling);
    if (result) calls_.fetch_add(1, std::memory_order_relaxed);
    return result;
  } catch (const std::exception& error) {
    return Failure(Status::system_error, std::string("the client cannot be called: ") + error.what());
  }
}

// Nobody has taken the lane that this client has or had.
bool ServerCore::had_lane_last(std::uint64_t client) const noexcept {
  const std::uint32_t lane = lane_of_client(client);
  return client_id(lane, Slots::place(attachment().segment().slots()[lane]).epoch()) == client;
}

Result<std::uint64_t> ServerCore::send_to(std::uint64_t client, CallerLane& lane, std::span<const std::byte> request,
                                          stream::Deadline& deadline, const RequestInfo& info) noexcept {
  auto room = lane.claim(request.size(), info.response_capacity, deadline, CallerLane::calling);
  if (!room) return room.take_failure();
  if (!had_lane_last(client)) {  // while this waited for room
    lane.discard_claim();
    return Failure(Status::not_found, "client " + std::to_string(client) + " is gone");
  }
  return lane.send_claimed(room->data(), request, info);
}

Result<Response> ServerCore::call_client(std::uint64_t client, std::span<const std::byte> request,
                                         std::chrono::nanoseconds timeout, const RequestInfo& info) noexcept {
  stream::Deadline deadline(timeout);
  return with_caller(client, deadline, [&](CallerLane& lane) -> Result<Response> {
    auto sent = send_to(client, lane, request, deadline, info);
    if (!sent) return sent.take_failure();
    auto response = lane.receive(*sent, deadline);
    lane.give_up(*sent);
    // whoever has the lane by now has stepped over it in whatever state, or has even answered it itself
    if (response && !had_lane_last(client)) return Failure(Status::peer_dead, *sent);
    return response;
  });
}

Result<void> ServerCore::notify(std::uint64_t client, std::span<const std::byte> notice,
                                std::chrono::nanoseconds timeout, const RequestInfo& info) noexcept {
  stream::Deadline deadline(timeout);
  return with_caller(client, deadline, [&](CallerLane& lane) -> Result<void> {
    auto sent = send_to(client, lane, notice, deadline, info);
    if (!sent) return sent.take_failure();
    lane.give_up(*sent);
    return {};
  });
}

// ---------------------------------------------------------------- the rest

void ServerCore::interrupt_all() noexcept {
  interrupt();
  for (std::uint32_t i = 0; i < shape().lanes; ++i) {
    if (CallerLane* lane = callers_[i].lane.load(std::memory_order_acquire)) lane->interrupt();
  }
}

void ServerCore::set_hook(WaitHook hook, void* context) noexcept {
  hook_ = hook;
  hook_context_ = context;
  set_wait_hook(hook, context);
}

DuplexStats ServerCore::stats() const noexcept {
  DuplexStats stats;
  for (std::uint32_t i = 0; i < shape().lanes; ++i) {
    if (const CallerLane* lane = callers_[i].lane.load(std::memory_order_acquire)) lane->add_to(stats);
  }
  stats.requests = stats.answers = stats.errors = stats.late = 0;
  add_to(stats);
  stats.callbacks = calls_.load(std::memory_order_relaxed);
  stats.lanes = lanes_used();
  return stats;
}

DuplexInfo ServerCore::info() const noexcept { return info_of(attachment()); }

std::shared_ptr<const void> ServerCore::mapping() const {
  const std::lock_guard lock(mapping_);
  return memory_;
}

void ServerCore::close() noexcept {
  if (attachment().forked()) return;  // the parent's
  ServerPlace::own_place.leave();
  stream::forget_at_exit(ServerPlace::own_place);
  end();
  for (std::uint32_t i = 0; i < shape().lanes; ++i) {
    if (CallerLane* lane = callers_[i].lane.load(std::memory_order_acquire)) lane->end();
  }
  part_ended();
}

void ServerCore::part_ended() noexcept {
  if (parts_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

}  // namespace zerobuffer::duplex
