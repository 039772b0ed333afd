/* The workloads stream64, stream64_batch16 and stream64_batch: messages of 64 bytes one way, each written alone and
 * published alone or 16 together, or 1,024 written and read by a call. */
#include "side.h"

enum { between_looks_at_the_clock = 1024, in_a_call = 1024 };

static figure stream(const char* name, int64_t duration_ns, int batch) {
  const zb_buffer_config config = small_ring();
  zb_writer* writer;
  need(zb_writer_create(name, &config, &writer), "zb_writer_create");
  await_reader(writer);
  message what = {.rest = {1, 2, 3, 4, 5, 6, 7}};
  const int64_t start_ns = now_ns();
  do {
    for (int sent = 0; sent < between_looks_at_the_clock; sent += batch) {
      if (batch > 1) zb_writer_begin_batch(writer);
      for (int i = 0; i < batch; ++i) {
        ++what.sequence;
        touch_memory();
        need(zb_writer_write(writer, &what, sizeof what, ZB_FOREVER, 0, 0), "zb_writer_write");
      }
      if (batch > 1) zb_writer_end_batch(writer);
    }
  } while (now_ns() - start_ns < duration_ns);
  what.sequence = STOP_SEQUENCE;
  touch_memory();
  need(zb_writer_write(writer, &what, sizeof what, ZB_FOREVER, 0, 0), "zb_writer_write");
  need(zb_writer_close(writer, CONNECT_NS, NULL), "zb_writer_close");
  return (figure){0};
}

figure send_messages(const char* name, int64_t duration_ns) { return stream(name, duration_ns, 1); }
figure send_messages_batch16(const char* name, int64_t duration_ns) { return stream(name, duration_ns, 16); }

static uint64_t receive_one(zb_reader* reader) {
  zb_frame frame;
  need(zb_reader_read(reader, ZB_FOREVER, &frame), "zb_reader_read");
  const uint64_t sequence = *(const uint64_t*)frame.data;
  zb_frame_release(&frame);
  return sequence;
}

/* Million messages per second, from the first arrival to the last. */
figure receive_messages(const char* name, int64_t duration_ns) {
  (void)duration_ns;
  zb_reader* reader;
  need(zb_reader_open(name, CONNECT_NS, NULL, &reader), "zb_reader_open");
  uint64_t count = 0;
  uint64_t sequence = receive_one(reader);
  const int64_t start_ns = now_ns();
  for (; sequence != STOP_SEQUENCE; sequence = receive_one(reader)) check_sequence(sequence, ++count);
  const double elapsed_ns = (double)(now_ns() - start_ns);
  zb_reader_close(reader);
  return (figure){.measured = true, .value = (double)count * 1e3 / elapsed_ns};
}

/* The stop sequence is the last one of a call. */
static void send_batch(zb_writer* writer, message* batch, uint64_t* sequence, bool last) {
  for (int i = 0; i < in_a_call; ++i) batch[i].sequence = ++*sequence;
  if (last) batch[in_a_call - 1].sequence = STOP_SEQUENCE;
  touch_memory();
  size_t written;
  need(zb_writer_write_messages(writer, batch, sizeof *batch, in_a_call, ZB_FOREVER, 0, 0, &written),
       "zb_writer_write_messages");
  need_true(written == in_a_call, "not all messages of a batch were written");
}

figure send_batches(const char* name, int64_t duration_ns) {
  static message batch[in_a_call];
  const zb_buffer_config config = small_ring();
  zb_writer* writer;
  need(zb_writer_create(name, &config, &writer), "zb_writer_create");
  await_reader(writer);
  uint64_t sequence = 0;
  const int64_t start_ns = now_ns();
  do {
    send_batch(writer, batch, &sequence, false);
  } while (now_ns() - start_ns < duration_ns);
  send_batch(writer, batch, &sequence, true);
  need(zb_writer_close(writer, CONNECT_NS, NULL), "zb_writer_close");
  return (figure){0};
}

/* Million messages per second, from the first arrival to the last. */
figure receive_batches(const char* name, int64_t duration_ns) {
  (void)duration_ns;
  static message batch[in_a_call];
  zb_reader* reader;
  need(zb_reader_open(name, CONNECT_NS, NULL, &reader), "zb_reader_open");
  uint64_t count = 0;
  uint64_t first = 0;
  int64_t start_ns = 0;
  for (bool stopped = false; !stopped;) {
    size_t came;
    need(zb_reader_read_messages(reader, ZB_FOREVER, batch, sizeof *batch, in_a_call, &came),
         "zb_reader_read_messages");
    if (count == 0) start_ns = now_ns();
    stopped = batch[came - 1].sequence == STOP_SEQUENCE;
    const size_t ordinary = stopped ? came - 1 : came;
    for (size_t i = 0; i < ordinary; ++i) check_sequence(batch[i].sequence, ++count);
    if (first == 0) first = came; /* they came before the clock began */
  }
  const double elapsed_ns = (double)(now_ns() - start_ns);
  zb_reader_close(reader);
  return (figure){.measured = true, .value = (double)(count + 1 - first) * 1e3 / elapsed_ns};
}
