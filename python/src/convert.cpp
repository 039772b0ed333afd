// See convert.hpp.
#include "convert.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "errors.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

template <class Value, std::size_t N>
Value find_word(const char* what, const std::string& word, const std::array<std::pair<const char*, Value>, N>& words) {
  std::string known;
  for (const auto& [name, value] : words) {
    if (word == name) return value;
    known += (known.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  raise(Status::invalid_argument, std::string(what) + " is '" + word + "'; it must be one of " + known);
}

}  // namespace

std::chrono::nanoseconds to_timeout(py::handle seconds) {
  if (seconds.is_none()) return forever;
  const double value = PyFloat_AsDouble(seconds.ptr());
  if (value == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (std::isnan(value) || value < 0) {
    raise(Status::invalid_argument, "a timeout is a number of seconds from 0 on, or None for ever; this is " +
                                        py::cast<std::string>(py::repr(seconds)));
  }
  constexpr double longest = 9.0e9;  // seconds, about what nanoseconds hold in 63 bits
  if (value >= longest) return forever;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(value * 1e9)));
}

std::uint64_t to_unsigned(const char* what, py::handle number, std::uint64_t most) {
  const auto whole = py::reinterpret_steal<py::object>(PyNumber_Index(number.ptr()));
  if (!whole) throw py::error_already_set();
  const std::uint64_t value = PyLong_AsUnsignedLongLong(whole.ptr());
  const bool fits = PyErr_Occurred() == nullptr;
  PyErr_Clear();
  if (!fits || value > most) {
    raise(Status::invalid_argument, std::string(what) + " is " + py::cast<std::string>(py::repr(whole)) +
                                        "; it must be 0 … " + std::to_string(most));
  }
  return value;
}

FrameInfo to_frame_info(py::handle type, py::handle tag) {
  constexpr auto most_types = std::numeric_limits<std::uint16_t>::max();
  return {static_cast<std::uint16_t>(to_unsigned("type", type, most_types)),
          to_unsigned("tag", tag, std::numeric_limits<std::uint64_t>::max())};
}

std::size_t to_size(py::handle size) { return to_unsigned("size", size, std::numeric_limits<std::size_t>::max()); }

FullPolicy to_full_policy(const std::string& word) {
  return find_word<FullPolicy, 2>("full", word, {{{"wait", FullPolicy::wait}, {"drop", FullPolicy::drop}}});
}

WaitPolicy to_wait_policy(const std::string& word) {
  return find_word<WaitPolicy, 3>(
      "wait", word,
      {{{"spin", WaitPolicy::spin}, {"spin_then_block", WaitPolicy::spin_then_block}, {"block", WaitPolicy::block}}});
}

JoinAt to_join_at(const std::string& word) {
  return find_word<JoinAt, 4>("join", word,
                              {{{"automatic", JoinAt::automatic},
                                {"now", JoinAt::now},
                                {"oldest", JoinAt::oldest},
                                {"resume", JoinAt::resume}}});
}

ReadBytes::ReadBytes(py::handle object) {
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
}

WriteBytes::WriteBytes(py::handle object) {
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_WRITABLE) != 0) throw py::error_already_set();
}

Deadline::Deadline(std::chrono::nanoseconds timeout)
    : endless_(timeout == forever), at_(std::chrono::steady_clock::now()) {
  if (!endless_) at_ += timeout;
}

std::chrono::nanoseconds Deadline::left() const {
  if (endless_) return forever;
  return std::max(std::chrono::nanoseconds::zero(),
                  std::chrono::duration_cast<std::chrono::nanoseconds>(at_ - std::chrono::steady_clock::now()));
}

}  // namespace zerobuffer::python
