// See stop.hpp.
#include "stop.hpp"

#include <algorithm>
#include <csignal>
#include <ctime>

#include "outcome.hpp"

namespace zerobuffer::relay {
namespace {

volatile std::sig_atomic_t received_signal = 0;

extern "C" void on_stop_signal(int signal_number) { received_signal = signal_number; }

void set_handler(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // without SA_RESTART: blocking calls end with EINTR
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, nullptr);
}

}  // namespace

void catch_stop_signals() {
  set_handler(SIGINT, on_stop_signal);
  set_handler(SIGTERM, on_stop_signal);
  set_handler(SIGPIPE, SIG_IGN);
}

bool stop_requested() noexcept { return received_signal != 0; }

ExitCode stop_exit_code() noexcept {
  if (received_signal == SIGINT) return ExitCode::interrupted;
  if (received_signal == SIGTERM) return ExitCode::terminated;
  return ExitCode::failed;
}

void sleep_us(std::uint64_t microseconds) {
  constexpr std::uint64_t slice_ns = 100'000'000;  // a signal just before the call ends no sleep
  constexpr std::uint64_t longest_us = std::uint64_t{1} << 50;
  const std::uint64_t end = monotonic_ns() + std::min(microseconds, longest_us) * 1000;
  for (std::uint64_t now = monotonic_ns(); now < end && !stop_requested(); now = monotonic_ns()) {
    const timespec part{0, static_cast<long>(std::min(end - now, slice_ns))};
    nanosleep(&part, nullptr);
  }
}

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace zerobuffer::relay
