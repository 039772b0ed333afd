/* Wrong arguments of the functions for calls: NULL, impossible sizes, names, kinds and configurations. An answer, never
 * a crash. */
#include "channel.h"

static void never_called(void* context) {
  (void)context;
  CHECK(!"called");
}

TEST(null_instead_of_a_client_is_a_closed_handle) {
  zb_response response = {.owner = &response};
  zb_call call = {.owner = &call};
  zb_outgoing outgoing = {.owner = &outgoing};
  zb_request request = {.owner = &request};
  zb_received received = {.size = 7};
  zb_duplex_stats stats = {.struct_size = sizeof stats};
  zb_duplex_info info = {.struct_size = sizeof info};
  uint64_t sequence = 7;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_call(NULL, "x", 1, 0, NULL, &response));
  CHECK(response.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_begin(NULL, "x", 1, 0, NULL, &call));
  CHECK(call.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_claim_request(NULL, 1, 0, 0, &outgoing));
  CHECK(outgoing.owner == NULL);
  outgoing.owner = &outgoing;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_claim_send(NULL, 1, 0, 0, &outgoing));
  CHECK(outgoing.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_send(NULL, "x", 1, 0, NULL, &sequence));
  CHECK_NUMBER(7, sequence);
  response.owner = &response;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_receive(NULL, 0, &response));
  CHECK(response.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_receive_into(NULL, NULL, 0, 0, &received));
  CHECK_NUMBER(0, received.size);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_when_ready(NULL, never_called, NULL));
  CHECK(!zb_client_cancel_when(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_take(NULL, 0, &request));
  CHECK(request.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_when_call(NULL, never_called, NULL));
  CHECK(!zb_client_cancel_when_call(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_serve(NULL, echo, NULL, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_start(NULL, echo, NULL, 1));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_stop(NULL));
  CHECK_NUMBER(0, zb_client_running(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_get_stats(NULL, &stats));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_client_get_info(NULL, &info));
  CHECK_NUMBER(0, zb_client_id(NULL));
  CHECK(zb_client_mapping(NULL) == NULL);
  zb_client_interrupt(NULL);
  zb_client_set_wait_hook(NULL, NULL, NULL);
  zb_client_close(NULL);
}

TEST(null_instead_of_a_server_is_a_closed_handle) {
  zb_response response = {.owner = &response};
  zb_request request = {.owner = &request};
  zb_duplex_stats stats = {.struct_size = sizeof stats};
  zb_duplex_info info = {.struct_size = sizeof info};
  size_t count = 7;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_take(NULL, 0, &request));
  CHECK(request.owner == NULL);
  request.owner = &request;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_try_take(NULL, &request));
  CHECK(request.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_when_ready(NULL, never_called, NULL));
  CHECK(!zb_server_cancel_when(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_serve(NULL, echo, NULL, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_start(NULL, echo, NULL, 1));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_stop(NULL));
  CHECK_NUMBER(0, zb_server_running(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_clients(NULL, NULL, 0, &count));
  CHECK_NUMBER(0, count);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_call_client(NULL, 1, "x", 1, 0, NULL, &response));
  CHECK(response.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_notify(NULL, 1, "x", 1, 0, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_get_stats(NULL, &stats));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_server_get_info(NULL, &info));
  CHECK(zb_server_mapping(NULL) == NULL);
  zb_server_interrupt(NULL);
  zb_server_set_wait_hook(NULL, NULL, NULL);
  zb_server_close(NULL);
}

TEST(null_or_an_empty_struct_instead_of_a_call_is_a_closed_handle) {
  zb_call call = {.owner = NULL};
  zb_outgoing outgoing = {.owner = NULL};
  zb_request request = {.owner = NULL};
  zb_response response;
  zb_received received;
  void* room = &room;
  for (int i = 0; i < 2; ++i) {
    zb_call* const no_call = i == 0 ? NULL : &call;
    zb_outgoing* const no_outgoing = i == 0 ? NULL : &outgoing;
    zb_request* const no_request = i == 0 ? NULL : &request;
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_receive(no_call, 0, &response));
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_try_receive(no_call, &response));
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_receive_into(no_call, NULL, 0, 0, &received));
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_when_ready(no_call, never_called, NULL));
    CHECK(!zb_call_cancel_when(no_call));
    zb_call_abandon(no_call);
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_outgoing_begin(no_outgoing, 0, NULL, &(zb_call){0}));
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_outgoing_call(no_outgoing, 0, 0, NULL, &response));
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_outgoing_send(no_outgoing, 0, NULL, NULL));
    zb_outgoing_discard(no_outgoing);
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_request_claim(no_request, 0, &room));
    CHECK(room == NULL);
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_request_respond(no_request, 0, 0));
    CHECK_STATUS(ZB_HANDLE_CLOSED, zb_request_write(no_request, NULL, 0, 0));
    zb_request_fail(no_request, "text");
    zb_request_finish(no_request);
  }
  zb_response_release(NULL);
  response.owner = NULL;
  zb_response_release(&response);
}

TEST(null_where_a_result_of_a_call_is_to_be_put_is_an_invalid_argument) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_call call;
  zb_outgoing outgoing;
  zb_request request;
  zb_response response;
  zb_received received;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_call(ends.client, "x", 1, 0, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_begin(ends.client, "x", 1, 0, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_claim_request(ends.client, 1, 0, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_claim_send(ends.client, 1, 0, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_receive(ends.client, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_receive_into(ends.client, &call, 1, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_receive_into(ends.client, NULL, 1, 0, &received));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_take(ends.client, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_get_stats(ends.client, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_get_info(ends.client, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_get_stats(ends.server, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_get_info(ends.server, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_clients(ends.server, NULL, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_clients(ends.server, NULL, 1, &(size_t){0}));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_call_client(ends.server, 1, "x", 1, 0, NULL, NULL));
  CHECK_OK(zb_client_begin(ends.client, "x", 1, GENEROUS_NS, NULL, &call));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_take(ends.server, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_try_take(ends.server, NULL));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request)); /* none of them has taken anything */
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_request_claim(&request, 1, NULL));
  CHECK(request.owner != NULL);
  echo(&request, NULL);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_call_receive(&call, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_call_try_receive(&call, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_call_receive_into(&call, &response, 1, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_call_receive_into(&call, NULL, 1, 0, &received));
  CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
  zb_response_release(&response);
  CHECK_OK(zb_client_claim_request(ends.client, 1, 0, GENEROUS_NS, &outgoing));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_begin(&outgoing, 1, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_call(&outgoing, 1, 0, NULL, NULL));
  CHECK(outgoing.owner != NULL);
  zb_outgoing_discard(&outgoing);
  close_channel(&ends);
}

TEST(null_instead_of_bytes_of_a_call_is_an_invalid_argument_unless_there_are_none) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_response response;
  zb_call call;
  zb_request request;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_call(ends.client, NULL, 1, 0, NULL, &response));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_begin(ends.client, NULL, 1, 0, NULL, &call));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_send(ends.client, NULL, 1, 0, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_call_client(ends.server, 1, NULL, 1, 0, NULL, &response));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_notify(ends.server, 1, NULL, 1, 0, NULL));
  CHECK_OK(zb_client_begin(ends.client, NULL, 0, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
  CHECK_NUMBER(0, request.size);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_request_write(&request, NULL, 1, 0));
  CHECK_OK(zb_request_write(&request, NULL, 0, 0));
  CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
  CHECK_NUMBER(0, response.size);
  zb_response_release(&response);
  close_channel(&ends);
}

TEST(null_instead_of_a_handler_or_callback_is_refused) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_call call;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_serve(ends.server, NULL, NULL, 0));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_start(ends.server, NULL, NULL, 1));
  CHECK_NUMBER(0, zb_server_running(ends.server));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_serve(ends.client, NULL, NULL, 0));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_start(ends.client, NULL, NULL, 1));
  CHECK_NUMBER(0, zb_client_running(ends.client));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_when_ready(ends.server, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_when_ready(ends.client, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_when_call(ends.client, NULL, NULL));
  CHECK_OK(zb_client_begin(ends.client, "x", 1, GENEROUS_NS, NULL, &call));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_call_when_ready(&call, NULL, NULL));
  CHECK(!zb_server_cancel_when(ends.server) && !zb_client_cancel_when(ends.client));
  CHECK(!zb_client_cancel_when_call(ends.client) && !zb_call_cancel_when(&call));
  zb_call_abandon(&call);
  close_channel(&ends);
}

TEST(a_channel_that_cannot_be_is_not_made) {
  const char* name = unique_name();
  zb_server* server = (zb_server*)&name;
  zb_client* client = (zb_client*)&name;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(NULL, 0, NULL, &server));
  CHECK(server == NULL);
  server = (zb_server*)&name;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(name, 2, NULL, &server));
  CHECK(server == NULL);
  CHECK_CONTAINS("kind", failure_message());
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(name, 0, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create("no/name", 0, NULL, &server));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_open(NULL, 0, NULL, &client));
  CHECK(client == NULL);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_open(name, 0, NULL, NULL));
  CHECK_STATUS(ZB_NOT_FOUND, zb_client_open(name, 0, NULL, &client));
  CHECK_STATUS(ZB_NOT_FOUND, zb_client_open(name, 10 * MILLISECOND_NS, NULL, &client));
  CHECK(client == NULL);
  zb_duplex_config config = small_channel(1000, 1000);
  config.lanes = 0;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(name, 0, &config, &server));
  CHECK(server == NULL);
  config.lanes = 1025;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(name, 0, &config, &server));
  config.lanes = 1;
  config.wait = 3;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(name, 0, &config, &server));
  CHECK_CONTAINS("wait", failure_message());
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_open(name, 0, &config, &client));
  CHECK(!buffer_exists(name));
}

TEST(a_stream_is_no_channel_and_a_channel_no_stream) {
  zb_buffer_config stream_config = small_ring(1000);
  both stream = open_both(&stream_config);
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_client* client = NULL;
  zb_reader* reader = NULL;
  zb_writer* writer = NULL;
  zb_server* server = NULL;
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_client_open(stream.name, 0, NULL, &client));
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_reader_open(ends.name, 0, NULL, &reader));
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_writer_open(ends.name, 0, NULL, &writer));
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_server_create(stream.name, 0, &config, &server));
  close_both(&stream);
  close_channel(&ends);
}

/* ------------------------------------------------------------------------------------------------ growth */

TEST(the_configuration_of_a_channel_is_filled_with_the_documented_defaults) {
  zb_duplex_config config;
  memset(&config, 0xff, sizeof config);
  CHECK_OK(zb_duplex_config_init(&config, sizeof config));
  CHECK_NUMBER(sizeof config, config.struct_size);
  CHECK_NUMBER(1 << 20, config.request_size);
  CHECK_NUMBER(1 << 20, config.response_size);
  CHECK_NUMBER(4096, config.callback_size);
  CHECK_NUMBER(8, config.lanes);
  CHECK(!config.huge_pages && !config.exist_ok && config.pre_touch && !config.lock_in_memory);
  CHECK_NUMBER(0, config.client_lanes);
  CHECK_NUMBER(ZB_WAIT_SPIN_THEN_BLOCK, config.wait);
  CHECK_NUMBER(2000, config.spin_pauses);
  CHECK_NUMBER(256, config.max_held);
}

/* What a later header may look like. */
typedef struct later_config {
  zb_duplex_config known;
  uint64_t unknown[2];
} later_config;
typedef struct later_info {
  zb_request_info known;
  uint64_t unknown;
} later_info;

TEST(structs_for_calls_of_another_age_are_taken_as_far_as_they_are_known) {
  later_config later;
  CHECK_OK(zb_duplex_config_init(&later.known, sizeof later));
  CHECK_NUMBER(0, later.unknown[1]);
  later.known.lanes = 1;
  later.unknown[1] = 1;
  const char* name = unique_name();
  zb_server* server = NULL;
  zb_client* client = NULL;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(name, 1, &later.known, &server));
  CHECK_CONTAINS("zb_duplex_config_init", failure_message());
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_open(name, 0, &later.known, &client));
  later.unknown[1] = 0;
  CHECK_OK(zb_server_create(name, 1, &later.known, &server));
  zb_duplex_config shorter;
  memset(&shorter, 0xff, sizeof shorter); /* behind its end stands what would be refused */
  CHECK_OK(zb_duplex_config_init(&shorter, offsetof(zb_duplex_config, client_lanes)));
  CHECK_NUMBER(UINT32_MAX, shorter.wait);
  CHECK_OK(zb_client_open(name, GENEROUS_NS, &shorter, &client));
  CHECK_OK(zb_server_start(server, echo, NULL, 1));

  zb_response response;
  later_info info = {.known = {.struct_size = sizeof info, .type = 200}};
  CHECK_OK(zb_client_call(client, "x", 1, GENEROUS_NS, &info.known, &response));
  CHECK_NUMBER(200, response.type);
  zb_response_release(&response);
  info.unknown = 1;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_call(client, "x", 1, GENEROUS_NS, &info.known, &response));
  info.known.struct_size = offsetof(zb_request_info, response_capacity);
  CHECK_OK(zb_client_call(client, "x", 1, GENEROUS_NS, &info.known, &response));
  CHECK_NUMBER(0, response.type);
  zb_response_release(&response);
  zb_client_close(client);
  zb_server_close(server);
}

TEST(a_size_that_no_struct_for_calls_has_is_refused) {
  static const size_t sizes[] = {0, 1, 7, 4097, (size_t)-1};
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    zb_duplex_config wrong = {.struct_size = sizes[i]};
    zb_duplex_stats stats = {.struct_size = sizes[i]};
    zb_duplex_info described = {.struct_size = sizes[i]};
    zb_request_info info = {.struct_size = sizes[i]};
    zb_response response;
    zb_call call;
    zb_server* server = NULL;
    zb_outgoing outgoing;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_duplex_config_init(&wrong, sizes[i]));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_create(unique_name(), 1, &wrong, &server));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_get_stats(ends.client, &stats));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_get_stats(ends.server, &stats));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_get_info(ends.client, &described));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_get_info(ends.server, &described));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_call(ends.client, "x", 1, 0, &info, &response));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_begin(ends.client, "x", 1, 0, &info, &call));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_client_send(ends.client, "x", 1, 0, &info, NULL));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_call_client(ends.server, 1, "x", 1, 0, &info, &response));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_notify(ends.server, 1, "x", 1, 0, &info));
    CHECK_OK(zb_client_claim_request(ends.client, 1, 0, GENEROUS_NS, &outgoing));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_call(&outgoing, 1, 0, &info, &response));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_begin(&outgoing, 1, &info, &call));
    CHECK(outgoing.owner != NULL);
    zb_outgoing_discard(&outgoing);
  }
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_duplex_config_init(NULL, sizeof config));
  CHECK_NUMBER(0, client_stats(ends.client).requests);
  close_channel(&ends);
}
