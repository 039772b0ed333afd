// See slot.hpp.
#include "slot.hpp"

#include "errors.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const Slot& slot = py::cast<const Slot&>(py::handle(object));
  if (!slot.open()) {
    view->obj = nullptr;
    set_released_error("slot");
    return -1;
  }
  static std::byte nothing;
  const auto size = static_cast<Py_ssize_t>(slot.data().size());
  return PyBuffer_FillInfo(view, object, size == 0 ? &nothing : slot.data().data(), size, /*readonly=*/0, flags);
}

void set_up_type(PyHeapTypeObject* type) {
  type->ht_type.tp_as_buffer = &type->as_buffer;
  type->as_buffer.bf_getbuffer = &get_buffer;
  // numpy wraps an exporter in a memoryview, and so keeps it alive, only where it has this function.
  type->as_buffer.bf_releasebuffer = [](PyObject*, Py_buffer*) {};
}

}  // namespace

void bind_slot(py::module_& module) {
  py::class_<Slot>(module, "Slot", py::custom_type_setup(&set_up_type),
                   R"(Room for one frame in the ring: a writable buffer of the claimed size, 64-byte aligned.

Leaving the `with` block publishes it, leaving it on an exception discards it. Its content is undefined at first. Views
kept beyond the block do not fault, also after close(), but what is written through them then may reach a reader.
)")
      .def("commit", &Slot::commit, py::arg("n") = py::none(),
           R"(Publishes the first n bytes as a frame, at once; the rest of the room goes back to the ring.

Args:
    n: bytes, at most len(slot); None for all.

Raises:
    InvalidArgumentError: n is too large; the slot stays open.
    HandleClosedError: the slot was published or discarded before, or the writer was closed.
)")
      .def("discard", &Slot::discard, "Gives the room back; nothing is sent, no sequence used. Again is harmless.")
      .def_property_readonly(
          "data", [](const py::object& self) { return py::memoryview(self); },
          "A writable memoryview of the room: `memoryview(slot)`.")
      .def_property_readonly("open", &Slot::open, "True until it is published, discarded, or its writer closed.")
      .def_property_readonly(
          "size", [](const Slot& self) { return self.data().size(); }, "Bytes claimed; `len(slot)` too.")
      .def("__len__", [](const Slot& self) { return self.data().size(); })
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__", [](Slot& self, const py::object& type, const py::object&, const py::object&) {
        self.leave(/*failed=*/!type.is_none());
      });
}

}  // namespace zerobuffer::python
