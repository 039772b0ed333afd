// Python values to C++ values: timeouts, numbers, words of an enumeration, bytes-like objects. Knows nothing of readers
// and writers.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "zerobuffer/config.hpp"
#include "zerobuffer/frame.hpp"

namespace zerobuffer::python {

/// Seconds to nanoseconds; None is for ever. InvalidArgumentError for a negative number and for NaN.
std::chrono::nanoseconds to_timeout(pybind11::handle seconds);

/// A whole number from 0 to `most`. InvalidArgumentError for another number, TypeError for what is none.
std::uint64_t to_unsigned(const char* what, pybind11::handle number, std::uint64_t most);
FrameInfo to_frame_info(pybind11::handle type, pybind11::handle tag);
std::size_t to_size(pybind11::handle size);

FullPolicy to_full_policy(const std::string& word);
WaitPolicy to_wait_policy(const std::string& word);
JoinAt to_join_at(const std::string& word);

/// A C-contiguous bytes-like object, held as long as this lives. The GIL is needed to make and to destroy it.
class ReadBytes {
 public:
  explicit ReadBytes(pybind11::handle object);
  ~ReadBytes() { PyBuffer_Release(&view_); }
  ReadBytes(const ReadBytes&) = delete;
  ReadBytes& operator=(const ReadBytes&) = delete;
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

/// A C-contiguous writable bytes-like object, likewise.
class WriteBytes {
 public:
  explicit WriteBytes(pybind11::handle object);
  ~WriteBytes() { PyBuffer_Release(&view_); }
  WriteBytes(const WriteBytes&) = delete;
  WriteBytes& operator=(const WriteBytes&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

/// The point in time at which a timeout runs out; what is left of it.
class Deadline {
 public:
  explicit Deadline(std::chrono::nanoseconds timeout);
  [[nodiscard]] std::chrono::nanoseconds left() const;

 private:
  bool endless_;
  std::chrono::steady_clock::time_point at_;
};

}  // namespace zerobuffer::python
