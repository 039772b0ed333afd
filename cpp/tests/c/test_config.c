/* Each field of a configuration reaches the library, and each counter tells what it is named after. */
#include <unistd.h>

#include "check.h"

static zb_writer_stats writer_stats(const zb_writer* writer) {
  zb_writer_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_writer_get_stats(writer, &stats));
  return stats;
}
static zb_reader_stats reader_stats(const zb_reader* reader) {
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(reader, &stats));
  return stats;
}

TEST(the_geometry_is_what_was_asked_for) {
  zb_buffer_config config = small_ring(100000);
  config.metadata_size = 10000;
  config.max_readers = 17;
  both ends = open_both(&config);
  zb_buffer_info info[2] = {{.struct_size = sizeof info[0]}, {.struct_size = sizeof info[0]}};
  CHECK_OK(zb_reader_get_info(ends.reader, &info[0]));
  CHECK_OK(zb_writer_get_info(ends.writer, &info[1]));
  for (int i = 0; i < 2; ++i) {
    CHECK_NUMBER(17, info[i].max_readers);
    CHECK(info[i].metadata_size >= 10000 && info[i].metadata_size < 20000);
    CHECK(info[i].max_frame_size >= 100000 && info[i].max_frame_size < 110000);
    CHECK_NUMBER(info[i].capacity - 32, info[i].max_frame_size);
    CHECK(info[i].segment_size > info[i].capacity + info[i].metadata_size);
  }
  CHECK(info[0].created && !info[1].created);
  close_both(&ends);
}

TEST(an_end_that_spins_never_sleeps_and_one_that_blocks_does) {
  static const struct {
    uint32_t wait;
    uint32_t spin_pauses;
    bool sleeps;
  } ways[] = {{ZB_WAIT_SPIN, 0, false}, {ZB_WAIT_BLOCK, 2000, true}, {ZB_WAIT_SPIN_THEN_BLOCK, 0, true}};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; ++i) {
    zb_buffer_config config = small_ring(200);
    config.wait = ways[i].wait;
    config.spin_pauses = ways[i].spin_pauses;
    both ends = open_both(&config);
    zb_frame frame;
    char whole[200] = {0};
    CHECK_STATUS(ZB_TIMEOUT, zb_reader_read(ends.reader, 5 * MILLISECOND_NS, &frame));
    CHECK(ways[i].sleeps == (reader_stats(ends.reader).sleeps != 0));
    CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    CHECK_STATUS(ZB_TIMEOUT, zb_writer_write(ends.writer, whole, sizeof whole, 5 * MILLISECOND_NS, 0, 0));
    const zb_writer_stats stats = writer_stats(ends.writer);
    CHECK(ways[i].sleeps == (stats.sleeps != 0));
    CHECK_NUMBER(1, stats.blocked_count);
    CHECK(stats.blocked_ns > 0);
    close_both(&ends);
  }
}

TEST(a_small_burst_starts_the_ring_again_early_and_a_large_one_at_its_end) {
  enum { RING = 8 << 20, FRAME = 1 << 16, COUNT = 300 };
  static char bytes[FRAME];
  for (int small = 0; small < 2; ++small) {
    zb_buffer_config config = small_ring(RING);
    config.burst_size = small != 0 ? 2 * FRAME : RING;
    both ends = open_both(&config);
    for (uint64_t i = 0; i < COUNT; ++i) {
      zb_frame frame;
      CHECK_OK(zb_writer_try_write(ends.writer, bytes, sizeof bytes, 0, 0));
      CHECK_OK(zb_reader_try_read(ends.reader, &frame));
      zb_frame_release(&frame);
    }
    const zb_writer_stats stats = writer_stats(ends.writer);
    CHECK_NUMBER(COUNT, stats.frames);
    CHECK_NUMBER((uint64_t)COUNT * FRAME, stats.bytes);
    CHECK(stats.wraps != 0);
    CHECK((stats.early_restarts != 0) == (small != 0));
    CHECK(stats.early_restarts <= stats.wraps);
    close_both(&ends);
  }
}

TEST(a_reader_tells_of_freed_room_after_as_many_frames_as_it_was_told) {
  zb_buffer_config config = small_ring(4096);
  config.acknowledge_frames = 3;
  both ends = open_both(&config);
  static const uint64_t unread[] = {3, 3, 0, 3, 3, 0};
  for (int i = 0; i < 6; ++i) {
    if (i % 3 == 0) {
      for (uint64_t k = 0; k < 3; ++k) send_tag(ends.writer, k);
    }
    expect_tag(ends.reader, (uint64_t)(i % 3));
    CHECK_NUMBER(unread[i] * 64, writer_stats(ends.writer).unread_bytes);
    CHECK_NUMBER((2 - (uint64_t)i % 3) * 64, reader_stats(ends.reader).unread_bytes);
  }
  close_both(&ends);
}

TEST(a_reader_tells_of_freed_room_after_the_time_it_was_told) {
  for (int has_interval = 0; has_interval < 2; ++has_interval) {
    zb_buffer_config config = small_ring(4096);
    config.acknowledge_frames = 1000;
    config.acknowledge_interval_ns = has_interval != 0 ? 1 : 0; /* rounded up to what the library counts in */
    both ends = open_both(&config);
    send_tag(ends.writer, 1);
    send_tag(ends.writer, 2);
    send_tag(ends.writer, 3);
    expect_tag(ends.reader, 1);
    sleep_ms(30);
    expect_tag(ends.reader, 2);
    const uint64_t unread = writer_stats(ends.writer).unread_bytes;
    CHECK_NUMBER(has_interval != 0 ? 64 : 3 * 64, unread);
    close_both(&ends);
  }
}

TEST(the_pages_of_the_ring_are_mapped_beforehand_where_that_is_asked_for) {
  enum { RING = 8 << 20 };
  for (int touched = 0; touched < 2; ++touched) {
    zb_buffer_config config = small_ring(RING);
    config.pre_touch = touched != 0;
    const char* name = unique_name();
    zb_reader* reader = NULL;
    CHECK_OK(zb_reader_create(name, &config, &reader));
    const unsigned long present = look_at_mappings().present_kb;
    CHECK((present >= RING / 1024) == (touched != 0));
    zb_reader_close(reader);
  }
}

TEST(the_ring_is_locked_in_memory_where_that_is_asked_for) {
  for (int locked = 0; locked < 2; ++locked) {
    zb_buffer_config config = small_ring(10000);
    config.lock_in_memory = locked != 0;
    const char* name = unique_name();
    zb_writer* writer = NULL;
    CHECK_OK(zb_writer_create(name, &config, &writer));
    CHECK(look_at_mappings().locked == (mlock_works() && locked != 0));
    CHECK_OK(zb_writer_close(writer, 0, NULL));
  }
}

TEST(huge_pages_are_asked_for_where_that_is_wanted_and_there_are_any) {
  const bool there_are_any = access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
  for (int huge = 0; huge < 2; ++huge) {
    zb_buffer_config config = small_ring(4 << 20);
    config.huge_pages = huge != 0;
    const char* name = unique_name();
    zb_writer* writer = NULL;
    CHECK_OK(zb_writer_create(name, &config, &writer));
    CHECK(look_at_mappings().huge == (there_are_any && huge != 0));
    CHECK_OK(zb_writer_close(writer, 0, NULL));
  }
}
