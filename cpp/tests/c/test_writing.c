/* Writing in place: claims, batches, metadata, and what a full ring answers. */
#include "check.h"

TEST(a_claim_is_filled_in_the_ring_itself_and_published_by_commit) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  zb_claim claim;
  zb_frame frame;
  CHECK_OK(zb_writer_claim(ends.writer, 1000, GENEROUS_NS, &claim));
  CHECK(claim.owner != NULL);
  CHECK_NUMBER(0, (uintptr_t)claim.data % 64);
  CHECK_NUMBER(1000, claim.size);
  memset(claim.data, 0x5a, 1000);
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_reader_try_read(ends.reader, &frame));
  CHECK_OK(zb_claim_commit(&claim, 10, 128, 99));
  CHECK(claim.owner == NULL && claim.data == NULL);
  CHECK_NUMBER(0, claim.size);
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  CHECK_NUMBER(10, frame.size);
  CHECK_NUMBER(128, frame.type);
  CHECK_NUMBER(99, frame.tag);
  CHECK(((const unsigned char*)frame.data)[9] == 0x5a);
  zb_frame_release(&frame);
  close_both(&ends);
}

TEST(a_claim_is_ended_once_and_what_comes_after_is_answered) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_claim claim;
  CHECK_OK(zb_writer_try_claim(ends.writer, 8, &claim));
  CHECK_OK(zb_claim_commit(&claim, 8, 0, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_claim_commit(&claim, 8, 0, 0));
  zb_claim_discard(&claim);
  CHECK_OK(zb_writer_try_claim(ends.writer, 8, &claim));
  zb_claim_discard(&claim);
  CHECK(claim.owner == NULL && claim.data == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_claim_commit(&claim, 0, 0, 0));
  zb_writer_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_writer_get_stats(ends.writer, &stats));
  CHECK_NUMBER(1, stats.frames);
  close_both(&ends);
}

TEST(a_discarded_claim_sends_nothing_and_uses_no_sequence) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_claim claim;
  zb_frame frame;
  CHECK_OK(zb_writer_try_claim(ends.writer, 500, &claim));
  zb_claim_discard(&claim);
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_reader_try_read(ends.reader, &frame));
  send_tag(ends.writer, 1);
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  CHECK_NUMBER(1, frame.sequence);
  zb_frame_release(&frame);
  close_both(&ends);
}

TEST(committing_more_than_was_claimed_is_refused_and_the_claim_stays_open) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_claim claim;
  CHECK_OK(zb_writer_try_claim(ends.writer, 100, &claim));
  void* const data = claim.data;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_claim_commit(&claim, 101, 0, 0));
  CHECK(claim.owner != NULL && claim.data == data && claim.size == 100);
  CHECK_CONTAINS("101", failure_message());
  zb_claim second;
  CHECK_STATUS(ZB_CLAIM_OPEN, zb_writer_try_claim(ends.writer, 1, &second));
  CHECK(second.owner == NULL);
  CHECK_STATUS(ZB_CLAIM_OPEN, zb_writer_try_write(ends.writer, "x", 1, 0, 0));
  CHECK_OK(zb_claim_commit(&claim, 100, 0, 0));
  CHECK_OK(zb_writer_try_write(ends.writer, "x", 1, 0, 0));
  close_both(&ends);
}

TEST(a_claim_that_outlives_its_writer_is_answered_and_freed) {
  zb_buffer_config config = small_ring(1000);
  for (int discards = 0; discards < 2; ++discards) {
    both ends = open_both(&config);
    zb_claim claim;
    CHECK_OK(zb_writer_try_claim(ends.writer, 100, &claim));
    CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
    memset(claim.data, 1, claim.size); /* lost, but no fault */
    if (discards != 0) {
      zb_claim_discard(&claim);
    } else {
      CHECK_STATUS(ZB_HANDLE_CLOSED, zb_claim_commit(&claim, 100, 0, 0));
    }
    CHECK(claim.owner == NULL);
    zb_frame frame;
    CHECK_STATUS(ZB_CLOSED, zb_reader_try_read(ends.reader, &frame));
    zb_reader_close(ends.reader);
  }
}

TEST(a_frame_that_can_never_fit_is_refused_at_once) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_reader_get_info(ends.reader, &info));
  CHECK(info.created);
  CHECK_NUMBER(info.capacity - 32, info.max_frame_size);
  zb_claim claim;
  CHECK_OK(zb_writer_claim(ends.writer, info.max_frame_size, GENEROUS_NS, &claim));
  zb_claim_discard(&claim);
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_writer_claim(ends.writer, info.max_frame_size + 1, ZB_FOREVER, &claim));
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_writer_claim(ends.writer, SIZE_MAX, ZB_FOREVER, &claim));
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_writer_write(ends.writer, &info, SIZE_MAX, ZB_FOREVER, 0, 0));
  close_both(&ends);
}

TEST(a_full_ring_answers_timeout_or_would_block_and_drops_where_that_is_asked_for) {
  char whole[1000] = {0};
  zb_claim claim;
  for (int drops = 0; drops < 2; ++drops) {
    zb_buffer_config config = small_ring(sizeof whole);
    config.full = drops != 0 ? ZB_FULL_DROP : ZB_FULL_WAIT;
    both ends = open_both(&config);
    CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    CHECK_STATUS(drops != 0 ? ZB_DROPPED : ZB_WOULD_BLOCK, zb_writer_try_claim(ends.writer, sizeof whole, &claim));
    CHECK(claim.owner == NULL);
    CHECK_STATUS(drops != 0 ? ZB_DROPPED : ZB_WOULD_BLOCK, zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    CHECK_STATUS(drops != 0 ? ZB_DROPPED : ZB_TIMEOUT,
                 zb_writer_claim(ends.writer, sizeof whole, MILLISECOND_NS, &claim));
    CHECK_STATUS(drops != 0 ? ZB_DROPPED : ZB_TIMEOUT,
                 zb_writer_write(ends.writer, whole, sizeof whole, -5, 0, 0)); /* what is negative counts as 0 */
    zb_writer_stats writer = {.struct_size = sizeof writer};
    zb_reader_stats reader = {.struct_size = sizeof reader};
    CHECK_OK(zb_writer_get_stats(ends.writer, &writer));
    CHECK_OK(zb_reader_get_stats(ends.reader, &reader));
    CHECK_NUMBER(drops != 0 ? 4 : 0, writer.dropped);
    CHECK_NUMBER(drops != 0 ? 4 : 0, reader.dropped);
    CHECK_NUMBER(drops != 0 ? 0 : 1, writer.blocked_count);
    CHECK_NUMBER(1, writer.frames);
    CHECK_NUMBER(1, writer.readers);
    close_both(&ends);
  }
}

TEST(the_frames_of_a_batch_become_visible_together) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  zb_frame frame;
  zb_writer_end_batch(ends.writer); /* none is open: harmless */
  zb_writer_begin_batch(ends.writer);
  zb_writer_begin_batch(ends.writer); /* inside: harmless, and the first end ends it */
  for (uint64_t i = 1; i <= 3; ++i) send_tag(ends.writer, i);
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_reader_try_read(ends.reader, &frame));
  zb_writer_end_batch(ends.writer);
  for (uint64_t i = 1; i <= 3; ++i) expect_tag(ends.reader, i);
  zb_writer_end_batch(ends.writer);
  send_tag(ends.writer, 4); /* no batch any more: visible at once */
  expect_tag(ends.reader, 4);
  close_both(&ends);
}

TEST(closing_ends_a_batch_and_publishes_it) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  zb_writer_begin_batch(ends.writer);
  send_tag(ends.writer, 1);
  zb_claim claim;
  CHECK_OK(zb_writer_try_claim(ends.writer, 8, &claim)); /* and an open claim is not sent */
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  expect_tag(ends.reader, 1);
  zb_frame frame;
  CHECK_STATUS(ZB_CLOSED, zb_reader_try_read(ends.reader, &frame));
  zb_claim_discard(&claim);
  zb_reader_close(ends.reader);
}

TEST(metadata_is_written_once_and_before_the_first_frame) {
  zb_buffer_config config = small_ring(1000);
  config.metadata_size = 64;
  both ends = open_both(&config);
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_writer_get_info(ends.writer, &info));
  char large[8192] = {0};
  CHECK_STATUS(ZB_METADATA_TOO_LARGE, zb_writer_write_metadata(ends.writer, large, info.metadata_size + 1));
  CHECK_OK(zb_writer_write_metadata(ends.writer, "first", 5));
  CHECK_STATUS(ZB_METADATA_EXISTS, zb_writer_write_metadata(ends.writer, "second", 6));
  close_both(&ends);
  ends = open_both(&config);
  send_tag(ends.writer, 1);
  CHECK_STATUS(ZB_METADATA_EXISTS, zb_writer_write_metadata(ends.writer, "late", 4));
  close_both(&ends);
}

TEST(a_successors_other_metadata_waits_until_the_old_frames_are_read) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_OK(zb_writer_write_metadata(ends.writer, "old", 3));
  send_tag(ends.writer, 1);
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  CHECK_OK(zb_writer_open(ends.name, GENEROUS_NS, &config, &ends.writer));
  CHECK_OK(zb_writer_write_metadata(ends.writer, "old", 3)); /* the same: no change */
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  CHECK_OK(zb_writer_open(ends.name, GENEROUS_NS, &config, &ends.writer));
  CHECK_STATUS(ZB_METADATA_IN_USE, zb_writer_write_metadata(ends.writer, "new", 3));
  expect_tag(ends.reader, 1);
  CHECK_OK(zb_writer_write_metadata(ends.writer, "new", 3));
  send_tag(ends.writer, 2);
  zb_frame frame;
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  CHECK_NUMBER(2, frame.sequence); /* the successor goes on counting */
  zb_frame_release(&frame);
  close_both(&ends);
}

TEST(draining_and_lingering_wait_for_the_readers_and_closing_counts_what_is_left) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_OK(zb_writer_drain(ends.writer, 0));
  send_tag(ends.writer, 1);
  CHECK_STATUS(ZB_TIMEOUT, zb_writer_drain(ends.writer, 0));
  CHECK_STATUS(ZB_TIMEOUT, zb_writer_drain(ends.writer, MILLISECOND_NS));
  expect_tag(ends.reader, 1);
  CHECK_OK(zb_writer_drain(ends.writer, 0));
  send_tag(ends.writer, 2);
  send_tag(ends.writer, 3);
  zb_reader_close(ends.reader);
  CHECK_STATUS(ZB_CLOSED, zb_writer_drain(ends.writer, GENEROUS_NS));
  uint64_t unread = 0;
  CHECK_OK(zb_writer_close(ends.writer, GENEROUS_NS, &unread));
  CHECK_NUMBER(2, unread);
}

TEST(a_writer_whose_readers_have_all_closed_is_told_when_the_ring_is_full) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_OK(zb_writer_wait_for_readers(ends.writer, 1, GENEROUS_NS));
  zb_reader_close(ends.reader);
  ends.reader = NULL;
  char whole[1000] = {0};
  CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
  CHECK_STATUS(ZB_CLOSED, zb_writer_write(ends.writer, whole, sizeof whole, ZB_FOREVER, 0, 0));
  CHECK_STATUS(ZB_TIMEOUT, zb_writer_wait_for_readers(ends.writer, 1, 0));
  CHECK_OK(zb_writer_wait_for_readers(ends.writer, 0, 0));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_wait_for_readers(ends.writer, 2, 0));
  close_both(&ends);
}

TEST(a_ring_made_for_frames_holds_as_many_as_were_asked_for) {
  for (uint32_t in_flight = 1; in_flight <= 5; ++in_flight) {
    zb_buffer_config config;
    CHECK_OK(zb_buffer_config_init(&config, sizeof config));
    CHECK_OK(zb_buffer_config_for_frames(&config, 1000, in_flight));
    both ends = open_both(&config);
    char frame[1000] = {0};
    for (uint32_t round = 0; round < 10; ++round) {
      for (uint32_t i = 0; i < in_flight; ++i) {
        CHECK_OK(zb_writer_try_write(ends.writer, frame, sizeof frame, 0, 0));
      }
      zb_frame frames[5];
      size_t count = 0;
      CHECK_OK(zb_reader_read_many(ends.reader, 0, frames, 5, &count));
      CHECK_NUMBER(in_flight, count);
      for (size_t i = 0; i < count; ++i) zb_frame_release(&frames[i]);
    }
    close_both(&ends);
  }
}

TEST(a_ring_for_frames_that_no_ring_can_hold_is_refused_when_it_is_made) {
  static const struct {
    uint64_t frame_size;
    uint32_t in_flight;
  } impossible[] = {{0, 1}, {UINT64_MAX, 1}, {(UINT64_C(1) << 36) - 32, UINT32_C(1) << 28}, {1 << 30, UINT32_MAX}};
  for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; ++i) {
    zb_buffer_config config = small_ring(1000);
    CHECK_OK(zb_buffer_config_for_frames(&config, impossible[i].frame_size, impossible[i].in_flight));
    zb_reader* reader = NULL;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create_anonymous(&config, &reader));
  }
}
