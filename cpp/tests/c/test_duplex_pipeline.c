/* Many requests on their way in one lane: order, correlation, and what happens while answers are not fetched. */
#include <pthread.h>
#include <stdlib.h>

#include "channel.h"

static void pipelined(uint32_t kind) {
  enum { IN_FLIGHT = 10, COUNT = 500 };
  zb_duplex_config config = small_channel(4096, 4096);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  uint64_t sequences[COUNT];
  for (uint64_t sent = 0, received = 0; received < COUNT;) {
    if (sent < COUNT && sent - received < IN_FLIGHT) {
      const zb_request_info info = {.struct_size = sizeof info, .type = (uint16_t)(128 + sent % 100)};
      CHECK_OK(zb_client_send(ends.client, &sent, sizeof sent, GENEROUS_NS, &info, &sequences[sent]));
      CHECK(sent == 0 || sequences[sent] > sequences[sent - 1]);
      ++sent;
    } else {
      zb_response response;
      CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &response));
      CHECK_NUMBER(sequences[received], response.sequence);
      CHECK_NUMBER(128 + received % 100, response.type);
      CHECK_NUMBER(received, number_in(response.data, response.size));
      zb_response_release(&response);
      ++received;
    }
  }
  zb_response response;
  CHECK_STATUS(ZB_TIMEOUT, zb_client_receive(ends.client, MILLISECOND_NS, &response)); /* nothing is on its way */
  CHECK(response.owner == NULL);
  CHECK_NUMBER(COUNT, client_stats(ends.client).requests);
  CHECK_NUMBER(COUNT, client_stats(ends.client).answers);
  close_channel(&ends);
}
TEST(answers_come_in_the_order_of_the_requests_with_their_sequences) { /* Scenario 6.2 */
  pipelined(ZB_SERVER_IMMUTABLE);
  pipelined(ZB_SERVER_IN_PLACE);
}

/* The first ones take longest, so that a pool is done with the later ones before. */
static void slow_at_first(zb_request* request, void* context) {
  const uint64_t number = number_in(request->data, request->size);
  sleep_ms(number % 4 == 0 ? 10 : 0);
  echo(request, context);
}
static void slow_pool(uint32_t kind) {
  enum { IN_FLIGHT = 8, COUNT = 80 };
  zb_duplex_config config = small_channel(8192, 8192);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, slow_at_first, NULL, 4));
  for (uint64_t sent = 0, received = 0; received < COUNT;) {
    if (sent < COUNT && sent - received < IN_FLIGHT) {
      CHECK_OK(zb_client_send(ends.client, &sent, sizeof sent, GENEROUS_NS, NULL, NULL));
      ++sent;
    } else {
      zb_response response;
      CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &response));
      CHECK_NUMBER(received, number_in(response.data, response.size));
      zb_response_release(&response);
      ++received;
    }
  }
  close_channel(&ends);
}
TEST(slow_handlers_in_a_pool_keep_the_order) { /* Scenario 6.3 */
  slow_pool(ZB_SERVER_IMMUTABLE);
  slow_pool(ZB_SERVER_IN_PLACE);
}

static void built(uint32_t kind) {
  zb_duplex_config config = small_channel(8192, 8192);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, invert, NULL, 1));
  const void* where[3];
  uint64_t sequences[3];
  for (int i = 0; i < 3; ++i) {
    zb_outgoing outgoing;
    CHECK_OK(zb_client_claim_send(ends.client, 1000, 0, GENEROUS_NS, &outgoing));
    memset(outgoing.data, i, 1000);
    where[i] = outgoing.data;
    zb_call call;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_outgoing_begin(&outgoing, 1000, NULL, &call)); /* that is for claim_request */
    CHECK(outgoing.owner != NULL);
    CHECK_OK(zb_outgoing_send(&outgoing, 1000, NULL, &sequences[i]));
    CHECK(outgoing.owner == NULL);
  }
  zb_response held[3];
  for (int i = 0; i < 3; ++i) {
    CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &held[i]));
    CHECK_NUMBER(sequences[i], held[i].sequence);
  }
  for (int i = 0; i < 3; ++i) { /* all of them are valid while they are held */
    const unsigned char* bytes = held[i].data;
    for (size_t k = 0; k < held[i].size; ++k) CHECK(bytes[k] == (unsigned char)~i);
    if (kind == ZB_SERVER_IN_PLACE) CHECK(held[i].data == where[i]);
  }
  zb_response_release(&held[1]);
  zb_response_release(&held[0]);
  zb_response_release(&held[2]);
  CHECK_NUMBER(0, client_stats(ends.client).copied_bytes);
  close_channel(&ends);
}
TEST(requests_built_in_the_channel_can_be_many_too_and_answers_are_released_in_any_order) {
  built(ZB_SERVER_IMMUTABLE);
  built(ZB_SERVER_IN_PLACE);
}

static void not_fetched(uint32_t kind) {
  zb_duplex_config config = small_channel(4000, 4000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  char bytes[1000] = {0};
  uint64_t sent = 0;
  zb_status status = ZB_OK;
  while (status == ZB_OK) {
    CHECK(sent < 1000);
    memcpy(bytes, &sent, sizeof sent);
    status = zb_client_send(ends.client, bytes, sizeof bytes, 300 * MILLISECOND_NS, NULL, NULL);
    if (status == ZB_OK) ++sent;
  }
  /* Full, and nobody fetches. In place it is known that waiting would never end: only this client frees room. */
  CHECK_STATUS(kind == ZB_SERVER_IN_PLACE ? ZB_HELD_FRAMES_BLOCK : ZB_TIMEOUT, status);
  CHECK(sent >= 2);
  zb_response response;
  for (uint64_t i = 0; i < sent; ++i) {
    CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &response));
    uint64_t number = 0;
    memcpy(&number, response.data, sizeof number);
    CHECK_NUMBER(i, number);
    zb_response_release(&response);
  }
  for (uint64_t i = 0; i < 20; ++i) { /* and it goes on */
    CHECK_OK(zb_client_send(ends.client, &i, sizeof i, GENEROUS_NS, NULL, NULL));
    CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &response));
    CHECK_NUMBER(i, number_in(response.data, response.size));
    zb_response_release(&response);
  }
  close_channel(&ends);
}
TEST(a_client_that_fetches_no_answers_is_held_back_and_then_goes_on) { /* Scenario 6.7 */
  not_fetched(ZB_SERVER_IMMUTABLE);
  not_fetched(ZB_SERVER_IN_PLACE);
}

TEST(answers_that_are_held_and_fill_the_lane_are_told_instead_of_waiting_for_ever) {
  zb_duplex_config config = small_channel(4000, 4000);
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  char bytes[1000] = {0};
  zb_response held[100];
  unsigned count = 0;
  zb_status status = ZB_OK;
  while ((status = zb_client_send(ends.client, bytes, sizeof bytes, ZB_FOREVER, NULL, NULL)) == ZB_OK) {
    CHECK(count < 100);
    CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &held[count++]));
  }
  CHECK_STATUS(ZB_HELD_FRAMES_BLOCK, status);
  for (unsigned i = 0; i < count; ++i) zb_response_release(&held[i]);
  CHECK_OK(zb_client_send(ends.client, bytes, sizeof bytes, GENEROUS_NS, NULL, NULL));
  CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &held[0]));
  zb_response_release(&held[0]);
  close_channel(&ends);
}

static void copied_out(uint32_t kind) {
  zb_duplex_config config = small_channel(4000, 4000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  char buffer[100];
  zb_received received;
  uint64_t sequence = 0;
  for (size_t size = 0; size <= sizeof buffer; size += 50) {
    char request[sizeof buffer];
    memset(request, (int)size, sizeof request);
    CHECK_OK(zb_client_send(ends.client, request, size, GENEROUS_NS, NULL, &sequence));
    if (size != 0) {
      CHECK_STATUS(ZB_BUFFER_TOO_SMALL, zb_client_receive_into(ends.client, buffer, size - 1, GENEROUS_NS, &received));
      CHECK_NUMBER(size, received.size);
      CHECK_NUMBER(size, last_failure().first);
      CHECK_NUMBER(size - 1, last_failure().second);
    }
    CHECK_OK(zb_client_receive_into(ends.client, buffer, size, GENEROUS_NS, &received));
    CHECK_NUMBER(size, received.size);
    CHECK_NUMBER(sequence, received.sequence);
    CHECK_NUMBER(0, received.type);
    CHECK(memcmp(buffer, request, size) == 0);
  }
  close_channel(&ends);
}
TEST(a_pipelined_answer_comes_again_where_its_buffer_was_too_small) { /* Scenario 6.11 */
  copied_out(ZB_SERVER_IMMUTABLE);
  copied_out(ZB_SERVER_IN_PLACE);
}

static void refuse_odd(zb_request* request, void* context) {
  if (number_in(request->data, request->size) % 2 != 0) {
    zb_request_fail(request, "odd");
  } else {
    echo(request, context);
  }
}
TEST(an_error_among_pipelined_answers_says_which_request_it_answers) {
  zb_duplex_config config = small_channel(4000, 4000);
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  CHECK_OK(zb_server_start(ends.server, refuse_odd, NULL, 1));
  uint64_t sequences[6];
  for (uint64_t i = 0; i < 6; ++i) {
    CHECK_OK(zb_client_send(ends.client, &i, sizeof i, GENEROUS_NS, NULL, &sequences[i]));
  }
  for (uint64_t i = 0; i < 6; ++i) {
    zb_response response;
    const zb_status status = zb_client_receive(ends.client, GENEROUS_NS, &response);
    if (i % 2 != 0) {
      CHECK_STATUS(ZB_REMOTE_ERROR, status);
      CHECK_NUMBER(sequences[i], last_failure().first);
      CHECK_CONTAINS("odd", failure_message());
    } else {
      CHECK_STATUS(ZB_OK, status);
      CHECK_NUMBER(sequences[i], response.sequence);
      zb_response_release(&response);
    }
  }
  close_channel(&ends);
}

enum { ACROSS_THREADS = 2000 };
static atomic_int sent_across;
static void* send_all(void* client) {
  for (uint64_t i = 0; i < ACROSS_THREADS; ++i) {
    CHECK_OK(zb_client_send(client, &i, sizeof i, GENEROUS_NS, NULL, NULL));
    atomic_store(&sent_across, (int)i + 1);
  }
  return NULL;
}
static void two_threads(uint32_t kind) {
  zb_duplex_config config = small_channel(4000, 4000);
  channel ends = open_channel(kind, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  atomic_store(&sent_across, 0);
  pthread_t sender;
  CHECK(pthread_create(&sender, NULL, send_all, ends.client) == 0);
  zb_response response;
  for (uint64_t i = 0; i < ACROSS_THREADS; ++i) {
    CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &response));
#if defined(__SANITIZE_THREAD__)
    /* It cannot know that the answer came after the request: what is between them is the server's mapping of the same
     * memory, at another address. */
    wait_for_flag(&sent_across, (int)i + 1);
#endif
    CHECK_NUMBER(i, number_in(response.data, response.size));
    zb_response_release(&response);
  }
  CHECK(pthread_join(sender, NULL) == 0);
  close_channel(&ends);
}
TEST(one_thread_sends_while_another_receives) {
  two_threads(ZB_SERVER_IMMUTABLE);
  two_threads(ZB_SERVER_IN_PLACE);
}
