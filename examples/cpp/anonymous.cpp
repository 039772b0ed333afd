// A buffer without a name, passed to a child by its file descriptor: nothing can be left behind in /dev/shm, and nobody
// else can open it. The child is a program started anew, because a forked copy may not use its parent's readers and
// writers.
//
//   ./anonymous
#include <zerobuffer/zerobuffer.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

namespace {

int write_as_child(int fd) {
  auto writer = zerobuffer::Writer::open_fd(fd).value();
  for (const std::string_view word : {"frames", "without", "a", "name"}) {
    writer.write(std::as_bytes(std::span(word)), 10s).value();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc > 1) return write_as_child(std::atoi(argv[1]));

  auto reader = zerobuffer::Reader::create_anonymous({.payload_size = 64 << 10}).value();
  const std::string fd = std::to_string(reader.fd());
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    // Descriptors close themselves in a new program; this one is to be handed on.
    fcntl(reader.fd(), F_SETFD, 0);
    execl("/proc/self/exe", "anonymous", fd.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }

  auto frame = reader.read(30s);
  while (frame) {
    const auto bytes = frame->data();
    std::cout << frame->sequence() << ' ' << std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
              << '\n';
    frame->release();
    frame = reader.read(30s);
  }
  int end = 0;
  waitpid(child, &end, 0);
  return frame.status() == zerobuffer::Status::closed && end == 0 ? 0 : 1;
} catch (const zerobuffer::Error& error) {
  std::cerr << "anonymous: " << error.what() << '\n';
  return 1;
}
