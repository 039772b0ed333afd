/* Waits, and what ends them: another end, an interrupt, a hook, a signal, frames that are held. */
#include <pthread.h>
#include <signal.h>

#include "check.h"

/* A call that another thread makes, and what it answered. */
typedef struct waiting {
  both* ends;
  zb_status (*call)(both* ends);
  zb_status answer;
  atomic_int began;
  pthread_t thread;
} waiting;

static void* wait_in_thread(void* context) {
  waiting* self = context;
  atomic_store(&self->began, 1);
  self->answer = self->call(self->ends);
  return NULL;
}
static void start(waiting* self, both* ends, zb_status (*call)(both*)) {
  self->ends = ends;
  self->call = call;
  atomic_init(&self->began, 0);
  CHECK(pthread_create(&self->thread, NULL, wait_in_thread, self) == 0);
  wait_for_flag(&self->began, 1);
  sleep_ms(20); /* most times it sleeps by now; the answer must be right in either case */
}
static zb_status answer_of(waiting* self) {
  CHECK(pthread_join(self->thread, NULL) == 0);
  return self->answer;
}

static zb_status read_for_ever(both* ends) {
  zb_frame frame;
  const zb_status status = zb_reader_read(ends->reader, ZB_FOREVER, &frame);
  CHECK((frame.owner != NULL) == (status == ZB_OK));
  zb_frame_release(&frame);
  return status;
}
static zb_status read_many_for_ever(both* ends) {
  zb_frame frames[4];
  size_t count = 0;
  const zb_status status = zb_reader_read_many(ends->reader, ZB_FOREVER, frames, 4, &count);
  for (size_t i = 0; i < count; ++i) zb_frame_release(&frames[i]);
  return status;
}
static zb_status read_newest_for_ever(both* ends) {
  zb_frame frame;
  const zb_status status = zb_reader_read_newest(ends->reader, ZB_FOREVER, &frame);
  zb_frame_release(&frame);
  return status;
}
static zb_status metadata_for_ever(both* ends) {
  size_t size = 0;
  return zb_reader_metadata(ends->reader, ZB_FOREVER, NULL, 0, &size);
}
static char whole[1000];
static zb_status write_for_ever(both* ends) {
  return zb_writer_write(ends->writer, whole, sizeof whole, ZB_FOREVER, 0, 0);
}
static zb_status claim_for_ever(both* ends) {
  zb_claim claim;
  const zb_status status = zb_writer_claim(ends->writer, sizeof whole, ZB_FOREVER, &claim);
  zb_claim_discard(&claim);
  return status;
}
static zb_status drain_for_ever(both* ends) { return zb_writer_drain(ends->writer, ZB_FOREVER); }
static zb_status wait_for_two_readers(both* ends) { return zb_writer_wait_for_readers(ends->writer, 2, ZB_FOREVER); }

static zb_buffer_config ring_of_one_frame(void) {
  zb_buffer_config config = small_ring(sizeof whole);
  config.max_readers = 2;
  return config;
}

TEST(a_frame_ends_each_wait_of_a_reader) {
  zb_status (*const calls[])(both*) = {read_for_ever, read_many_for_ever, read_newest_for_ever};
  for (int wait = ZB_WAIT_SPIN; wait <= ZB_WAIT_BLOCK; ++wait) {
    for (int i = 0; i < 3; ++i) {
      zb_buffer_config config = small_ring(1000);
      config.wait = (uint32_t)wait;
      both ends = open_both(&config);
      waiting reader;
      start(&reader, &ends, calls[i]);
      send_tag(ends.writer, 1);
      CHECK_STATUS(ZB_OK, answer_of(&reader));
      close_both(&ends);
    }
  }
}

TEST(room_ends_a_wait_of_a_writer) {
  zb_status (*const calls[])(both*) = {write_for_ever, claim_for_ever, drain_for_ever};
  for (int i = 0; i < 3; ++i) {
    zb_buffer_config config = ring_of_one_frame();
    both ends = open_both(&config);
    CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    waiting writer;
    start(&writer, &ends, calls[i]);
    zb_frame frame;
    CHECK_OK(zb_reader_read(ends.reader, GENEROUS_NS, &frame));
    zb_frame_release(&frame);
    CHECK_STATUS(ZB_OK, answer_of(&writer));
    close_both(&ends);
  }
}

TEST(a_reader_that_comes_ends_the_wait_for_it) {
  zb_buffer_config config = ring_of_one_frame();
  both ends = open_both(&config);
  waiting writer;
  start(&writer, &ends, wait_for_two_readers);
  zb_reader* second = NULL;
  CHECK_OK(zb_reader_open(ends.name, 0, &config, &second));
  CHECK_STATUS(ZB_OK, answer_of(&writer));
  zb_reader_close(second);
  close_both(&ends);
}

TEST(metadata_ends_the_wait_for_it) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  waiting reader;
  start(&reader, &ends, metadata_for_ever);
  CHECK_OK(zb_writer_write_metadata(ends.writer, "x", 1));
  CHECK_STATUS(ZB_OK, answer_of(&reader));
  close_both(&ends);
}

TEST(an_interrupt_ends_each_wait_of_a_reader_and_only_one) {
  zb_status (*const calls[])(both*) = {read_for_ever, read_many_for_ever, read_newest_for_ever, metadata_for_ever};
  for (int i = 0; i < 4; ++i) {
    zb_buffer_config config = small_ring(1000);
    both ends = open_both(&config);
    waiting reader;
    start(&reader, &ends, calls[i]);
    zb_reader_interrupt(ends.reader);
    CHECK_STATUS(ZB_INTERRUPTED, answer_of(&reader));
    zb_frame frame;
    CHECK_STATUS(ZB_TIMEOUT, zb_reader_read(ends.reader, MILLISECOND_NS, &frame));
    close_both(&ends);
  }
}

TEST(an_interrupt_ends_each_wait_of_a_writer) {
  zb_status (*const calls[])(both*) = {write_for_ever, claim_for_ever, drain_for_ever, wait_for_two_readers};
  for (int i = 0; i < 4; ++i) {
    zb_buffer_config config = ring_of_one_frame();
    both ends = open_both(&config);
    CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    waiting writer;
    start(&writer, &ends, calls[i]);
    zb_writer_interrupt(ends.writer);
    CHECK_STATUS(ZB_INTERRUPTED, answer_of(&writer));
    close_both(&ends);
  }
}

TEST(an_interrupt_ends_lingering_and_the_writer_is_closed_all_the_same) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  send_tag(ends.writer, 1);
  zb_writer_interrupt(ends.writer);
  CHECK_STATUS(ZB_INTERRUPTED, zb_writer_close(ends.writer, ZB_FOREVER, NULL));
  expect_tag(ends.reader, 1);
  zb_frame frame;
  CHECK_STATUS(ZB_CLOSED, zb_reader_try_read(ends.reader, &frame));
  zb_reader_close(ends.reader);
}

TEST(an_interrupt_that_comes_first_ends_the_next_wait) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_frame frame;
  zb_reader_interrupt(ends.reader);
  CHECK_STATUS(ZB_INTERRUPTED, zb_reader_read(ends.reader, ZB_FOREVER, &frame));
  send_tag(ends.writer, 1);
  expect_tag(ends.reader, 1);
  close_both(&ends);
}

static bool third_time(void* context) { return ++*(int*)context == 3; }

TEST(a_hook_is_called_while_waiting_and_ends_the_wait_when_it_says_so) {
  for (int wait = ZB_WAIT_SPIN; wait <= ZB_WAIT_BLOCK; ++wait) {
    zb_buffer_config config = ring_of_one_frame();
    config.wait = (uint32_t)wait;
    both ends = open_both(&config);
    zb_frame frame;
    int reader_calls = 0;
    zb_reader_set_wait_hook(ends.reader, third_time, &reader_calls);
    CHECK_STATUS(ZB_INTERRUPTED, zb_reader_read(ends.reader, ZB_FOREVER, &frame));
    CHECK_NUMBER(3, (unsigned)reader_calls);
    zb_reader_set_wait_hook(ends.reader, NULL, NULL);
    CHECK_STATUS(ZB_TIMEOUT, zb_reader_read(ends.reader, 50 * MILLISECOND_NS, &frame));
    CHECK_NUMBER(3, (unsigned)reader_calls);

    int writer_calls = 0;
    CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    zb_writer_set_wait_hook(ends.writer, third_time, &writer_calls);
    CHECK_STATUS(ZB_INTERRUPTED, zb_writer_write(ends.writer, whole, sizeof whole, ZB_FOREVER, 0, 0));
    CHECK_NUMBER(3, (unsigned)writer_calls);
    zb_writer_set_wait_hook(ends.writer, NULL, NULL);
    close_both(&ends);
  }
}

static atomic_int signals;
static void count_signal(int number) {
  (void)number;
  atomic_fetch_add(&signals, 1);
}

TEST(a_signal_ends_no_wait) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = count_signal;
  sigaction(SIGUSR1, &action, NULL);
  zb_buffer_config config = small_ring(1000);
  config.wait = ZB_WAIT_BLOCK;
  both ends = open_both(&config);
  waiting reader;
  start(&reader, &ends, read_for_ever);
  for (int i = 1; i <= 5; ++i) {
    CHECK(pthread_kill(reader.thread, SIGUSR1) == 0);
    wait_for_flag(&signals, i);
  }
  send_tag(ends.writer, 1);
  CHECK_STATUS(ZB_OK, answer_of(&reader));
  close_both(&ends);
}

static zb_reader* interrupted_by_signal;
static void interrupt_from_handler(int number) {
  (void)number;
  zb_reader_interrupt(interrupted_by_signal);
}

TEST(a_signal_handler_may_interrupt) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = interrupt_from_handler;
  sigaction(SIGUSR1, &action, NULL);
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  interrupted_by_signal = ends.reader;
  waiting reader;
  start(&reader, &ends, read_for_ever);
  CHECK(pthread_kill(reader.thread, SIGUSR1) == 0);
  CHECK_STATUS(ZB_INTERRUPTED, answer_of(&reader));
  close_both(&ends);
}

TEST(a_reader_that_holds_what_the_writer_waits_for_is_told) {
  zb_buffer_config config = ring_of_one_frame();
  both ends = open_both(&config);
  CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
  zb_frame held;
  zb_frame frame;
  CHECK_OK(zb_reader_try_read(ends.reader, &held));
  waiting writer;
  start(&writer, &ends, write_for_ever);
  CHECK_STATUS(ZB_HELD_FRAMES_BLOCK, zb_reader_read(ends.reader, ZB_FOREVER, &frame));
  zb_frame_release(&held);
  CHECK_STATUS(ZB_OK, answer_of(&writer));
  CHECK_OK(zb_reader_read(ends.reader, GENEROUS_NS, &frame));
  zb_frame_release(&frame);
  close_both(&ends);
}

static void* release_in_thread(void* frame) {
  zb_frame_release(frame);
  return NULL;
}

TEST(any_thread_may_release_a_frame_also_after_its_reader_was_closed) {
  for (int closes_first = 0; closes_first < 2; ++closes_first) {
    zb_buffer_config config = ring_of_one_frame();
    both ends = open_both(&config);
    CHECK_OK(zb_writer_try_write(ends.writer, whole, sizeof whole, 0, 0));
    zb_frame frame;
    CHECK_OK(zb_reader_try_read(ends.reader, &frame));
    if (closes_first != 0) zb_reader_close(ends.reader);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, release_in_thread, &frame) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(frame.owner == NULL);
    if (closes_first != 0) {
      CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
    } else {
      CHECK_OK(zb_writer_write(ends.writer, whole, sizeof whole, GENEROUS_NS, 0, 0));
      close_both(&ends);
    }
  }
}

static void* ask_in_thread(void* context) {
  both* ends = context;
  for (int i = 0; i < 200; ++i) {
    zb_reader_stats reader = {.struct_size = sizeof reader};
    zb_writer_stats writer = {.struct_size = sizeof writer};
    size_t size = 0;
    char text[8];
    CHECK_OK(zb_reader_get_stats(ends->reader, &reader));
    CHECK_OK(zb_writer_get_stats(ends->writer, &writer));
    CHECK_OK(zb_reader_metadata(ends->reader, 0, text, sizeof text, &size));
    CHECK_NUMBER(4, size);
  }
  return NULL;
}

TEST(any_thread_may_ask_for_the_statistics_and_for_metadata_that_is_there) {
  zb_buffer_config config = small_ring(4096);
  both ends = open_both(&config);
  CHECK_OK(zb_writer_write_metadata(ends.writer, "meta", 4));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, ask_in_thread, &ends) == 0);
  for (uint64_t i = 0; i < 500; ++i) {
    send_tag(ends.writer, i);
    expect_tag(ends.reader, i);
  }
  CHECK(pthread_join(thread, NULL) == 0);
  close_both(&ends);
}
