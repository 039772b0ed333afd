// See progress.hpp.
#include "progress.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>

#include "signals.hpp"

namespace zerobuffer::cli {
namespace {
constexpr std::chrono::milliseconds interval{250};
}

Progress::Progress(std::string label, const Totals& totals, std::function<double()> used_share)
    : label_(std::move(label)),
      totals_(totals),
      used_share_(std::move(used_share)),
      enabled_(isatty(STDERR_FILENO) == 1),
      last_(Clock::now()) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::tick() {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now - last_ >= interval) show(now);
}

void Progress::show(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  const double rate = static_cast<double>(totals_.frames - last_totals_.frames) / seconds;
  const double throughput = static_cast<double>(totals_.bytes - last_totals_.bytes) / seconds;
  std::fprintf(stderr, "\r%s: %llu frames  %.1f frames/s  %s/s  ring %.0f %% used\x1b[K", label_.c_str(),
               static_cast<unsigned long long>(totals_.frames), rate, human_bytes(throughput).c_str(),
               used_share_() * 100);
  std::fflush(stderr);
  shown_ = true;
  last_ = now;
  last_totals_ = totals_;
}

bool Progress::wait_hook(void* progress) noexcept {
  static_cast<Progress*>(progress)->tick();
  return stop_requested();
}

std::string human_bytes(double bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text.data();
}

}  // namespace zerobuffer::cli
