/* How near the CPUs of both sides are to each other now: one cache line bounced between them, as cpp/cli/bench does it.
 * The line lies in a file of the driver's, zeroed anew for each probe. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "side.h"

enum { groups = 40, round_trips = 50, page_size = 4096 };

static void await_turn(_Atomic uint64_t* turn, uint64_t value) {
  while (atomic_load_explicit(turn, memory_order_acquire) != value) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

/* Nanoseconds of a round trip in a group of them. */
static double bounce_group(_Atomic uint64_t* turn, uint64_t from, bool first) {
  const int64_t start_ns = now_ns();
  for (uint64_t next = from; next < from + 2 * round_trips; next += 2) {
    if (first) atomic_store_explicit(turn, next + 1, memory_order_release);
    await_turn(turn, first ? next + 2 : next + 1);
    if (!first) atomic_store_explicit(turn, next + 2, memory_order_release);
  }
  return (double)(now_ns() - start_ns) / round_trips;
}

static int compare(const void* a, const void* b) {
  const double left = *(const double*)a;
  const double right = *(const double*)b;
  return (left > right) - (left < right);
}

/* The median of small groups, so that an interruption does not count. */
static figure bounce(const char* file, bool first) {
  const int fd = open(file, O_RDWR);
  need_true(fd >= 0, "the file of the probe cannot be opened");
  void* page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  need_true(page != MAP_FAILED, "the file of the probe cannot be mapped");
  close(fd);
  _Atomic uint64_t* turn = page;
  bounce_group(turn, 0, first); /* until both are there */
  double means[groups];
  for (uint64_t group = 0; group < groups; ++group)
    means[group] = bounce_group(turn, (group + 1) * 2 * round_trips, first);
  munmap(page, page_size);
  qsort(means, groups, sizeof *means, compare);
  return (figure){.measured = first, .value = means[groups / 2]};
}

figure probe_first(const char* name, int64_t duration_ns) {
  (void)duration_ns;
  return bounce(name, true);
}

figure probe_second(const char* name, int64_t duration_ns) {
  (void)duration_ns;
  return bounce(name, false);
}
