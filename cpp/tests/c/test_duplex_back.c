/* Calls the other way: the server calls and notifies its clients over the same channel. */
#include <pthread.h>

#include "channel.h"

static void called(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_client_start(ends.client, invert, NULL, 1));
  CHECK_NUMBER(1, zb_client_running(ends.client));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_start(ends.client, invert, NULL, 1));
  const uint64_t id = zb_client_id(ends.client);
  for (unsigned i = 0; i < 50; ++i) {
    zb_response response;
    const unsigned char byte = (unsigned char)i;
    const zb_request_info info = {.struct_size = sizeof info, .type = 170};
    CHECK_OK(zb_server_call_client(ends.server, id, &byte, 1, GENEROUS_NS, &info, &response));
    CHECK_NUMBER(1, response.size);
    CHECK_NUMBER(170, response.type);
    CHECK_NUMBER((unsigned char)~byte, *(const unsigned char*)response.data);
    zb_response_release(&response);
  }
  CHECK_NUMBER(50, server_stats(ends.server).callbacks);
  CHECK_NUMBER(50, client_stats(ends.client).callbacks);
  CHECK_OK(zb_client_stop(ends.client));
  CHECK_NUMBER(0, zb_client_running(ends.client));
  CHECK_OK(zb_client_stop(ends.client));
  close_channel(&ends);
}
TEST(a_server_calls_its_client) {
  called(ZB_SERVER_IMMUTABLE);
  called(ZB_SERVER_IN_PLACE);
}

TEST(a_call_of_the_server_is_a_request_like_any_other) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  const uint64_t id = zb_client_id(ends.client);
  zb_request request;
  const zb_request_info info = {.struct_size = sizeof info, .type = 180, .tag = 99};
  CHECK_OK(zb_server_notify(ends.server, id, "news", 4, GENEROUS_NS, &info));
  CHECK_OK(zb_client_take(ends.client, GENEROUS_NS, &request));
  CHECK(request.size == 4 && memcmp(request.data, "news", 4) == 0);
  CHECK_NUMBER(180, request.type);
  CHECK_NUMBER(99, request.tag);
  CHECK_NUMBER(0, request.client); /* of the server */
  CHECK(request.bytes == request.data);
  CHECK_OK(zb_request_respond(&request, 0, 0));
  CHECK_STATUS(ZB_TIMEOUT, zb_client_take(ends.client, 0, &request));
  close_channel(&ends);
}

static void serve_one(zb_request* request, void* context) {
  zb_client* client = context;
  echo(request, NULL);
  zb_client_interrupt(client); /* enough */
}
static void* serve_client(void* client) {
  CHECK_STATUS(ZB_INTERRUPTED, zb_client_serve(client, serve_one, client, GENEROUS_NS));
  return NULL;
}
TEST(a_client_serves_its_server_in_its_own_thread_too) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  CHECK_STATUS(ZB_TIMEOUT, zb_client_serve(ends.client, echo, NULL, 0));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, serve_client, ends.client) == 0);
  zb_response response;
  CHECK_OK(zb_server_call_client(ends.server, zb_client_id(ends.client), "abc", 3, GENEROUS_NS, NULL, &response));
  CHECK(response.size == 3 && memcmp(response.data, "abc", 3) == 0);
  zb_response_release(&response);
  CHECK(pthread_join(thread, NULL) == 0);
  close_channel(&ends);
}

TEST(a_client_that_refuses_or_takes_nothing_is_no_harm_to_the_server) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  const uint64_t id = zb_client_id(ends.client);
  zb_response response;
  CHECK_STATUS(ZB_TIMEOUT, zb_server_call_client(ends.server, id, "abc", 3, 20 * MILLISECOND_NS, NULL, &response));
  CHECK(response.owner == NULL);
  CHECK_OK(zb_client_start(ends.client, refuse, NULL, 1));
  CHECK_STATUS(ZB_REMOTE_ERROR, zb_server_call_client(ends.server, id, "not me", 6, GENEROUS_NS, NULL, &response));
  CHECK_CONTAINS("not me", failure_message());
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  expect_number_echo(ends.client, 1);
  close_channel(&ends);
}

TEST(a_server_knows_its_clients) {
  zb_duplex_config config = small_channel(1000, 1000);
  config.lanes = 4;
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_client* other = NULL;
  uint64_t ids[4];
  size_t count = 7;
  CHECK_OK(zb_server_clients(ends.server, ids, 4, &count));
  CHECK_NUMBER(1, count);
  CHECK_NUMBER(zb_client_id(ends.client), ids[0]);
  CHECK_OK(zb_client_open(ends.name, GENEROUS_NS, &config, &other));
  const uint64_t id = zb_client_id(other);
  CHECK(id != ids[0] && id != 0);
  CHECK_OK(zb_server_clients(ends.server, NULL, 0, &count));
  CHECK_NUMBER(2, count);
  ids[1] = 5;
  CHECK_OK(zb_server_clients(ends.server, ids, 1, &count)); /* cut, and the whole number told */
  CHECK_NUMBER(2, count);
  CHECK_NUMBER(5, ids[1]);
  CHECK_OK(zb_server_clients(ends.server, ids, 4, &count));
  CHECK(ids[0] == id || ids[1] == id);
  zb_client_close(other);
  CHECK_OK(zb_server_clients(ends.server, ids, 4, &count));
  CHECK_NUMBER(1, count);
  zb_response response;
  CHECK_STATUS(ZB_NOT_FOUND, zb_server_call_client(ends.server, id, "x", 1, GENEROUS_NS, NULL, &response));
  CHECK_STATUS(ZB_NOT_FOUND, zb_server_notify(ends.server, 12345, "x", 1, GENEROUS_NS, NULL));
  close_channel(&ends);
}

TEST(a_channel_without_room_for_calls_of_the_server_says_so) {
  zb_duplex_config config = small_channel(1000, 1000);
  config.callback_size = 0;
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  const uint64_t id = zb_client_id(ends.client);
  zb_response response;
  zb_request request;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_call_client(ends.server, id, "x", 1, 0, NULL, &response));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_notify(ends.server, id, "x", 1, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_take(ends.client, 0, &request));
  close_channel(&ends);
}

static void note(void* context) { atomic_fetch_add((atomic_int*)context, 1); }
TEST(a_call_of_the_server_calls_back) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  atomic_int count;
  atomic_init(&count, 0);
  zb_request request;
  CHECK_STATUS(ZB_TIMEOUT, zb_client_take(ends.client, 0, &request));
  CHECK(!zb_client_cancel_when_call(ends.client));
  CHECK_OK(zb_client_when_call(ends.client, note, &count));
  CHECK(zb_client_cancel_when_call(ends.client));
  CHECK_OK(zb_client_when_call(ends.client, note, &count));
  CHECK_OK(zb_server_notify(ends.server, zb_client_id(ends.client), "news", 4, GENEROUS_NS, NULL));
  zb_status status = ZB_TIMEOUT;
  for (int asked = 1; status == ZB_TIMEOUT; ++asked) {
    wait_for_flag(&count, asked);
    CHECK(!zb_client_cancel_when_call(ends.client));
    status = zb_client_take(ends.client, 0, &request);
    if (status == ZB_TIMEOUT) CHECK_OK(zb_client_when_call(ends.client, note, &count));
  }
  CHECK_STATUS(ZB_OK, status);
  zb_request_finish(&request);
  close_channel(&ends);
}

/* A handler of the server that calls the client that called it. */
typedef struct asking {
  zb_server* server;
} asking;
static void ask_back(zb_request* request, void* context) {
  const asking* self = context;
  zb_response response;
  CHECK_OK(
      zb_server_call_client(self->server, request->client, request->data, request->size, GENEROUS_NS, NULL, &response));
  CHECK_OK(zb_request_write(request, response.data, response.size, 0));
  zb_response_release(&response);
}
TEST(a_handler_may_call_the_client_that_has_called) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  asking self = {.server = ends.server};
  CHECK_OK(zb_server_start(ends.server, ask_back, &self, 1));
  CHECK_OK(zb_client_start(ends.client, invert, NULL, 1));
  zb_response response;
  CHECK_OK(zb_client_call(ends.client, "\x0f", 1, GENEROUS_NS, NULL, &response));
  CHECK(response.size == 1 && *(const unsigned char*)response.data == 0xf0);
  zb_response_release(&response);
  close_channel(&ends);
}
