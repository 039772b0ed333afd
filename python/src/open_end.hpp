// Every open end of this process: closed at interpreter exit, so that the other side sees an end and not a death, and
// told of fork. Knows neither rings nor threads.
#pragma once

#include <memory>

namespace zerobuffer::python {

/// True once the interpreter lets no other thread run any more: then the GIL must not be asked for.
bool interpreter_finalizing() noexcept;

/// An open end. Registers itself, so that interpreter exit closes it.
class OpenEnd : public std::enable_shared_from_this<OpenEnd> {
 public:
  explicit OpenEnd(const char* what);
  virtual ~OpenEnd();
  OpenEnd(const OpenEnd&) = delete;
  OpenEnd& operator=(const OpenEnd&) = delete;

  [[nodiscard]] const char* what() const noexcept { return what_; }
  /// Ends what other threads wait for, waits until they have left, then closes. Harmless when closed.
  virtual void close() = 0;

  /// Closes every open end; interpreter exit.
  static void close_all();
  /// In a forked child: the threads that were inside calls are not here.
  static void after_fork_in_child();

 protected:
  virtual void forget_threads() noexcept = 0;
  /// Closed: interpreter exit need not look at it any more.
  void unregister() noexcept;

 private:
  const char* what_;
};

}  // namespace zerobuffer::python
