/* Runs the tests of this program, each in a child of its own with a watchdog, and afterwards looks for what it left.
 * Owns the command line:
 *
 *   zerobuffer_c_tests               every test; the last line is "N passed, M failed"
 *   zerobuffer_c_tests NAME          this one
 *   zerobuffer_c_tests --expect N    nothing; fails unless there are N tests */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { WATCHDOG_SECONDS = 120, NAME_ROOM = 128 };

static test* tests;
static char prefix[NAME_ROOM / 2];

void add_test(test* added) {
  test** at = &tests;
  while (*at != NULL && strcmp((*at)->name, added->name) < 0) at = &(*at)->next;
  added->next = *at;
  *at = added;
}

void check_failed(const char* file, int line, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s:%d: ", file, line);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  fflush(NULL);
  _exit(1);
}

void check_status(const char* file, int line, const char* call, zb_status expected, zb_status actual) {
  if (expected == actual) return;
  const char* message = actual > ZB_DROPPED ? failure_message() : "";
  check_failed(file, line, "%s answered %s, not %s: %s", call, zb_status_name(actual), zb_status_name(expected),
               message);
}
void check_number(const char* file, int line, const char* what, uint64_t expected, uint64_t actual) {
  if (expected != actual) check_failed(file, line, "%s is %" PRIu64 ", not %" PRIu64, what, actual, expected);
}
void check_text(const char* file, int line, const char* what, const char* expected, const char* actual) {
  if (strcmp(expected, actual) != 0) check_failed(file, line, "%s is \"%s\", not \"%s\"", what, actual, expected);
}

/* ------------------------------------------------------------------------------------------------ what tests share */

const char* unique_name(void) {
  static char names[64][NAME_ROOM];
  static unsigned count;
  char* name = names[count % 64];
  snprintf(name, NAME_ROOM, "%s%u", prefix, ++count);
  return name;
}

bool buffer_exists(const char* name) {
  char path[256];
  snprintf(path, sizeof path, "/dev/shm/%s", name);
  struct stat found;
  return lstat(path, &found) == 0;
}

zb_buffer_config small_ring(uint64_t payload_size) {
  zb_buffer_config config;
  CHECK_OK(zb_buffer_config_init(&config, sizeof config));
  config.payload_size = payload_size;
  return config;
}

const char* failure_message(void) {
  static _Thread_local char text[1024];
  zb_last_failure_message(text, sizeof text);
  return text;
}

both open_both(const zb_buffer_config* config) {
  both ends = {.name = unique_name()};
  CHECK_OK(zb_reader_create(ends.name, config, &ends.reader));
  CHECK_OK(zb_writer_open(ends.name, GENEROUS_NS, config, &ends.writer));
  return ends;
}
void close_both(both* ends) {
  zb_writer_close(ends->writer, 0, NULL);
  zb_reader_close(ends->reader);
  ends->writer = NULL;
  ends->reader = NULL;
}
void send_tag(zb_writer* writer, uint64_t tag) {
  CHECK_OK(zb_writer_write(writer, &tag, sizeof tag, GENEROUS_NS, 0, tag));
}
void expect_tag(zb_reader* reader, uint64_t tag) {
  zb_frame frame;
  CHECK_OK(zb_reader_read(reader, GENEROUS_NS, &frame));
  CHECK_NUMBER(tag, frame.tag);
  CHECK_NUMBER(sizeof tag, frame.size);
  CHECK(memcmp(frame.data, &tag, sizeof tag) == 0);
  zb_frame_release(&frame);
}

static void on_watchdog(int number) {
  (void)number;
  static const char text[] = "watchdog: this test hangs\n";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(3);
  abort();
}
static void start_watchdog(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_watchdog;
  sigaction(SIGALRM, &action, NULL);
  alarm(WATCHDOG_SECONDS);
}

pid_t start_child(void (*body)(void* context), void* context) {
  fflush(NULL);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child != 0) return child;
  start_watchdog();
  body(context);
  fflush(NULL);
  _exit(0);
}

int wait_for_child(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void kill_child(pid_t child) {
  CHECK(kill(child, SIGKILL) == 0);
  CHECK_NUMBER(128 + SIGKILL, wait_for_child(child));
}

in_memory look_at_mappings(void) {
  in_memory found = {0};
  FILE* file = fopen("/proc/self/smaps", "r");
  CHECK(file != NULL);
  char line[1024];
  bool shared = false;
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2) shared = strstr(line, "/dev/shm/") != NULL;
    if (!shared) continue;
    if (sscanf(line, "Rss: %lu", &to) == 1) found.present_kb += to;
    if (strncmp(line, "VmFlags:", 8) != 0) continue;
    found.locked = found.locked || strstr(line, " lo") != NULL;
    found.huge = found.huge || strstr(line, " hg") != NULL;
  }
  fclose(file);
  return found;
}

bool mlock_works(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

void sleep_ms(unsigned milliseconds) {
  struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000L};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

void wait_for_flag(const atomic_int* flag, int value) {
  for (int64_t waited = 0; atomic_load(flag) < value; waited += MILLISECOND_NS) {
    if (waited > GENEROUS_NS) check_failed(__FILE__, __LINE__, "waited for %d, and it is %d", value, atomic_load(flag));
    sleep_ms(1);
  }
}

/* ------------------------------------------------------------------------------------------------ running */

/* Names what the last test left in /dev/shm, and removes it. */
static bool left_nothing(void) {
  bool nothing = true;
  DIR* folder = opendir("/dev/shm");
  for (const struct dirent* entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
    fprintf(stderr, "left in /dev/shm: %s\n", entry->d_name);
    char path[sizeof entry->d_name + 16];
    snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
    unlink(path);
    nothing = false;
  }
  if (folder != NULL) closedir(folder);
  return nothing;
}

static void run_body(void* body_of_test) {
  const test* running = body_of_test;
  running->body();
  CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* no child was left */
  /* Not _exit(): the library's own end, and a sanitizer's, belong to the test. */
  exit(0);
}

static bool run(test* chosen) {
  static unsigned number;
  snprintf(prefix, sizeof prefix, "zbc-%d-%ld-%u-", (int)getpid(), (long)time(NULL), ++number);
  const int code = wait_for_child(start_child(run_body, chosen));
  const bool good = left_nothing() && code == 0;
  printf("%s %s\n", good ? "ok    " : "FAILED", chosen->name);
  if (code > 0) printf("       ended with %d\n", code);
  return good;
}

int main(int argc, char** argv) {
  unsigned passed = 0;
  unsigned failed = 0;
  if (argc == 3 && strcmp(argv[1], "--expect") == 0) {
    unsigned count = 0;
    for (const test* each = tests; each != NULL; each = each->next) ++count;
    printf("%u tests\n", count);
    return count == strtoul(argv[2], NULL, 10) ? 0 : 1;
  }
  for (test* each = tests; each != NULL; each = each->next) {
    if (argc > 1 && strcmp(argv[1], each->name) != 0) continue;
    if (run(each)) {
      ++passed;
    } else {
      ++failed;
    }
  }
  printf("%u passed, %u failed\n", passed, failed);
  return failed == 0 && passed != 0 ? 0 : 1;
}
