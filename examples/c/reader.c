/* Makes a buffer and looks at every frame that comes, in place. Start it, then writer.c (or the writer of any other
 * language).
 *
 *   ./c_reader [NAME] */
#include <inttypes.h>
#include <stdio.h>
#include <zerobuffer/zerobuffer.h>

static int failed(void) {
  char message[512];
  zb_last_failure_message(message, sizeof message);
  fprintf(stderr, "reader: %s\n", message);
  return 1;
}

/* Metadata comes before the first frame or not at all, so that there is nothing to wait for any more. */
static void print_metadata(zb_reader* reader) {
  char metadata[256];
  size_t size = 0;
  if (zb_reader_metadata(reader, 0, metadata, sizeof metadata, &size) != ZB_OK) return;
  printf("metadata: %.*s\n", (int)(size < sizeof metadata ? size : sizeof metadata), metadata);
}

int main(int argc, char** argv) {
  zb_buffer_config config;
  zb_buffer_config_init(&config, sizeof config); /* the defaults; change what you need */
  config.payload_size = 8 << 20;
  zb_reader* reader = NULL;
  if (zb_reader_create(argc > 1 ? argv[1] : "cam0", &config, &reader) != ZB_OK) return failed();
  printf("waiting for a writer\n");
  fflush(stdout);

  zb_status status;
  zb_frame frame;
  bool first = true;
  while ((status = zb_reader_read(reader, ZB_FOREVER, &frame)) == ZB_OK) {
    if (first) print_metadata(reader);
    first = false;
    const unsigned char* pixels = frame.data;
    uint64_t sum = 0;
    for (size_t i = 0; i < frame.size; ++i) sum += pixels[i];
    printf("frame %" PRIu64 ": %zu bytes, tag %" PRIu64 ", mean %" PRIu64 "\n", frame.sequence, frame.size, frame.tag,
           frame.size == 0 ? 0 : sum / frame.size);
    fflush(stdout);
    zb_frame_release(&frame); /* the room goes back to the writer; the bytes are not to be looked at any more */
  }

  /* ZB_CLOSED: the writer has closed and everything was read. Anything else is a failure that says why. */
  const int code = status == ZB_CLOSED ? 0 : failed();
  if (code == 0) printf("the writer has closed\n");
  zb_reader_close(reader);
  return code;
}
