// The extension module zerobuffer._core: puts the parts together and hooks interpreter exit and fork. The public names
// are those of the package, not of this module.
#include <pybind11/pybind11.h>

#include "array_layout.hpp"
#include "calls.hpp"
#include "dlpack.hpp"
#include "duplex_client.hpp"
#include "duplex_records.hpp"
#include "duplex_server.hpp"
#include "errors.hpp"
#include "frame.hpp"
#include "open_end.hpp"
#include "reader.hpp"
#include "records.hpp"
#include "request.hpp"
#include "response.hpp"
#include "shared_writer.hpp"
#include "writer.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_core, module) {
  using zerobuffer::python::OpenEnd;
  module.doc() = "The compiled part of zerobuffer: converts types and errors.";
  zerobuffer::python::bind_errors(module);
  zerobuffer::python::bind_records(module);
  zerobuffer::python::bind_frame(module);
  zerobuffer::python::bind_reader(module);
  zerobuffer::python::bind_writer(module);
  zerobuffer::python::bind_shared_writer(module);
  zerobuffer::python::bind_dlpack(module);
  zerobuffer::python::bind_array_layout(module);
  zerobuffer::python::bind_duplex_records(module);
  zerobuffer::python::bind_response(module);
  zerobuffer::python::bind_request(module);
  zerobuffer::python::bind_calls(module);
  zerobuffer::python::bind_duplex_server(module);
  zerobuffer::python::bind_duplex_client(module);
  module.def(
      "do_nothing", [] {}, "Does nothing: the price of a call, for benchmarks.");

  py::module_::import("atexit").attr("register")(py::cpp_function(&OpenEnd::close_all));
  py::dict in_child;
  in_child["after_in_child"] = py::cpp_function(&OpenEnd::after_fork_in_child);
  py::module_::import("os").attr("register_at_fork")(**in_child);
}
