// Waiting on behalf of others: who asks to be called back when another look is worth it. One thread of the library
// waits for all of them at once (futex_waitv), more where it cannot. Knows nothing of frames: what it waits for is a
// Watched.
#pragma once

#include <cstdint>

#include "zerobuffer/config.hpp"
#include "zerobuffer/result.hpp"

namespace zerobuffer::stream {

/// What can be waited for; stays where it is while it is watched. Its functions are called by one thread at a time.
class Watched {
 public:
  /// Whether the callback is due. Asked after every change of the word and at least every 100 ms.
  [[nodiscard]] virtual bool worth_a_look(std::int64_t now) noexcept = 0;
  /// The sleeper's half of the handshake (ring/signal.hpp).
  virtual std::uint32_t arm() noexcept = 0;
  virtual void disarm() noexcept = 0;
  [[nodiscard]] virtual std::uint32_t& word() noexcept = 0;
  /// How long the first sleep may last: see Waiter.
  [[nodiscard]] virtual std::int64_t longest_first_sleep() const noexcept = 0;

 protected:
  Watched() = default;
  ~Watched() = default;
  Watched(const Watched&) = default;
  Watched& operator=(const Watched&) = default;
};

[[nodiscard]] bool is_watched(const Watched& watched);
/// The answer to who asks for a second callback.
[[nodiscard]] Failure watched_already();

/// @param watched not watched yet
/// @return system_error where no thread can be started.
Result<void> watch(Watched& watched, ReadyCallback callback, void* context);

/// True: the callback did not come and will not. Returns when it is not running, unless it is the callback that calls.
bool unwatch(Watched& watched) noexcept;

}  // namespace zerobuffer::stream
