// Threads on Linux, by pthreads: std::thread cannot start with its signals blocked.
#include "os/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <memory>

namespace zerobuffer::os {
namespace {
struct Start {
  const char* name;
  void (*run)(void* context);
  void* context;
};

void* run(void* started) noexcept {
  const std::unique_ptr<Start> start(static_cast<Start*>(started));
  pthread_setname_np(pthread_self(), start->name);
  start->run(start->context);
  return nullptr;
}
}  // namespace

int start_thread(const char* name, void (*function)(void* context), void* context) {
  auto start = std::make_unique<Start>(Start{name, function, context});
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // what a thread does to itself is left to the application's handlers: a callback may count on them
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&all, own);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread inherits it
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, &run, start.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return error;
  static_cast<void>(start.release());
  pthread_detach(thread);
  return 0;
}

}  // namespace zerobuffer::os
