/* The workload read_release: what reading and giving back a waiting frame of 64 bytes costs in one process: the least
 * of many rounds. write_frames() and read_frames() are functions of their own so that callgrind can count inside them.
 */
#include "side.h"

enum { frames = 200, fewest_rounds = 10 };

__attribute__((noinline)) void write_frames(zb_writer* writer);
__attribute__((noinline)) void read_frames(zb_reader* reader);

void write_frames(zb_writer* writer) {
  const message what = {.sequence = 1};
  for (int i = 0; i < frames; ++i)
    need(zb_writer_write(writer, &what, sizeof what, ZB_FOREVER, 0, 0), "zb_writer_write");
}

void read_frames(zb_reader* reader) {
  for (int i = 0; i < frames; ++i) {
    zb_frame frame;
    need(zb_reader_read(reader, ZB_FOREVER, &frame), "zb_reader_read");
    zb_frame_release(&frame);
  }
}

figure read_release(const char* name, int64_t duration_ns) {
  (void)name;
  const zb_buffer_config config = small_ring();
  zb_reader* reader;
  zb_writer* writer;
  need(zb_reader_create_anonymous(&config, &reader), "zb_reader_create_anonymous");
  need(zb_writer_open_fd(zb_reader_fd(reader), NULL, &writer), "zb_writer_open_fd");
  int64_t least_ns = INT64_MAX;
  const int64_t start_ns = now_ns();
  for (int round = 0; round < fewest_rounds || now_ns() - start_ns < duration_ns; ++round) {
    write_frames(writer);
    const int64_t begin_ns = now_ns();
    read_frames(reader);
    const int64_t taken_ns = now_ns() - begin_ns;
    if (taken_ns < least_ns) least_ns = taken_ns;
  }
  zb_writer_close(writer, 0, NULL);
  zb_reader_close(reader);
  return (figure){.measured = true, .value = (double)least_ns / frames};
}
