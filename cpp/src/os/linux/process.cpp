// Process identity on Linux: /proc/self/stat, and a MADV_WIPEONFORK page that tells a forked child from its parent.
#include "os/process.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

#include "os/clock.hpp"
#include "os/linux/kernel_text.hpp"
#include "os/process_wide.hpp"

namespace zerobuffer::os {
namespace detail {
namespace {
const volatile std::uint64_t no_page = 0;
}
const volatile std::uint64_t* fork_word = &no_page;
}  // namespace detail

std::uint64_t process_id() noexcept { return static_cast<std::uint64_t>(getpid()); }

std::uint64_t process_start_time() {
  const std::string text = read_kernel_text("/proc/self/stat");
  // the name, in brackets, may hold anything: the fields are counted from its end (the state is field 3, this is 22)
  const auto end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::string_view fields = std::string_view(text).substr(end + 1);
  for (int field = 3; field < 22; ++field) take_word(fields);
  return number_in(take_word(fields)).value_or(0);
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

namespace {
struct Generation {
  std::mutex mutex;
  volatile std::uint64_t* page = nullptr;
  std::uint64_t last = 0;
  void after_fork() const noexcept {
    if (page != nullptr) *page = 0;
  }
};
constinit ProcessWide<Generation> generation;
[[gnu::constructor(load_first)]] void hold_generation() { hold_across_fork<generation>(); }
}  // namespace

std::uint64_t fork_generation() {
  const std::lock_guard lock(generation->mutex);
  if (generation->page == nullptr) {
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    madvise(memory, size, MADV_WIPEONFORK);  // Linux 4.14; without it after_fork() tells a child
    generation->page = static_cast<volatile std::uint64_t*>(memory);
    detail::fork_word = generation->page;
  }
  if (*generation->page == 0) *generation->page = ++generation->last;  // first use, or first use in a forked child
  return *generation->page;
}

void at_fork(void (*prepare)(), void (*parent)(), void (*child)()) { pthread_atfork(prepare, parent, child); }

}  // namespace zerobuffer::os
