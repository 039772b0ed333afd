// Process identity on Linux: /proc/self/stat, and a MADV_WIPEONFORK page that tells a forked child from its parent.
#include "os/process.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>
#include <sstream>
#include <string>

#include "os/clock.hpp"

namespace zerobuffer::os {
namespace detail {
namespace {
const volatile std::uint64_t no_page = 0;
}
const volatile std::uint64_t* fork_word = &no_page;
}  // namespace detail

std::uint64_t process_id() noexcept { return static_cast<std::uint64_t>(getpid()); }

std::uint64_t process_start_time() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  // the name, in brackets, may hold anything: the fields are counted from its end (the state is field 3, this is 22)
  const auto end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(text.substr(end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t ticks = 0;
  return fields >> ticks ? ticks : 0;
}

// Not by std::random_device, which needs a newer C library.
void fill_random(std::span<std::uint8_t> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {  // a seccomp filter; then different each time must do
      std::mt19937_64 engine(static_cast<std::uint64_t>(now_ns()) ^ process_id() << 32);
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine());
      return;
    }
  }
}

std::uint64_t fork_generation() {
  static std::mutex& mutex = *new std::mutex;  // used by the fork handlers as long as there is a process
  static volatile std::uint64_t* page = nullptr;
  static std::uint64_t last = 0;
  const std::lock_guard lock(mutex);
  if (page == nullptr) {
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    madvise(memory, size, MADV_WIPEONFORK);  // Linux 4.14; without it a child is told by the handler below
    page = static_cast<volatile std::uint64_t*>(memory);
    at_fork([] { mutex.lock(); }, [] { mutex.unlock(); },
            [] {
              *page = 0;
              mutex.unlock();
            });
    detail::fork_word = page;
  }
  if (*page == 0) *page = ++last;  // first use, or first use in a forked child
  return *page;
}

void at_fork(void (*prepare)(), void (*parent)(), void (*child)()) { pthread_atfork(prepare, parent, child); }

}  // namespace zerobuffer::os
