/* One side of a measurement in C. Obeys lines on standard input, and answers each with a line of JSON: an object that
 * holds "value" where this side is the one that measured. Owns the commands, not what they measure.
 *
 *   WORKLOAD first|second NAME MILLISECONDS       NAME: of the buffers, or the file of the workload `probe` */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "side.h"

const double curve_shares[CURVE_POINTS] = {0.01, 0.1,   0.25,  0.5,    0.75,   0.9, 0.95,
                                           0.99, 0.995, 0.999, 0.9995, 0.9999, 1};

static const struct {
  const char* name;
  side* first;
  side* second;
} workloads[] = {
    {"probe", probe_first, probe_second},
    {"rtt64", ask, answer},
    {"stream64", send_messages, receive_messages},
    {"stream64_batch16", send_messages_batch16, receive_messages},
    {"stream64_batch", send_batches, receive_batches},
    {"frame6m_read", send_frames, receive_frames},
    {"read_release", read_release, NULL},
};

void fail(const char* what, const char* why) {
  char text[512];
  if (why == NULL) zb_last_failure_message(text, sizeof text);
  fprintf(stderr, "zerobuffer_bench_c: %s: %s\n", what, why != NULL ? why : text);
  exit(1);
}

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

zb_buffer_config small_ring(void) {
  zb_buffer_config config;
  need(zb_buffer_config_init(&config, sizeof config), "zb_buffer_config_init");
  config.payload_size = SMALL_RING;
  return config;
}

void await_reader(zb_writer* writer) { need(zb_writer_wait_for_readers(writer, 1, CONNECT_NS), "no reader came"); }

static void print_figure(const figure* what) {
  if (!what->measured) {
    puts("{}");
  } else {
    printf("{\"value\": %.6f", what->value);
    if (what->timed) {
      printf(", \"latency\": {\"mean\": %.3f, \"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"curve\": [", what->mean,
             what->p50, what->p99, what->p999);
      for (int i = 0; i < CURVE_POINTS; ++i)
        printf("%s[%g, %.3f]", i == 0 ? "" : ", ", curve_shares[i], what->curve[i]);
      printf("]}");
    }
    puts("}");
  }
  fflush(stdout);
}

int main(void) {
  char line[512];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char workload[64];
    char role[8];
    char name[300];
    int milliseconds = 0;
    need_true(sscanf(line, "%63s %7s %299s %d", workload, role, name, &milliseconds) == 4, "no command");
    side* run = NULL;
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; ++i) {
      if (strcmp(workloads[i].name, workload) != 0) continue;
      run = strcmp(role, "first") == 0 ? workloads[i].first : workloads[i].second;
    }
    need_true(run != NULL, "no such workload or role");
    const figure answered = run(name, (int64_t)milliseconds * 1000000);
    print_figure(&answered);
  }
  return 0;
}
