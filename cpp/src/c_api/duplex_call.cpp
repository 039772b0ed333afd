// Calls on their way, for C: the room for a request, a call that waits for its answer, and the answer.
#include "c_api/answer.hpp"
#include "c_api/duplex_config.hpp"
#include "c_api/duplex_handover.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

namespace {

/// One look for an answer. The struct keeps the call until it has ended.
template <class Receive, class Out>
[[gnu::always_inline]] inline zb_status receive_from(zb_call* call, Out* out, Receive&& receive) noexcept {
  if (call == nullptr) [[unlikely]] {
    return failed(Status::handle_closed);
  }
  Borrowed<PendingCall> pending = DuplexHandover::borrow(*call);
  auto received = receive(pending.object);
  if (!pending.object.valid()) call->owner = nullptr;
  return answer_into(std::move(received), out);
}

/// One attempt to send. The room comes back where it was refused.
template <class Send>
[[gnu::always_inline]] inline zb_status send_from(zb_outgoing* outgoing, const zb_request_info* info,
                                                  Send&& send) noexcept {
  if (outgoing == nullptr) [[unlikely]] {
    return failed(Status::handle_closed);
  }
  return with_info(info, [&](const RequestInfo& with) {
    RequestClaim claim = DuplexHandover::take(*outgoing);
    const zb_status status = send(claim, with);
    if (claim.valid()) {
      *outgoing = DuplexHandover::give(std::move(claim));
    } else {
      *outgoing = {};
    }
    return status;
  });
}

}  // namespace

void zb_response_release(zb_response* response) {
  if (response == nullptr) return;
  DuplexHandover::take(*response).release();
  response->data = nullptr;
  response->size = 0;
}

zb_status zb_call_receive(zb_call* call, int64_t timeout_ns, zb_response* response) {
  if (response == nullptr) return invalid("there is nowhere to put the answer (NULL)");
  response->owner = nullptr;
  return receive_from(call, response, [&](PendingCall& pending) { return pending.receive(to_timeout(timeout_ns)); });
}
zb_status zb_call_try_receive(zb_call* call, zb_response* response) {
  if (response == nullptr) return invalid("there is nowhere to put the answer (NULL)");
  response->owner = nullptr;
  return receive_from(call, response, [](PendingCall& pending) { return pending.try_receive(); });
}
zb_status zb_call_receive_into(zb_call* call, void* buffer, size_t capacity, int64_t timeout_ns,
                               zb_received* received) {
  if (received == nullptr) return invalid("there is nowhere to put what was received (NULL)");
  *received = {};
  if (missing(buffer, capacity)) return invalid("the buffer is NULL and its capacity is not 0");
  return receive_from(call, received, [&](PendingCall& pending) {
    return pending.receive_into({static_cast<std::byte*>(buffer), capacity}, to_timeout(timeout_ns));
  });
}

zb_status zb_call_when_ready(zb_call* call, zb_ready_callback callback, void* context) {
  if (call == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = DuplexHandover::borrow(*call).object.when_ready(callback, context);
    return answer(asked);
  });
}
bool zb_call_cancel_when(zb_call* call) {
  return call != nullptr && DuplexHandover::borrow(*call).object.cancel_when();
}
void zb_call_abandon(zb_call* call) {
  if (call != nullptr) DuplexHandover::take(*call).abandon();
}

zb_status zb_outgoing_begin(zb_outgoing* outgoing, size_t n, const zb_request_info* info, zb_call* call) {
  if (call == nullptr) return invalid("there is nowhere to put the call (NULL)");
  *call = {};
  return send_from(outgoing, info, [&](RequestClaim& claim, const RequestInfo& with) {
    return answer_into(claim.begin(n, with), call);
  });
}
zb_status zb_outgoing_call(zb_outgoing* outgoing, size_t n, int64_t timeout_ns, const zb_request_info* info,
                           zb_response* response) {
  if (response == nullptr) return invalid("there is nowhere to put the answer (NULL)");
  response->owner = nullptr;
  return send_from(outgoing, info, [&](RequestClaim& claim, const RequestInfo& with) {
    return answer_into(claim.call(n, to_timeout(timeout_ns), with), response);
  });
}
zb_status zb_outgoing_send(zb_outgoing* outgoing, size_t n, const zb_request_info* info, uint64_t* sequence) {
  return send_from(outgoing, info, [&](RequestClaim& claim, const RequestInfo& with) {
    Result<std::uint64_t> sent = claim.send(n, with);
    if (sent && sequence != nullptr) *sequence = *sent;
    return answer(sent);
  });
}
void zb_outgoing_discard(zb_outgoing* outgoing) {
  if (outgoing == nullptr) return;
  DuplexHandover::take(*outgoing).discard();
  *outgoing = {};
}
