/* Making, finding and refusing buffers, and looking at them from outside. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static void path_of(const char* name, char path[256]) { snprintf(path, 256, "/dev/shm/%s", name); }

TEST(a_name_that_nobody_uses_is_not_found_in_time) {
  zb_reader* reader = (zb_reader*)&reader;
  zb_writer* writer = (zb_writer*)&writer;
  CHECK_STATUS(ZB_NOT_FOUND, zb_reader_open(unique_name(), 0, NULL, &reader));
  CHECK_STATUS(ZB_NOT_FOUND, zb_writer_open(unique_name(), 5 * MILLISECOND_NS, NULL, &writer));
  CHECK(reader == NULL && writer == NULL);
  CHECK_STATUS(ZB_NOT_FOUND, zb_remove_dead(unique_name()));
}

TEST(a_name_that_cannot_be_is_refused) {
  static const char* const names[] = {"", ".hidden", "a/b", "blank name", "../up"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    zb_reader* reader = NULL;
    zb_writer* writer = NULL;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create(names[i], NULL, &reader));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_open(names[i], 0, NULL, &writer));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_remove_dead(names[i]));
    CHECK(reader == NULL && writer == NULL);
  }
}

TEST(each_wrong_field_of_a_configuration_is_named) {
  const zb_buffer_config good = small_ring(1000);
  zb_buffer_config bad[9];
  static const char* const names[] = {"full",         "wait",        "join",     "acknowledge_interval_ns",
                                      "payload_size", "max_readers", "max_held", "acknowledge",
                                      "spin_pauses"};
  for (int i = 0; i < 9; ++i) bad[i] = good;
  bad[0].full = 2;
  bad[1].wait = 3;
  bad[2].join = 4;
  bad[3].acknowledge_interval_ns = UINT64_MAX;
  bad[4].payload_size = 0;
  bad[5].max_readers = 65;
  bad[6].max_held = 0;
  bad[7].acknowledge_frames = 0;
  bad[8].spin_pauses = UINT32_MAX;
  for (int i = 0; i < 9; ++i) {
    const char* name = unique_name();
    zb_reader* reader = NULL;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create(name, &bad[i], &reader));
    CHECK_CONTAINS(names[i], failure_message());
    CHECK(reader == NULL);
    CHECK(!buffer_exists(name));
  }
}

TEST(a_living_buffer_is_not_made_again_but_opened_where_that_is_asked_for) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_reader* reader = NULL;
  zb_writer* writer = NULL;
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_reader_create(ends.name, &config, &reader));
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_writer_create(ends.name, &config, &writer));
  CHECK_STATUS(ZB_WRITER_EXISTS, zb_writer_open(ends.name, 0, &config, &writer));
  CHECK_STATUS(ZB_TOO_MANY_READERS, zb_reader_open(ends.name, 0, &config, &reader));
  CHECK_STATUS(ZB_ALREADY_EXISTS, zb_remove_dead(ends.name));
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  config.exist_ok = true;
  CHECK_OK(zb_writer_create(ends.name, &config, &ends.writer));
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_writer_get_info(ends.writer, &info));
  CHECK(!info.created);
  CHECK_OK(zb_writer_close(ends.writer, 0, NULL));
  config.payload_size = 2000;
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_writer_create(ends.name, &config, &writer));
  zb_reader_close(ends.reader);
}

TEST(nothing_can_be_resumed_where_no_reader_died) {
  zb_buffer_config config = small_ring(1000);
  config.max_readers = 2;
  both ends = open_both(&config);
  config.join = ZB_JOIN_RESUME;
  zb_reader* reader = NULL;
  CHECK_STATUS(ZB_NOTHING_TO_RESUME, zb_reader_open(ends.name, 0, &config, &reader));
  close_both(&ends);
}

TEST(a_second_reader_begins_where_it_is_told_to) {
  zb_buffer_config config = small_ring(4096);
  config.max_readers = 3;
  both ends = open_both(&config);
  send_tag(ends.writer, 1);
  zb_reader* oldest = NULL;
  zb_reader* now = NULL;
  config.join = ZB_JOIN_OLDEST;
  CHECK_OK(zb_reader_open(ends.name, 0, &config, &oldest));
  config.join = ZB_JOIN_NOW;
  CHECK_OK(zb_reader_open(ends.name, 0, &config, &now));
  send_tag(ends.writer, 2);
  expect_tag(now, 2);
  expect_tag(oldest, 1);
  expect_tag(oldest, 2);
  expect_tag(ends.reader, 1);
  expect_tag(ends.reader, 2);
  zb_reader_close(oldest);
  zb_reader_close(now);
  close_both(&ends);
}

TEST(a_file_that_is_no_buffer_is_incompatible_and_stays) {
  const char* name = unique_name();
  char path[256];
  path_of(name, path);
  FILE* file = fopen(path, "w");
  CHECK(file != NULL);
  for (int i = 0; i < 10000; ++i) fputc('x', file);
  fclose(file);
  zb_reader* reader = NULL;
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_reader_open(name, 0, NULL, &reader));
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_remove_dead(name));
  CHECK(buffer_exists(name));
  CHECK(unlink(path) == 0);
}

TEST(a_buffer_that_the_system_does_not_let_us_open_is_permission_denied) {
  const char* name = unique_name();
  char path[256];
  path_of(name, path);
  zb_buffer_config config = small_ring(1000);
  zb_reader* reader = NULL;
  zb_writer* writer = NULL;
  CHECK_OK(zb_reader_create(name, &config, &reader));
  if (geteuid() == 0) {
    CHECK(chown(path, 4321, 4321) == 0); /* root may open everything, but the library takes no one else's file */
  } else {
    CHECK(chmod(path, 0) == 0);
  }
  CHECK_STATUS(ZB_PERMISSION_DENIED, zb_writer_open(name, 0, &config, &writer));
  if (geteuid() == 0) CHECK(chown(path, 0, 0) == 0);
  zb_reader_close(reader);
}

TEST(a_buffer_larger_than_shared_memory_is_refused_with_the_numbers) {
  zb_buffer_config config = small_ring((UINT64_C(1) << 37) - 32); /* the most */
  zb_reader* reader = NULL;
  const char* name = unique_name();
  CHECK_STATUS(ZB_NO_SPACE, zb_reader_create(name, &config, &reader));
  CHECK_CONTAINS("free are", failure_message());
  CHECK(!buffer_exists(name));
}

TEST(a_descriptor_that_is_no_buffer_is_refused) {
  zb_reader* reader = NULL;
  zb_writer* writer = NULL;
  CHECK_STATUS(ZB_SYSTEM_ERROR, zb_reader_open_fd(-1, NULL, &reader));
  const int fd = memfd_create("no-buffer", MFD_CLOEXEC);
  CHECK(fd >= 0);
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_writer_open_fd(fd, NULL, &writer));
  CHECK_STATUS(ZB_INCOMPATIBLE, zb_reader_open_fd(fd, NULL, &reader));
  CHECK(fcntl(fd, F_GETFD) >= 0); /* the caller's, still open */
  close(fd);
}

/* Where words of a buffer stand (protocol/SPEC.md). */
enum { WRITE_POS = 0x080, READER_TABLE = 1024, READER_SLOT = 128 };

/* Another look at the same bytes, as another process of this user has it. */
static void set_word(const char* name, size_t offset, uint64_t value) {
  char path[256];
  path_of(name, path);
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0);
  unsigned char* bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(bytes != MAP_FAILED);
  close(fd);
  atomic_store((_Atomic uint64_t*)(void*)(bytes + offset), value);
  munmap(bytes, 4096);
}

TEST(an_impossible_value_in_the_buffer_is_corrupt_and_gives_no_frame) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  send_tag(ends.writer, 1);
  set_word(ends.name, WRITE_POS, UINT64_C(1) << 50);
  zb_frame frame;
  CHECK_STATUS(ZB_CORRUPT, zb_reader_try_read(ends.reader, &frame));
  CHECK(frame.owner == NULL);
  close_both(&ends);
}

TEST(a_reader_with_an_impossible_position_is_evicted_or_finds_the_corruption) {
  zb_buffer_config config = small_ring(1000);
  config.max_readers = 2;
  both ends = open_both(&config);
  zb_reader* bad = NULL;
  CHECK_OK(zb_reader_open(ends.name, 0, &config, &bad));
  set_word(ends.name, READER_TABLE + READER_SLOT, UINT64_C(1) << 40); /* read_pos of the second */
  char bytes[480] = {0};
  for (int i = 0; i < 10; ++i) {
    zb_frame frame;
    CHECK_OK(zb_writer_write(ends.writer, bytes, sizeof bytes, GENEROUS_NS, 0, 0));
    CHECK_OK(zb_reader_read(ends.reader, GENEROUS_NS, &frame));
    zb_frame_release(&frame);
  }
  zb_status status = ZB_OK;
  for (int i = 0; i < 100 && (status == ZB_OK || status == ZB_TIMEOUT); ++i) {
    zb_frame frame;
    status = zb_reader_read(bad, 10 * MILLISECOND_NS, &frame);
    zb_frame_release(&frame);
  }
  CHECK(status == ZB_EVICTED || status == ZB_CORRUPT);
  zb_reader_close(bad);
  close_both(&ends);
}

struct search {
  const char* name;
  int seen;
  int calls;
  int most;
  char last[256];
};
static bool look_for(const char* name, void* context) {
  struct search* search = context;
  search->calls++;
  search->seen += strcmp(name, search->name) == 0;
  CHECK(search->calls == 1 || strcmp(search->last, name) < 0); /* sorted */
  snprintf(search->last, sizeof search->last, "%s", name);
  return search->calls < search->most;
}

TEST(a_buffer_is_listed_while_it_is_there_and_the_visitor_may_stop) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  both others = open_both(&config);
  struct search search = {.name = ends.name, .most = 1000000};
  CHECK_OK(zb_list_buffers(look_for, &search));
  CHECK_NUMBER(1, search.seen);
  CHECK(search.calls >= 2);
  search = (struct search){.name = ends.name, .most = 1};
  CHECK_OK(zb_list_buffers(look_for, &search));
  CHECK_NUMBER(1, search.calls);
  close_both(&others);
  close_both(&ends);
  search = (struct search){.name = ends.name, .most = 1000000};
  CHECK_OK(zb_list_buffers(look_for, &search));
  CHECK_NUMBER(0, search.seen);
}

TEST(a_name_may_be_as_long_as_the_header_says_and_no_longer) {
  char name[202];
  const int length = snprintf(name, sizeof name, "%s", unique_name());
  memset(name + length, 'x', sizeof name - 1 - (size_t)length);
  name[201] = '\0';
  zb_buffer_config config = small_ring(1000);
  zb_writer* writer = NULL;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_create(name, &config, &writer));
  name[200] = '\0';
  CHECK_OK(zb_writer_create(name, &config, &writer));
  CHECK(buffer_exists(name));
  CHECK_OK(zb_writer_close(writer, 0, NULL));
}
