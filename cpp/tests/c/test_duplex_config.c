/* Each field of the configuration of a channel reaches the library, and its counters tell what they are named after. */
#include <unistd.h>

#include "channel.h"

TEST(the_geometry_of_a_channel_is_what_was_asked_for) {
  for (uint32_t kind = 0; kind < 2; ++kind) {
    zb_duplex_config config = small_channel(100000, 200000);
    config.callback_size = 30000;
    config.lanes = 5;
    channel ends = open_channel(kind, &config);
    zb_duplex_info info[2] = {{.struct_size = sizeof info[0]}, {.struct_size = sizeof info[0]}};
    CHECK_OK(zb_server_get_info(ends.server, &info[0]));
    CHECK_OK(zb_client_get_info(ends.client, &info[1]));
    const uint64_t response = kind == ZB_SERVER_IN_PLACE ? 100000 : 200000;
    for (int i = 0; i < 2; ++i) {
      CHECK_NUMBER(5, info[i].lanes);
      CHECK(info[i].max_request_size >= 100000 && info[i].max_request_size < 110000);
      CHECK(info[i].max_response_size >= response && info[i].max_response_size < response + 10000);
      CHECK(info[i].max_callback_size >= 30000 && info[i].max_callback_size < 40000);
      CHECK(info[i].segment_size > 5 * (130000 + (kind == ZB_SERVER_IN_PLACE ? 0 : 200000)));
      CHECK_NUMBER(kind == ZB_SERVER_IN_PLACE, info[i].in_place);
    }
    CHECK(info[0].created && !info[1].created);
    close_channel(&ends);
  }
}

TEST(an_end_of_a_channel_that_spins_never_sleeps_and_one_that_blocks_does) {
  static const struct {
    uint32_t wait;
    uint32_t spin_pauses;
    bool sleeps;
  } ways[] = {{ZB_WAIT_SPIN, 0, false}, {ZB_WAIT_BLOCK, 2000, true}, {ZB_WAIT_SPIN_THEN_BLOCK, 0, true}};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; ++i) {
    zb_duplex_config config = small_channel(200, 200);
    config.wait = ways[i].wait;
    config.spin_pauses = ways[i].spin_pauses;
    channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
    zb_request request;
    zb_response response;
    CHECK_STATUS(ZB_TIMEOUT, zb_server_take(ends.server, 5 * MILLISECOND_NS, &request));
    CHECK(ways[i].sleeps == (server_stats(ends.server).sleeps != 0));
    CHECK_STATUS(ZB_TIMEOUT, zb_client_call(ends.client, "x", 1, 5 * MILLISECOND_NS, NULL, &response));
    CHECK(ways[i].sleeps == (client_stats(ends.client).sleeps != 0));
    close_channel(&ends);
  }
}

TEST(whoever_sleeps_is_woken_and_the_wakes_are_counted) {
  zb_duplex_config config = small_channel(200, 200);
  config.wait = ZB_WAIT_BLOCK;
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  for (uint64_t i = 0;
       i < 1000 && (i < 10 || client_stats(ends.client).wakes == 0 || server_stats(ends.server).wakes == 0); ++i) {
    expect_number_echo(ends.client, i);
  }
  CHECK(client_stats(ends.client).wakes != 0);
  CHECK(server_stats(ends.server).wakes != 0);
  close_channel(&ends);
}

TEST(no_more_answers_are_held_per_lane_than_was_said) {
  zb_duplex_config config = small_channel(4000, 4000);
  config.max_held = 2;
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  CHECK_OK(zb_server_start(ends.server, echo, NULL, 1));
  zb_response held[3];
  for (int i = 0; i < 3; ++i) CHECK_OK(zb_client_send(ends.client, "x", 1, GENEROUS_NS, NULL, NULL));
  CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &held[0]));
  CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &held[1]));
  CHECK_STATUS(ZB_TOO_MANY_HELD, zb_client_receive(ends.client, GENEROUS_NS, &held[2]));
  zb_response_release(&held[0]);
  CHECK_OK(zb_client_receive(ends.client, GENEROUS_NS, &held[2]));
  zb_response_release(&held[1]);
  zb_response_release(&held[2]);
  close_channel(&ends);
}

TEST(no_more_requests_are_taken_per_lane_than_was_said) {
  zb_duplex_config config = small_channel(4000, 4000);
  config.max_held = 2;
  channel ends = open_channel(ZB_SERVER_IMMUTABLE, &config);
  zb_request taken[3];
  for (int i = 0; i < 3; ++i) CHECK_OK(zb_client_send(ends.client, "x", 1, GENEROUS_NS, NULL, NULL));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &taken[0]));
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &taken[1]));
  CHECK_STATUS(ZB_TOO_MANY_HELD, zb_server_take(ends.server, GENEROUS_NS, &taken[2]));
  CHECK(taken[2].owner == NULL);
  echo(&taken[0], NULL);
  CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &taken[2]));
  echo(&taken[1], NULL);
  echo(&taken[2], NULL);
  close_channel(&ends);
}

TEST(a_lane_with_too_many_requests_taken_does_not_hold_back_the_others) {
  zb_duplex_config config = small_channel(4000, 4000);
  config.max_held = 2;
  channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
  zb_client* other = NULL;
  CHECK_OK(zb_client_open(ends.name, GENEROUS_NS, &config, &other));
  zb_request taken[2];
  zb_request request;
  zb_call call;
  zb_response response;
  for (int i = 0; i < 3; ++i) CHECK_OK(zb_client_send(ends.client, "x", 1, GENEROUS_NS, NULL, NULL));
  for (int i = 0; i < 2; ++i) CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &taken[i]));
  for (int i = 0; i < 10; ++i) {
    CHECK_OK(zb_client_begin(other, "y", 1, GENEROUS_NS, NULL, &call));
    CHECK_OK(zb_server_take(ends.server, GENEROUS_NS, &request));
    CHECK(memcmp(request.data, "y", 1) == 0);
    echo(&request, NULL);
    CHECK_OK(zb_call_receive(&call, GENEROUS_NS, &response));
    zb_response_release(&response);
  }
  for (int i = 0; i < 2; ++i) echo(&taken[i], NULL);
  zb_client_close(other);
  close_channel(&ends);
}

TEST(the_pages_of_a_lane_are_mapped_beforehand_where_that_is_asked_for) {
  enum { RING = 8 << 20 };
  for (int touched = 0; touched < 2; ++touched) {
    zb_duplex_config config = small_channel(RING, RING);
    config.lanes = 1;
    config.pre_touch = false;
    zb_server* server = NULL;
    zb_client* client = NULL;
    const char* name = unique_name();
    CHECK_OK(zb_server_create(name, ZB_SERVER_IN_PLACE, &config, &server));
    config.pre_touch = touched != 0;
    CHECK_OK(zb_client_open(name, GENEROUS_NS, &config, &client));
    CHECK((look_at_mappings().present_kb >= RING / 1024) == (touched != 0));
    zb_client_close(client);
    zb_server_close(server);
  }
}

TEST(the_lanes_are_locked_in_memory_where_that_is_asked_for) {
  for (int locked = 0; locked < 2; ++locked) {
    zb_duplex_config config = small_channel(10000, 10000);
    config.lock_in_memory = locked != 0;
    channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
    CHECK(look_at_mappings().locked == (mlock_works() && locked != 0));
    close_channel(&ends);
  }
}

TEST(huge_pages_are_asked_for_the_lanes_where_that_is_wanted_and_there_are_any) {
  const bool there_are_any = access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
  for (int huge = 0; huge < 2; ++huge) {
    zb_duplex_config config = small_channel(4 << 20, 4 << 20);
    config.huge_pages = huge != 0;
    channel ends = open_channel(ZB_SERVER_IN_PLACE, &config);
    CHECK(look_at_mappings().huge == (there_are_any && huge != 0));
    close_channel(&ends);
  }
}
