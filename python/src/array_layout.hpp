// Dtype, shape and strides of arrays that are all alike, kept in numpy's own words: an array is recognised, or made on
// the bytes of a buffer, in one step, because that is done per frame. Must not know frames, readers and writers.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <span>

namespace zerobuffer::python {

class ArrayLayout {
 public:
  /// Strides that fit the shape and stay within `nbytes` are the caller's business. Python errors where these are no
  /// dtype and no tuples of as many numbers.
  ArrayLayout(pybind11::object dtype, const pybind11::tuple& shape, const pybind11::tuple& strides, Py_ssize_t nbytes,
              bool fortran);

  [[nodiscard]] Py_ssize_t nbytes() const noexcept { return nbytes_; }

  /// Whether `object` is a numpy array (of no subclass) of this layout, without gaps.
  [[nodiscard]] bool fits(PyObject* object) const;
  /// Of an array that fits.
  [[nodiscard]] std::span<const std::byte> bytes(PyObject* array) const noexcept;
  /// An array on the bytes of a buffer, which it keeps; as writable as that. A new reference; NULL where it raised.
  [[nodiscard]] PyObject* view(PyObject* buffer) const;

 private:
  static constexpr std::size_t most_dimensions = 32;
  using Numbers = std::array<Py_intptr_t, most_dimensions>;

  pybind11::object dtype_;
  std::size_t dimensions_;
  Numbers shape_{};
  Numbers strides_{};
  Py_ssize_t nbytes_;
  bool fortran_;
};

/// Makes `_core.ArrayLayout`.
void bind_array_layout(pybind11::module_& module);

}  // namespace zerobuffer::python
