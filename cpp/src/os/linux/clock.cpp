// The monotonic clock of Linux.
#include "os/clock.hpp"

#include <ctime>

namespace zerobuffer::os {
namespace {
std::int64_t read_clock(clockid_t id) noexcept {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}
}  // namespace

std::int64_t now_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }
std::int64_t now_coarse_ns() noexcept { return read_clock(CLOCK_MONOTONIC_COARSE); }

std::int64_t deadline_after(std::chrono::nanoseconds timeout) noexcept {
  const std::int64_t now = now_ns();
  if (timeout.count() <= 0) return now;
  return timeout.count() > never - now ? never : now + timeout.count();
}

void sleep_ns(std::int64_t duration) noexcept {
  const timespec time{.tv_sec = duration / 1'000'000'000, .tv_nsec = duration % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace zerobuffer::os
