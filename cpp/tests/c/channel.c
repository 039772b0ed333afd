/* Channels with both ends in this process, and handlers. */
#include "channel.h"

zb_duplex_config small_channel(uint64_t request_size, uint64_t response_size) {
  zb_duplex_config config;
  CHECK_OK(zb_duplex_config_init(&config, sizeof config));
  config.request_size = request_size;
  config.response_size = response_size;
  config.lanes = 2;
  return config;
}

channel open_channel(uint32_t kind, const zb_duplex_config* config) {
  channel ends = {.name = unique_name()};
  CHECK_OK(zb_server_create(ends.name, kind, config, &ends.server));
  CHECK_OK(zb_client_open(ends.name, GENEROUS_NS, config, &ends.client));
  return ends;
}
void close_channel(channel* ends) {
  zb_client_close(ends->client);
  zb_server_close(ends->server);
  ends->client = NULL;
  ends->server = NULL;
}

void echo(zb_request* request, void* context) {
  (void)context;
  if (request->bytes != NULL) {
    CHECK_OK(zb_request_respond(request, request->size, request->type));
  } else {
    CHECK_OK(zb_request_write(request, request->data, request->size, request->type));
  }
}

void invert(zb_request* request, void* context) {
  (void)context;
  const size_t size = request->size;
  const unsigned char* from = request->data;
  unsigned char* to = request->bytes;
  if (to == NULL) {
    void* room = NULL;
    CHECK_OK(zb_request_claim(request, size, &room));
    to = room;
  }
  for (size_t i = 0; i < size; ++i) to[i] = (unsigned char)~from[i];
  CHECK_OK(zb_request_respond(request, size, request->type));
}

void refuse(zb_request* request, void* context) {
  (void)context;
  char text[1024] = {0};
  memcpy(text, request->data, request->size < sizeof text ? request->size : sizeof text - 1);
  zb_request_fail(request, text);
}

void forget(zb_request* request, void* context) {
  (void)request;
  (void)context;
}

void expect_echo(zb_client* client, const void* bytes, size_t size) {
  zb_response response;
  CHECK_OK(zb_client_call(client, bytes, size, GENEROUS_NS, NULL, &response));
  CHECK_NUMBER(size, response.size);
  CHECK(size == 0 || memcmp(response.data, bytes, size) == 0);
  zb_response_release(&response);
}

void expect_number_echo(zb_client* client, uint64_t number) { expect_echo(client, &number, sizeof number); }

uint64_t number_in(const void* data, size_t size) {
  uint64_t number = 0;
  CHECK_NUMBER(sizeof number, size);
  memcpy(&number, data, sizeof number);
  return number;
}

zb_duplex_stats client_stats(const zb_client* client) {
  zb_duplex_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_client_get_stats(client, &stats));
  return stats;
}
zb_duplex_stats server_stats(const zb_server* server) {
  zb_duplex_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_server_get_stats(server, &stats));
  return stats;
}
zb_failure last_failure(void) {
  zb_failure failure = {.struct_size = sizeof failure};
  CHECK_OK(zb_last_failure(&failure));
  return failure;
}
