/* Has ten pictures of 640 × 480 grey pixels inverted: five one after the other, five on their way at once. Each is
 * built in shared memory and comes back at the address where it was built.
 *
 *   ./c_invert_client [NAME] */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zerobuffer/zerobuffer.h>

enum { PICTURE_BYTES = 640 * 480, INVERT = 128, AT_ONCE = 5 };

static const int64_t ten_seconds = 10000000000;

static int failed(zb_client* client) {
  char message[512];
  zb_last_failure_message(message, sizeof message);
  fprintf(stderr, "invert_client: %s\n", message);
  zb_client_close(client);
  return 1;
}

/* Takes room in the channel and draws a picture there. */
static bool draw(zb_client* client, int number, zb_outgoing* picture) {
  if (zb_client_claim_request(client, PICTURE_BYTES, 0, ten_seconds, picture) != ZB_OK) return false;
  memset(picture->data, 10 * number, PICTURE_BYTES);
  return true;
}

static void show(int number, const void* drawn_at, zb_response* answer) {
  const unsigned char* pixels = answer->data;
  printf("picture %d: %zu pixels of %d, %s\n", number, answer->size, pixels[answer->size / 2],
         answer->data == drawn_at ? "in place" : "elsewhere");
  zb_response_release(answer); /* its room is used again */
}

int main(int argc, char** argv) {
  zb_client* client = NULL;
  const zb_request_info invert = {.struct_size = sizeof invert, .type = INVERT};
  if (zb_client_open(argc > 1 ? argv[1] : "invert0", ten_seconds, NULL, &client) != ZB_OK) return failed(client);

  zb_outgoing picture;
  zb_response answer;
  for (int number = 0; number < AT_ONCE; ++number) {
    if (!draw(client, number, &picture)) return failed(client);
    const void* const drawn_at = picture.data;
    if (zb_outgoing_call(&picture, PICTURE_BYTES, ten_seconds, &invert, &answer) != ZB_OK) return failed(client);
    show(number, drawn_at, &answer);
  }

  zb_call calls[AT_ONCE]; /* each has a lane of its own */
  const void* drawn_at[AT_ONCE];
  for (int i = 0; i < AT_ONCE; ++i) {
    if (!draw(client, AT_ONCE + i, &picture)) return failed(client);
    drawn_at[i] = picture.data;
    if (zb_outgoing_begin(&picture, PICTURE_BYTES, &invert, &calls[i]) != ZB_OK) return failed(client);
  }
  for (int i = 0; i < AT_ONCE; ++i) {
    if (zb_call_receive(&calls[i], ten_seconds, &answer) != ZB_OK) return failed(client);
    show(AT_ONCE + i, drawn_at[i], &answer);
  }

  /* An error of the server is an answer too: ZB_REMOTE_ERROR, and the failure's message is its text. */
  const zb_status status = zb_client_call(client, "?", 1, ten_seconds, NULL, &answer);
  char message[512];
  zb_last_failure_message(message, sizeof message);
  printf("%s: %s\n", zb_status_name(status), message);
  zb_client_close(client);
  return status == ZB_REMOTE_ERROR ? 0 : 1;
}
