/* Forwarding frames of one buffer into another without copying them: what the readers of the output see, how long the
 * source's room is kept, and what happens where nothing can be shared. */
#include <stdlib.h>

#include "check.h"

/* A source with its writer, a relay that reads it and writes the output, and a reader of the output. */
typedef struct relay {
  both source;
  both output;
  zb_shared_writer* shared;
} relay;

static relay open_relay(const zb_buffer_config* source, const zb_buffer_config* output) {
  relay made = {.source = open_both(source), .output = open_both(output)};
  CHECK_OK(zb_shared_writer_create(made.output.writer, made.source.reader, &made.shared));
  return made;
}
static void close_relay(relay* self) {
  CHECK_OK(zb_shared_writer_close(self->shared, 0, NULL));
  close_both(&self->output);
  close_both(&self->source);
}
static zb_buffer_config sharing_ring(uint64_t payload_size) {
  zb_buffer_config config = small_ring(payload_size);
  config.share_slots = 2;
  return config;
}
static zb_shared_writer_stats stats_of(const zb_shared_writer* shared) {
  zb_shared_writer_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_shared_writer_get_stats(shared, &stats));
  return stats;
}
static zb_reader_stats reader_stats(const zb_reader* reader) {
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(reader, &stats));
  return stats;
}

/* The source's writer sends `size` bytes; where they lie in its own mapping. */
static unsigned char* send_bytes(relay* self, size_t size, int byte, uint16_t type, uint64_t tag) {
  zb_claim claim;
  CHECK_OK(zb_writer_claim(self->source.writer, size, GENEROUS_NS, &claim));
  unsigned char* const bytes = claim.data;
  memset(bytes, byte, size);
  CHECK_OK(zb_claim_commit(&claim, size, type, tag));
  return bytes;
}
/* The relay passes the next frame on. */
static uint32_t pass_on(relay* self) {
  zb_frame frame;
  uint32_t how = 7;
  CHECK_OK(zb_reader_read(self->source.reader, GENEROUS_NS, &frame));
  CHECK_OK(zb_shared_writer_forward(self->shared, &frame, GENEROUS_NS, &how));
  CHECK(frame.owner == NULL && frame.data == NULL && frame.size == 0);
  return how;
}
static bool all_are(const zb_frame* frame, int byte) {
  const unsigned char* bytes = frame->data;
  for (size_t i = 0; i < frame->size; ++i) {
    if (bytes[i] != byte) return false;
  }
  return true;
}

TEST(a_forwarded_frame_is_the_very_memory_of_its_source) { /* Scenario 7.1 */
  zb_buffer_config config = sharing_ring(100000);
  relay self = open_relay(&config, &config);
  CHECK(zb_shared_writer_can_share(self.shared));
  CHECK_NUMBER(0, zb_shared_writer_why_not(self.shared, NULL, 0));
  for (uint64_t i = 1; i <= 20; ++i) {
    unsigned char* const written = send_bytes(&self, 10000, (int)i, (uint16_t)(128 + i), i * 7);
    CHECK_NUMBER(ZB_FORWARDED_SHARED, pass_on(&self));
    zb_frame frame;
    CHECK_OK(zb_reader_read(self.output.reader, GENEROUS_NS, &frame));
    CHECK_NUMBER(10000, frame.size);
    CHECK_NUMBER(i, frame.sequence);
    CHECK_NUMBER(128 + i, frame.type);
    CHECK_NUMBER(i * 7, frame.tag);
    CHECK(all_are(&frame, (int)i));
    written[5] = 0xee; /* which no writer may do: it shows that there is no copy */
    CHECK_NUMBER(0xee, ((const unsigned char*)frame.data)[5]);
    zb_frame_release(&frame);
  }
  const zb_shared_writer_stats stats = stats_of(self.shared);
  CHECK_NUMBER(20, stats.shared_frames);
  CHECK_NUMBER(20 * 10000, stats.shared_bytes);
  CHECK_NUMBER(0, stats.copied_frames);
  CHECK_NUMBER(0, stats.copied_bytes);
  CHECK_NUMBER(20, reader_stats(self.output.reader).shared_frames);
  CHECK_NUMBER(0, reader_stats(self.output.reader).shared_copied_bytes);
  close_relay(&self);
}

TEST(the_source_cannot_write_over_what_a_reader_of_the_output_looks_at) { /* Scenario 7.2 */
  zb_buffer_config config = sharing_ring(4000);
  relay self = open_relay(&config, &config);
  send_bytes(&self, 1000, 'a', 0, 0);
  CHECK_NUMBER(ZB_FORWARDED_SHARED, pass_on(&self));
  zb_frame held;
  CHECK_OK(zb_reader_read(self.output.reader, GENEROUS_NS, &held));
  char other[1000];
  memset(other, 'b', sizeof other);
  zb_status status = ZB_OK;
  for (int i = 0; status == ZB_OK; ++i) {
    CHECK(i < 100);
    status = zb_writer_try_write(self.source.writer, other, sizeof other, 0, 0);
    zb_frame frame;
    while (zb_reader_try_read(self.source.reader, &frame) == ZB_OK) zb_frame_release(&frame);
  }
  CHECK_STATUS(ZB_WOULD_BLOCK, status);
  CHECK(all_are(&held, 'a'));
  CHECK_NUMBER(1, stats_of(self.shared).kept);
  CHECK_NUMBER(1, zb_shared_writer_release_passed(self.shared));
  zb_frame_release(&held);
  CHECK_NUMBER(0, zb_shared_writer_release_passed(self.shared));
  CHECK_NUMBER(0, stats_of(self.shared).kept);
  CHECK_OK(zb_writer_write(self.source.writer, other, sizeof other, GENEROUS_NS, 0, 0));
  close_relay(&self);
}

TEST(where_a_buffer_does_not_share_the_same_call_copies_and_says_so) { /* Scenario 7.4 */
  const zb_buffer_config sharing = sharing_ring(10000);
  const zb_buffer_config plain = small_ring(10000);
  for (int i = 0; i < 2; ++i) {
    relay self = open_relay(i == 0 ? &plain : &sharing, i == 0 ? &sharing : &plain);
    CHECK(!zb_shared_writer_can_share(self.shared));
    char why[512];
    const size_t length = zb_shared_writer_why_not(self.shared, why, sizeof why);
    CHECK(length != 0 && length == strlen(why));
    CHECK_CONTAINS("share_slots", why);
    CHECK_NUMBER(length, zb_shared_writer_why_not(self.shared, NULL, 0));
    char cut[5];
    CHECK_NUMBER(length, zb_shared_writer_why_not(self.shared, cut, sizeof cut));
    CHECK(strlen(cut) == 4 && memcmp(cut, why, 4) == 0);
    send_bytes(&self, 3000, 'c', 140, 9);
    CHECK_NUMBER(ZB_FORWARDED_COPIED, pass_on(&self));
    zb_frame frame;
    CHECK_OK(zb_reader_read(self.output.reader, GENEROUS_NS, &frame));
    CHECK(frame.size == 3000 && frame.type == 140 && frame.tag == 9 && all_are(&frame, 'c'));
    zb_frame_release(&frame);
    const zb_shared_writer_stats stats = stats_of(self.shared);
    CHECK_NUMBER(0, stats.shared_frames);
    CHECK_NUMBER(0, stats.shared_bytes);
    CHECK_NUMBER(1, stats.copied_frames);
    CHECK_NUMBER(3000, stats.copied_bytes);
    CHECK_NUMBER(0, stats.kept);
    CHECK_NUMBER(0, reader_stats(self.output.reader).shared_frames);
    close_relay(&self);
  }
}

TEST(a_frame_may_go_on_with_another_type_and_tag) {
  zb_buffer_config config = sharing_ring(10000);
  relay self = open_relay(&config, &config);
  zb_frame frame;
  uint32_t how = 7;
  send_bytes(&self, 1000, 'd', 140, 9);
  CHECK_OK(zb_reader_read(self.source.reader, GENEROUS_NS, &frame));
  CHECK_OK(zb_shared_writer_forward_as(self.shared, &frame, GENEROUS_NS, 199, 77, &how));
  CHECK_NUMBER(ZB_FORWARDED_SHARED, how);
  CHECK(frame.owner == NULL);
  CHECK_OK(zb_reader_read(self.output.reader, GENEROUS_NS, &frame));
  CHECK(frame.type == 199 && frame.tag == 77 && frame.size == 1000 && all_are(&frame, 'd'));
  zb_frame_release(&frame);
  close_relay(&self);
}

TEST(shared_and_ordinary_frames_follow_each_other_in_any_order) {
  zb_buffer_config config = sharing_ring(10000);
  relay self = open_relay(&config, &config);
  for (uint64_t i = 1; i <= 60; ++i) {
    if (i % 3 != 0) {
      send_bytes(&self, 500, (int)i, 0, i);
      CHECK_NUMBER(ZB_FORWARDED_SHARED, pass_on(&self));
    } else {
      char own[300];
      memset(own, (int)i, sizeof own);
      CHECK_OK(zb_writer_write(self.output.writer, own, sizeof own, GENEROUS_NS, 0, i));
    }
    zb_frame frame;
    CHECK_OK(zb_reader_read(self.output.reader, GENEROUS_NS, &frame));
    CHECK_NUMBER(i, frame.sequence);
    CHECK_NUMBER(i, frame.tag);
    CHECK_NUMBER(i % 3 != 0 ? 500 : 300, frame.size);
    CHECK(all_are(&frame, (int)i));
    zb_frame_release(&frame);
  }
  CHECK_NUMBER(40, reader_stats(self.output.reader).shared_frames);
  close_relay(&self);
}

TEST(a_chain_of_relays_passes_the_first_buffers_bytes_on) {
  zb_buffer_config config = sharing_ring(10000);
  config.share_slots = 4;
  relay first = open_relay(&config, &config);
  both last = open_both(&config);
  zb_shared_writer* second = NULL;
  CHECK_OK(zb_shared_writer_create(last.writer, first.output.reader, &second));
  unsigned char* const written = send_bytes(&first, 2000, 'e', 150, 3);
  CHECK_NUMBER(ZB_FORWARDED_SHARED, pass_on(&first));
  zb_frame frame;
  uint32_t how = 7;
  CHECK_OK(zb_reader_read(first.output.reader, GENEROUS_NS, &frame));
  CHECK_OK(zb_shared_writer_forward(second, &frame, GENEROUS_NS, &how));
  CHECK_NUMBER(ZB_FORWARDED_SHARED, how);
  CHECK_OK(zb_reader_read(last.reader, GENEROUS_NS, &frame));
  CHECK(frame.size == 2000 && frame.type == 150 && frame.tag == 3 && all_are(&frame, 'e'));
  written[0] = 0xee;
  CHECK_NUMBER(0xee, ((const unsigned char*)frame.data)[0]);
  zb_frame_release(&frame);
  CHECK_NUMBER(0, stats_of(second).copied_bytes);
  CHECK_OK(zb_shared_writer_close(second, 0, NULL));
  close_both(&last);
  close_relay(&first);
}

TEST(a_frame_that_cannot_be_forwarded_now_stays_with_the_caller) {
  zb_buffer_config source = sharing_ring(10000);
  zb_buffer_config output = sharing_ring(100);
  relay self = open_relay(&source, &output);
  zb_frame frame;
  uint32_t how = 7;
  zb_status status = ZB_OK;
  for (int i = 0; status == ZB_OK; ++i) {
    CHECK(i < 100);
    send_bytes(&self, 200, i, 0, (uint64_t)i);
    CHECK_OK(zb_reader_read(self.source.reader, GENEROUS_NS, &frame));
    status = zb_shared_writer_forward(self.shared, &frame, MILLISECOND_NS, NULL);
    if (status == ZB_OK) continue;
    CHECK_STATUS(ZB_TIMEOUT, status); /* the output is full */
    CHECK(frame.owner != NULL && frame.size == 200 && all_are(&frame, i));
    CHECK_STATUS(ZB_TIMEOUT, zb_shared_writer_forward_as(self.shared, &frame, 0, 1, 1, &how));
    CHECK(frame.owner != NULL);
    CHECK_NUMBER(7, how);
  }
  zb_frame_release(&frame);
  close_relay(&self);
}

TEST(what_is_given_back_too_early_is_counted_and_reported_as_lost) {
  zb_buffer_config config = sharing_ring(4000);
  relay self = open_relay(&config, &config);
  send_bytes(&self, 1000, 'f', 0, 1);
  CHECK_NUMBER(ZB_FORWARDED_SHARED, pass_on(&self));
  uint64_t given_up = 7;
  CHECK_OK(zb_shared_writer_close(self.shared, 0, &given_up));
  CHECK_NUMBER(1, given_up);
  for (int i = 0; i < 20; ++i) { /* the source goes over it */
    send_bytes(&self, 1000, 'g', 0, 2);
    zb_frame frame;
    CHECK_OK(zb_reader_read(self.source.reader, GENEROUS_NS, &frame));
    zb_frame_release(&frame);
  }
  send_tag(self.output.writer, 5);
  zb_frame frame;
  CHECK_STATUS(ZB_FRAME_LOST, zb_reader_read(self.output.reader, GENEROUS_NS, &frame));
  CHECK(frame.owner == NULL);
  CHECK_NUMBER(1, reader_stats(self.output.reader).lost);
  expect_tag(self.output.reader, 5);
  close_both(&self.output);
  close_both(&self.source);
}

TEST(closing_waits_for_the_readers_as_long_as_it_is_told) {
  zb_buffer_config config = sharing_ring(4000);
  relay self = open_relay(&config, &config);
  send_bytes(&self, 1000, 'h', 0, 1);
  CHECK_NUMBER(ZB_FORWARDED_SHARED, pass_on(&self));
  zb_frame frame;
  CHECK_OK(zb_reader_read(self.output.reader, GENEROUS_NS, &frame));
  zb_frame_release(&frame);
  uint64_t given_up = 7;
  CHECK_OK(zb_shared_writer_close(self.shared, GENEROUS_NS, &given_up));
  CHECK_NUMBER(0, given_up);
  close_both(&self.output);
  close_both(&self.source);
}

TEST(writer_and_reader_may_be_closed_before_what_forwards_between_them) {
  zb_buffer_config config = sharing_ring(4000);
  relay self = open_relay(&config, &config);
  zb_frame frame;
  send_bytes(&self, 1000, 'i', 0, 1);
  CHECK_OK(zb_reader_read(self.source.reader, GENEROUS_NS, &frame));
  CHECK_OK(zb_writer_close(self.output.writer, 0, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_forward(self.shared, &frame, 0, NULL));
  CHECK(frame.owner != NULL && all_are(&frame, 'i'));
  zb_frame_release(&frame);
  zb_reader_close(self.source.reader);
  CHECK_OK(zb_shared_writer_close(self.shared, 0, NULL));
  CHECK_OK(zb_writer_close(self.source.writer, 0, NULL));
  zb_reader_close(self.output.reader);
}

TEST(a_wrong_argument_of_a_shared_writer_is_answered) {
  zb_buffer_config config = sharing_ring(4000);
  relay self = open_relay(&config, &config);
  zb_shared_writer* none = (zb_shared_writer*)&self;
  zb_frame frame = {.owner = NULL};
  zb_shared_writer_stats stats = {.struct_size = sizeof stats};
  uint64_t given_up = 7;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_shared_writer_create(self.output.writer, self.source.reader, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_create(NULL, self.source.reader, &none));
  CHECK(none == NULL);
  none = (zb_shared_writer*)&self;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_create(self.output.writer, NULL, &none));
  CHECK(none == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_forward(NULL, &frame, 0, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_forward_as(NULL, &frame, 0, 0, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_shared_writer_forward(self.shared, NULL, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_shared_writer_forward_as(self.shared, NULL, 0, 0, 0, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_forward(self.shared, &frame, 0, NULL)); /* it holds no frame */
  CHECK(!zb_shared_writer_can_share(NULL));
  CHECK_NUMBER(0, zb_shared_writer_why_not(NULL, NULL, 0));
  CHECK_NUMBER(0, zb_shared_writer_release_passed(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_shared_writer_get_stats(NULL, &stats));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_shared_writer_get_stats(self.shared, NULL));
  stats.struct_size = 3;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_shared_writer_get_stats(self.shared, &stats));
  CHECK_OK(zb_shared_writer_close(NULL, 0, &given_up));
  CHECK_NUMBER(0, given_up);
  CHECK_OK(zb_shared_writer_close(NULL, 0, NULL));
  close_relay(&self);
}

TEST(a_buffer_says_how_many_readers_of_others_it_shares_with) {
  zb_buffer_config config = sharing_ring(4000);
  config.share_slots = 5;
  both ends = open_both(&config);
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_reader_get_info(ends.reader, &info));
  CHECK_NUMBER(5, info.share_slots);
  CHECK_OK(zb_writer_get_info(ends.writer, &info));
  CHECK_NUMBER(5, info.share_slots);
  close_both(&ends);
  config.share_slots = 65;
  zb_reader* reader = NULL;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create(unique_name(), &config, &reader));
}
