// See duplex_records.hpp.
#include "duplex_records.hpp"

#include <cstdint>
#include <string>

#include "convert.hpp"
#include "repr.hpp"
#include "zerobuffer/duplex.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

std::uint32_t to_count(const char* what, py::handle number) {
  return static_cast<std::uint32_t>(to_unsigned(what, number, UINT32_MAX));
}

void bind_config(py::module_& module) {
  py::class_<DuplexConfig>(module, "DuplexConfig",
                           "Geometry of a duplex channel and behaviour of one end, as the core takes it.")
      .def(py::init([](py::handle request_size, py::handle response_size, py::handle callback_size, py::handle lanes,
                       bool huge_pages, bool exist_ok, py::handle client_lanes, const std::string& wait,
                       py::handle spin_pauses, py::handle max_held, bool pre_touch, bool lock_in_memory) {
             DuplexConfig config;
             config.request_size = to_unsigned("request_size", request_size, UINT64_MAX);
             config.response_size = to_unsigned("response_size", response_size, UINT64_MAX);
             config.callback_size = to_unsigned("callback_size", callback_size, UINT64_MAX);
             config.lanes = to_count("lanes", lanes);
             config.huge_pages = huge_pages;
             config.exist_ok = exist_ok;
             config.client_lanes = to_count("client_lanes", client_lanes);
             config.wait = to_wait_policy(wait);
             config.spin_pauses = to_count("spin_pauses", spin_pauses);
             config.max_held = to_count("max_held", max_held);
             config.pre_touch = pre_touch;
             config.lock_in_memory = lock_in_memory;
             return config;
           }),
           py::kw_only(), py::arg("request_size"), py::arg("response_size"), py::arg("callback_size"), py::arg("lanes"),
           py::arg("huge_pages"), py::arg("exist_ok"), py::arg("client_lanes"), py::arg("wait"), py::arg("spin_pauses"),
           py::arg("max_held"), py::arg("pre_touch"), py::arg("lock_in_memory"));
}

void bind_results(py::module_& module) {
  py::class_<DuplexInfo> info(module, "DuplexInfo", "What a duplex channel really is; sizes in bytes.");
  info.def_readonly("segment_size", &DuplexInfo::segment_size, "Bytes of shared memory.")
      .def_readonly("max_request_size", &DuplexInfo::max_request_size, "The largest request.")
      .def_readonly("max_response_size", &DuplexInfo::max_response_size,
                    "The largest answer; in place, of a call that reserved as much.")
      .def_readonly("max_callback_size", &DuplexInfo::max_callback_size,
                    "The largest call of the server; 0 where it cannot call.")
      .def_readonly("lanes", &DuplexInfo::lanes, "Calls that can run at the same time, of all clients together.")
      .def_readonly("in_place", &DuplexInfo::in_place, "True where answers lie where the requests lie.")
      .def_readonly("created", &DuplexInfo::created, "True where this end made the channel.");
  def_repr(info);

  py::class_<DuplexStats> stats(module, "DuplexStats", "Counters of one end of a duplex channel at one moment.");
  stats.def_readonly("requests", &DuplexStats::requests, "Client: sent. Server: taken.")
      .def_readonly("answers", &DuplexStats::answers, "Client: handed out. Server: given, errors included.")
      .def_readonly("errors", &DuplexStats::errors, "... of which errors.")
      .def_readonly("late", &DuplexStats::late, "Client: answers to calls that nobody waited for any more.")
      .def_readonly("copied_bytes", &DuplexStats::copied_bytes, "Payload bytes copied into or out of the channel.")
      .def_readonly("callbacks", &DuplexStats::callbacks,
                    "Client: calls of the server taken. Server: calls and notices sent.")
      .def_readonly("sleeps", &DuplexStats::sleeps, "Sleeps of this end.")
      .def_readonly("wakes", &DuplexStats::wakes, "Wake-ups that this end sent.")
      .def_readonly("lanes", &DuplexStats::lanes, "Client: lanes taken. Server: lanes that were ever used.");
  def_repr(stats);

  py::class_<Received> received(module, "Received", "What was copied into the caller's buffer.");
  received.def_readonly("size", &Received::size, "Bytes of the answer.")
      .def_readonly("sequence", &Received::sequence, "Of the request that it answers.")
      .def_readonly("type", &Received::type, "0 normal, 2 array frame, from 128 on the application's.");
  def_repr(received);
}

}  // namespace

void bind_duplex_records(py::module_& module) {
  bind_config(module);
  bind_results(module);
}

}  // namespace zerobuffer::python
