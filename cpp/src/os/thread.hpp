// A thread of the library's own in somebody else's process: it takes no signal from the application and outlives
// main().
#pragma once

namespace zerobuffer::os {

/// Starts run(context) in a thread that is never joined and in which every signal is blocked but those that a thread
/// causes itself (SIGSEGV and the like).
/// @return 0, or the errno of what refused it.
[[nodiscard]] int start_thread(const char* name, void (*run)(void* context), void* context);

}  // namespace zerobuffer::os
