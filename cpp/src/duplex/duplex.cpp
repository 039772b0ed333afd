// The public handles of duplex channels.
#include "zerobuffer/duplex.hpp"

#include "duplex/answerer.hpp"
#include "duplex/caller_lane.hpp"
#include "duplex/client_core.hpp"
#include "duplex/server_core.hpp"

namespace zerobuffer {
using duplex::CallerLane;

// ---------------------------------------------------------------- answers and requests

void Response::release() noexcept {
  if (lane_ == nullptr) return;
  data_ = nullptr;
  size_ = 0;
  std::exchange(lane_, nullptr)->release(held_);
}

namespace {
// Whether an attempt to receive has ended a call.
bool is_over(Status status) noexcept {
  return status != Status::timeout && status != Status::interrupted && status != Status::buffer_too_small &&
         status != Status::too_many_held && status != Status::held_frames_block;
}
}  // namespace

Result<Response> PendingCall::receive(std::chrono::nanoseconds timeout) noexcept {
  if (lane_ == nullptr) return Status::handle_closed;
  auto response = lane_->receive(sequence_, stream::Deadline(timeout));
  if (is_over(response.status())) abandon();
  return response;
}
Result<Response> PendingCall::try_receive() noexcept {
  auto response = receive(std::chrono::nanoseconds::zero());
  if (response.status() == Status::timeout) return Status::would_block;
  return response;
}
Result<Received> PendingCall::receive_into(std::span<std::byte> buffer, std::chrono::nanoseconds timeout) noexcept {
  if (lane_ == nullptr) return Status::handle_closed;
  auto received = lane_->receive_into(sequence_, buffer, stream::Deadline(timeout));
  if (is_over(received.status())) abandon();
  return received;
}
Result<void> PendingCall::when_ready(ReadyCallback callback, void* context) {
  return lane_ != nullptr ? lane_->when_ready(callback, context) : Status::handle_closed;
}
bool PendingCall::cancel_when() noexcept { return lane_ != nullptr && lane_->cancel_when(); }
void PendingCall::abandon() noexcept {
  if (lane_ == nullptr) return;
  CallerLane* const lane = std::exchange(lane_, nullptr);
  lane->cancel_when();
  lane->give_up(sequence_);
  lane->disown(CallerLane::calling);
  lane->drop();
}

Result<PendingCall> RequestClaim::begin(std::size_t n, RequestInfo info) noexcept {
  if (lane_ == nullptr || lane_->ended()) return Status::handle_closed;
  if (lane_->is_forked()) return Status::forked;
  if (pipelined_) return Failure(Status::invalid_argument, "a claim of claim_send() is sent with send()");
  if (n > size_) return Failure(Status::invalid_argument, n, size_);
  const std::uint64_t sequence = lane_->commit(n, info);
  return PendingCall(std::exchange(lane_, nullptr), sequence);
}
Result<Response> RequestClaim::call(std::size_t n, std::chrono::nanoseconds timeout, RequestInfo info) noexcept {
  auto pending = begin(n, info);
  if (!pending) return pending.take_failure();
  return pending->receive(timeout);
}
Result<std::uint64_t> RequestClaim::send(std::size_t n, RequestInfo info) noexcept {
  if (lane_ == nullptr || lane_->ended()) return Status::handle_closed;
  if (lane_->is_forked()) return Status::forked;
  if (!pipelined_)
    return Failure(Status::invalid_argument, "a claim of claim_request() is sent with begin() or call()");
  if (n > size_) return Failure(Status::invalid_argument, n, size_);
  lane_->count_pipelined();  // before it is sent: the receiver may be faster
  const std::uint64_t sequence = lane_->commit(n, info);
  CallerLane* const lane = std::exchange(lane_, nullptr);
  lane->disown(CallerLane::sending);
  lane->drop();
  return sequence;
}
void RequestClaim::discard() noexcept {
  if (lane_ == nullptr) return;
  CallerLane* const lane = std::exchange(lane_, nullptr);
  if (!lane->is_forked()) lane->discard_claim();
  lane->disown(pipelined_ ? CallerLane::sending : CallerLane::calling);
  lane->drop();
}

Result<std::span<std::byte>> Request::claim(std::size_t size) noexcept {
  return answerer_ != nullptr ? answerer_->claim(*this, size) : Status::handle_closed;
}
Result<void> Request::respond(std::size_t n, std::uint16_t type) noexcept {
  return answerer_ != nullptr ? answerer_->respond(*this, n, type) : Status::handle_closed;
}
Result<void> Request::write(std::span<const std::byte> answer, std::uint16_t type) noexcept {
  return answerer_ != nullptr ? answerer_->write(*this, answer, type) : Status::handle_closed;
}
void Request::fail(std::string_view text) noexcept {
  if (answerer_ != nullptr) answerer_->fail(*this, text);
}
void Request::finish() noexcept {
  if (answerer_ != nullptr) answerer_->finish(*this);
}

void fail_unknown_type(Request& request) noexcept {
  request.fail("no handler for requests of type " + std::to_string(request.type()));
}

// ---------------------------------------------------------------- client

Result<DuplexClient> DuplexClient::open(std::string_view name, Timeout connect_timeout, const DuplexConfig& config) {
  auto core = duplex::ClientCore::open(name, connect_timeout, config);
  if (!core) return core.take_failure();
  return DuplexClient(*core);
}
DuplexClient::DuplexClient(DuplexClient&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)), workers_(std::move(other.workers_)) {}
DuplexClient& DuplexClient::operator=(DuplexClient&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::exchange(other.core_, nullptr);
    workers_ = std::move(other.workers_);
  }
  return *this;
}
DuplexClient::~DuplexClient() { close(); }

Result<Response> DuplexClient::call(std::span<const std::byte> request, Timeout timeout, RequestInfo info) noexcept {
  return core_ != nullptr ? core_->call(request, timeout, info) : Status::handle_closed;
}
Result<PendingCall> DuplexClient::begin(std::span<const std::byte> request, Timeout timeout,
                                        RequestInfo info) noexcept {
  return core_ != nullptr ? core_->begin(request, timeout, info) : Status::handle_closed;
}
Result<RequestClaim> DuplexClient::claim_request(std::size_t size, std::size_t response_capacity,
                                                 Timeout timeout) noexcept {
  return core_ != nullptr ? core_->claim(size, response_capacity, timeout, false) : Status::handle_closed;
}
Result<std::uint64_t> DuplexClient::send(std::span<const std::byte> request, Timeout timeout,
                                         RequestInfo info) noexcept {
  return core_ != nullptr ? core_->send(request, timeout, info) : Status::handle_closed;
}
Result<RequestClaim> DuplexClient::claim_send(std::size_t size, std::size_t response_capacity,
                                              Timeout timeout) noexcept {
  return core_ != nullptr ? core_->claim(size, response_capacity, timeout, true) : Status::handle_closed;
}
Result<Response> DuplexClient::receive(Timeout timeout) noexcept {
  return core_ != nullptr ? core_->receive(timeout) : Status::handle_closed;
}
Result<Received> DuplexClient::receive_into(std::span<std::byte> buffer, Timeout timeout) noexcept {
  return core_ != nullptr ? core_->receive_into(buffer, timeout) : Status::handle_closed;
}
Result<void> DuplexClient::when_ready(ReadyCallback callback, void* context) {
  return core_ != nullptr ? core_->when_ready(callback, context) : Status::handle_closed;
}
bool DuplexClient::cancel_when() noexcept { return core_ != nullptr && core_->cancel_when(); }

namespace {
Failure no_calls() {
  return {Status::invalid_argument, "this channel was made with callback_size 0: its server cannot call"};
}
}  // namespace

Result<Request> DuplexClient::Taker::take(Timeout timeout) noexcept {
  return core->calls_of_server()->take(timeout, true);
}
Result<Request> DuplexClient::take(Timeout timeout) noexcept {
  if (core_ == nullptr) return Status::handle_closed;
  if (core_->calls_of_server() == nullptr) return no_calls();
  return core_->calls_of_server()->take(timeout, false);
}
Result<void> DuplexClient::when_call(ReadyCallback callback, void* context) {
  if (core_ == nullptr) return Status::handle_closed;
  if (core_->calls_of_server() == nullptr) return no_calls();
  return core_->calls_of_server()->when_ready(callback, context);
}
bool DuplexClient::cancel_when_call() noexcept {
  return core_ != nullptr && core_->calls_of_server() != nullptr && core_->calls_of_server()->cancel_when();
}
Result<void> DuplexClient::start_workers(std::uint32_t threads, std::function<Result<void>()> loop) {
  if (core_ == nullptr) return Status::handle_closed;
  if (core_->calls_of_server() == nullptr) return no_calls();
  return workers_.start(threads, std::move(loop), *core_->calls_of_server());
}
Result<void> DuplexClient::stop() noexcept { return workers_.stop(); }

void DuplexClient::interrupt() noexcept {
  if (core_ != nullptr) core_->interrupt();
}
void DuplexClient::set_wait_hook(WaitHook hook, void* context) noexcept {
  if (core_ != nullptr) core_->set_wait_hook(hook, context);
}
DuplexStats DuplexClient::stats() const noexcept { return core_ != nullptr ? core_->stats() : DuplexStats{}; }
DuplexInfo DuplexClient::info() const noexcept { return core_ != nullptr ? core_->info() : DuplexInfo{}; }
std::uint64_t DuplexClient::id() const noexcept { return core_ != nullptr ? core_->id() : 0; }
std::shared_ptr<const void> DuplexClient::mapping() const { return core_ != nullptr ? core_->mapping() : nullptr; }
void DuplexClient::close() noexcept {
  if (workers_.runs_this_thread()) return;
  static_cast<void>(workers_.stop());
  if (core_ != nullptr) std::exchange(core_, nullptr)->close();
}

// ---------------------------------------------------------------- server

Result<duplex::ServerCore*> DuplexServer::create_core(std::string_view name, bool in_place,
                                                      const DuplexConfig& config) {
  return duplex::ServerCore::create(name, in_place, config);
}
DuplexServer::DuplexServer(DuplexServer&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)), workers_(std::move(other.workers_)) {}
DuplexServer& DuplexServer::operator=(DuplexServer&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::exchange(other.core_, nullptr);
    workers_ = std::move(other.workers_);
  }
  return *this;
}
DuplexServer::~DuplexServer() { close(); }

Result<Request> DuplexServer::Taker::take(Timeout timeout) noexcept { return core->take(timeout, true); }
Result<Request> DuplexServer::take(Timeout timeout) noexcept {
  return core_ != nullptr ? core_->take(timeout, false) : Status::handle_closed;
}
Result<Request> DuplexServer::try_take() noexcept {
  auto taken = take(std::chrono::nanoseconds::zero());
  if (taken.status() == Status::timeout) return Status::would_block;
  return taken;
}
Result<void> DuplexServer::when_ready(ReadyCallback callback, void* context) {
  return core_ != nullptr ? core_->when_ready(callback, context) : Status::handle_closed;
}
bool DuplexServer::cancel_when() noexcept { return core_ != nullptr && core_->cancel_when(); }
Result<void> DuplexServer::start_workers(std::uint32_t threads, std::function<Result<void>()> loop) {
  if (core_ == nullptr) return Status::handle_closed;
  return workers_.start(threads, std::move(loop), *core_);
}
Result<void> DuplexServer::stop() noexcept { return workers_.stop(); }

std::vector<std::uint64_t> DuplexServer::clients() const {
  return core_ != nullptr ? core_->clients() : std::vector<std::uint64_t>{};
}
Result<Response> DuplexServer::call_client(std::uint64_t client, std::span<const std::byte> request, Timeout timeout,
                                           RequestInfo info) noexcept {
  return core_ != nullptr ? core_->call_client(client, request, timeout, info) : Status::handle_closed;
}
Result<void> DuplexServer::notify(std::uint64_t client, std::span<const std::byte> notice, Timeout timeout,
                                  RequestInfo info) noexcept {
  return core_ != nullptr ? core_->notify(client, notice, timeout, info) : Status::handle_closed;
}
void DuplexServer::interrupt() noexcept {
  if (core_ != nullptr) core_->interrupt_all();
}
void DuplexServer::set_wait_hook(WaitHook hook, void* context) noexcept {
  if (core_ != nullptr) core_->set_hook(hook, context);
}
DuplexStats DuplexServer::stats() const noexcept { return core_ != nullptr ? core_->stats() : DuplexStats{}; }
DuplexInfo DuplexServer::info() const noexcept { return core_ != nullptr ? core_->info() : DuplexInfo{}; }
std::shared_ptr<const void> DuplexServer::mapping() const { return core_ != nullptr ? core_->mapping() : nullptr; }
void DuplexServer::close() noexcept {
  if (workers_.runs_this_thread()) return;
  if (core_ != nullptr) core_->begin_close();  // a client that reads nothing does not keep a worker from ending
  static_cast<void>(workers_.stop());
  if (core_ != nullptr) std::exchange(core_, nullptr)->close();
}

}  // namespace zerobuffer
