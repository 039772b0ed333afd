// F_OFD_SETLK and F_OFD_GETLK, and the list of their descriptors for the fork handler.
#include "os/locks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "os/process_wide.hpp"

namespace zerobuffer::os {
namespace {
// Descriptors that a forked child must close: a lock lives as long as any process has its description.
struct Registry {
  std::mutex mutex;
  std::vector<int> descriptors;
  void after_fork() noexcept {
    for (const int fd : descriptors) ::close(fd);
    descriptors.clear();
  }
};
constinit ProcessWide<Registry> registry;
[[gnu::constructor(load_first)]] void hold_registry() { hold_across_fork<registry>(); }

struct flock range(short type, std::uint64_t byte, std::uint64_t count) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = static_cast<off_t>(count);
  return lock;
}
}  // namespace

Result<LockFile> LockFile::open(const File& file) {
  const std::lock_guard guard(registry->mutex);  // a fork while it is open but not listed would not know of it
  auto again = reopen(file);
  if (!again) return again.take_failure();
  LockFile result;
  registry->descriptors.push_back(again->fd());
  result.file_ = std::move(*again);
  return result;
}

LockFile::LockFile(LockFile&& other) noexcept = default;

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

LockFile::~LockFile() {
  if (!file_.valid()) return;
  const std::lock_guard guard(registry->mutex);
  auto& descriptors = registry->descriptors;
  const auto found = std::find(descriptors.begin(), descriptors.end(), file_.fd());
  if (found == descriptors.end()) {  // a forked child: the handler has closed it, the number may be somebody else's now
    static_cast<void>(file_.release());
    return;
  }
  descriptors.erase(found);
  File closed = std::move(file_);  // closed under the mutex: a fork meanwhile would not know of it
}

bool LockFile::try_lock(std::uint64_t byte, std::uint64_t count) const noexcept {
  struct flock lock = range(F_WRLCK, byte, count);
  return fcntl(file_.fd(), F_OFD_SETLK, &lock) == 0;
}

void LockFile::unlock(std::uint64_t byte, std::uint64_t count) const noexcept {
  struct flock lock = range(F_UNLCK, byte, count);
  fcntl(file_.fd(), F_OFD_SETLK, &lock);
}

bool LockFile::held_by_other(std::uint64_t byte, std::uint64_t count) const noexcept {
  struct flock lock = range(F_WRLCK, byte, count);
  return fcntl(file_.fd(), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;  // a refusal proves nobody's death
}

}  // namespace zerobuffer::os
