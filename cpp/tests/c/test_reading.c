/* Reading in place: frames, what is held, metadata. */
#include "check.h"

TEST(a_frame_is_in_the_ring_aligned_and_carries_what_was_sent) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  unsigned char sent[3000];
  for (size_t i = 0; i < sizeof sent; ++i) sent[i] = (unsigned char)(i * 7);
  CHECK_OK(zb_writer_write(ends.writer, sent, sizeof sent, GENEROUS_NS, 200, UINT64_MAX));
  zb_frame frame;
  CHECK_OK(zb_reader_read(ends.reader, GENEROUS_NS, &frame));
  CHECK(frame.owner != NULL);
  CHECK_NUMBER(0, (uintptr_t)frame.data % 64);
  CHECK_NUMBER(sizeof sent, frame.size);
  CHECK(memcmp(sent, frame.data, sizeof sent) == 0);
  CHECK_NUMBER(1, frame.sequence);
  CHECK_NUMBER(200, frame.type);
  CHECK_NUMBER(UINT64_MAX, frame.tag);
  CHECK_NUMBER(0, frame.reserved);
  zb_frame_release(&frame);
  CHECK(frame.owner == NULL && frame.data == NULL);
  CHECK_NUMBER(0, frame.size);
  zb_frame_release(&frame); /* harmless */
  close_both(&ends);
}

TEST(an_answer_other_than_ok_leaves_no_frame) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_frame frame = {.owner = &config};
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_reader_try_read(ends.reader, &frame));
  CHECK(frame.owner == NULL);
  frame.owner = &config;
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read(ends.reader, MILLISECOND_NS, &frame));
  CHECK(frame.owner == NULL);
  frame.owner = &config;
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read_newest(ends.reader, 0, &frame));
  CHECK(frame.owner == NULL);
  zb_frame frames[3] = {{.owner = &config}, {.owner = &config}, {.owner = &config}};
  size_t count = 7;
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read_many(ends.reader, 0, frames, 3, &count));
  CHECK_NUMBER(0, count);
  for (int i = 0; i < 3; ++i) {
    CHECK(frames[i].owner == NULL);
    zb_frame_release(&frames[i]);
  }
  close_both(&ends);
}

TEST(a_copy_of_a_frame_is_the_same_frame) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  send_tag(ends.writer, 5);
  zb_frame frame;
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  zb_frame copy = frame;
  CHECK(copy.data == frame.data && copy.tag == 5);
  zb_frame_release(&copy); /* one of them only */
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(ends.reader, &stats));
  CHECK_NUMBER(0, stats.held);
  send_tag(ends.writer, 6);
  expect_tag(ends.reader, 6);
  close_both(&ends);
}

TEST(frames_are_released_in_any_order_and_their_room_comes_back) {
  zb_buffer_config config;
  CHECK_OK(zb_buffer_config_init(&config, sizeof config));
  CHECK_OK(zb_buffer_config_for_frames(&config, 100, 4));
  both ends = open_both(&config);
  for (uint64_t round = 0; round < 50; ++round) {
    zb_frame frames[4];
    for (uint64_t i = 0; i < 4; ++i) send_tag(ends.writer, 4 * round + i);
    for (uint64_t i = 0; i < 4; ++i) CHECK_OK(zb_reader_try_read(ends.reader, &frames[i]));
    static const int order[] = {2, 0, 3, 1};
    for (int i = 0; i < 4; ++i) {
      CHECK_NUMBER(4 * round + (uint64_t)order[i], frames[order[i]].tag);
      CHECK(memcmp(frames[order[i]].data, &frames[order[i]].tag, 8) == 0);
      zb_frame_release(&frames[order[i]]);
    }
  }
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(ends.reader, &stats));
  CHECK_NUMBER(200, stats.frames);
  CHECK_NUMBER(200 * 8, stats.bytes);
  CHECK_NUMBER(0, stats.held);
  CHECK_NUMBER(0, stats.unread_bytes);
  close_both(&ends);
}

TEST(read_many_takes_what_is_there_up_to_the_capacity) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  for (uint64_t i = 0; i < 5; ++i) send_tag(ends.writer, i);
  zb_frame frames[8];
  memset(frames, 0xff, sizeof frames);
  size_t count = 0;
  CHECK_OK(zb_reader_read_many(ends.reader, GENEROUS_NS, frames, 3, &count));
  CHECK_NUMBER(3, count);
  CHECK(frames[3].owner == (void*)UINTPTR_MAX); /* not one beyond the capacity is touched */
  CHECK_OK(zb_reader_read_many(ends.reader, GENEROUS_NS, frames + 3, 5, &count));
  CHECK_NUMBER(2, count);
  for (uint64_t i = 0; i < 5; ++i) {
    CHECK_NUMBER(i, frames[i].tag);
    CHECK_NUMBER(i + 1, frames[i].sequence);
    CHECK(memcmp(frames[i].data, &i, sizeof i) == 0);
  }
  for (int i = 5; i < 8; ++i) CHECK(frames[i].owner == NULL);
  for (int i = 0; i < 8; ++i) zb_frame_release(&frames[i]);
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(ends.reader, &stats));
  CHECK_NUMBER(0, stats.held);
  close_both(&ends);
}

TEST(the_newest_frame_is_taken_and_those_in_between_are_counted) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  for (uint64_t i = 0; i < 5; ++i) send_tag(ends.writer, i);
  zb_frame frame;
  CHECK_OK(zb_reader_read_newest(ends.reader, GENEROUS_NS, &frame));
  CHECK_NUMBER(4, frame.tag);
  zb_frame_release(&frame);
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read_newest(ends.reader, 0, &frame));
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(ends.reader, &stats));
  CHECK_NUMBER(4, stats.skipped);
  CHECK_NUMBER(0, stats.lost);
  close_both(&ends);
}

TEST(one_frame_more_than_max_held_is_refused_until_one_is_released) {
  zb_buffer_config config = small_ring(4096);
  config.max_held = 2;
  both ends = open_both(&config);
  zb_frame frames[3];
  for (uint64_t i = 0; i < 3; ++i) send_tag(ends.writer, i);
  CHECK_OK(zb_reader_try_read(ends.reader, &frames[0]));
  CHECK_OK(zb_reader_try_read(ends.reader, &frames[1]));
  CHECK_STATUS(ZB_TOO_MANY_HELD, zb_reader_try_read(ends.reader, &frames[2]));
  zb_frame_release(&frames[0]);
  CHECK_OK(zb_reader_try_read(ends.reader, &frames[2]));
  CHECK_NUMBER(2, frames[2].tag);
  zb_frame_release(&frames[1]);
  zb_frame_release(&frames[2]);
  close_both(&ends);
}

TEST(metadata_is_copied_cut_to_the_room_and_its_whole_length_is_told) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  char buffer[32];
  size_t size = 7;
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_metadata(ends.reader, 0, buffer, sizeof buffer, &size));
  CHECK_NUMBER(0, size);
  CHECK_OK(zb_writer_write_metadata(ends.writer, "0123456789", 10));
  for (size_t room = 0; room <= 12; ++room) {
    memset(buffer, '#', sizeof buffer);
    CHECK_OK(zb_reader_metadata(ends.reader, 0, room != 0 ? buffer : NULL, room, &size));
    CHECK_NUMBER(10, size);
    const size_t copied = room < size ? room : size;
    CHECK(memcmp(buffer, "0123456789", copied) == 0);
    CHECK(buffer[copied] == '#');
  }
  close_both(&ends);
}

TEST(empty_metadata_is_there_and_has_no_bytes) {
  zb_buffer_config config = small_ring(1000);
  config.metadata_size = 0;
  both ends = open_both(&config);
  char buffer[1] = {'#'};
  size_t size = 7;
  CHECK_OK(zb_writer_write_metadata(ends.writer, "", 0));
  CHECK_OK(zb_reader_metadata(ends.reader, GENEROUS_NS, buffer, 1, &size));
  CHECK_NUMBER(0, size);
  CHECK(buffer[0] == '#');
  CHECK_STATUS(ZB_METADATA_TOO_LARGE, zb_writer_write_metadata(ends.writer, "x", 1));
  close_both(&ends);
}

TEST(the_end_of_the_stream_comes_after_its_last_frame_and_again_and_again) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  send_tag(ends.writer, 1);
  uint64_t unread = 7;
  CHECK_OK(zb_writer_close(ends.writer, 0, &unread));
  CHECK_NUMBER(0, unread);
  expect_tag(ends.reader, 1);
  zb_frame frame;
  for (int i = 0; i < 3; ++i) {
    CHECK_STATUS(ZB_CLOSED, zb_reader_read(ends.reader, ZB_FOREVER, &frame));
    CHECK_STATUS(ZB_CLOSED, zb_reader_try_read(ends.reader, &frame));
  }
  size_t size = 0;
  CHECK_STATUS(ZB_CLOSED, zb_reader_metadata(ends.reader, ZB_FOREVER, NULL, 0, &size));
  zb_reader_close(ends.reader);
}
