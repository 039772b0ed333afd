// The extension module zerobuffer._core: puts the parts together and hooks interpreter exit and fork. The public names
// are those of the package, not of this module.
#include <pybind11/pybind11.h>

#include "dlpack.hpp"
#include "errors.hpp"
#include "frame.hpp"
#include "handle.hpp"
#include "reader.hpp"
#include "records.hpp"
#include "writer.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_core, module) {
  using zerobuffer::python::Handle;
  module.doc() = "The compiled part of zerobuffer: converts types and errors.";
  zerobuffer::python::bind_errors(module);
  zerobuffer::python::bind_records(module);
  zerobuffer::python::bind_frame(module);
  zerobuffer::python::bind_reader(module);
  zerobuffer::python::bind_writer(module);
  zerobuffer::python::bind_dlpack(module);
  module.def(
      "do_nothing", [] {}, "Does nothing: the price of a call, for benchmarks.");

  py::module_::import("atexit").attr("register")(py::cpp_function(&Handle::close_all));
  py::dict in_child;
  in_child["after_in_child"] = py::cpp_function(&Handle::after_fork_in_child);
  py::module_::import("os").attr("register_at_fork")(**in_child);
}
