/* Life and death of clients and servers: other processes, kills, successors, forks, and what outlives its handle. */
#include <signal.h>
#include <unistd.h>

#include "channel.h"

static void* name_for_child(const char* name) { return (void*)(uintptr_t)name; }

/* ------------------------------------------------------------------------------------------------ two processes */

static void call_from_child(void* context) {
  zb_client* client = NULL;
  CHECK_OK(zb_client_open(context, GENEROUS_NS, NULL, &client));
  for (uint64_t i = 0; i < 1000; ++i) expect_number_echo(client, i);
  zb_response response;
  const zb_request_info stop = {.struct_size = sizeof stop, .type = 255};
  CHECK_STATUS(ZB_REMOTE_ERROR, zb_client_call(client, "stop", 4, GENEROUS_NS, &stop, &response));
  CHECK_CONTAINS("unknown", failure_message());
  zb_client_close(client);
}
static void serve_child(uint32_t kind) {
  const char* name = unique_name();
  const pid_t child = start_child(call_from_child, name_for_child(name));
  zb_duplex_config config = small_channel(1000, 1000);
  zb_server* server = NULL;
  CHECK_OK(zb_server_create(name, kind, &config, &server));
  for (;;) {
    zb_request request;
    CHECK_OK(zb_server_take(server, GENEROUS_NS, &request));
    if (request.type == 255) {
      zb_request_fail(&request, "unknown request");
      break;
    }
    echo(&request, NULL);
  }
  CHECK_NUMBER(0, (unsigned)wait_for_child(child));
  zb_server_close(server);
}
TEST(calls_cross_from_one_process_to_another) {
  serve_child(ZB_SERVER_IMMUTABLE);
  serve_child(ZB_SERVER_IN_PLACE);
}

/* Takes one request, touches it, and waits to be killed in the middle of it. */
typedef struct victim {
  const char* name;
  uint32_t kind;
  int ready; /* a pipe: a byte once it has taken */
} victim;
static void die_in_the_handler(void* context) {
  const victim* self = context;
  zb_duplex_config config = small_channel(1000, 1000);
  zb_server* server = NULL;
  CHECK_OK(zb_server_create(self->name, self->kind, &config, &server));
  zb_request request;
  CHECK_OK(zb_server_take(server, GENEROUS_NS, &request));
  if (request.bytes != NULL) memset(request.bytes, 0xff, request.size);
  CHECK(write(self->ready, "x", 1) == 1);
  for (;;) pause();
}
static void killed_server(uint32_t kind) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  victim self = {.name = unique_name(), .kind = kind, .ready = ready[1]};
  const pid_t child = start_child(die_in_the_handler, &self);
  zb_duplex_config config = small_channel(1000, 1000);
  zb_client* client = NULL;
  CHECK_OK(zb_client_open(self.name, GENEROUS_NS, &config, &client));
  zb_call call;
  zb_response response;
  CHECK_OK(zb_client_begin(client, "abc", 3, GENEROUS_NS, NULL, &call));
  char byte;
  CHECK(read(ready[0], &byte, 1) == 1);
  kill_child(child);
  CHECK_STATUS(ZB_PEER_DEAD, zb_call_receive(&call, GENEROUS_NS, &response));
  CHECK(call.owner == NULL && response.owner == NULL);

  zb_server* successor = NULL;
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_server_create(self.name, kind, &config, &successor));
  CHECK(successor == NULL);
  config.exist_ok = true;
  config.request_size = 100000;
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_server_create(self.name, kind, &config, &successor));
  config.request_size = 1000;
  CHECK_OK(zb_server_create(self.name, kind, &config, &successor));
  zb_duplex_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_server_get_info(successor, &info));
  CHECK(!info.created);
  CHECK_OK(zb_server_start(successor, echo, NULL, 1));
  for (uint64_t i = 0; i < 10; ++i) expect_number_echo(client, i);
  zb_server* third = NULL;
  CHECK_STATUS(ZB_WRITER_EXISTS, zb_server_create(self.name, kind, &config, &third));
  zb_client_close(client);
  zb_server_close(successor);
  close(ready[0]);
  close(ready[1]);
}
TEST(a_server_that_is_killed_in_its_handler_is_told_and_has_a_successor) { /* Scenario 6.5 */
  killed_server(ZB_SERVER_IMMUTABLE);
  killed_server(ZB_SERVER_IN_PLACE);
}

static void call_and_hang(void* context) {
  const victim* self = context;
  zb_client* client = NULL;
  zb_call call;
  zb_outgoing outgoing;
  CHECK_OK(zb_client_open(self->name, GENEROUS_NS, NULL, &client));
  CHECK_OK(zb_client_begin(client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_client_claim_request(client, 100, 0, GENEROUS_NS, &outgoing));
  CHECK(write(self->ready, "x", 1) == 1);
  for (;;) pause();
}
static void killed_client(uint32_t kind) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  zb_duplex_config config = small_channel(1000, 1000);
  zb_server* server = NULL;
  victim self = {.name = unique_name(), .kind = kind, .ready = ready[1]};
  const pid_t child = start_child(call_and_hang, &self);
  CHECK_OK(zb_server_create(self.name, kind, &config, &server));
  char byte;
  CHECK(read(ready[0], &byte, 1) == 1);
  CHECK_OK(zb_server_start(server, echo, NULL, 1));
  kill_child(child);
  zb_client* client = NULL;
  CHECK_OK(zb_client_open(self.name, GENEROUS_NS, &config, &client));
  zb_call calls[2];
  for (uint64_t i = 0; i < 2; ++i) { /* both lanes are its own now */
    CHECK_OK(zb_client_begin(client, &i, sizeof i, GENEROUS_NS, NULL, &calls[i]));
  }
  for (uint64_t i = 0; i < 2; ++i) {
    zb_response response;
    CHECK_OK(zb_call_receive(&calls[i], GENEROUS_NS, &response));
    CHECK_NUMBER(i, number_in(response.data, response.size));
    zb_response_release(&response);
  }
  size_t count = 0;
  CHECK_OK(zb_server_clients(server, NULL, 0, &count));
  CHECK_NUMBER(1, count);
  zb_client_close(client);
  zb_server_close(server);
  close(ready[0]);
  close(ready[1]);
}
TEST(a_client_that_is_killed_leaves_its_lanes_to_the_next_one) { /* Scenario 6.6 */
  killed_client(ZB_SERVER_IMMUTABLE);
  killed_client(ZB_SERVER_IN_PLACE);
}

static void use_of_the_parents(void* context) {
  channel* ends = context;
  zb_response response;
  zb_request request;
  CHECK_STATUS(ZB_FORKED, zb_client_call(ends->client, "x", 1, 0, NULL, &response));
  CHECK_STATUS(ZB_FORKED, zb_server_take(ends->server, 0, &request));
  CHECK_NUMBER(0, zb_client_running(ends->client));
  CHECK_NUMBER(0, zb_server_running(ends->server));
  zb_client_close(ends->client);
  zb_server_close(ends->server);
}
TEST(a_forked_child_cannot_use_and_does_not_end_what_is_its_parents) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  CHECK_NUMBER(0, (unsigned)wait_for_child(start_child(use_of_the_parents, &ends)));
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 2));
  CHECK_OK(zb_client_start(ends.client, echo, NULL, 2));
  expect_number_echo(ends.client, 1);
  CHECK_NUMBER(0, (unsigned)wait_for_child(start_child(use_of_the_parents, &ends))); /* whose threads it has not */
  expect_number_echo(ends.client, 2);
  close_channel(&ends);
}

/* ------------------------------------------------------------------------------------------------ outliving handles */

TEST(a_mapping_keeps_the_memory_of_a_channel_readable_after_its_ends_are_closed) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  zb_response response;
  CHECK_OK(zb_client_call(ends.client, "abc", 3, GENEROUS_NS, NULL, &response));
  const volatile char* const bytes = response.data;
  zb_response_release(&response);
  zb_mapping* const of_client = zb_client_mapping(ends.client);
  zb_mapping* const of_server = zb_server_mapping(ends.server);
  CHECK(of_client != NULL && of_server != NULL);
  close_channel(&ends);
  CHECK(bytes[0] == 'a');
  zb_mapping_release(of_client);
  zb_mapping_release(of_server);
}

static void answers_outlive(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  zb_response held;
  CHECK_OK(zb_client_call(ends.client, "abc", 3, GENEROUS_NS, NULL, &held));
  zb_client_close(ends.client);
  CHECK(memcmp(held.data, "abc", 3) == 0);
  zb_server_close(ends.server);
  CHECK(memcmp(held.data, "abc", 3) == 0);
  zb_response_release(&held);
}
TEST(an_answer_stays_valid_when_client_and_server_are_closed) {
  answers_outlive(ZB_SERVER_IMMUTABLE);
  answers_outlive(ZB_SERVER_IN_PLACE);
}

static void what_was_open(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  zb_outgoing outgoing;
  zb_call call;
  zb_request request;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
  CHECK_OK(zb_client_claim_request(ends.client, 100, 0, GENEROUS_NS, &outgoing));
  zb_client_close(ends.client);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_receive(&call, 0, &response));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_outgoing_begin(&outgoing, 10, NULL, &(zb_call){0}));
  zb_outgoing_discard(&outgoing);
  zb_call_abandon(&call);
  CHECK(outgoing.owner == NULL && call.owner == NULL);
  zb_server_close(ends.server);
  CHECK(memcmp(request.data, "abc", 3) == 0);
  zb_request_finish(&request);
  CHECK(request.owner == NULL);
}
TEST(what_was_open_at_a_close_is_ended_all_the_same) {
  what_was_open(ZB_SERVER_IMMUTABLE);
  what_was_open(ZB_SERVER_IN_PLACE);
}
