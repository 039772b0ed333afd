/* What a status says, and what a thread can ask about its last failure. */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static zb_failure last_failure(void) {
  zb_failure failure = {.struct_size = sizeof failure};
  CHECK_OK(zb_last_failure(&failure));
  return failure;
}

TEST(each_status_has_a_text_of_its_own_that_is_a_sentence) {
  for (int i = ZB_OK; i <= ZB_WRONG_SIZE; ++i) {
    const char* text = zb_status_text((zb_status)i);
    CHECK(isupper((unsigned char)text[0]));
    CHECK(text[strlen(text) - 1] == '.');
    for (int j = ZB_OK; j < i; ++j) CHECK(strcmp(text, zb_status_text((zb_status)j)) != 0);
  }
}

TEST(a_value_that_is_no_status_is_called_unknown) {
  const unsigned values[] = {33, 34, 255, 256, 1000, 0x7fffffff, 0x80000000, 0xffffffff};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) {
    CHECK_TEXT("unknown", zb_status_name((zb_status)values[i]));
    CHECK_TEXT("This value is no status.", zb_status_text((zb_status)values[i]));
  }
}

TEST(the_versions_are_numbers_with_points) {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned patch = 0;
  char rest = 0;
  CHECK(sscanf(zb_version(), "%u.%u.%u%c", &major, &minor, &patch, &rest) == 3);
  CHECK(sscanf(zb_protocol_version(), "%u.%u%c", &major, &minor, &rest) == 2);
}

TEST(a_thread_without_a_failure_is_told_so) {
  const zb_failure failure = last_failure();
  CHECK_NUMBER(ZB_OK, failure.status);
  CHECK_NUMBER(0, failure.os_error);
  CHECK_NUMBER(0, failure.first);
  CHECK_NUMBER(0, failure.second);
  CHECK_TEXT("no failure", failure_message());
}

TEST(a_failure_has_the_numbers_that_were_asked_for_and_that_there_are) {
  zb_buffer_config config = small_ring(1000);
  both ends = open_both(&config);
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_writer_get_info(ends.writer, &info));
  zb_claim claim;
  CHECK_STATUS(ZB_FRAME_TOO_LARGE, zb_writer_try_claim(ends.writer, 1000000, &claim));
  const zb_failure failure = last_failure();
  CHECK_NUMBER(ZB_FRAME_TOO_LARGE, failure.status);
  CHECK_NUMBER(1000000, failure.first);
  CHECK_NUMBER(info.max_frame_size, failure.second);
  CHECK_NUMBER(0, failure.os_error);
  char number[32];
  snprintf(number, sizeof number, "%" PRIu64, info.max_frame_size);
  CHECK_CONTAINS("1000000", failure_message());
  CHECK_CONTAINS(number, failure_message());
  close_both(&ends);
}

TEST(a_refusal_of_the_system_has_its_errno) {
  zb_reader* reader = NULL;
  CHECK_STATUS(ZB_SYSTEM_ERROR, zb_reader_open_fd(-1, NULL, &reader));
  CHECK_NUMBER(EBADF, last_failure().os_error);
  CHECK(reader == NULL);
}

TEST(success_and_having_nothing_yet_leave_the_last_failure_alone) {
  zb_buffer_config config = small_ring(200);
  config.full = ZB_FULL_DROP;
  both ends = open_both(&config);
  zb_frame frame;
  CHECK_STATUS(ZB_NOT_FOUND, zb_remove_dead("no-such-buffer-anywhere"));
  const char message[] = "no-such-buffer-anywhere";
  CHECK_CONTAINS(message, failure_message());
  CHECK_STATUS(ZB_TIMEOUT, zb_reader_read(ends.reader, 0, &frame));
  CHECK_STATUS(ZB_WOULD_BLOCK, zb_reader_try_read(ends.reader, &frame));
  send_tag(ends.writer, 1);
  char filler[200] = {0};
  CHECK_STATUS(ZB_DROPPED, zb_writer_write(ends.writer, filler, sizeof filler, 0, 0, 0));
  expect_tag(ends.reader, 1);
  CHECK_NUMBER(ZB_NOT_FOUND, last_failure().status);
  CHECK_CONTAINS(message, failure_message());
  close_both(&ends);
}

TEST(asking_wrongly_for_the_last_failure_does_not_replace_it) {
  CHECK_STATUS(ZB_NOT_FOUND, zb_remove_dead("no-such-buffer-anywhere"));
  zb_failure failure = {.struct_size = 3};
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_last_failure(&failure));
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_last_failure(NULL));
  CHECK_NUMBER(ZB_NOT_FOUND, last_failure().status);
}

static void* fail_in_another_thread(void* context) {
  (void)context;
  CHECK_NUMBER(ZB_OK, last_failure().status);
  CHECK_STATUS(ZB_HANDLE_CLOSED, zb_reader_try_read(NULL, &(zb_frame){0}));
  CHECK_NUMBER(ZB_HANDLE_CLOSED, last_failure().status);
  return NULL;
}

TEST(each_thread_has_a_last_failure_of_its_own) {
  CHECK_STATUS(ZB_NOT_FOUND, zb_remove_dead("no-such-buffer-anywhere"));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, fail_in_another_thread, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK_NUMBER(ZB_NOT_FOUND, last_failure().status);
}

TEST(a_message_is_cut_as_snprintf_cuts) {
  CHECK_STATUS(ZB_NOT_FOUND, zb_remove_dead("no-such-buffer-anywhere"));
  char whole[1024];
  const size_t length = zb_last_failure_message(whole, sizeof whole);
  CHECK_NUMBER(strlen(whole), length);
  CHECK_NUMBER(length, zb_last_failure_message(NULL, 0));
  CHECK_NUMBER(length, zb_last_failure_message(NULL, 10));
  for (size_t size = 0; size <= length + 2; ++size) {
    char* cut = malloc(size + 1); /* so that a sanitizer sees what is written beyond */
    cut[size] = '#';
    CHECK_NUMBER(length, zb_last_failure_message(size != 0 ? cut : NULL, size));
    CHECK(cut[size] == '#');
    if (size != 0) {
      const size_t kept = size <= length ? size - 1 : length;
      CHECK_NUMBER(kept, strlen(cut));
      CHECK(memcmp(cut, whole, kept) == 0);
    }
    free(cut);
  }
}

TEST(a_message_is_never_cut_within_a_character) {
  zb_buffer_config config = small_ring(1000);
  config.wait = 77; /* its message has a character of three bytes */
  zb_reader* reader = NULL;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create(unique_name(), &config, &reader));
  char text[1024];
  const size_t length = zb_last_failure_message(text, sizeof text);
  const char* const character = strstr(text, "\xe2\x80\xa6");
  CHECK(character != NULL);
  const size_t before = (size_t)(character - text);
  for (size_t size = 1; size <= length; ++size) {
    zb_last_failure_message(text, size);
    const bool within = size > before && size <= before + 3;
    CHECK_NUMBER(within ? before : size - 1, strlen(text));
  }
}
