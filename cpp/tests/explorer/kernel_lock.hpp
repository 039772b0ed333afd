// A lock on one byte as the kernel keeps it: one step to take, asked for in one step, and free by itself when its owner
// has died and all that it stored is visible.
#pragma once

#include <cstdint>

#include "explorer/explorer.hpp"

namespace zerobuffer::explorer {

struct KernelLock {
  std::uint32_t& word;  ///< owner + 1; 0 where free

  [[nodiscard]] bool try_lock() const noexcept {
    const std::uint64_t own = Explorer::now().self() + 1;
    const std::uint64_t old =
        Explorer::now().update(&word, sizeof word, [&](std::uint64_t owner) { return abandoned(owner) ? own : owner; });
    return word == own && old != own;
  }
  void unlock() const noexcept {
    Explorer::now().update(&word, sizeof word, [](std::uint64_t) { return std::uint64_t{0}; });
  }
  [[nodiscard]] bool is_free() const noexcept {
    return Explorer::now().observe("asks for the lock", [&] { return abandoned(word); });
  }
  /// The same for a predicate: no step.
  [[nodiscard]] bool is_abandoned() const noexcept { return abandoned(word); }

 private:
  [[nodiscard]] static bool abandoned(std::uint64_t owner) noexcept {
    return owner == 0 || Explorer::now().ended(static_cast<std::size_t>(owner - 1));
  }
};

}  // namespace zerobuffer::explorer
