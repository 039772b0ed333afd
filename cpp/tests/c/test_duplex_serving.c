/* Serving: in the caller's thread, in the background, by a pool; what stands at its end; answers that are given later.
 */
#include <pthread.h>

#include "channel.h"

static void both_kinds(void (*body)(uint32_t kind)) {
  body(ZB_SERVER_IMMUTABLE);
  body(ZB_SERVER_IN_PLACE);
}

static void background(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_NUMBER(0, zb_server_running(ends.server));
  CHECK_OK(zb_server_stop(ends.server)); /* none runs: harmless */
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_start(ends.server, echo, NULL, 0));
  for (int round = 0; round < 3; ++round) {
    CHECK_OK(zb_server_start(ends.server, echo, NULL, 2));
    CHECK_NUMBER(2, zb_server_running(ends.server));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_start(ends.server, echo, NULL, 1));
    CHECK_NUMBER(2, zb_server_running(ends.server));
    for (uint64_t i = 0; i < 20; ++i) expect_number_echo(ends.client, i);
    CHECK_OK(zb_server_stop(ends.server));
    CHECK_NUMBER(0, zb_server_running(ends.server));
  }
  close_channel(&ends);
}
TEST(a_server_starts_and_stops_in_the_background_again_and_again) { both_kinds(background); }

static void what_waits(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  CHECK_OK(zb_server_stop(ends.server));
  zb_call call;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_STATUS(ZB_TIMEOUT, zb_call_receive(&call, 20 * MILLISECOND_NS, &response));
  CHECK(call.owner != NULL);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
  CHECK(response.size == 3 && memcmp(response.data, "abc", 3) == 0);
  zb_response_release(&response);
  close_channel(&ends);
}
TEST(a_request_that_waits_while_nobody_serves_is_answered_after_the_next_start) { both_kinds(what_waits); }

typedef struct slow {
  atomic_int entered;
} slow;
static void answer_slowly(zb_request* request, void* context) {
  slow* self = context;
  atomic_fetch_add(&self->entered, 1);
  sleep_ms(50);
  echo(request, NULL);
}
static void stopped_within(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  slow self;
  atomic_init(&self.entered, 0);
  CHECK_OK(zb_server_start(ends.server, answer_slowly, &self, 1));
  zb_call call;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  wait_for_flag(&self.entered, 1);
  CHECK_OK(zb_server_stop(ends.server));
  CHECK_OK(zb_call_try_receive(&call, &response)); /* answered before stop returned */
  zb_response_release(&response);
  close_channel(&ends);
}
TEST(what_a_handler_has_taken_is_answered_before_stop_returns) { both_kinds(stopped_within); }

static void closed_with_pending(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  zb_call first;
  zb_call second;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &first));
  CHECK_OK(zb_client_begin(ends.client, "def", 3, GENEROUS_NS, NULL, &second));
  zb_server_close(ends.server);
  CHECK_STATUS(ZB_CLOSED, zb_call_receive(&first, GENEROUS_NS, &response));
  CHECK(first.owner == NULL && response.owner == NULL);
  CHECK_STATUS(ZB_CLOSED, zb_call_try_receive(&second, &response));
  CHECK_STATUS(ZB_CLOSED, zb_client_call(ends.client, "abc", 3, GENEROUS_NS, NULL, &response));
  CHECK(!buffer_exists(ends.name));
  zb_client* other = NULL;
  CHECK_OK(
      zb_server_create(ends.name, kind, &config, &ends.server)); /* while the old client is attached to the old one */
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  CHECK_OK(zb_client_open(ends.name, GENEROUS_NS, &config, &other));
  expect_number_echo(other, 1);
  zb_client_close(other);
  close_channel(&ends);
}
TEST(clients_with_requests_pending_are_told_of_the_close_and_the_name_is_free_at_once) { /* Scenario 6.10 */
  both_kinds(closed_with_pending);
}

static void while_serving(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 3));
  expect_number_echo(ends.client, 1);
  zb_server_close(ends.server); /* ends its threads */
  zb_response response;
  CHECK_STATUS(ZB_CLOSED, zb_client_call(ends.client, "abc", 3, GENEROUS_NS, NULL, &response));
  zb_client_close(ends.client);
}
TEST(closing_ends_the_threads_that_serve) { both_kinds(while_serving); }

static void* call_ten_times(void* client) {
  for (uint64_t i = 0; i < 10; ++i) expect_number_echo(client, i);
  return NULL;
}
static void own_thread(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, call_ten_times, ends.client) == 0);
  while (server_stats(ends.server).answers < 10) {
    CHECK_STATUS(ZB_TIMEOUT, zb_server_serve(ends.server, echo, NULL, 50 * MILLISECOND_NS));
  }
  CHECK(pthread_join(thread, NULL) == 0);
  zb_server_interrupt(ends.server);
  CHECK_STATUS(ZB_INTERRUPTED, zb_server_serve(ends.server, echo, NULL, ZB_FOREVER));
  CHECK_STATUS(ZB_TIMEOUT, zb_server_serve(ends.server, echo, NULL, 0));
  CHECK_NUMBER(10, server_stats(ends.server).requests);
  close_channel(&ends);
}
TEST(serving_in_the_own_thread_ends_with_a_timeout_or_an_interrupt) { both_kinds(own_thread); }

/* A handler that keeps the request. */
typedef struct kept {
  zb_request request;
  atomic_int there;
} kept;
static void keep(zb_request* request, void* context) {
  kept* self = context;
  self->request = *request;
  request->owner = NULL;
  atomic_store(&self->there, 1);
}
static void answered_later(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  kept self = {.request = {.owner = NULL}};
  atomic_init(&self.there, 0);
  CHECK_OK(zb_server_start(ends.server, keep, &self, 1));
  zb_call call;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  wait_for_flag(&self.there, 1);
  CHECK_STATUS(ZB_TIMEOUT, zb_call_receive(&call, 20 * MILLISECOND_NS, &response));
  CHECK(self.request.size == 3 && memcmp(self.request.data, "abc", 3) == 0);
  CHECK_OK(zb_request_write(&self.request, "later", 5, 0));
  CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
  CHECK(response.size == 5 && memcmp(response.data, "later", 5) == 0);
  zb_response_release(&response);
  close_channel(&ends);
}
TEST(a_handler_may_keep_its_request_and_answer_it_later_from_another_thread) { both_kinds(answered_later); }

/* A handler that keeps one request after the other. */
typedef struct shelf {
  zb_request requests[8];
  atomic_int count;
} shelf;
static void put_aside(zb_request* request, void* context) {
  shelf* self = context;
  self->requests[atomic_load(&self->count)] = *request;
  request->owner = NULL;
  atomic_fetch_add(&self->count, 1);
}
static void all_kept(uint32_t kind) {
  zb_duplex_config config = small_channel(4000, 4000);
  config.max_held = 2;
  channel ends = open_channel(kind, &config);
  shelf self = {.requests = {{.owner = NULL}}};
  atomic_init(&self.count, 0);
  CHECK_OK(zb_server_start(ends.server, put_aside, &self, 1));
  for (uint64_t i = 0; i < 6; ++i) CHECK_OK(zb_client_send(ends.client, &i, sizeof i, GENEROUS_NS, NULL, NULL));
  for (int i = 0; i < 6; ++i) {
    wait_for_flag(&self.count, i < 4 ? i + 2 : 6);
    if (i == 0) sleep_ms(20);
    CHECK_NUMBER(1, zb_server_running(ends.server));
    CHECK(atomic_load(&self.count) <= i + 2);
    echo(&self.requests[i], NULL);
    zb_response response;
    CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &response));
    CHECK_NUMBER(i, number_in(response.data, response.size));
    zb_response_release(&response);
  }
  close_channel(&ends);
}
TEST(a_background_server_whose_handler_keeps_as_many_as_it_may_waits_until_one_is_answered) { both_kinds(all_kept); }

static void in_wrong_order(uint32_t kind) {
  zb_duplex_config config = small_channel(2000, 2000);
  channel ends = open_channel(kind, &config);
  zb_call calls[2];
  zb_request requests[2];
  zb_response response;
  for (uint64_t i = 0; i < 2; ++i) { /* two lanes */
    CHECK_OK(zb_client_begin(ends.client, &i, sizeof i, GENEROUS_NS, NULL, &calls[i]));
    CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &requests[i]));
    CHECK_NUMBER(i, number_in(requests[i].data, requests[i].size));
  }
  echo(&requests[1], NULL);
  CHECK_OK(zb_call_receive(&calls[1], GENEROUS_NS, &response)); /* does not wait for the other lane */
  CHECK_NUMBER(1, number_in(response.data, response.size));
  zb_response_release(&response);
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_call_try_receive(&calls[0], &response));
  echo(&requests[0], NULL);
  CHECK_OK(zb_call_receive(&calls[0], GENEROUS_NS, &response));
  CHECK_NUMBER(0, number_in(response.data, response.size));
  zb_response_release(&response);
  close_channel(&ends);
}
TEST(requests_of_different_lanes_are_answered_in_any_order) { both_kinds(in_wrong_order); }

enum { CALLERS = 4, CALLS_EACH = 300 };
typedef struct caller {
  zb_client* client;
  uint64_t from;
} caller;
static void* call_many_times(void* context) {
  const caller* self = context;
  for (uint64_t i = 0; i < CALLS_EACH; ++i) expect_number_echo(self->client, self->from + i);
  return NULL;
}
static void many_callers(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  config.lanes = CALLERS;
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 2));
  pthread_t threads[CALLERS];
  caller callers[CALLERS];
  for (uint64_t i = 0; i < CALLERS; ++i) {
    callers[i] = (caller){.client = ends.client, .from = i * 1000000};
    CHECK(pthread_create(&threads[i], NULL, call_many_times, &callers[i]) == 0);
  }
  for (int i = 0; i < CALLERS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_NUMBER(CALLERS * CALLS_EACH, client_stats(ends.client).answers);
  CHECK_NUMBER(CALLERS * CALLS_EACH, server_stats(ends.server).answers);
  CHECK(client_stats(ends.client).lanes <= CALLERS);
  close_channel(&ends);
}
TEST(threads_share_one_client_and_each_gets_its_own_answers) { both_kinds(many_callers); }

TEST(a_client_that_has_no_lane_left_says_so) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_call calls[2];
  zb_call third;
  zb_client* other = NULL;
  for (int i = 0; i < 2; ++i) CHECK_OK(zb_client_begin(ends.client, "x", 1, GENEROUS_NS, NULL, &calls[i]));
  CHECK_STATUS(ZB_LANES_BUSY, zb_client_begin(ends.client, "x", 1, 10 * MILLISECOND_NS, NULL, &third));
  CHECK(third.owner == NULL);
  CHECK_STATUS(ZB_LANES_BUSY, zb_client_open(ends.name, 0, &config, &other));
  CHECK(other == NULL);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  for (int i = 0; i < 2; ++i) {
    zb_response response;
    CHECK_OK(zb_call_receive(&calls[i], GENEROUS_NS, &response));
    zb_response_release(&response);
  }
  expect_number_echo(ends.client, 3);
  close_channel(&ends);
}

TEST(a_client_may_be_told_how_many_lanes_to_take) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_client_close(ends.client);
  config.client_lanes = 1;
  CHECK_OK(zb_client_open(ends.name, GENEROUS_NS, &config, &ends.client));
  zb_call first;
  zb_call second;
  CHECK_OK(zb_client_begin(ends.client, "x", 1, GENEROUS_NS, NULL, &first));
  CHECK_STATUS(ZB_LANES_BUSY, zb_client_begin(ends.client, "x", 1, 10 * MILLISECOND_NS, NULL, &second));
  zb_client* other = NULL;
  CHECK_OK(zb_client_open(ends.name, GENEROUS_NS, &config, &other)); /* the second lane is free for others */
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  expect_number_echo(other, 1);
  zb_client_close(other);
  zb_call_abandon(&first);
  close_channel(&ends);
}
