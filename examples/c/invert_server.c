/* Inverts pictures where they lie: each request is a picture of grey pixels, and its own bytes are the answer. A
 * request of another type is answered with an error. Serves until standard input ends.
 *
 *   ./c_invert_server [NAME] */
#include <inttypes.h>
#include <stdio.h>
#include <zerobuffer/zerobuffer.h>

enum { INVERT = 128 }; /* types from 128 on are the application's */

static int failed(zb_server* server) {
  char message[512];
  zb_last_failure_message(message, sizeof message);
  fprintf(stderr, "invert_server: %s\n", message);
  zb_server_close(server);
  return 1;
}

/* Called by a thread of the library for each request. */
static void invert(zb_request* request, void* context) {
  (void)context;
  if (request->type != INVERT) {
    zb_request_fail(request, "this server inverts pictures, type 128"); /* the caller gets ZB_REMOTE_ERROR */
    return;
  }
  unsigned char* pixels = request->bytes; /* the request itself, in shared memory */
  for (size_t i = 0; i < request->size; ++i) pixels[i] = (unsigned char)(255 - pixels[i]);
  zb_request_respond(request, request->size, INVERT);
}

int main(int argc, char** argv) {
  zb_duplex_config config;
  zb_server* server = NULL;
  if (zb_duplex_config_init(&config, sizeof config) != ZB_OK) return failed(server);
  config.request_size = 1 << 20;
  if (zb_server_create(argc > 1 ? argv[1] : "invert0", ZB_SERVER_IN_PLACE, &config, &server) != ZB_OK ||
      zb_server_start(server, invert, NULL, 1) != ZB_OK) {
    return failed(server);
  }
  printf("serving until the input ends\n");
  fflush(stdout);
  while (getchar() != EOF) {
  }

  if (zb_server_stop(server) != ZB_OK) return failed(server);
  zb_duplex_stats stats = {.struct_size = sizeof stats};
  zb_server_get_stats(server, &stats);
  printf("%" PRIu64 " requests, %" PRIu64 " errors, %" PRIu64 " bytes copied\n", stats.requests, stats.errors,
         stats.copied_bytes);
  zb_server_close(server);
  return 0;
}
