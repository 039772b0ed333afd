// How an answer of C++ becomes one of C: the status, and for a failure what this thread can ask about it afterwards. No
// exception passes here. Knows nothing of readers and writers.
#pragma once

#include <cerrno>
#include <new>
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

}  // namespace zerobuffer::c_api
