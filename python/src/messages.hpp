// A Python buffer as messages of one size, one after the other. Knows nothing of readers and writers.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <span>

namespace zerobuffer::python {

/// A copy up to this size is made without letting the GIL go: handing it over costs more.
inline constexpr std::size_t small_copy = 32 << 10;

/// A C-contiguous bytes-like object, held as long as this lives, cut by its first dimension or by a size that is given.
/// The GIL is needed to make and to destroy it. InvalidArgumentError where it makes no whole number of messages.
class Messages {
 public:
  /// @param flags PyBUF_WRITABLE where they are to be written into, else 0
  Messages(pybind11::handle object, pybind11::handle message_size, int flags);
  ~Messages() { PyBuffer_Release(&view_); }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t count() const noexcept { return bytes().size() / size_; }

 private:
  [[nodiscard]] std::size_t size_of_one(pybind11::handle message_size) const;

  Py_buffer view_{};
  std::size_t size_ = 0;
};

}  // namespace zerobuffer::python
