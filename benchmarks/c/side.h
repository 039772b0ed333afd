/* What the sides in C have in common: the message, the figure, and how a failure ends the program. The same numbers as
 * in cpp/cli/bench/message.hpp. */
#ifndef ZEROBUFFER_BENCHMARKS_SIDE_H
#define ZEROBUFFER_BENCHMARKS_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zerobuffer/zerobuffer.h"

#define MESSAGE_SIZE 64
#define SMALL_RING (UINT64_C(1) << 20)
#define FRAME_SIZE ((size_t)1920 * 1080 * 3)
#define STOP_SEQUENCE (UINT64_C(1) << 62) /* ends a loop */
#define CONNECT_NS INT64_C(30000000000)
#define CURVE_POINTS 13

typedef struct message {
  _Alignas(MESSAGE_SIZE) uint64_t sequence;
  uint64_t rest[7];
} message;

/* What a side answers. */
typedef struct figure {
  bool measured; /* this side is the one that measured */
  double value;
  bool timed; /* single operations were; then in nanoseconds: */
  double mean;
  double p50;
  double p99;
  double p999;
  double curve[CURVE_POINTS];
} figure;

/* The shares of `curve`. */
extern const double curve_shares[CURVE_POINTS];

/* One role of a workload. `name` is that of the buffers, or the file of `probe`. */
typedef figure side(const char* name, int64_t duration_ns);

side probe_first, probe_second;
side ask, answer;
side send_messages, send_messages_batch16, receive_messages;
side send_batches, receive_batches;
side send_frames, receive_frames;
side read_release;

/* Ends the program, and the run with it. */
_Noreturn void fail(const char* what, const char* why);

static inline void need_true(bool condition, const char* otherwise) {
  if (!condition) fail("benchmark", otherwise);
}

/* What a call answered must be ZB_OK. */
static inline void need(zb_status status, const char* call) {
  if (status != ZB_OK) fail(call, NULL);
}

static inline void check_sequence(uint64_t got, uint64_t expected) {
  need_true(got == expected, "a message came out of order or changed: the measurement is worthless");
}

/* Makes the compiler store everything and load it again. */
static inline void touch_memory(void) { __asm__ volatile("" ::: "memory"); }

int64_t now_ns(void);
zb_buffer_config small_ring(void);
void await_reader(zb_writer* writer);

#endif
