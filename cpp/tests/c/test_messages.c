/* Many small frames of one size in one call. */
#include "check.h"

enum { SIZE = 64, COUNT = 100 };

static void fill_messages(unsigned char* messages, size_t count, uint64_t first) {
  for (size_t i = 0; i < count * SIZE; ++i) messages[i] = (unsigned char)((first + i / SIZE) * 31 + i % SIZE);
}
static void check_messages(const unsigned char* messages, size_t count, uint64_t first) {
  for (size_t i = 0; i < count * SIZE; ++i) {
    CHECK_NUMBER((unsigned char)((first + i / SIZE) * 31 + i % SIZE), messages[i]);
  }
}

TEST(messages_are_written_and_read_many_at_a_time) {
  zb_buffer_config config = small_ring(2048);
  both ends = open_both(&config);
  unsigned char sent[10 * SIZE];
  unsigned char got[COUNT * SIZE];
  size_t count = 0;
  for (uint64_t first = 0; first < 500; first += 10) {
    fill_messages(sent, 10, first);
    CHECK_OK(zb_writer_write_messages(ends.writer, sent, SIZE, 10, GENEROUS_NS, 200, first, &count));
    CHECK_NUMBER(10, count);
    zb_frame frame;
    CHECK_OK(zb_reader_read(ends.reader, GENEROUS_NS, &frame)); /* each is a frame of its own */
    CHECK_NUMBER(first + 1, frame.sequence);
    CHECK_NUMBER(200, frame.type);
    CHECK_NUMBER(first, frame.tag);
    CHECK_NUMBER(SIZE, frame.size);
    check_messages(frame.data, 1, first);
    zb_frame_release(&frame);
    memset(got, 0xee, sizeof got);
    CHECK_OK(zb_reader_read_messages(ends.reader, GENEROUS_NS, got, SIZE, 4, &count));
    CHECK_NUMBER(4, count);
    check_messages(got, 4, first + 1);
    CHECK_NUMBER(0xee, got[4 * SIZE]); /* nothing beyond the capacity */
    CHECK_OK(zb_reader_read_messages(ends.reader, GENEROUS_NS, got, SIZE, COUNT, &count));
    CHECK_NUMBER(5, count);
    check_messages(got, 5, first + 5);
  }
  close_both(&ends);
}

TEST(of_messages_without_room_the_first_ones_are_written_and_counted) {
  zb_buffer_config config = small_ring(2048);
  both ends = open_both(&config);
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_writer_get_info(ends.writer, &info));
  const size_t room = (size_t)(info.capacity / (SIZE + 64));
  unsigned char sent[COUNT * SIZE];
  unsigned char got[COUNT * SIZE];
  fill_messages(sent, COUNT, 0);
  size_t count = 7;
  CHECK_OK(zb_writer_write_messages(ends.writer, sent, SIZE, COUNT, MILLISECOND_NS, 0, 0, &count));
  CHECK_NUMBER(room, count);
  CHECK_STATUS(ZB_TIMEOUT, zb_writer_write_messages(ends.writer, sent, SIZE, COUNT, 0, 0, 0, &count));
  CHECK_NUMBER(0, count);
  CHECK_OK(zb_reader_read_messages(ends.reader, 0, got, SIZE, COUNT, &count));
  CHECK_NUMBER(room, count);
  check_messages(got, count, 0);
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read_messages(ends.reader, 0, got, SIZE, COUNT, &count));
  CHECK_NUMBER(0, count);
  close_both(&ends);
}

TEST(a_frame_of_another_size_than_the_messages_asked_for_stays) {
  zb_buffer_config config = small_ring(2048);
  both ends = open_both(&config);
  unsigned char got[COUNT * SIZE];
  size_t count = 7;
  CHECK_OK(zb_writer_write(ends.writer, "a frame", 7, GENEROUS_NS, 0, 0));
  CHECK_STATUS(ZB_WRONG_SIZE, zb_reader_read_messages(ends.reader, GENEROUS_NS, got, SIZE, COUNT, &count));
  CHECK_NUMBER(0, count);
  zb_failure failure = {.struct_size = sizeof failure};
  CHECK_OK(zb_last_failure(&failure));
  CHECK_NUMBER(7, failure.first);
  CHECK_NUMBER(SIZE, failure.second);
  CHECK_CONTAINS("7 bytes", failure_message());
  CHECK_OK(zb_reader_read_messages(ends.reader, 0, got, 7, COUNT, &count));
  CHECK_NUMBER(1, count);
  CHECK(memcmp(got, "a frame", 7) == 0);
  close_both(&ends);
}

TEST(impossible_messages_are_refused) {
  zb_buffer_config config = small_ring(2048);
  both ends = open_both(&config);
  unsigned char bytes[SIZE];
  size_t count = 7;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_write_messages(ends.writer, bytes, 0, 1, 0, 0, 0, &count));
  CHECK_NUMBER(0, count);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_write_messages(ends.writer, bytes, SIZE, SIZE_MAX, 0, 0, 0, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_write_messages(ends.writer, NULL, SIZE, 1, 0, 0, 0, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_write_messages(ends.writer, bytes, SIZE, 1, 0, 0, 0, NULL));
  CHECK_OK(zb_writer_write_messages(ends.writer, NULL, SIZE, 0, 0, 0, 0, &count)); /* none is no error */
  CHECK_NUMBER(0, count);
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_messages(ends.reader, 0, bytes, 0, 1, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_messages(ends.reader, 0, bytes, SIZE, SIZE_MAX, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_messages(ends.reader, 0, bytes, SIZE, 0, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_messages(ends.reader, 0, NULL, SIZE, 1, &count));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_read_messages(ends.reader, 0, bytes, SIZE, 1, NULL));
  close_both(&ends);
}
