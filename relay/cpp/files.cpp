// See files.hpp.
#include "files.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "outcome.hpp"
#include "stop.hpp"

namespace zerobuffer::relay {

File::File(const std::string& path, Use use)
    : path_(path != "-"        ? path
            : use == Use::read ? "standard input"
                               : "standard output"),
      descriptor_(path != "-"
                      ? ::open(path.c_str(),
                               use == Use::read ? O_RDONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
                  : use == Use::read ? STDIN_FILENO
                                     : STDOUT_FILENO) {
  struct stat what {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &what) != 0) fail();
  regular_ = S_ISREG(what.st_mode);
}

File::~File() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

bool File::has_more() {
  if (!regular_) {
    // a pipe that its writer has closed and that is empty says POLLHUP alone
    pollfd wish{descriptor_, POLLIN, 0};
    return wait(POLLIN) && ::poll(&wish, 1, 0) == 1 && (wish.revents & POLLIN) != 0;
  }
  struct stat what {};
  return !stop_requested() && ::fstat(descriptor_, &what) == 0 && ::lseek(descriptor_, 0, SEEK_CUR) < what.st_size;
}

std::size_t File::read(std::span<std::byte> room) {
  std::size_t filled = 0;
  while (filled < room.size() && wait(POLLIN)) {
    const ssize_t n = ::read(descriptor_, room.data() + filled, room.size() - filled);
    if (n == 0) break;
    if (n < 0 && errno != EINTR) fail();
    filled += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  }
  return filled;
}

void File::write(std::span<const std::byte> bytes) {
  while (!bytes.empty() && wait(POLLOUT)) {
    // What poll() found room for: a longer write to a pipe would wait where no signal is looked for.
    const std::size_t part = regular_ ? bytes.size() : std::min<std::size_t>(bytes.size(), PIPE_BUF);
    const ssize_t n = ::write(descriptor_, bytes.data(), part);
    if (n < 0 && errno != EINTR) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
}

bool File::wait(short events) {
  constexpr int slice_ms = 100;
  while (!stop_requested()) {
    pollfd wish{descriptor_, events, 0};
    if (regular_ || ::poll(&wish, 1, slice_ms) == 1) return true;
  }
  return false;
}

void File::fail() const { throw Outcome{ExitCode::failed, path_ + ": " + std::strerror(errno)}; }

}  // namespace zerobuffer::relay
