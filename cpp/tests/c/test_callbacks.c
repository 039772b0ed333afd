/* Being called back instead of waiting: by a thread of the library, once, and never after it was cancelled. */
#include <pthread.h>

#include "check.h"

/* What a callback did. It may come for nothing, so that the tests look and ask again. */
typedef struct called {
  atomic_int count;
  atomic_int foreign; /* it came in a thread that is not the test's */
  pthread_t asker;
} called;

static called nobody_called(void) {
  called made;
  atomic_init(&made.count, 0);
  atomic_init(&made.foreign, 0);
  made.asker = pthread_self();
  return made;
}
static void note(void* context) {
  called* self = context;
  if (!pthread_equal(self->asker, pthread_self())) atomic_store(&self->foreign, 1);
  atomic_fetch_add(&self->count, 1);
}

/* A look that finds nothing, so that there is nothing to be called back for yet. */
static void find_nothing(zb_reader* reader) {
  zb_frame frame;
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_reader_try_read(reader, &frame));
}

TEST(a_frame_calls_back_once_in_a_thread_of_the_library) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  find_nothing(ends.reader);
  called back = nobody_called();
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  sleep_ms(20);
  CHECK_NUMBER(0, (unsigned)atomic_load(&back.count));
  send_tag(ends.writer, 1);
  wait_for_flag(&back.count, 1);
  CHECK(atomic_load(&back.foreign) == 1);
  CHECK(!zb_reader_cancel_when(ends.reader)); /* it has come */
  send_tag(ends.writer, 2);
  sleep_ms(20);
  CHECK_NUMBER(1, (unsigned)atomic_load(&back.count));
  expect_tag(ends.reader, 1);
  expect_tag(ends.reader, 2);
  close_both(&ends);
}

TEST(a_frame_that_is_there_already_calls_back_too) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  for (int i = 1; i <= 100; ++i) {
    called back = nobody_called();
    send_tag(ends.writer, (uint64_t)i);
    CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
    wait_for_flag(&back.count, 1);
    CHECK(!zb_reader_cancel_when(ends.reader)); /* and it is not running any more */
    expect_tag(ends.reader, (uint64_t)i);
  }
  close_both(&ends);
}

TEST(metadata_calls_back) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  called back = nobody_called();
  size_t size = 0;
  zb_status status = ZB_TIMEOUT;
  CHECK_OK(zb_reader_when_metadata(ends.reader, note, &back));
  CHECK_OK(zb_writer_write_metadata(ends.writer, "abc", 3));
  for (int asked = 1; status == ZB_TIMEOUT; ++asked) {
    wait_for_flag(&back.count, asked);
    CHECK(!zb_reader_cancel_when(ends.reader));
    status = zb_reader_metadata(ends.reader, 0, NULL, 0, &size);
    if (status == ZB_TIMEOUT) CHECK_OK(zb_reader_when_metadata(ends.reader, note, &back));
  }
  CHECK_STATUS(ZB_OK, status);
  CHECK_NUMBER(3, size);
  close_both(&ends);
}

/* Asks, waits and looks until there is another answer than "nothing yet". */
static zb_status read_by_callback(zb_reader* reader, called* back, zb_frame* frame) {
  for (;;) {
    const zb_status status = zb_reader_try_read(reader, frame);
    if (status != ZB_WOULD_BLOCK) return status;
    const int before = atomic_load(&back->count);
    CHECK_OK(zb_reader_when_ready(reader, note, back));
    wait_for_flag(&back->count, before + 1);
    CHECK(!zb_reader_cancel_when(reader));
  }
}

TEST(the_end_of_the_stream_calls_back) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  called back = nobody_called();
  zb_frame frame;
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  wait_for_flag(&back.count, 1);
  CHECK(!zb_reader_cancel_when(ends.reader));
  CHECK_STATUS(ZB_CLOSED, read_by_callback(ends.reader, &back, &frame));
  zb_reader_close(ends.reader);
}

static void write_and_die(void* name) {
  zb_writer* writer = NULL;
  CHECK_OK(zb_writer_open(name, GENEROUS_NS, NULL, &writer));
  send_tag(writer, 1);
  _Exit(0); /* without closing */
}

TEST(the_death_of_the_writer_calls_back) {
  zb_buffer_config config = small_ring(1000);
  const char* name = unique_name();
  const pid_t child = start_child(write_and_die, (void*)(uintptr_t)name);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create(name, &config, &reader));
  called back = nobody_called();
  zb_frame frame;
  CHECK_STATUS(ZB_OK, read_by_callback(reader, &back, &frame));
  zb_frame_release(&frame);
  CHECK_STATUS(ZB_PEER_DEAD, read_by_callback(reader, &back, &frame));
  CHECK_NUMBER(0, (unsigned)wait_for_child(child));
  zb_reader_close(reader);
}

TEST(an_interrupt_calls_back_or_is_answered_where_it_came_first) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  find_nothing(ends.reader);
  called back = nobody_called();
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  zb_reader_interrupt(ends.reader);
  wait_for_flag(&back.count, 1);
  CHECK(!zb_reader_cancel_when(ends.reader));
  CHECK_STATUS(ZB_INTERRUPTED, zb_reader_when_ready(ends.reader, note, &back));
  CHECK_STATUS(ZB_OK, zb_reader_when_ready(ends.reader, note, &back)); /* that one is used up */
  CHECK(zb_reader_cancel_when(ends.reader));
  zb_writer_interrupt(ends.writer);
  CHECK_STATUS(ZB_INTERRUPTED, zb_writer_when_ready(ends.writer, 1, note, &back));
  CHECK_NUMBER(1, (unsigned)atomic_load(&back.count));
  close_both(&ends);
}

TEST(room_calls_the_writer_back) {
  char whole[1000] = {0};
  zb_buffer_config config = small_ring(sizeof whole);
  both ends = open_both(&config);
  called back = nobody_called();
  CHECK_OK(zb_writer_when_ready(ends.writer, sizeof whole, note, &back)); /* there is room */
  wait_for_flag(&back.count, 1);
  CHECK(!zb_writer_cancel_when(ends.writer));
  CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
  CHECK_OK(zb_writer_when_ready(ends.writer, sizeof whole, note, &back));
  sleep_ms(20);
  zb_frame frame;
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  zb_frame_release(&frame);
  zb_status status = ZB_WOULD_BLOCK;
  for (int count = 2; status == ZB_WOULD_BLOCK; ++count) {
    wait_for_flag(&back.count, count);
    CHECK(!zb_writer_cancel_when(ends.writer));
    status = zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0);
    if (status == ZB_WOULD_BLOCK) CHECK_OK(zb_writer_when_ready(ends.writer, sizeof whole, note, &back));
  }
  CHECK_STATUS(ZB_OK, status);
  close_both(&ends);
}

TEST(a_writer_is_not_called_back_for_what_can_never_be) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  called back = nobody_called();
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_writer_when_ready(ends.writer, 1000000, note, &back));
  zb_claim claim;
  CHECK_OK(zb_writer_try_claim(ends.writer, 8, &claim));
  CHECK_STATUS(ZB_CLAIM_OPEN, zb_writer_when_ready(ends.writer, 8, note, &back));
  zb_claim_discard(&claim);
  CHECK(!zb_writer_cancel_when(ends.writer));
  CHECK_NUMBER(0, (unsigned)atomic_load(&back.count));
  close_both(&ends);
}

TEST(a_second_wish_is_refused_while_the_first_one_stands) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  find_nothing(ends.reader);
  called back = nobody_called();
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_when_ready(ends.reader, note, &back));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_when_metadata(ends.reader, note, &back));
  CHECK_CONTAINS("already", failure_message());
  CHECK(zb_reader_cancel_when(ends.reader));
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  CHECK(zb_reader_cancel_when(ends.reader));
  close_both(&ends);
}

TEST(a_cancelled_wish_never_comes) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  find_nothing(ends.reader);
  called back = nobody_called();
  CHECK(!zb_reader_cancel_when(ends.reader)); /* none was asked for */
  CHECK(!zb_writer_cancel_when(ends.writer));
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  CHECK(zb_reader_cancel_when(ends.reader));
  CHECK(!zb_reader_cancel_when(ends.reader));
  send_tag(ends.writer, 1);
  sleep_ms(120);
  CHECK_NUMBER(0, (unsigned)atomic_load(&back.count));
  expect_tag(ends.reader, 1);
  close_both(&ends);
}

static void* write_in_thread(void* writer) {
  send_tag(writer, 1);
  return NULL;
}

TEST(cancelling_at_the_moment_of_the_callback_says_truly_whether_it_came) {
  for (int round = 0; round < 200; ++round) {
    zb_buffer_config config = small_ring(1000);
    both ends = open_both(&config);
    find_nothing(ends.reader);
    called back = nobody_called();
    CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_in_thread, ends.writer) == 0);
    const bool cancelled = zb_reader_cancel_when(ends.reader);
    const int count = atomic_load(&back.count);
    CHECK_NUMBER(cancelled ? 0 : 1, (unsigned)count);
    CHECK(pthread_join(thread, NULL) == 0);
    expect_tag(ends.reader, 1);
    CHECK_NUMBER((unsigned)count, (unsigned)atomic_load(&back.count));
    close_both(&ends);
  }
}

TEST(closing_cancels) {
  zb_buffer_config config = small_ring(1000);
  called back = nobody_called();
  both ends = open_both(&config);
  find_nothing(ends.reader);
  CHECK_OK(zb_reader_when_ready(ends.reader, note, &back));
  zb_reader_close(ends.reader);
  send_tag(ends.writer, 1);
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));

  char whole[1000] = {0};
  ends = open_both(&config);
  CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
  CHECK_OK(zb_writer_when_ready(ends.writer, sizeof whole, note, &back));
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  zb_reader_close(ends.reader);
  sleep_ms(120);
  CHECK_NUMBER(0, (unsigned)atomic_load(&back.count));
}

/* A callback that uses the handle it is called for. */
typedef struct inside {
  zb_reader* reader;
  zb_writer* writer;
  uint64_t expected;
  uint64_t last;
  bool closes;
  atomic_int done;
} inside;

static void read_on(void* context) {
  inside* self = context;
  CHECK(!zb_reader_cancel_when(self->reader)); /* within the callback: does not wait for itself */
  for (;;) {
    zb_frame frame;
    const zb_status status = zb_reader_try_read(self->reader, &frame);
    if (status == ZB_WOULD_BLOCK) break;
    if (status == ZB_CLOSED) {
      if (self->closes) zb_reader_close(self->reader);
      atomic_store(&self->done, 1);
      return;
    }
    CHECK_STATUS(ZB_OK, status);
    CHECK_NUMBER(self->expected, frame.tag);
    self->expected++;
    zb_frame_release(&frame);
  }
  CHECK_OK(zb_reader_when_ready(self->reader, read_on, self));
}

TEST(a_callback_may_cancel_read_ask_again_and_close) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  inside self = {.reader = ends.reader, .closes = true};
  atomic_init(&self.done, 0);
  CHECK_OK(zb_reader_when_ready(ends.reader, read_on, &self));
  for (uint64_t i = 0; i < 1000; ++i) send_tag(ends.writer, i);
  CHECK_OK(zb_writer_close(ends.writer, GENEROUS_NS, NULL));
  wait_for_flag(&self.done, 1);
  CHECK_NUMBER(1000, self.expected);
}

static void write_on(void* context) {
  inside* self = context;
  zb_status status = ZB_OK;
  while (self->expected < self->last) {
    status = zb_writer_try_write(self->writer, &self->expected, sizeof self->expected, 0, self->expected);
    if (status == ZB_WOULD_BLOCK) break;
    CHECK_STATUS(ZB_OK, status);
    self->expected++;
  }
  if (self->expected == self->last) {
    CHECK_OK(zb_writer_close(self->writer, 0, NULL));
    atomic_store(&self->done, 1);
    return;
  }
  CHECK_OK(zb_writer_when_ready(self->writer, sizeof self->expected, write_on, self));
}

TEST(both_ends_may_live_in_callbacks_alone) {
  enum { PAIRS = 4, FRAMES = 500 };
  zb_buffer_config config = small_ring(400);
  both ends[PAIRS];
  inside readers[PAIRS];
  inside writers[PAIRS];
  for (int i = 0; i < PAIRS; ++i) {
    ends[i] = open_both(&config);
    readers[i] = (inside){.reader = ends[i].reader, .closes = true};
    writers[i] = (inside){.writer = ends[i].writer, .last = FRAMES};
    atomic_init(&readers[i].done, 0);
    atomic_init(&writers[i].done, 0);
    CHECK_OK(zb_reader_when_ready(ends[i].reader, read_on, &readers[i]));
    CHECK_OK(zb_writer_when_ready(ends[i].writer, sizeof(uint64_t), write_on, &writers[i]));
  }
  for (int i = 0; i < PAIRS; ++i) {
    wait_for_flag(&writers[i].done, 1);
    wait_for_flag(&readers[i].done, 1);
    CHECK_NUMBER(FRAMES, readers[i].expected);
  }
}
