/* The workload frame6m_read: pictures of 1080p, copied in from one buffer, read in place, a byte of each page looked
 * at. */
#include <stdlib.h>
#include <string.h>

#include "side.h"

enum { page_size = 4096 };

static void send_frame(zb_writer* writer, unsigned char* frame, uint64_t sequence) {
  memcpy(frame, &sequence, sizeof sequence);
  touch_memory();
  need(zb_writer_write(writer, frame, FRAME_SIZE, ZB_FOREVER, 0, 0), "zb_writer_write");
}

figure send_frames(const char* name, int64_t duration_ns) {
  zb_buffer_config config;
  need(zb_buffer_config_init(&config, sizeof config), "zb_buffer_config_init");
  need(zb_buffer_config_for_frames(&config, FRAME_SIZE, 3), "zb_buffer_config_for_frames");
  zb_writer* writer;
  need(zb_writer_create(name, &config, &writer), "zb_writer_create");
  await_reader(writer);
  unsigned char* frame = malloc(FRAME_SIZE);
  need_true(frame != NULL, "no memory");
  memset(frame, 3, FRAME_SIZE);
  uint64_t sequence = 0;
  const int64_t start_ns = now_ns();
  /* a few frames even on a machine that is so busy that time runs out at once */
  while (sequence < 16 || now_ns() - start_ns < duration_ns) send_frame(writer, frame, ++sequence);
  send_frame(writer, frame, STOP_SEQUENCE);
  free(frame);
  need(zb_writer_close(writer, CONNECT_NS, NULL), "zb_writer_close");
  return (figure){0};
}

static uint64_t receive_frame(zb_reader* reader) {
  zb_frame frame;
  need(zb_reader_read(reader, ZB_FOREVER, &frame), "zb_reader_read");
  const unsigned char* data = frame.data;
  unsigned sum = 0;
  for (size_t i = 0; i < frame.size; i += page_size) sum += data[i];
  __asm__ volatile("" ::"r"(sum)); /* the sum must really be made */
  uint64_t sequence;
  memcpy(&sequence, data, sizeof sequence);
  zb_frame_release(&frame);
  return sequence;
}

/* GB/s, from the first arrival to the last. */
figure receive_frames(const char* name, int64_t duration_ns) {
  (void)duration_ns;
  zb_reader* reader;
  need(zb_reader_open(name, CONNECT_NS, NULL, &reader), "zb_reader_open");
  check_sequence(receive_frame(reader), 1);
  uint64_t count = 1;
  const int64_t start_ns = now_ns();
  for (uint64_t sequence = receive_frame(reader); sequence != STOP_SEQUENCE; sequence = receive_frame(reader))
    check_sequence(sequence, ++count);
  const double elapsed_ns = (double)(now_ns() - start_ns);
  zb_reader_close(reader);
  /* The frames after the first one, that of the end among them: with the first one the clock began. */
  return (figure){.measured = true, .value = (double)(count * FRAME_SIZE) / elapsed_ns};
}
