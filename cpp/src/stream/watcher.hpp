// Waiting on behalf of others: who asks to be called back when another look is worth it. One thread of the library
// waits for all of them at once (futex_waitv), more where it cannot. Knows nothing of frames: what it waits for is a
// Watched.
#pragma once

#include <atomic>
#include <cstdint>

#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::stream {

/// What can be waited for; stays where it is while it is watched.
class Watched {
 public:
  /// Asks for one callback. Only where none is asked for.
  /// @return system_error where no thread can be started.
  Result<void> watch(ReadyCallback callback, void* context);

  /// True: the callback did not come and will not. Returns when it is not running, unless it is the callback that
  /// calls.
  bool unwatch() noexcept;

  [[nodiscard]] bool is_watched() const;
  /// Whether it ever was; without a lock.
  [[nodiscard]] bool was_watched() const noexcept { return ever_.load(std::memory_order_relaxed); }

 protected:
  Watched() = default;
  ~Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  friend class Watcher;

  // Called by one thread at a time, which need not be the one that asked.
  /// Whether the callback is due. Asked after every change of the word and at least every 100 ms.
  [[nodiscard]] virtual bool worth_a_look(std::int64_t now) noexcept = 0;
  /// The sleeper's half of the handshake (ring/signal.hpp).
  virtual std::uint32_t arm() noexcept = 0;
  virtual void disarm() noexcept = 0;
  [[nodiscard]] virtual std::uint32_t& word() noexcept = 0;
  /// How long the first sleep may last: see Waiter.
  [[nodiscard]] virtual std::int64_t longest_first_sleep() noexcept = 0;

  std::atomic<bool> ever_{false};  // watched: nobody is looked for in vain when it ends
};

/// The answer to who asks for a second callback.
[[nodiscard]] Failure watched_already();

}  // namespace zerobuffer::stream
