// The real machine: the atomics of the processor and the kernel's futex and membarrier, as ring/ wants them.
#pragma once

#include "os/kernel.hpp"
#include "ring/atomics.hpp"

namespace zerobuffer::buffer {

struct Machine : ring::NativeAtomics {
  static void futex_wake(std::uint32_t& word) noexcept { os::futex_wake_all(word); }
  static void remote_barrier() noexcept { os::remote_barrier(); }
  static void thread_barrier() noexcept { os::thread_barrier(); }
};

}  // namespace zerobuffer::buffer
