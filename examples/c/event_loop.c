/* One thread serves a buffer and a terminal with poll(): zb_reader_when_ready() calls back in a thread of the library,
 * and the callback does nothing but count an eventfd up, which poll() watches beside standard input. A line typed is
 * echoed; end of file, or the end of the stream, ends the program.
 *
 *   ./c_event_loop [NAME] */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zerobuffer/zerobuffer.h>

static int failed(void) {
  char message[512];
  zb_last_failure_message(message, sizeof message);
  fprintf(stderr, "event_loop: %s\n", message);
  return 1;
}

/* In the library's thread: must not block. */
static void wake(void* context) {
  const uint64_t one = 1;
  if (write(*(const int*)context, &one, sizeof one) < 0) perror("event_loop: write");
}

/* Takes every frame that is there, then asks to be called back. */
static zb_status read_what_is_there(zb_reader* reader, int* event) {
  zb_status status;
  zb_frame frame;
  while ((status = zb_reader_try_read(reader, &frame)) == ZB_OK) {
    printf("frame %" PRIu64 ": %zu bytes\n", frame.sequence, frame.size);
    zb_frame_release(&frame);
  }
  return status == ZB_WOULD_BLOCK ? zb_reader_when_ready(reader, wake, event) : status;
}

int main(int argc, char** argv) {
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) {
    perror("event_loop: eventfd");
    return 1;
  }
  zb_reader* reader = NULL;
  if (zb_reader_create(argc > 1 ? argv[1] : "cam0", NULL, &reader) != ZB_OK) return failed();
  printf("waiting for frames and for lines\n");
  fflush(stdout);

  struct pollfd watched[] = {{.fd = event, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  zb_status status = read_what_is_there(reader, &event);
  while (status == ZB_OK) {
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[0].revents != 0) {
      uint64_t count;
      if (read(event, &count, sizeof count) == sizeof count) status = read_what_is_there(reader, &event);
    }
    if (watched[1].revents != 0) {
      char line[256];
      const ssize_t size = read(STDIN_FILENO, line, sizeof line);
      if (size <= 0) break;
      printf("line: %.*s", (int)size, line);
    }
    fflush(stdout);
  }

  const int code = status == ZB_OK || status == ZB_CLOSED ? 0 : failed();
  if (status == ZB_CLOSED) printf("the writer has closed\n");
  zb_reader_close(reader); /* cancels what is asked for: afterwards nobody writes to `event` any more */
  close(event);
  return code;
}
