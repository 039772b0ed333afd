// One flag, set by the handler, and a timer that keeps interrupting: a signal that comes just before a blocking call
// would otherwise be noticed only when that call ends.
#include "signals.hpp"

#include <csignal>
#include <ctime>

namespace zerobuffer::cli {
namespace {

volatile std::sig_atomic_t received_signal = 0;
timer_t repeat_timer;
bool repeat_timer_made = false;

extern "C" void on_stop_signal(int signal_number) {
  received_signal = signal_number;
  if (repeat_timer_made) {
    constexpr timespec period{0, 50'000'000};
    const itimerspec again{period, period};
    timer_settime(repeat_timer, 0, &again, nullptr);
  }
}

extern "C" void on_repeat(int) {}

void set_handler(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // without SA_RESTART: blocking calls end with EINTR
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, nullptr);
}

}  // namespace

void catch_stop_signals() {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  repeat_timer_made = timer_create(CLOCK_MONOTONIC, &event, &repeat_timer) == 0;
  set_handler(SIGALRM, on_repeat);
  set_handler(SIGINT, on_stop_signal);
  set_handler(SIGTERM, on_stop_signal);
  set_handler(SIGPIPE, SIG_IGN);
}

void forget_stop_signals() {
  for (int signal_number : {SIGINT, SIGTERM, SIGALRM, SIGPIPE}) set_handler(signal_number, SIG_DFL);
}

bool stop_requested() noexcept { return received_signal != 0; }

ExitCode stop_exit_code() noexcept {
  if (received_signal == SIGINT) return ExitCode::interrupted;
  if (received_signal == SIGTERM) return ExitCode::terminated;
  return ExitCode::failed;
}

}  // namespace zerobuffer::cli
