// A value or the reason why there is none.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "zerobuffer/status.hpp"

namespace zerobuffer {

namespace detail {
[[noreturn]] void throw_error(const Failure& failure);
}

/// Holds a T, or a Failure. Test it like a bool, then use `*result`; or call value(), which throws Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(true) {
    new (&value_) T(std::move(value));
  }
  Result(Failure failure) noexcept : has_value_(false) { new (&failure_) Failure(std::move(failure)); }
  Result(Status status) noexcept : Result(Failure(status)) {}
  Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(other.has_value_) {
    if (has_value_) {
      new (&value_) T(std::move(other.value_));
    } else {
      new (&failure_) Failure(std::move(other.failure_));
    }
  }
  Result& operator=(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if (this != &other) {
      this->~Result();
      new (this) Result(std::move(other));
    }
    return *this;
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() {
    if (has_value_) {
      value_.~T();
    } else {
      failure_.~Failure();
    }
  }

  [[nodiscard]] bool ok() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }
  [[nodiscard]] Status status() const noexcept { return has_value_ ? Status::ok : failure_.status(); }
  /// True for the answers that are no failures: timeout, would_block, dropped.
  [[nodiscard]] bool nothing_yet() const noexcept { return status() >= Status::timeout && status() <= Status::dropped; }
  /// Only where !ok().
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  [[nodiscard]] Failure take_failure() noexcept { return std::move(failure_); }

  /// Only where ok().
  [[nodiscard]] T& operator*() & noexcept { return value_; }
  [[nodiscard]] const T& operator*() const& noexcept { return value_; }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(value_); }
  [[nodiscard]] T* operator->() noexcept { return &value_; }
  [[nodiscard]] const T* operator->() const noexcept { return &value_; }

  /// The value. Throws Error where there is none.
  [[nodiscard]] T& value() & {
    if (!has_value_) detail::throw_error(failure_);
    return value_;
  }
  [[nodiscard]] T&& value() && {
    if (!has_value_) detail::throw_error(failure_);
    return std::move(value_);
  }

 private:
  union {
    T value_;
    Failure failure_;
  };
  bool has_value_;
};

/// Success, or a Failure.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() noexcept : failure_(Status::ok) {}
  Result(Failure failure) noexcept : failure_(std::move(failure)) {}
  Result(Status status) noexcept : failure_(status) {}

  [[nodiscard]] bool ok() const noexcept { return failure_.status() == Status::ok; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] Status status() const noexcept { return failure_.status(); }
  [[nodiscard]] bool nothing_yet() const noexcept { return status() >= Status::timeout && status() <= Status::dropped; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  [[nodiscard]] Failure take_failure() noexcept { return std::move(failure_); }
  /// Throws Error where this is a failure.
  void value() const {
    if (!ok()) detail::throw_error(failure_);
  }

 private:
  Failure failure_;
};

}  // namespace zerobuffer
