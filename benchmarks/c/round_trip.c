/* The workload rtt64: 64 bytes through one ring and back through another, each round trip timed by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "side.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { most_times = 400000 };

typedef struct two_rings {
  zb_writer* writer;
  zb_reader* reader;
} two_rings;

/* The processor's counter, as in C++; without one the clock. */
static inline uint64_t ticks(void) {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return (uint64_t)now_ns();
#endif
}

static void ring_name(char* buffer, size_t size, const char* name, const char* direction) {
  snprintf(buffer, size, "%s.%s", name, direction);
}

static inline void put(zb_writer* writer, const message* what) {
  need(zb_writer_write(writer, what, sizeof *what, ZB_FOREVER, 0, 0), "zb_writer_write");
}

static inline void take(zb_reader* reader, message* what) {
  zb_frame frame;
  need(zb_reader_read(reader, ZB_FOREVER, &frame), "zb_reader_read");
  memcpy(what, frame.data, sizeof *what);
  zb_frame_release(&frame);
}

static inline uint64_t exchange(two_rings rings, message* request, message* response, uint64_t sequence) {
  request->sequence = sequence;
  touch_memory();
  const uint64_t start = ticks();
  put(rings.writer, request);
  take(rings.reader, response);
  const uint64_t end = ticks();
  check_sequence(response->sequence, sequence);
  return end - start;
}

static int compare(const void* a, const void* b) {
  const uint64_t left = *(const uint64_t*)a;
  const uint64_t right = *(const uint64_t*)b;
  return (left > right) - (left < right);
}

/* Of sorted times; within one step of the counter by the share of equal values, as in C++. */
static double percentile(const uint64_t* times, size_t count, double share) {
  const double place = share * (double)count;
  const size_t index = (size_t)place < count ? (size_t)place : count - 1;
  size_t first = index;
  size_t last = index + 1;
  while (first > 0 && times[first - 1] == times[index]) --first;
  while (last < count && times[last] == times[index]) ++last;
  const double value = (double)times[index];
  const double below = first == 0 ? value : ((double)times[first - 1] + value) / 2;
  const double above = last == count ? value : ((double)times[last] + value) / 2;
  const double inside = (place - (double)first) / (double)(last - first);
  return below + (above - below) * (inside < 1 ? inside : 1);
}

static figure figure_of(uint64_t* times, size_t count, double ns_per_tick) {
  qsort(times, count, sizeof *times, compare);
  figure result = {.measured = true, .timed = true};
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (double)times[i];
  result.mean = sum / (double)count * ns_per_tick;
  result.value = result.p50 = percentile(times, count, 0.5) * ns_per_tick;
  result.p99 = percentile(times, count, 0.99) * ns_per_tick;
  result.p999 = percentile(times, count, 0.999) * ns_per_tick;
  for (int i = 0; i < CURVE_POINTS; ++i) result.curve[i] = percentile(times, count, curve_shares[i]) * ns_per_tick;
  return result;
}

figure ask(const char* name, int64_t duration_ns) {
  const zb_buffer_config config = small_ring();
  two_rings rings;
  char ring[320];
  ring_name(ring, sizeof ring, name, "request");
  need(zb_writer_create(ring, &config, &rings.writer), "zb_writer_create");
  ring_name(ring, sizeof ring, name, "response");
  need(zb_reader_create(ring, &config, &rings.reader), "zb_reader_create");
  await_reader(rings.writer);

  uint64_t* times = malloc(most_times * sizeof *times);
  need_true(times != NULL, "no memory");
  message request = {.rest = {1, 2, 3, 4, 5, 6, 7}};
  message response;
  uint64_t sequence = 0;
  const int64_t start_ns = now_ns();
  const uint64_t start = ticks();
  /* The first fifth of the time warms up, and touches the memory of the times. */
  for (size_t i = 0; now_ns() - start_ns < duration_ns / 5; i = (i + 1) % most_times)
    times[i] = exchange(rings, &request, &response, ++sequence);
  size_t count = 0;
  while (count < most_times) {
    times[count++] = exchange(rings, &request, &response, ++sequence);
    if ((sequence & 63) == 0 && now_ns() - start_ns >= duration_ns) break;
  }
  const double ns_per_tick = (double)(now_ns() - start_ns) / (double)(ticks() - start);
  exchange(rings, &request, &response, STOP_SEQUENCE);
  const figure result = figure_of(times, count, ns_per_tick);
  free(times);
  zb_writer_close(rings.writer, 0, NULL);
  zb_reader_close(rings.reader);
  return result;
}

figure answer(const char* name, int64_t duration_ns) {
  (void)duration_ns;
  two_rings rings;
  char ring[320];
  ring_name(ring, sizeof ring, name, "request");
  need(zb_reader_open(ring, CONNECT_NS, NULL, &rings.reader), "zb_reader_open");
  ring_name(ring, sizeof ring, name, "response");
  need(zb_writer_open(ring, CONNECT_NS, NULL, &rings.writer), "zb_writer_open");
  message what;
  do {
    take(rings.reader, &what);
    put(rings.writer, &what);
  } while (what.sequence != STOP_SEQUENCE);
  zb_writer_close(rings.writer, CONNECT_NS, NULL);
  zb_reader_close(rings.reader);
  return (figure){0};
}
