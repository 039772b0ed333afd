// The answering end of the C interface: each function is one call of zerobuffer::DuplexServer.
#include <algorithm>
#include <memory>
#include <vector>

#include "c_api/answer.hpp"
#include "c_api/config.hpp"
#include "c_api/duplex_config.hpp"
#include "c_api/duplex_handover.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

zb_status zb_server_create(const char* name, uint32_t kind, const zb_duplex_config* config, zb_server** server) {
  return guarded([&] {
    if (server == nullptr) return invalid("there is nowhere to put the server (NULL)");
    *server = nullptr;
    if (name == nullptr) return failed(no_name());
    if (kind > ZB_SERVER_IN_PLACE) return failed(out_of_range("kind", kind, ZB_SERVER_IN_PLACE));
    Result<DuplexConfig> with = to_cpp(config);
    if (!with) return answer(with);
    auto handle = std::make_unique<zb_server>();
    Result<zb_server> made = zb_server::create(name, kind == ZB_SERVER_IN_PLACE, *with);
    if (!made) return answer(made);
    *handle = std::move(*made);
    *server = handle.release();
    return ZB_OK;
  });
}

zb_status zb_server_take(zb_server* server, int64_t timeout_ns, zb_request* request) {
  if (request == nullptr) return invalid("there is nowhere to put the request (NULL)");
  request->owner = nullptr;
  if (server == nullptr) return failed(Status::handle_closed);
  return answer_into(server->take(to_timeout(timeout_ns)), request);
}
zb_status zb_server_try_take(zb_server* server, zb_request* request) {
  if (request == nullptr) return invalid("there is nowhere to put the request (NULL)");
  request->owner = nullptr;
  if (server == nullptr) return failed(Status::handle_closed);
  return answer_into(server->try_take(), request);
}
zb_status zb_server_when_ready(zb_server* server, zb_ready_callback callback, void* context) {
  if (server == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = server->when_ready(callback, context);
    return answer(asked);
  });
}
bool zb_server_cancel_when(zb_server* server) { return server != nullptr && server->cancel_when(); }

zb_status zb_server_serve(zb_server* server, zb_request_handler handler, void* context, int64_t timeout_ns) {
  if (server == nullptr) return failed(Status::handle_closed);
  if (handler == nullptr) return invalid("there is no handler (NULL)");
  return guarded([&] {
    Result<void> ended = server->serve(Handler{handler, context}, to_timeout(timeout_ns));
    return answer(ended);
  });
}
zb_status zb_server_start(zb_server* server, zb_request_handler handler, void* context, uint32_t threads) {
  if (server == nullptr) return failed(Status::handle_closed);
  if (handler == nullptr) return invalid("there is no handler (NULL)");
  return guarded([&] {
    Result<void> started = server->start(Handler{handler, context}, threads);
    return answer(started);
  });
}
zb_status zb_server_stop(zb_server* server) {
  if (server == nullptr) return failed(Status::handle_closed);
  Result<void> stopped = server->stop();
  return answer(stopped);
}
uint32_t zb_server_running(const zb_server* server) { return server != nullptr ? server->running() : 0; }

zb_status zb_server_clients(const zb_server* server, uint64_t* clients, size_t capacity, size_t* count) {
  if (count == nullptr) return invalid("there is nowhere to put the count (NULL)");
  *count = 0;
  if (server == nullptr) return failed(Status::handle_closed);
  if (missing(clients, capacity)) return invalid("there is no room for the clients (NULL), and its capacity is not 0");
  return guarded([&] {
    const std::vector<std::uint64_t> attached = server->clients();
    *count = attached.size();
    std::copy_n(attached.begin(), std::min(attached.size(), capacity), clients);
    return ZB_OK;
  });
}
zb_status zb_server_call_client(zb_server* server, uint64_t client, const void* request, size_t size,
                                int64_t timeout_ns, const zb_request_info* info, zb_response* response) {
  if (response == nullptr) return invalid("there is nowhere to put the answer (NULL)");
  response->owner = nullptr;
  if (server == nullptr) return failed(Status::handle_closed);
  if (missing(request, size)) return invalid("the request is NULL and its size is not 0");
  return with_info(info, [&](const RequestInfo& with) {
    return answer_into(server->call_client(client, bytes_of(request, size), to_timeout(timeout_ns), with), response);
  });
}
zb_status zb_server_notify(zb_server* server, uint64_t client, const void* notice, size_t size, int64_t timeout_ns,
                           const zb_request_info* info) {
  if (server == nullptr) return failed(Status::handle_closed);
  if (missing(notice, size)) return invalid("the notice is NULL and its size is not 0");
  return with_info(info, [&](const RequestInfo& with) {
    Result<void> sent = server->notify(client, bytes_of(notice, size), to_timeout(timeout_ns), with);
    return answer(sent);
  });
}

void zb_server_interrupt(zb_server* server) {
  if (server != nullptr) server->interrupt();
}
void zb_server_set_wait_hook(zb_server* server, zb_wait_hook hook, void* context) {
  if (server != nullptr) server->set_wait_hook(hook, context);
}
zb_status zb_server_get_stats(const zb_server* server, zb_duplex_stats* stats) {
  return server != nullptr ? store_stats(server->stats(), stats) : failed(Status::handle_closed);
}
zb_status zb_server_get_info(const zb_server* server, zb_duplex_info* info) {
  return server != nullptr ? store_info(server->info(), info) : failed(Status::handle_closed);
}
zb_mapping* zb_server_mapping(const zb_server* server) { return server != nullptr ? keep(server->mapping()) : nullptr; }

void zb_server_close(zb_server* server) { delete server; }
