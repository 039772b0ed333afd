/* NULL for every pointer of every function: an answer, never a crash. */
#include "check.h"

static void never_called(void* context) {
  (void)context;
  CHECK(!"called");
}
static bool never_visited(const char* name, void* context) {
  (void)name;
  (void)context;
  return true;
}

TEST(null_instead_of_a_reader_is_a_closed_handle) {
  zb_frame frame = {.owner = &frame};
  zb_frame frames[2];
  size_t count = 7;
  zb_reader_stats stats = {.struct_size = sizeof stats};
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_read(NULL, 0, &frame));
  CHECK(frame.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_try_read(NULL, &frame));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_read_newest(NULL, 0, &frame));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_read_many(NULL, 0, frames, 2, &count));
  CHECK_NUMBER(0, count);
  count = 7;
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_read_messages(NULL, 0, frames, 8, 2, &count));
  CHECK_NUMBER(0, count);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_metadata(NULL, 0, NULL, 0, &count));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_when_ready(NULL, never_called, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_when_metadata(NULL, never_called, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_get_stats(NULL, &stats));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_get_info(NULL, &info));
  CHECK(!zb_reader_cancel_when(NULL));
  CHECK(zb_reader_fd(NULL) == -1);
  CHECK(zb_reader_mapping(NULL) == NULL);
  zb_reader_interrupt(NULL);
  zb_reader_set_wait_hook(NULL, NULL, NULL);
  zb_reader_close(NULL);
}

TEST(null_instead_of_a_writer_is_a_closed_handle) {
  zb_claim claim = {.owner = &claim};
  size_t written = 7;
  uint32_t freed = 7;
  uint64_t unread = 7;
  zb_writer_stats stats = {.struct_size = sizeof stats};
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_claim(NULL, 1, 0, &claim));
  CHECK(claim.owner == NULL);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_try_claim(NULL, 1, &claim));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_write(NULL, "x", 1, 0, 0, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_try_write(NULL, "x", 1, 0, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_write_messages(NULL, "x", 1, 1, 0, 0, 0, &written));
  CHECK_NUMBER(0, written);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_write_metadata(NULL, "x", 1));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_wait_for_readers(NULL, 1, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_drain(NULL, 0));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_forget_dead_readers(NULL, &freed));
  CHECK_NUMBER(0, freed);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_forget_dead_readers(NULL, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_when_ready(NULL, 1, never_called, NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_get_stats(NULL, &stats));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_writer_get_info(NULL, &info));
  CHECK(!zb_writer_cancel_when(NULL));
  CHECK(zb_writer_fd(NULL) == -1);
  CHECK(zb_writer_mapping(NULL) == NULL);
  zb_writer_interrupt(NULL);
  zb_writer_set_wait_hook(NULL, NULL, NULL);
  zb_writer_begin_batch(NULL);
  zb_writer_end_batch(NULL);
  CHECK_OK(zb_writer_close(NULL, 0, &unread));
  CHECK_NUMBER(0, unread);
  CHECK_OK(zb_writer_close(NULL, 0, NULL));
}

TEST(null_where_a_result_is_to_be_put_is_an_invalid_argument) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_frame frame;
  size_t count = 7;
  send_tag(ends.writer, 1);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read(ends.reader, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_try_read(ends.reader, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_newest(ends.reader, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_many(ends.reader, 0, NULL, 1, &count));
  CHECK_NUMBER(0, count);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_many(ends.reader, 0, &frame, 0, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_many(ends.reader, 0, &frame, 1, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_metadata(ends.reader, 0, NULL, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_metadata(ends.reader, 0, NULL, 1, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_get_stats(ends.reader, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_get_info(ends.reader, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_claim(ends.writer, 1, 0, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_try_claim(ends.writer, 1, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_get_stats(ends.writer, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_get_info(ends.writer, NULL));
  expect_tag(ends.reader, 1); /* none of them has taken anything */
  send_tag(ends.writer, 2);
  close_both(&ends);
}

TEST(null_instead_of_bytes_is_an_invalid_argument_unless_there_are_none) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_write(ends.writer, NULL, 1, 0, 0, 0));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_try_write(ends.writer, NULL, 1, 0, 0));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_write_metadata(ends.writer, NULL, 1));
  CHECK_OK(zb_writer_write_metadata(ends.writer, NULL, 0));
  CHECK_OK(zb_writer_write(ends.writer, NULL, 0, 0, 200, 5));
  CHECK_OK(zb_writer_try_write(ends.writer, NULL, 0, 201, 6));
  zb_frame frame;
  for (unsigned i = 0; i < 2; ++i) {
    CHECK_OK(zb_reader_try_read(ends.reader, &frame));
    CHECK_NUMBER(0, frame.size);
    CHECK_NUMBER(200 + i, frame.type);
    CHECK_NUMBER(5 + i, frame.tag);
    zb_frame_release(&frame);
  }
  close_both(&ends);
}

TEST(null_instead_of_a_name_or_of_room_for_the_handle_opens_nothing) {
  const char* name = unique_name();
  zb_reader* reader = (zb_reader*)&name;
  zb_writer* writer = (zb_writer*)&name;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create(NULL, NULL, &reader));
  CHECK(reader == NULL);
  reader = (zb_reader*)&name;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_open(NULL, 0, NULL, &reader));
  CHECK(reader == NULL);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_create(NULL, NULL, &writer));
  CHECK(writer == NULL);
  writer = (zb_writer*)&name;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_open(NULL, 0, NULL, &writer));
  CHECK(writer == NULL);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create(name, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_open(name, 0, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create_anonymous(NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_open_fd(-1, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_create(name, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_open(name, 0, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_create_anonymous(NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_open_fd(-1, NULL, NULL));
  CHECK(!buffer_exists(name));
}

TEST(null_elsewhere_is_an_invalid_argument_or_harmless) {
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_buffer_config_init(NULL, sizeof(zb_buffer_config)));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_buffer_config_for_frames(NULL, 1000, 3));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_list_buffers(NULL, NULL));
  CHECK_OK(zb_list_buffers(never_visited, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_remove_dead(NULL));
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_claim_commit(NULL, 0, 0, 0));
  zb_claim_discard(NULL);
  zb_frame_release(NULL);
  zb_mapping_release(NULL);
}

TEST(null_instead_of_a_callback_is_refused_and_nothing_is_asked_for) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_when_ready(ends.reader, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_when_metadata(ends.reader, NULL, NULL));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_when_ready(ends.writer, 1, NULL, NULL));
  CHECK(!zb_reader_cancel_when(ends.reader));
  CHECK(!zb_writer_cancel_when(ends.writer));
  close_both(&ends);
}
