// What the Python Frame and the Python Response have in common: a read-only buffer on bytes in a channel, given back by
// release() and by the end of the last view. Types of CPython's own making, because the buffer protocol must count its
// exports and because one is made per frame. Every field is protected by the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <new>
#include <utility>

#include "errors.hpp"

namespace zerobuffer::python {

/// The object. `Held` is movable and has data(), size(), sequence(), type() and release().
template <class Held>
struct HeldObject {
  PyObject_HEAD Held held;
  PyObject* owner;  // kept alive by it; may be null
  Py_ssize_t size;
  Py_ssize_t exports;  // views that live
  bool released;       // release() was called; it takes effect with the last view
};

/// The functions of its type. `word` names it in errors.
template <class Held, const char* word>
struct HeldType {
  using Object = HeldObject<Held>;

  static Object* as(PyObject* self) noexcept { return reinterpret_cast<Object*>(self); }

  static PyObject* make(PyTypeObject* type, Held&& held, PyObject* owner) {
    PyObject* object = type->tp_alloc(type, 0);
    if (object == nullptr) throw pybind11::error_already_set();
    Object* self = as(object);
    self->size = static_cast<Py_ssize_t>(held.size());
    new (&self->held) Held(std::move(held));
    Py_XINCREF(owner);
    self->owner = owner;
    self->exports = 0;
    self->released = false;
    return object;
  }

  static void give_back_if_unused(Object* self) noexcept {
    if (self->released && self->exports == 0) self->held.release();
  }

  static int get_buffer(PyObject* object, Py_buffer* view, int flags) {
    Object* self = as(object);
    if (self->released) {
      view->obj = nullptr;
      set_released_error(word);
      return -1;
    }
    static std::byte nothing;
    auto* data = self->size == 0 ? &nothing : const_cast<std::byte*>(self->held.data().data());
    if (PyBuffer_FillInfo(view, object, data, self->size, /*readonly=*/1, flags) != 0) return -1;
    ++self->exports;
    return 0;
  }

  static void release_buffer(PyObject* object, Py_buffer*) {
    Object* self = as(object);
    --self->exports;
    give_back_if_unused(self);
  }

  static PyObject* release(PyObject* object, PyObject*) {
    Object* self = as(object);
    self->released = true;
    give_back_if_unused(self);
    Py_RETURN_NONE;
  }

  static PyObject* enter(PyObject* object, PyObject*) {
    Py_INCREF(object);
    return object;
  }

  static PyObject* leave(PyObject* object, PyObject* const*, Py_ssize_t) { return release(object, nullptr); }
  static PyCFunction leave_method() noexcept {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&leave));
  }

  static void deallocate(PyObject* object) {
    Object* self = as(object);
    PyTypeObject* type = Py_TYPE(object);
    self->held.~Held();
    Py_XDECREF(self->owner);
    type->tp_free(object);
    Py_DECREF(type);
  }

  static Py_ssize_t length(PyObject* object) { return as(object)->size; }

  static PyObject* get_sequence(PyObject* object, void*) {
    return PyLong_FromUnsignedLongLong(as(object)->held.sequence());
  }
  static PyObject* get_type(PyObject* object, void*) { return PyLong_FromLong(as(object)->held.type()); }
  static PyObject* get_size(PyObject* object, void*) { return PyLong_FromSsize_t(as(object)->size); }
  static PyObject* get_released(PyObject* object, void*) { return PyBool_FromLong(as(object)->released ? 1 : 0); }
  static PyObject* get_exports(PyObject* object, void*) { return PyLong_FromSsize_t(as(object)->exports); }
  static PyObject* get_data(PyObject* object, void*) { return PyMemoryView_FromObject(object); }
};

/// The subclass that the package names instead of a compiled type, held as long as the interpreter lives.
inline void use_subclass(PyTypeObject*& made, const pybind11::type& type) {
  if (PyObject_IsSubclass(type.ptr(), reinterpret_cast<PyObject*>(made)) != 1) {
    throw pybind11::type_error("not a subclass of the compiled type");
  }
  Py_INCREF(type.ptr());
  made = reinterpret_cast<PyTypeObject*>(type.ptr());
}

}  // namespace zerobuffer::python
