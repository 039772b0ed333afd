// How an answer of C++ becomes one of C: the status, and for a failure what this thread can ask about it afterwards. No
// exception passes here. Knows nothing of readers and writers.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "zerobuffer/result.hpp"
#include "zerobuffer/zerobuffer.h"

namespace zerobuffer::c_api {

[[nodiscard]] constexpr zb_status to_c(Status status) noexcept { return static_cast<zb_status>(status); }

/// Remembers it for zb_last_failure(), unless it says only that there is nothing yet.
zb_status failed(Failure failure) noexcept;

/// As failed(), with a text made of a literal and nothing else.
zb_status invalid(const char* what) noexcept;

[[nodiscard]] inline Failure no_name() { return {Status::invalid_argument, "the name is NULL"}; }

template <class T>
[[nodiscard]] zb_status answer(Result<T>& result) noexcept {
  if (result) [[likely]] {
    return ZB_OK;
  }
  return failed(result.take_failure());
}

/// For calls that allocate.
template <class Call>
[[nodiscard]] zb_status guarded(Call&& call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return failed(Failure(Status::system_error, 0, 0, ENOMEM));
  } catch (...) {
    return failed(Status::system_error);
  }
}

/// How many of the first `most` bytes are whole characters of UTF-8.
[[nodiscard]] std::size_t whole_characters(std::string_view text, std::size_t most) noexcept;

/// Writes what `make` gives, a std::string, as snprintf does, but cut never within a character. @return its whole
/// length
template <class Make>
[[nodiscard]] std::size_t write_text(char* buffer, std::size_t size, Make&& make) noexcept {
  try {
    const std::string text = make();
    if (buffer != nullptr && size != 0) {
      const std::size_t length = whole_characters(text, size - 1);
      std::memcpy(buffer, text.data(), length);
      buffer[length] = '\0';
    }
    return text.size();
  } catch (...) {
    if (buffer != nullptr && size != 0) *buffer = '\0';
    return 0;
  }
}

}  // namespace zerobuffer::c_api
