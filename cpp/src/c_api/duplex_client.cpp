// The calling end of the C interface: each function is one call of zerobuffer::DuplexClient.
#include <memory>

#include "c_api/answer.hpp"
#include "c_api/duplex_config.hpp"
#include "c_api/duplex_handover.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

namespace {

/// One call with bytes to send. `use(end, info)` makes it.
template <class Use>
[[gnu::always_inline]] inline zb_status with_request(zb_client* client, const void* request, std::size_t size,
                                                     const zb_request_info* info, Use&& use) noexcept {
  if (client == nullptr) [[unlikely]] {
    return failed(Status::handle_closed);
  }
  if (missing(request, size)) [[unlikely]] {
    return invalid("the request is NULL and its size is not 0");
  }
  return with_info(info, [&](const RequestInfo& with) { return use(client->end, with); });
}

}  // namespace

zb_status zb_client_open(const char* name, int64_t timeout_ns, const zb_duplex_config* config, zb_client** client) {
  return guarded([&] {
    if (client == nullptr) return invalid("there is nowhere to put the client (NULL)");
    *client = nullptr;
    if (name == nullptr) return failed(no_name());
    Result<DuplexConfig> with = to_cpp(config);
    if (!with) return answer(with);
    auto handle = std::make_unique<zb_client>();
    Result<DuplexClient> opened = DuplexClient::open(name, to_timeout(timeout_ns), *with);
    if (!opened) return answer(opened);
    handle->end = std::move(*opened);
    *client = handle.release();
    return ZB_OK;
  });
}

zb_status zb_client_call(zb_client* client, const void* request, size_t size, int64_t timeout_ns,
                         const zb_request_info* info, zb_response* response) {
  if (response == nullptr) return invalid("there is nowhere to put the answer (NULL)");
  response->owner = nullptr;
  return with_request(client, request, size, info, [&](DuplexClient& end, const RequestInfo& with) {
    return answer_into(end.call(bytes_of(request, size), to_timeout(timeout_ns), with), response);
  });
}
zb_status zb_client_begin(zb_client* client, const void* request, size_t size, int64_t timeout_ns,
                          const zb_request_info* info, zb_call* call) {
  if (call == nullptr) return invalid("there is nowhere to put the call (NULL)");
  *call = {};
  return with_request(client, request, size, info, [&](DuplexClient& end, const RequestInfo& with) {
    return answer_into(end.begin(bytes_of(request, size), to_timeout(timeout_ns), with), call);
  });
}
zb_status zb_client_claim_request(zb_client* client, size_t size, size_t response_capacity, int64_t timeout_ns,
                                  zb_outgoing* outgoing) {
  if (outgoing == nullptr) return invalid("there is nowhere to put the room (NULL)");
  *outgoing = {};
  if (client == nullptr) return failed(Status::handle_closed);
  return answer_into(client->end.claim_request(size, response_capacity, to_timeout(timeout_ns)), outgoing);
}

zb_status zb_client_send(zb_client* client, const void* request, size_t size, int64_t timeout_ns,
                         const zb_request_info* info, uint64_t* sequence) {
  return with_request(client, request, size, info, [&](DuplexClient& end, const RequestInfo& with) {
    Result<std::uint64_t> sent = end.send(bytes_of(request, size), to_timeout(timeout_ns), with);
    if (sent && sequence != nullptr) *sequence = *sent;
    return answer(sent);
  });
}
zb_status zb_client_claim_send(zb_client* client, size_t size, size_t response_capacity, int64_t timeout_ns,
                               zb_outgoing* outgoing) {
  if (outgoing == nullptr) return invalid("there is nowhere to put the room (NULL)");
  *outgoing = {};
  if (client == nullptr) return failed(Status::handle_closed);
  return answer_into(client->end.claim_send(size, response_capacity, to_timeout(timeout_ns)), outgoing);
}
zb_status zb_client_receive(zb_client* client, int64_t timeout_ns, zb_response* response) {
  if (response == nullptr) return invalid("there is nowhere to put the answer (NULL)");
  response->owner = nullptr;
  if (client == nullptr) return failed(Status::handle_closed);
  return answer_into(client->end.receive(to_timeout(timeout_ns)), response);
}
zb_status zb_client_receive_into(zb_client* client, void* buffer, size_t capacity, int64_t timeout_ns,
                                 zb_received* received) {
  if (received == nullptr) return invalid("there is nowhere to put what was received (NULL)");
  *received = {};
  if (client == nullptr) return failed(Status::handle_closed);
  if (missing(buffer, capacity)) return invalid("the buffer is NULL and its capacity is not 0");
  return answer_into(client->end.receive_into({static_cast<std::byte*>(buffer), capacity}, to_timeout(timeout_ns)),
                     received);
}
zb_status zb_client_when_ready(zb_client* client, zb_ready_callback callback, void* context) {
  if (client == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = client->end.when_ready(callback, context);
    return answer(asked);
  });
}
bool zb_client_cancel_when(zb_client* client) { return client != nullptr && client->end.cancel_when(); }

zb_status zb_client_take(zb_client* client, int64_t timeout_ns, zb_request* request) {
  if (request == nullptr) return invalid("there is nowhere to put the request (NULL)");
  request->owner = nullptr;
  if (client == nullptr) return failed(Status::handle_closed);
  return answer_into(client->end.take(to_timeout(timeout_ns)), request);
}
zb_status zb_client_when_call(zb_client* client, zb_ready_callback callback, void* context) {
  if (client == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = client->end.when_call(callback, context);
    return answer(asked);
  });
}
bool zb_client_cancel_when_call(zb_client* client) { return client != nullptr && client->end.cancel_when_call(); }

zb_status zb_client_serve(zb_client* client, zb_request_handler handler, void* context, int64_t timeout_ns) {
  if (client == nullptr) return failed(Status::handle_closed);
  if (handler == nullptr) return invalid("there is no handler (NULL)");
  return guarded([&] {
    Result<void> ended = client->end.serve(Handler{handler, context}, to_timeout(timeout_ns));
    return answer(ended);
  });
}
zb_status zb_client_start(zb_client* client, zb_request_handler handler, void* context, uint32_t threads) {
  if (client == nullptr) return failed(Status::handle_closed);
  if (handler == nullptr) return invalid("there is no handler (NULL)");
  return guarded([&] {
    Result<void> started = client->end.start(Handler{handler, context}, threads);
    return answer(started);
  });
}
zb_status zb_client_stop(zb_client* client) {
  if (client == nullptr) return failed(Status::handle_closed);
  Result<void> stopped = client->end.stop();
  return answer(stopped);
}
uint32_t zb_client_running(const zb_client* client) { return client != nullptr ? client->end.running() : 0; }

void zb_client_interrupt(zb_client* client) {
  if (client != nullptr) client->end.interrupt();
}
void zb_client_set_wait_hook(zb_client* client, zb_wait_hook hook, void* context) {
  if (client != nullptr) client->end.set_wait_hook(hook, context);
}

zb_status zb_client_get_stats(const zb_client* client, zb_duplex_stats* stats) {
  return client != nullptr ? store_stats(client->end.stats(), stats) : failed(Status::handle_closed);
}
zb_status zb_client_get_info(const zb_client* client, zb_duplex_info* info) {
  return client != nullptr ? store_info(client->end.info(), info) : failed(Status::handle_closed);
}
zb_mapping* zb_client_mapping(const zb_client* client) {
  return client != nullptr ? keep(client->end.mapping()) : nullptr;
}
uint64_t zb_client_id(const zb_client* client) { return client != nullptr ? client->end.id() : 0; }

void zb_client_close(zb_client* client) { delete client; }
