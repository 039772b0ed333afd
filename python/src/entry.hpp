// The calls that are made for every frame are functions of CPython's own kind: to find a function by its signature
// costs as much as they do. Owns how such a function finds its object and gives errors; must not know what it does.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <new>

namespace zerobuffer::python {

/// The same as a cast, without looking the type up: `self` is an instance of the Python class of Handle, or of a
/// subclass.
template <class Handle>
Handle& instance_of(pybind11::handle self) {
  auto* instance = reinterpret_cast<pybind11::detail::instance*>(self.ptr());
  if (!instance->simple_layout) return pybind11::cast<Handle&>(self);
  void* handle = instance->simple_value_holder[0];
  if (handle == nullptr) throw pybind11::type_error("this object was never made: its __init__ was not called");
  return *static_cast<Handle*>(handle);
}

/// What `call` gives, as a new reference; NULL where it raised.
template <class Call>
PyObject* answer(Call&& call) noexcept {
  try {
    return call().release().ptr();
  } catch (pybind11::error_already_set& error) {
    error.restore();
  } catch (const pybind11::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

template <class Function>
PyCFunction as_method(Function* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace zerobuffer::python
