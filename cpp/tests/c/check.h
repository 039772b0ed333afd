/* A test in C: TEST(name) { … CHECK(…) … }. Owns how tests are declared, what a failed check prints, and what tests
 * share: unique names, children, waiting. Knows nothing of single rules; those stand in the test_*.c files. */
#ifndef ZEROBUFFER_TESTS_CHECK_H
#define ZEROBUFFER_TESTS_CHECK_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "zerobuffer/zerobuffer.h"

/* Longer than anything takes on a busy machine, shorter than the watchdog of a test. */
#define GENEROUS_NS INT64_C(20000000000)
#define MILLISECOND_NS INT64_C(1000000)

typedef struct test {
  const char* name;
  void (*body)(void);
  struct test* next;
} test;

void add_test(test* added);
/* Prints where and what, and ends the process of this test. */
_Noreturn void check_failed(const char* file, int line, const char* format, ...) __attribute__((format(printf, 3, 4)));

/* A test with its own process. The name is a sentence that states the rule. */
#define TEST(name_)                                            \
  static void name_(void);                                     \
  __attribute__((constructor)) static void add_##name_(void) { \
    static test added = {.name = #name_, .body = name_};       \
    add_test(&added);                                          \
  }                                                            \
  static void name_(void)

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) check_failed(__FILE__, __LINE__, "not so: %s", #condition); \
  } while (0)

#define CHECK_STATUS(expected, call) check_status(__FILE__, __LINE__, #call, (expected), (call))
#define CHECK_OK(call) CHECK_STATUS(ZB_OK, call)
#define CHECK_NUMBER(expected, actual) \
  check_number(__FILE__, __LINE__, #actual, (uint64_t)(expected), (uint64_t)(actual))
#define CHECK_TEXT(expected, actual) check_text(__FILE__, __LINE__, #actual, (expected), (actual))
#define CHECK_CONTAINS(part, text)                                                                            \
  do {                                                                                                        \
    if (strstr((text), (part)) == NULL) check_failed(__FILE__, __LINE__, "no \"%s\" in: %s", (part), (text)); \
  } while (0)

void check_status(const char* file, int line, const char* call, zb_status expected, zb_status actual);
void check_number(const char* file, int line, const char* what, uint64_t expected, uint64_t actual);
void check_text(const char* file, int line, const char* what, const char* expected, const char* actual);

/* A buffer name that nobody else uses; different with each call, and the same in a child that is forked later. */
const char* unique_name(void);
bool buffer_exists(const char* name);

/* The defaults, for a small ring. */
zb_buffer_config small_ring(uint64_t payload_size);
/* The message of this thread's last failure; static per thread. */
const char* failure_message(void);

/* A reader and a writer of the same buffer, in this process. */
typedef struct both {
  const char* name;
  zb_reader* reader;
  zb_writer* writer;
} both;
both open_both(const zb_buffer_config* config);
void close_both(both* ends);
/* Sends and takes one small frame with this tag. */
void send_tag(zb_writer* writer, uint64_t tag);
void expect_tag(zb_reader* reader, uint64_t tag);

/* Runs `body` in a child, which must open handles of its own, and ends with `code` 0 where no check fails. */
pid_t start_child(void (*body)(void* context), void* context);
/* The exit code; 128 + number where a signal ended it. */
int wait_for_child(pid_t child);
/* SIGKILL, and reaped: afterwards it is gone. */
void kill_child(pid_t child);

/* What the kernel says of the shared memory that this process has mapped, all of it one buffer's. */
typedef struct in_memory {
  unsigned long present_kb;
  bool locked;
  bool huge; /* the kernel was asked for huge pages */
} in_memory;
in_memory look_at_mappings(void);
/* Whether a lock in memory is seen there: sanitizers make nothing of it. */
bool mlock_works(void);

void sleep_ms(unsigned milliseconds);
/* Looks every millisecond; fails the test where *flag does not become at least `value`. */
void wait_for_flag(const atomic_int* flag, int value);

#endif
