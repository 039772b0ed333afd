/* Waiting for answers and requests: timeouts, calls that are given up, interrupts, hooks, and being called back. */
#include <pthread.h>

#include "channel.h"

static void both_kinds(void (*body)(uint32_t kind)) {
  body(ZB_SERVER_IMMUTABLE);
  body(ZB_SERVER_IN_PLACE);
}

static void late(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  config.lanes = 1; /* so that the next call has the same lane */
  channel ends = open_channel(kind, &config);
  zb_response response;
  zb_request request;
  CHECK_STATUS(ZB_TIMEOUT, zb_client_call(ends.client, "old", 3, 20 * MILLISECOND_NS, NULL, &response));
  CHECK(response.owner == NULL);
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
  CHECK(memcmp(request.data, "old", 3) == 0);
  echo(&request, NULL); /* too late */
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  for (uint64_t i = 0; i < 20; ++i) expect_number_echo(ends.client, i);
  CHECK_NUMBER(1, client_stats(ends.client).late);
  close_channel(&ends);
}
TEST(a_late_answer_to_a_call_that_timed_out_is_never_given_to_the_next_one) { both_kinds(late); }

static void abandoned(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  config.lanes = 1;
  channel ends = open_channel(kind, &config);
  zb_call call;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "old", 3, GENEROUS_NS, NULL, &call));
  zb_call_abandon(&call);
  CHECK(call.owner == NULL);
  zb_call_abandon(&call); /* harmless */
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_call_receive(&call, 0, &response));
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  expect_number_echo(ends.client, 7);
  close_channel(&ends);
}
TEST(a_call_that_is_given_up_leaves_its_lane_to_the_next_one) { both_kinds(abandoned); }

static void timeouts(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  zb_request request;
  zb_response response;
  zb_received received;
  char buffer[8];
  zb_call call;
  static const int64_t none[] = {0, -1, INT64_MIN, MILLISECOND_NS};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; ++i) {
    CHECK_STATUS(ZB_TIMEOUT, zb_server_take(ends.server, none[i], &request));
    CHECK(request.owner == NULL);
    CHECK_STATUS(ZB_TIMEOUT, zb_client_take(ends.client, none[i], &request));
    CHECK(request.owner == NULL);
  }
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_server_try_take(ends.server, &request));
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  for (size_t i = 0; i < sizeof none / sizeof none[0]; ++i) {
    CHECK_STATUS(ZB_TIMEOUT, zb_call_receive(&call, none[i], &response));
    CHECK_STATUS(ZB_TIMEOUT, zb_call_receive_into(&call, buffer, sizeof buffer, none[i], &received));
    CHECK(call.owner != NULL && response.owner == NULL);
  }
  CHECK_OK(zb_server_try_take(ends.server, &request));
  echo(&request, NULL);
  CHECK_OK(zb_call_receive(&call, 0, &response));
  zb_response_release(&response);
  CHECK_OK(zb_client_send(ends.client, "abc", 3, 0, NULL, NULL));
  CHECK_STATUS(ZB_TIMEOUT, zb_client_receive(ends.client, MILLISECOND_NS, &response));
  CHECK_STATUS(ZB_TIMEOUT, zb_client_receive_into(ends.client, buffer, sizeof buffer, 0, &received));
  close_channel(&ends);
}
TEST(a_timeout_ends_a_wait_and_loses_nothing) { both_kinds(timeouts); }

static void interrupts(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  zb_request request;
  zb_response response;
  zb_call call;
  zb_server_interrupt(ends.server);
  CHECK_STATUS(ZB_INTERRUPTED, zb_server_take(ends.server, ZB_FOREVER, &request));
  CHECK_STATUS(ZB_TIMEOUT, zb_server_take(ends.server, 0, &request)); /* it is used up */
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  zb_client_interrupt(ends.client);
  CHECK_STATUS(ZB_INTERRUPTED, zb_call_receive(&call, ZB_FOREVER, &response));
  CHECK(call.owner != NULL);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response)); /* the call goes on */
  zb_response_release(&response);
  close_channel(&ends);
}
TEST(an_interrupt_ends_a_wait_and_the_call_goes_on) { both_kinds(interrupts); }

static void* interrupt_soon(void* client) {
  sleep_ms(50);
  zb_client_interrupt(client);
  return NULL;
}
TEST(an_interrupt_reaches_a_wait_in_another_thread) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_response response;
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, interrupt_soon, ends.client) == 0);
  CHECK_STATUS(ZB_INTERRUPTED, zb_client_call(ends.client, "abc", 3, ZB_FOREVER, NULL, &response));
  CHECK(pthread_join(thread, NULL) == 0);
  close_channel(&ends);
}

static bool say_stop(void* context) {
  atomic_int* count = context;
  return atomic_fetch_add(count, 1) + 1 >= 2;
}
static void hooks(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  atomic_int client_count;
  atomic_int server_count;
  atomic_init(&client_count, 0);
  atomic_init(&server_count, 0);
  zb_client_set_wait_hook(ends.client, say_stop, &client_count);
  zb_server_set_wait_hook(ends.server, say_stop, &server_count);
  zb_request request;
  zb_response response;
  CHECK_STATUS(ZB_INTERRUPTED, zb_server_take(ends.server, ZB_FOREVER, &request));
  CHECK_NUMBER(2, (unsigned)atomic_load(&server_count));
  CHECK_STATUS(ZB_INTERRUPTED, zb_client_call(ends.client, "abc", 3, ZB_FOREVER, NULL, &response));
  CHECK_NUMBER(2, (unsigned)atomic_load(&client_count));
  zb_client_set_wait_hook(ends.client, NULL, NULL);
  zb_server_set_wait_hook(ends.server, NULL, NULL);
  close_channel(&ends);
}
TEST(a_wait_hook_ends_a_wait_by_returning_true) { both_kinds(hooks); }

/* ------------------------------------------------------------------------------------------------ being called back */

static void note(void* context) { atomic_fetch_add((atomic_int*)context, 1); }

static void server_called_back(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  atomic_int count;
  atomic_init(&count, 0);
  zb_request request;
  zb_call call;
  zb_response response;
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_server_try_take(ends.server, &request));
  CHECK(!zb_server_cancel_when(ends.server));
  CHECK_OK(zb_server_when_ready(ends.server, note, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_server_when_ready(ends.server, note, &count));
  CHECK(zb_server_cancel_when(ends.server));
  CHECK_OK(zb_server_when_ready(ends.server, note, &count));
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  zb_status status = ZB_WOULD_BLOCK;
  for (int asked = 1; status == ZB_WOULD_BLOCK; ++asked) {
    wait_for_flag(&count, asked);
    CHECK(!zb_server_cancel_when(ends.server));
    status = zb_server_try_take(ends.server, &request);
    if (status == ZB_WOULD_BLOCK) CHECK_OK(zb_server_when_ready(ends.server, note, &count));
  }
  CHECK_STATUS(ZB_OK, status);
  atomic_store(&count, 0);
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_call_try_receive(&call, &response));
  CHECK_OK(zb_call_when_ready(&call, note, &count));
  sleep_ms(20);
  CHECK(zb_call_cancel_when(&call));
  CHECK(!zb_call_cancel_when(&call));
  CHECK_NUMBER(0, (unsigned)atomic_load(&count));
  CHECK_OK(zb_call_when_ready(&call, note, &count));
  echo(&request, NULL);
  status = ZB_WOULD_BLOCK;
  for (int asked = 1; status == ZB_WOULD_BLOCK; ++asked) {
    wait_for_flag(&count, asked);
    CHECK(!zb_call_cancel_when(&call));
    status = zb_call_try_receive(&call, &response);
    if (status == ZB_WOULD_BLOCK) CHECK_OK(zb_call_when_ready(&call, note, &count));
  }
  CHECK_STATUS(ZB_OK, status);
  CHECK(response.size == 3 && memcmp(response.data, "abc", 3) == 0);
  zb_response_release(&response);
  close_channel(&ends);
}
TEST(a_request_calls_the_server_back_and_an_answer_its_call) { both_kinds(server_called_back); }

static void pipeline_called_back(uint32_t kind) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  atomic_int count;
  atomic_init(&count, 0);
  int asked = 0;
  CHECK(!zb_client_cancel_when(ends.client));
  for (uint64_t i = 0; i < 50; ++i) {
    zb_response response;
    CHECK_OK(zb_client_send(ends.client, &i, sizeof i, GENEROUS_NS, NULL, NULL));
    zb_status status = ZB_TIMEOUT;
    while ((status = zb_client_receive(ends.client, 0, &response)) == ZB_TIMEOUT) {
      CHECK_OK(zb_client_when_ready(ends.client, note, &count));
      wait_for_flag(&count, ++asked);
      CHECK(!zb_client_cancel_when(ends.client));
    }
    CHECK_STATUS(ZB_OK, status);
    CHECK_NUMBER(i, number_in(response.data, response.size));
    zb_response_release(&response);
  }
  close_channel(&ends);
}
TEST(pipelined_answers_call_back) { both_kinds(pipeline_called_back); }

TEST(the_end_of_the_server_calls_back_whoever_waits_for_an_answer) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  atomic_int count;
  atomic_init(&count, 0);
  zb_call call;
  zb_response response;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_call_when_ready(&call, note, &count));
  zb_server_close(ends.server);
  zb_status status = ZB_WOULD_BLOCK;
  for (int asked = 1; status == ZB_WOULD_BLOCK; ++asked) {
    wait_for_flag(&count, asked);
    CHECK(!zb_call_cancel_when(&call));
    status = zb_call_try_receive(&call, &response);
    if (status == ZB_WOULD_BLOCK) CHECK_OK(zb_call_when_ready(&call, note, &count));
  }
  CHECK_STATUS(ZB_CLOSED, status);
  zb_client_close(ends.client);
}

TEST(giving_a_call_up_or_closing_takes_its_callback_back) {
  zb_duplex_config config = small_channel(1000, 1000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  atomic_int count;
  atomic_init(&count, 0);
  zb_call call;
  zb_request request;
  CHECK_OK(zb_client_begin(ends.client, "abc", 3, GENEROUS_NS, NULL, &call));
  CHECK_OK(zb_call_when_ready(&call, note, &count));
  zb_call_abandon(&call);
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
  echo(&request, NULL);
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_server_try_take(ends.server, &request));
  CHECK_OK(zb_server_when_ready(ends.server, note, &count));
  CHECK_OK(zb_client_when_call(ends.client, note, &count));
  close_channel(&ends);
  sleep_ms(120);
  CHECK_NUMBER(0, (unsigned)atomic_load(&count));
}
