/* Writes ten pictures of 640 × 480 grey pixels into the buffer that a reader made: five filled in place, five copied
 * in.
 *
 *   ./c_writer [NAME] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zerobuffer/zerobuffer.h>

enum { PICTURE_BYTES = 640 * 480 };

static int failed(zb_writer* writer) {
  char message[512];
  zb_last_failure_message(message, sizeof message);
  fprintf(stderr, "writer: %s\n", message);
  zb_writer_close(writer, 0, NULL);
  return 1;
}

int main(int argc, char** argv) {
  const int64_t ten_seconds = 10000000000;
  zb_writer* writer = NULL;
  if (zb_writer_open(argc > 1 ? argv[1] : "cam0", ten_seconds, NULL, &writer) != ZB_OK) return failed(writer);
  const char metadata[] = "{\"width\": 640, \"height\": 480}";
  if (zb_writer_write_metadata(writer, metadata, strlen(metadata)) != ZB_OK) return failed(writer);

  for (int number = 0; number < 5; ++number) {
    zb_claim claim; /* room in the ring itself */
    if (zb_writer_claim(writer, PICTURE_BYTES, ten_seconds, &claim) != ZB_OK) return failed(writer);
    memset(claim.data, 10 * number, PICTURE_BYTES); /* written in place */
    if (zb_claim_commit(&claim, PICTURE_BYTES, 0, 1000u + (unsigned)number) != ZB_OK) return failed(writer);
  }

  static unsigned char picture[PICTURE_BYTES];
  for (int number = 5; number < 10; ++number) {
    memset(picture, 10 * number, sizeof picture);
    const zb_status status = /* or copied in */
        zb_writer_write(writer, picture, sizeof picture, ten_seconds, 0, 1000u + (unsigned)number);
    if (status != ZB_OK) return failed(writer);
  }

  /* Waits until the reader has let everything go. What nobody read is counted, never lost in silence. */
  uint64_t unread = 0;
  zb_writer_close(writer, ten_seconds, &unread);
  printf("10 pictures sent, %" PRIu64 " unread\n", unread);
  return unread == 0 ? 0 : 1;
}
