/* A user's program in C: sends one frame to itself through a buffer and prints the library's version. Knows the public
 * header only. */
#include <stdio.h>
#include <string.h>
#include <zerobuffer/zerobuffer.h>

static int failed(void) {
  char message[256];
  zb_last_failure_message(message, sizeof message);
  fprintf(stderr, "consumer: %s\n", message);
  return 1;
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "consumer";
  const int64_t five_seconds = 5000000000;
  zb_buffer_config config;
  zb_buffer_config_init(&config, sizeof config);
  config.payload_size = 4096;
  zb_reader* reader = NULL;
  zb_writer* writer = NULL;
  zb_frame frame;
  if (zb_reader_create(name, &config, &reader) != ZB_OK) return failed();
  if (zb_writer_open(name, five_seconds, NULL, &writer) != ZB_OK) return failed();
  if (zb_writer_write(writer, "hello", 5, five_seconds, 0, 0) != ZB_OK) return failed();
  if (zb_reader_read(reader, five_seconds, &frame) != ZB_OK) return failed();
  const int same = frame.size == 5 && memcmp(frame.data, "hello", 5) == 0;
  printf("%.*s %s\n", (int)frame.size, (const char*)frame.data, zb_version());
  zb_frame_release(&frame);
  zb_writer_close(writer, 0, NULL);
  zb_reader_close(reader);
  return same ? 0 : 1;
}
