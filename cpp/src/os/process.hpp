// Who this process is, and whether it is still the one that opened a handle (fork).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zerobuffer::os {

[[nodiscard]] std::uint64_t process_id() noexcept;
/// Start time of this process in clock ticks since boot (/proc/self/stat); 0 where it cannot be read.
[[nodiscard]] std::uint64_t process_start_time();

/// Fills it with bytes that are different each time: identities, no secrets.
void fill_random(std::span<std::uint8_t> bytes) noexcept;

namespace detail {
extern const volatile std::uint64_t* fork_word;  // a page that the kernel wipes in a forked child
}
/// A number that a handle remembers when it is opened; never 0.
[[nodiscard]] std::uint64_t fork_generation();
/// Whether this process is a child forked after `generation` was asked for. One load.
[[nodiscard]] inline bool forked_since(std::uint64_t generation) noexcept { return *detail::fork_word != generation; }

/// Registers functions that run before fork(), and after it in the parent and in the child (pthread_atfork).
void at_fork(void (*prepare)(), void (*parent)(), void (*child)());

}  // namespace zerobuffer::os
