// How the library's waiting thread tells an event loop that another look is worth it: an eventfd, made by the first
// use. Knows neither Python's objects nor readers and writers.
#pragma once

namespace zerobuffer::python {

class Wakeup {
 public:
  Wakeup() = default;
  ~Wakeup() { close(); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  /// The descriptor, readable from signal() until clear(). Raises SystemCallError where none can be made.
  int descriptor();
  void clear() noexcept;
  void close() noexcept;
  /// Any thread, without the GIL; never waits. Before close() only.
  void signal() noexcept;
  /// A ReadyCallback.
  static void call(void* self) noexcept { static_cast<Wakeup*>(self)->signal(); }

 private:
  int descriptor_ = -1;
};

}  // namespace zerobuffer::python
