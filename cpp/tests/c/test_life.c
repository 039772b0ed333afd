/* Life and death across processes: peers that die, forked handles, memory that outlives its handle, buffers without a
 * name. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const char* at(void* context) { return context; }
static void* name_for_child(const char* name) { return (void*)(uintptr_t)name; }

/* ------------------------------------------------------------------------------------------------ two processes */

enum { FRAMES = 3000 };

static size_t size_of(uint64_t i) { return (size_t)(i * 37 % 900); }
static unsigned char byte_of(uint64_t i) { return (unsigned char)(i * 31 + 7); }

static void write_stream(void* context) {
  zb_writer* writer = NULL;
  CHECK_OK(zb_writer_open(at(context), GENEROUS_NS, NULL, &writer));
  CHECK_OK(zb_writer_write_metadata(writer, "stream", 6));
  for (uint64_t i = 1; i <= FRAMES; ++i) {
    zb_claim claim;
    CHECK_OK(zb_writer_claim(writer, 900, GENEROUS_NS, &claim));
    memset(claim.data, byte_of(i), size_of(i));
    CHECK_OK(zb_claim_commit(&claim, size_of(i), (uint16_t)(128 + i % 100), i * i));
  }
  uint64_t unread = 7;
  CHECK_OK(zb_writer_close(writer, GENEROUS_NS, &unread));
  CHECK_NUMBER(0, unread);
}

TEST(a_stream_crosses_from_one_process_to_another_in_order_and_whole) {
  const char* name = unique_name();
  const pid_t writer = start_child(write_stream, name_for_child(name));
  zb_buffer_config config = small_ring(3000);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create(name, &config, &reader));
  char metadata[8];
  size_t size = 0;
  CHECK_OK(zb_reader_metadata(reader, GENEROUS_NS, metadata, sizeof metadata, &size));
  CHECK(size == 6 && memcmp(metadata, "stream", 6) == 0);
  zb_frame frame;
  for (uint64_t i = 1; i <= FRAMES; ++i) {
    CHECK_OK(zb_reader_read(reader, GENEROUS_NS, &frame));
    CHECK_NUMBER(i, frame.sequence);
    CHECK_NUMBER(i * i, frame.tag);
    CHECK_NUMBER(128 + i % 100, frame.type);
    CHECK_NUMBER(size_of(i), frame.size);
    const unsigned char* bytes = frame.data;
    for (size_t k = 0; k < frame.size; ++k) CHECK(bytes[k] == byte_of(i));
    zb_frame_release(&frame);
  }
  CHECK_STATUS(ZB_CLOSED, zb_reader_read(reader, GENEROUS_NS, &frame));
  CHECK_NUMBER(0, (unsigned)wait_for_child(writer));
  zb_reader_close(reader);
}

static void write_one_and_sleep(void* context) {
  zb_writer* writer = NULL;
  CHECK_OK(zb_writer_open(at(context), GENEROUS_NS, NULL, &writer));
  send_tag(writer, 1);
  zb_claim claim;
  CHECK_OK(zb_writer_claim(writer, 8, GENEROUS_NS, &claim)); /* dies with an open claim */
  for (;;) pause();
}

TEST(a_dead_writer_is_told_once_after_its_last_frame_and_has_a_successor) {
  const char* name = unique_name();
  const pid_t child = start_child(write_one_and_sleep, name_for_child(name));
  zb_buffer_config config = small_ring(1000);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create(name, &config, &reader));
  expect_tag(reader, 1);
  kill_child(child);
  zb_frame frame;
  CHECK_STATUS(ZB_PEER_DEAD, zb_reader_read(reader, GENEROUS_NS, &frame));
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read(reader, MILLISECOND_NS, &frame));
  zb_writer* successor = NULL;
  CHECK_OK(zb_writer_open(name, 0, &config, &successor));
  send_tag(successor, 2);
  CHECK_OK(zb_reader_read(reader, GENEROUS_NS, &frame));
  CHECK_NUMBER(2, frame.sequence);
  zb_frame_release(&frame);
  CHECK_OK(zb_writer_close(successor, 0, NULL));
  zb_reader_close(reader);
}

static void read_one_and_sleep(void* context) {
  zb_buffer_config config = small_ring(1000);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create(at(context), &config, &reader));
  zb_frame frame;
  CHECK_OK(zb_reader_read(reader, GENEROUS_NS, &frame)); /* held for ever */
  for (;;) pause();
}

TEST(a_dead_reader_stops_the_writer_until_it_is_forgotten_or_resumed) {
  for (int resumes = 0; resumes < 2; ++resumes) {
    const char* name = unique_name();
    const pid_t child = start_child(read_one_and_sleep, name_for_child(name));
    zb_writer* writer = NULL;
    CHECK_OK(zb_writer_open(name, GENEROUS_NS, NULL, &writer));
    CHECK_OK(zb_writer_wait_for_readers(writer, 1, GENEROUS_NS));
    char whole[1000] = {0};
    CHECK_OK(zb_writer_write(writer, whole, sizeof whole, GENEROUS_NS, 0, 1));
    CHECK_STATUS(ZB_TIMEOUT, zb_writer_write(writer, whole, sizeof whole, 20 * MILLISECOND_NS, 0, 2));
    kill_child(child);
    CHECK_STATUS(ZB_PEER_DEAD, zb_writer_write(writer, whole, sizeof whole, GENEROUS_NS, 0, 2));
    CHECK_STATUS(ZB_PEER_DEAD, zb_writer_drain(writer, GENEROUS_NS));
    zb_buffer_config config = small_ring(1000);
    zb_reader* reader = NULL;
    zb_frame frame;
    if (resumes != 0) {
      config.join = ZB_JOIN_RESUME;
      CHECK_OK(zb_reader_open(name, 0, &config, &reader));
      CHECK_OK(zb_reader_try_read(reader, &frame)); /* what the dead one had not released comes again */
      CHECK_NUMBER(1, frame.tag);
      zb_frame_release(&frame);
    } else {
      uint32_t freed = 0;
      CHECK_OK(zb_writer_forget_dead_readers(writer, &freed));
      CHECK_NUMBER(1, freed);
      zb_writer_stats stats = {.struct_size = sizeof stats};
      CHECK_OK(zb_writer_get_stats(writer, &stats));
      CHECK_NUMBER(1, stats.readers_lost);
      CHECK_NUMBER(0, stats.readers);
      CHECK_OK(zb_reader_open(name, 0, &config, &reader));
    }
    CHECK_OK(zb_writer_write(writer, whole, sizeof whole, GENEROUS_NS, 0, 2));
    CHECK_OK(zb_reader_read(reader, GENEROUS_NS, &frame));
    CHECK_NUMBER(2, frame.tag);
    zb_frame_release(&frame);
    CHECK_OK(zb_writer_close(writer, 0, NULL));
    zb_reader_close(reader);
  }
}

static void create_and_sleep(void* context) {
  zb_buffer_config config = small_ring(1000);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create(at(context), &config, &reader));
  for (;;) pause();
}

TEST(a_dead_buffer_is_removed_and_a_living_one_is_not) {
  const char* name = unique_name();
  const pid_t child = start_child(create_and_sleep, name_for_child(name));
  zb_writer* writer = NULL;
  CHECK_OK(zb_writer_open(name, GENEROUS_NS, NULL, &writer));
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_remove_dead(name));
  CHECK(buffer_exists(name));
  CHECK_OK(zb_writer_close(writer, 0, NULL));
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_remove_dead(name));
  kill_child(child);
  CHECK(buffer_exists(name));
  CHECK_OK(zb_remove_dead(name));
  CHECK(!buffer_exists(name));
}

TEST(a_stale_buffer_is_taken_over_by_who_makes_it_again) {
  const char* name = unique_name();
  const pid_t child = start_child(create_and_sleep, name_for_child(name));
  zb_writer* writer = NULL;
  CHECK_OK(zb_writer_open(name, GENEROUS_NS, NULL, &writer));
  CHECK_OK(zb_writer_close(writer, 0, NULL));
  kill_child(child);
  zb_buffer_config config = small_ring(5000);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create(name, &config, &reader));
  zb_reader_close(reader);
}

/* ------------------------------------------------------------------------------------------------ forked handles */

typedef struct inherited {
  both ends;
  zb_frame frame;
  zb_claim claim;
} inherited;

static void never_called(void* context) {
  (void)context;
  abort();
}

static void use_the_parents(void* context) {
  inherited* parents = context;
  zb_reader* reader = parents->ends.reader;
  zb_writer* writer = parents->ends.writer;
  zb_frame frames[2];
  zb_claim claim;
  size_t count = 0;
  uint32_t freed = 0;
  CHECK_STATUS(ZB_FORKED, zb_reader_read(reader, ZB_FOREVER, frames));
  CHECK_STATUS(ZB_FORKED, zb_reader_try_read(reader, frames));
  CHECK_STATUS(ZB_FORKED, zb_reader_read_many(reader, ZB_FOREVER, frames, 2, &count));
  CHECK_STATUS(ZB_FORKED, zb_reader_read_newest(reader, ZB_FOREVER, frames));
  CHECK_STATUS(ZB_FORKED, zb_reader_metadata(reader, ZB_FOREVER, NULL, 0, &count));
  CHECK_STATUS(ZB_FORKED, zb_reader_when_ready(reader, never_called, NULL));
  CHECK_STATUS(ZB_FORKED, zb_reader_when_metadata(reader, never_called, NULL));
  CHECK(!zb_reader_cancel_when(reader));
  CHECK_STATUS(ZB_FORKED, zb_writer_claim(writer, 1, ZB_FOREVER, &claim));
  CHECK_STATUS(ZB_FORKED, zb_writer_try_claim(writer, 1, &claim));
  CHECK_STATUS(ZB_FORKED, zb_writer_write(writer, "x", 1, ZB_FOREVER, 0, 0));
  CHECK_STATUS(ZB_FORKED, zb_writer_try_write(writer, "x", 1, 0, 0));
  CHECK_STATUS(ZB_FORKED, zb_writer_write_metadata(writer, "x", 1));
  CHECK_STATUS(ZB_FORKED, zb_writer_wait_for_readers(writer, 1, ZB_FOREVER));
  CHECK_STATUS(ZB_FORKED, zb_writer_drain(writer, ZB_FOREVER));
  CHECK_STATUS(ZB_FORKED, zb_writer_forget_dead_readers(writer, &freed));
  CHECK_STATUS(ZB_FORKED, zb_writer_when_ready(writer, 1, never_called, NULL));
  CHECK(!zb_writer_cancel_when(writer));
  CHECK_STATUS(ZB_FORKED, zb_claim_commit(&parents->claim, 8, 0, 0));
  zb_frame_release(&parents->frame); /* the parent goes on holding it */
  zb_reader_interrupt(reader);
  zb_writer_interrupt(writer);
  zb_writer_begin_batch(writer);
  zb_writer_end_batch(writer);
  zb_reader_stats reader_stats = {.struct_size = sizeof reader_stats};
  zb_writer_stats writer_stats = {.struct_size = sizeof writer_stats};
  CHECK_OK(zb_reader_get_stats(reader, &reader_stats));
  CHECK_OK(zb_writer_get_stats(writer, &writer_stats));
  CHECK_NUMBER(0, reader_stats.frames);
  CHECK_NUMBER(0, writer_stats.frames);
  CHECK_OK(zb_writer_close(writer, ZB_FOREVER, NULL));
  zb_reader_close(reader);
}

TEST(a_forked_child_cannot_use_its_parents_handles_and_does_them_no_harm) {
  zb_buffer_config config = small_ring(4096);
  inherited parents = {.ends = open_both(&config)};
  send_tag(parents.ends.writer, 1);
  CHECK_OK(zb_reader_try_read(parents.ends.reader, &parents.frame));
  CHECK_OK(zb_writer_try_claim(parents.ends.writer, 8, &parents.claim));
  const pid_t child = start_child(use_the_parents, &parents);
  CHECK_NUMBER(0, (unsigned)wait_for_child(child));
  zb_reader_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(zb_reader_get_stats(parents.ends.reader, &stats));
  CHECK_NUMBER(1, stats.held);
  memset(parents.claim.data, 7, 8);
  CHECK_OK(zb_claim_commit(&parents.claim, 8, 0, 2));
  zb_frame_release(&parents.frame);
  CHECK_OK(zb_reader_read(parents.ends.reader, GENEROUS_NS, &parents.frame));
  CHECK_NUMBER(2, parents.frame.tag);
  zb_frame_release(&parents.frame);
  close_both(&parents.ends);
}

static void end_with_exit(void* context) {
  (void)context;
  exit(0); /* runs what the library wants to do at the end: it must leave the parent's buffers alone */
}

TEST(a_forked_child_that_exits_leaves_its_parents_buffer_open) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_NUMBER(0, (unsigned)wait_for_child(start_child(end_with_exit, NULL)));
  send_tag(ends.writer, 1);
  expect_tag(ends.reader, 1);
  CHECK(buffer_exists(ends.name));
  close_both(&ends);
}

/* ------------------------------------------------------------------------------------------------ memory that outlives
 */

TEST(a_frame_stays_valid_after_its_reader_was_closed) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  CHECK_OK(zb_writer_write(ends.writer, "still here", 11, GENEROUS_NS, 0, 0));
  zb_frame frame;
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  zb_reader_close(ends.reader);
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  CHECK_TEXT("still here", (const char*)frame.data);
  zb_frame_release(&frame);
  CHECK(!buffer_exists(ends.name));
}

TEST(a_mapping_keeps_the_bytes_readable_after_every_close) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_mapping* of_reader = zb_reader_mapping(ends.reader);
  zb_mapping* of_writer = zb_writer_mapping(ends.writer);
  CHECK(of_reader != NULL && of_writer != NULL);
  zb_claim claim;
  CHECK_OK(zb_writer_try_claim(ends.writer, 16, &claim));
  char* written = claim.data;
  memcpy(written, "kept", 5);
  CHECK_OK(zb_claim_commit(&claim, 5, 0, 0));
  zb_frame frame;
  CHECK_OK(zb_reader_try_read(ends.reader, &frame));
  const char* read = frame.data;
  zb_frame_release(&frame);
  close_both(&ends);
  CHECK(!buffer_exists(ends.name)); /* it keeps the memory, not the place */
  CHECK_TEXT("kept", read);
  CHECK_TEXT("kept", written);
  zb_mapping_release(of_reader);
  CHECK_TEXT("kept", written);
  zb_mapping_release(of_writer);
}

/* ------------------------------------------------------------------------------------------------ without a name */

static void send_fd(int channel, int fd) {
  char byte = 'x';
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  CHECK(sendmsg(channel, &message, 0) == 1);
}
static int receive_fd(int channel) {
  char byte = 0;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
  } control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  CHECK(recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1);
  int fd = -1;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static void write_into_fd(void* context) {
  const int fd = receive_fd(*(int*)context);
  zb_writer* writer = NULL;
  CHECK_OK(zb_writer_open_fd(fd, NULL, &writer));
  CHECK(close(fd) == 0); /* the writer has a descriptor of its own */
  for (uint64_t i = 1; i <= 100; ++i) send_tag(writer, i);
  CHECK_OK(zb_writer_close(writer, GENEROUS_NS, NULL));
}

TEST(a_buffer_without_a_name_reaches_another_process_through_a_descriptor) {
  int channel[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == 0);
  const pid_t child = start_child(write_into_fd, &channel[1]);
  zb_buffer_config config = small_ring(1000);
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create_anonymous(&config, &reader));
  CHECK(zb_reader_fd(reader) >= 0);
  send_fd(channel[0], zb_reader_fd(reader));
  for (uint64_t i = 1; i <= 100; ++i) expect_tag(reader, i);
  zb_frame frame;
  CHECK_STATUS(ZB_CLOSED, zb_reader_read(reader, GENEROUS_NS, &frame));
  CHECK_NUMBER(0, (unsigned)wait_for_child(child));
  zb_reader_close(reader);
  close(channel[0]);
  close(channel[1]);
}

TEST(a_buffer_without_a_name_can_be_made_by_the_writer_and_only_it_has_a_descriptor) {
  zb_buffer_config config = small_ring(1000);
  zb_writer* writer = NULL;
  zb_reader* reader = NULL;
  CHECK_OK(zb_writer_create_anonymous(&config, &writer));
  CHECK(zb_writer_fd(writer) >= 0);
  CHECK_OK(zb_reader_open_fd(zb_writer_fd(writer), &config, &reader));
  CHECK(zb_reader_fd(reader) >= 0 && zb_reader_fd(reader) != zb_writer_fd(writer));
  send_tag(writer, 1);
  expect_tag(reader, 1);
  CHECK_OK(zb_writer_close(writer, 0, NULL));
  zb_reader_close(reader);
  both named = open_both(&config);
  CHECK(zb_reader_fd(named.reader) == -1);
  CHECK(zb_writer_fd(named.writer) == -1);
  close_both(&named);
}
