// See dlpack.hpp. The structures are those of DLPack 1.0 (dmlc/dlpack, include/dlpack/dlpack.h), whose layout is its
// ABI.
#include "dlpack.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "open_end.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

struct DLDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};
struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  std::uint32_t major;
  std::uint32_t minor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  std::uint64_t flags;
  DLTensor dl_tensor;
};
static_assert(sizeof(DLTensor) == 48 && sizeof(DLManagedTensor) == 64 && sizeof(DLManagedTensorVersioned) == 80);

constexpr std::int32_t cpu_device = 1;
constexpr std::uint64_t flag_read_only = 1;
constexpr std::uint64_t flag_is_copied = 2;

/// A managed tensor with everything that it points to.
template <class Managed>
struct Export {
  Managed managed{};
  Py_buffer view{};
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;

  static void destroy(Managed* managed) {
    auto* self = static_cast<Export*>(managed->manager_ctx);
    // Consumers call this from any thread. Where the interpreter ends, the process is about to give everything back.
    if (interpreter_finalizing()) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    PyBuffer_Release(&self->view);
    PyGILState_Release(state);
    delete self;
  }
};

void destroy_unused(PyObject* capsule) {
  // A capsule that was consumed has been renamed by its consumer, whose deleter it is then.
  if (PyCapsule_IsValid(capsule, "dltensor")) {
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    managed->deleter(managed);
  } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
    auto* managed = static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, "dltensor_versioned"));
    managed->deleter(managed);
  }
}

template <class Managed>
py::object make_capsule(std::unique_ptr<Export<Managed>> made, const char* name) {
  made->managed.manager_ctx = made.get();
  made->managed.deleter = &Export<Managed>::destroy;
  PyObject* capsule = PyCapsule_New(&made->managed, name, &destroy_unused);
  if (capsule == nullptr) {
    PyBuffer_Release(&made->view);
    throw py::error_already_set();
  }
  made.release();  // the capsule's now  NOLINT(bugprone-unused-return-value)
  return py::reinterpret_steal<py::object>(capsule);
}

template <class Managed>
std::unique_ptr<Export<Managed>> make_export(const py::object& buffer, DLDataType dtype,
                                             std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
                                             std::size_t offset) {
  auto made = std::make_unique<Export<Managed>>();
  made->shape = std::move(shape);
  made->strides = std::move(strides);
  if (made->shape.size() != made->strides.size()) throw py::value_error("shape and strides differ in length");
  if (PyObject_GetBuffer(buffer.ptr(), &made->view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  DLTensor& tensor = made->managed.dl_tensor;
  tensor.data = made->view.buf;
  tensor.device = {cpu_device, 0};
  tensor.ndim = static_cast<std::int32_t>(made->shape.size());
  tensor.dtype = dtype;
  tensor.shape = made->shape.data();
  tensor.strides = made->strides.data();
  tensor.byte_offset = offset;
  return made;
}

py::object dlpack_capsule(const py::object& buffer, std::uint8_t code, std::uint8_t bits,
                          std::vector<std::int64_t> shape, std::vector<std::int64_t> strides, std::size_t offset,
                          bool versioned, bool read_only, bool copied) {
  const DLDataType dtype{code, bits, 1};
  if (!versioned) {
    return make_capsule(make_export<DLManagedTensor>(buffer, dtype, std::move(shape), std::move(strides), offset),
                        "dltensor");
  }
  auto made = make_export<DLManagedTensorVersioned>(buffer, dtype, std::move(shape), std::move(strides), offset);
  made->managed.major = 1;
  made->managed.minor = 0;
  made->managed.flags = (read_only ? flag_read_only : 0) | (copied ? flag_is_copied : 0);
  return make_capsule(std::move(made), "dltensor_versioned");
}

}  // namespace

void bind_dlpack(py::module_& module) {
  module.def("dlpack_capsule", &dlpack_capsule, py::arg("buffer"), py::kw_only(), py::arg("code"), py::arg("bits"),
             py::arg("shape"), py::arg("strides"), py::arg("offset"), py::arg("versioned"), py::arg("read_only"),
             py::arg("copied"),
             "A DLPack capsule on a contiguous buffer, which it holds until the consumer's deleter runs.\n\n"
             "`code` and `bits` are DLPack's type code and bits, `strides` are in elements, `offset` is in bytes. The "
             "caller answers for shape and strides staying inside the buffer.");
}

}  // namespace zerobuffer::python
