/* One call after the other: what is sent, what comes back, where it lies, and what is copied. */
#include <stdlib.h>

#include "channel.h"

/* Runs `body` for each kind of server. */
static void for_each_kind(void (*body)(uint32_t kind)) {
  body(ZB_SERVER_IMMUTABLE);
  body(ZB_SERVER_IN_PLACE);
}

static void echo_of_each_size(uint32_t kind) {
  static const size_t sizes[] = {0, 1, 1024, 100 * 1024, 10 << 20};
  zb_duplex_config config = small_channel(10 << 20, 10 << 20);
  config.lanes = 1;
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    unsigned char* bytes = malloc(sizes[i] + 1);
    for (size_t k = 0; k < sizes[i]; ++k) bytes[k] = (unsigned char)(k * 31 + sizes[i]);
    expect_echo(ends.client, bytes, sizes[i]);
    expect_echo(ends.client, bytes, sizes[i]);
    free(bytes);
  }
  close_channel(&ends);
}
TEST(an_echo_of_any_size_is_what_was_sent) { /* Scenario 6.1 */
  for_each_kind(echo_of_each_size);
}

static void what_travels(uint32_t kind) {
  zb_duplex_config config = small_channel(4096, 4096);
  channel ends = open_channel(kind, &config);
  zb_call call;
  zb_request request;
  zb_response response;
  for (uint64_t i = 1; i <= 3; ++i) {
    const zb_request_info info = {.struct_size = sizeof info, .type = (uint16_t)(128 + i), .tag = i * 1000};
    CHECK_OK(zb_client_begin(ends.client, &i, sizeof i, GENEROUS_NS, &info, &call));
    CHECK(call.owner != NULL);
    CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
    CHECK(request.owner != NULL);
    CHECK_NUMBER(i, number_in(request.data, request.size));
    CHECK_NUMBER(128 + i, request.type);
    CHECK_NUMBER(i * 1000, request.tag);
    CHECK_NUMBER(call.sequence, request.sequence);
    CHECK_NUMBER(zb_client_id(ends.client), request.client);
    CHECK(request.client != 0);
    CHECK((uintptr_t)request.data % 64 == 0);
    CHECK(kind == ZB_SERVER_IN_PLACE ? request.bytes == request.data : request.bytes == NULL);
    CHECK_STATUS(ZB_WOULD_BLOCK, zb_call_try_receive(&call, &response));
    CHECK(response.owner == NULL && call.owner != NULL);
    CHECK_OK(zb_request_write(&request, "answer", 6, (uint16_t)(200 + i)));
    CHECK(request.owner == NULL && request.data == NULL && request.size == 0 && request.bytes == NULL);
    CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
    CHECK(call.owner == NULL);
    CHECK_NUMBER(call.sequence, response.sequence);
    CHECK_NUMBER(200 + i, response.type);
    CHECK(response.size == 6 && memcmp(response.data, "answer", 6) == 0);
    CHECK((uintptr_t)response.data % 64 == 0);
    zb_response_release(&response);
    CHECK(response.owner == NULL && response.data == NULL && response.size == 0);
    zb_response_release(&response); /* harmless */
  }
  close_channel(&ends);
}
TEST(type_tag_sequence_and_sender_travel_with_a_call) { for_each_kind(what_travels); }

static void what_is_built(uint32_t kind) {
  zb_duplex_config config = small_channel(4096, 4096);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, invert, NULL, 1));
  for (unsigned i = 0; i < 100; ++i) {
    zb_outgoing outgoing;
    CHECK_OK(zb_client_claim_request(ends.client, 3000, 0, GENEROUS_NS, &outgoing));
    CHECK(outgoing.owner != NULL && (uintptr_t)outgoing.data % 64 == 0);
    CHECK_NUMBER(3000, outgoing.size);
    const void* const where = outgoing.data;
    memset(outgoing.data, (int)i, 2000);
    zb_response response;
    CHECK_OK(zb_outgoing_call(&outgoing, 2000, GENEROUS_NS, NULL, &response));
    CHECK(outgoing.owner == NULL && outgoing.data == NULL && outgoing.size == 0);
    CHECK_NUMBER(2000, response.size);
    const unsigned char* bytes = response.data;
    for (size_t k = 0; k < response.size; ++k) CHECK(bytes[k] == (unsigned char)~i);
    if (kind == ZB_SERVER_IN_PLACE) CHECK(response.data == where);
    zb_response_release(&response);
  }
  CHECK_NUMBER(0, client_stats(ends.client).copied_bytes);
  CHECK_NUMBER(0, server_stats(ends.server).copied_bytes);
  expect_echo(ends.client, NULL, 0);
  CHECK_NUMBER(0, client_stats(ends.client).copied_bytes);
  zb_response response;
  CHECK_OK(zb_client_call(ends.client, "abcde", 5, GENEROUS_NS, NULL, &response));
  zb_response_release(&response);
  CHECK_NUMBER(5, client_stats(ends.client).copied_bytes);
  close_channel(&ends);
}
TEST(a_request_built_in_the_channel_is_copied_nowhere_and_in_place_its_answer_lies_where_it_was_written) {
  /* Scenario 6.9 */
  for_each_kind(what_is_built);
}

static void rooms(uint32_t kind) {
  zb_duplex_config config = small_channel(4096, 4096);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  zb_outgoing outgoing;
  zb_call call;
  zb_response response;
  uint64_t sequence = 7;
  CHECK_OK(zb_client_claim_request(ends.client, 100, 0, GENEROUS_NS, &outgoing));
  memset(outgoing.data, 'x', 100);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_begin(&outgoing, 101, NULL, &call));
  CHECK(call.owner == NULL && outgoing.owner != NULL); /* it stays */
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_call(&outgoing, 101, 0, NULL, &response));
  CHECK(response.owner == NULL && outgoing.owner != NULL);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_send(&outgoing, 100, NULL, &sequence)); /* that is for claim_send */
  CHECK_NUMBER(7, sequence);
  const zb_request_info info = {.struct_size = sizeof info, .type = 199, .tag = 5};
  CHECK_OK(zb_outgoing_begin(&outgoing, 10, &info, &call));
  CHECK(call.owner != NULL && outgoing.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_outgoing_begin(&outgoing, 10, NULL, &(zb_call){0}));
  CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
  CHECK(response.size == 10 && memcmp(response.data, "xxxxxxxxxx", 10) == 0);
  CHECK_NUMBER(199, response.type);
  zb_response_release(&response);

  CHECK_OK(zb_client_claim_request(ends.client, 100, 0, GENEROUS_NS, &outgoing));
  zb_outgoing_discard(&outgoing);
  CHECK(outgoing.owner == NULL && outgoing.data == NULL);
  zb_outgoing_discard(&outgoing); /* harmless */
  expect_number_echo(ends.client, 42);
  CHECK_NUMBER(2, client_stats(ends.client).requests);
  close_channel(&ends);
}
TEST(room_that_is_refused_stays_and_room_that_is_discarded_sends_nothing) { for_each_kind(rooms); }

static void long_answer(zb_request* request, void* context) {
  (void)context;
  const size_t size = number_in(request->data, request->size);
  void* room = NULL;
  const zb_status status = zb_request_claim(request, size, &room);
  if (status != ZB_OK) {
    CHECK_STATUS(ZB_FRAME_TOO_LARGE, status);
    CHECK(room == NULL);
    zb_request_fail(request, "too long");
    return;
  }
  memset(room, 'y', size);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_request_respond(request, 100000, 0));
  CHECK(request->owner != NULL);
  CHECK_OK(zb_request_respond(request, size, 0));
  CHECK(request->owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_request_respond(request, 0, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_request_claim(request, 1, &room));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_request_write(request, "x", 1, 0));
}

static zb_status ask_for(zb_client* client, uint64_t size, uint64_t capacity) {
  const zb_request_info info = {.struct_size = sizeof info, .response_capacity = capacity};
  zb_response response;
  const zb_status status = zb_client_call(client, &size, sizeof size, GENEROUS_NS, &info, &response);
  if (status != ZB_OK) return status;
  CHECK_NUMBER(size, response.size);
  const char* bytes = response.data;
  for (size_t i = 0; i < size; ++i) CHECK(bytes[i] == 'y');
  zb_response_release(&response);
  return ZB_OK;
}

static void answers_of_other_sizes(uint32_t kind) {
  zb_duplex_config config = small_channel(8192, 8192);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, long_answer, NULL, 1));
  CHECK_OK(ask_for(ends.client, 0, 0));   /* empty */
  CHECK_OK(ask_for(ends.client, 256, 0)); /* always there */
  CHECK_OK(ask_for(ends.client, 5000, 5000));
  if (kind == ZB_SERVER_IN_PLACE) {
    CHECK_STATUS(ZB_REMOTE_ERROR, ask_for(ends.client, 5000, 0));
    CHECK_CONTAINS("too long", failure_message());
  } else {
    CHECK_OK(ask_for(ends.client, 5000, 0));
  }
  CHECK_STATUS(ZB_REMOTE_ERROR, ask_for(ends.client, 50000, 0));
  CHECK_CONTAINS("too long", failure_message());
  CHECK_OK(ask_for(ends.client, 10, 0));
  close_channel(&ends);
}
TEST(an_answer_may_be_longer_than_its_request_or_empty_and_what_does_not_fit_is_an_error) { /* Scenario 6.8 */
  for_each_kind(answers_of_other_sizes);
}

static void requests_too_large(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  zb_duplex_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_client_get_info(ends.client, &info));
  char* bytes = calloc(info.max_request_size + 1, 1);
  zb_response response;
  zb_call call;
  zb_outgoing outgoing;
  CHECK_STATUS(ZB_FRAME_TOO_LARGE,
               zb_client_call(ends.client, bytes, info.max_request_size + 1, GENEROUS_NS, NULL, &response));
  CHECK_NUMBER(ZB_FRAME_TOO_LARGE, last_failure().status);
  CHECK(response.owner == NULL);
  CHECK_STATUS(ZB_FRAME_TOO_LARGE,
               zb_client_begin(ends.client, bytes, info.max_request_size + 1, GENEROUS_NS, NULL, &call));
  CHECK(call.owner == NULL);
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_client_claim_request(ends.client, info.max_request_size + 1, 0, 0, &outgoing));
  CHECK(outgoing.owner == NULL);
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_client_send(ends.client, bytes, info.max_request_size + 1, 0, NULL, NULL));
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_client_claim_send(ends.client, info.max_request_size + 1, 0, 0, &outgoing));
  CHECK(outgoing.owner == NULL);
  expect_echo(ends.client, bytes, 1000);
  free(bytes);
  close_channel(&ends);
}
TEST(a_request_that_can_never_fit_is_refused_and_the_next_one_works) { for_each_kind(requests_too_large); }

static void refusals(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  zb_response response;
  CHECK_OK(zb_server_start(ends.server, refuse, NULL, 1));
  CHECK_STATUS(ZB_REMOTE_ERROR, zb_client_call(ends.client, "no such user: é", 16, GENEROUS_NS, NULL, &response));
  CHECK(response.owner == NULL);
  CHECK_CONTAINS("no such user: é", failure_message());
  CHECK_NUMBER(ZB_REMOTE_ERROR, last_failure().status);
  CHECK_STATUS(ZB_REMOTE_ERROR, zb_client_call(ends.client, NULL, 0, GENEROUS_NS, NULL, &response)); /* empty text */
  CHECK_OK(zb_server_stop(ends.server));
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  expect_number_echo(ends.client, 1);
  CHECK_NUMBER(2, client_stats(ends.client).errors);
  CHECK_NUMBER(2, server_stats(ends.server).errors);
  CHECK_NUMBER(3, client_stats(ends.client).requests);
  CHECK_NUMBER(3, server_stats(ends.server).requests);
  CHECK_NUMBER(3, server_stats(ends.server).answers);
  close_channel(&ends);
}
TEST(an_error_arrives_with_its_text_and_the_next_request_works) { /* Scenario 6.4 */
  for_each_kind(refusals);
}

TEST(what_a_handler_leaves_unanswered_is_an_error_or_in_place_the_bytes_as_they_lie) {
  zb_duplex_config config = small_channel(1000, 1000);
  zb_response response;
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  CHECK_OK(zb_server_start(ends.server, forget, NULL, 1));
  CHECK_STATUS(ZB_REMOTE_ERROR, zb_client_call(ends.client, "abc", 3, GENEROUS_NS, NULL, &response));
  CHECK_CONTAINS("no answer", failure_message());
  close_channel(&ends);
  ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  CHECK_OK(zb_server_start(ends.server, forget, NULL, 1));
  expect_echo(ends.client, "abc", 3);
  close_channel(&ends);
}

static void finished(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  zb_call call;
  zb_request request;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
  zb_request_finish(&request);
  CHECK(request.owner == NULL && request.data == NULL && request.bytes == NULL);
  zb_request_finish(&request); /* harmless */
  zb_request_fail(&request, "too late");
  const zb_status status = zb_call_receive(&call, GENEROUS_NS, &response);
  CHECK_STATUS(kind == ZB_SERVER_IN_PLACE ? ZB_OK : ZB_REMOTE_ERROR, status);
  CHECK(call.owner == NULL);
  zb_response_release(&response);

  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
  zb_request_fail(&request, NULL); /* no text is a text too */
  CHECK(request.owner == NULL);
  CHECK_STATUS(ZB_REMOTE_ERROR, zb_call_receive(&call, GENEROUS_NS, &response));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_receive(&call, 0, &response)); /* it has ended */
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_try_receive(&call, &response));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_receive_into(&call, NULL, 0, 0, &(zb_received){0}));
  close_channel(&ends);
}
TEST(a_request_is_answered_exactly_once) { for_each_kind(finished); }

static void buffers(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  char request[300];
  for (size_t i = 0; i < sizeof request; ++i) request[i] = (char)i;
  char buffer[400];
  zb_call call;
  zb_received received;
  const zb_request_info info = {.struct_size = sizeof info, .type = 150};
  CHECK_OK(zb_client_begin(ends.client, request, sizeof request, GENEROUS_NS, &info, &call));
  for (size_t capacity = 0; capacity < 300; capacity += 299) {
    memset(buffer, 'z', sizeof buffer);
    CHECK_STATUS(ZB_BUFFER_TOO_SMALL, zb_call_receive_into(&call, buffer, capacity, GENEROUS_NS, &received));
    CHECK_NUMBER(300, received.size);
    CHECK_NUMBER(300, last_failure().first);
    CHECK_NUMBER(capacity, last_failure().second);
    CHECK(call.owner != NULL && buffer[0] == 'z');
  }
  CHECK_OK(zb_call_receive_into(&call, buffer, received.size, GENEROUS_NS, &received));
  CHECK(call.owner == NULL);
  CHECK_NUMBER(300, received.size);
  CHECK_NUMBER(call.sequence, received.sequence);
  CHECK_NUMBER(150, received.type);
  CHECK(memcmp(buffer, request, 300) == 0 && buffer[300] == 'z');
  expect_number_echo(ends.client, 1);
  close_channel(&ends);
}
TEST(a_buffer_too_small_is_told_what_it_takes_and_nothing_is_lost) { /* Scenario 6.11 */
  for_each_kind(buffers);
}

static void descriptions(uint32_t kind) {
  zb_duplex_config config = small_channel(5000, 7000);
  config.callback_size = 300;
  config.lanes = 3;
  channel ends = open_channel(kind, &config);
  zb_duplex_info server = {.struct_size = sizeof server};
  zb_duplex_info client = {.struct_size = sizeof client};
  CHECK_OK(zb_server_get_info(ends.server, &server));
  CHECK_OK(zb_client_get_info(ends.client, &client));
  CHECK(server.created && !client.created);
  CHECK_NUMBER(kind == ZB_SERVER_IN_PLACE, server.in_place);
  CHECK_NUMBER(3, server.lanes);
  CHECK(server.max_request_size >= 5000 && server.max_callback_size >= 300);
  CHECK(server.max_response_size >= (kind == ZB_SERVER_IN_PLACE ? 5000 : 7000));
  CHECK(server.segment_size > 3 * (5000 + (kind == ZB_SERVER_IN_PLACE ? 0 : 7000)));
  client.created = true;
  CHECK(memcmp(&server, &client, sizeof server) == 0);
  const zb_duplex_stats none = server_stats(ends.server);
  CHECK_NUMBER(0, none.requests);
  CHECK_NUMBER(0, none.answers);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  expect_number_echo(ends.client, 5);
  CHECK_NUMBER(1, client_stats(ends.client).requests);
  CHECK_NUMBER(1, client_stats(ends.client).answers);
  CHECK_NUMBER(0, client_stats(ends.client).errors);
  CHECK_NUMBER(0, client_stats(ends.client).late);
  CHECK_NUMBER(1, client_stats(ends.client).lanes);
  CHECK_NUMBER(1, server_stats(ends.server).answers);
  CHECK_NUMBER(1, server_stats(ends.server).lanes);
  CHECK_NUMBER(8, client_stats(ends.client).copied_bytes);
  CHECK_NUMBER(kind == ZB_SERVER_IN_PLACE ? 0 : 8, server_stats(ends.server).copied_bytes);
  close_channel(&ends);
}
TEST(info_and_stats_say_what_there_is_and_what_was_done) { for_each_kind(descriptions); }

TEST(an_in_place_channel_needs_about_half_the_memory) {
  zb_duplex_config config = small_channel(1 << 20, 1 << 20);
  zb_duplex_info info[2] = {{.struct_size = sizeof info[0]}, {.struct_size = sizeof info[1]}};
  for (uint32_t kind = 0; kind < 2; ++kind) {
    zb_server* server = NULL;
    CHECK_OK(zb_server_create(unique_name(), kind, &config, &server));
    CHECK_OK(zb_server_get_info(server, &info[kind]));
    zb_server_close(server);
  }
  CHECK(info[ZB_SERVER_IN_PLACE].segment_size < info[ZB_SERVER_IMMUTABLE].segment_size * 6 / 10);
}
