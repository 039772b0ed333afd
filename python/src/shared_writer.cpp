// `_core.SharedWriter`: the calls of zerobuffer::SharedWriter with Python's types, errors and threads.
#include "shared_writer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "convert.hpp"
#include "errors.hpp"
#include "frame.hpp"
#include "reader.hpp"
#include "repr.hpp"
#include "writer_handle.hpp"
#include "zerobuffer/shared_writer.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

/// Waits are the writer's: one thread at a time, closing and signals are settled there.
class Forwarder {
 public:
  Forwarder(std::shared_ptr<WriterHandle> writer, py::handle reader) : writer_(std::move(writer)) {
    Use use(*writer_);
    Result<SharedWriter> made = SharedWriter::over(writer_->end(), reader_end(reader));
    if (!made) raise(made.failure());
    end_ = std::move(*made);
  }
  ~Forwarder() {
    const py::gil_scoped_release released;  // a thread of the library may be looking after the frames
    end_ = SharedWriter();
  }
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  const char* forward(py::handle object, const py::object& timeout, py::handle type, py::handle tag) {
    const auto limit = to_timeout(timeout);
    check_open();
    LentFrame lent(object);
    Frame& frame = lent.frame();
    FrameInfo info = to_frame_info(type.is_none() ? py::int_(frame.type()) : py::handle(type),
                                   tag.is_none() ? py::int_(frame.tag()) : py::handle(tag));
    Use use(*writer_);
    const Result<Forwarded> sent = without_gil(*writer_, [&] { return end_.forward(std::move(frame), limit, info); });
    if (!sent) raise(sent.failure());
    return *sent == Forwarded::shared ? "shared" : "copied";
  }

  [[nodiscard]] bool open() const noexcept { return end_.is_open(); }
  [[nodiscard]] bool can_share() const { return open() ? end_.can_share() : false; }
  [[nodiscard]] std::string why_not() const { return open() ? end_.why_not() : "it was closed"; }
  [[nodiscard]] SharedWriterStats stats() const { return open() ? end_.stats() : stats_; }

  std::uint32_t release_passed() {
    check_open();
    Use use(*writer_);
    return end_.release_passed();
  }

  std::uint64_t close(const py::object& linger) {
    const auto limit = to_timeout(linger);
    if (!open()) return 0;
    std::uint64_t lost = 0;
    stats_ = end_.stats();
    if (limit.count() > 0 && writer_->open()) {
      Use use(*writer_);
      const Result<std::uint64_t> ended = without_gil(*writer_, [&] { return end_.close(limit); });
      if (!ended) raise(ended.failure());
      lost = *ended;
    } else {
      const py::gil_scoped_release released;
      const Result<std::uint64_t> ended = end_.close();
      lost = ended ? *ended : 0;
    }
    stats_.given_up += lost;
    stats_.kept = 0;
    return lost;
  }

 private:
  void check_open() const {
    if (!open()) raise(Status::handle_closed, "this shared writer was closed");
  }

  std::shared_ptr<WriterHandle> writer_;
  SharedWriter end_;  // ends before the writer does
  SharedWriterStats stats_;
};

}  // namespace

void bind_shared_writer(py::module_& module) {
  py::class_<SharedWriterStats> stats(module, "SharedWriterStats", "Counters of a SharedWriter at one moment.");
  stats.def_readonly("shared_frames", &SharedWriterStats::shared_frames, "Frames forwarded without a copy.")
      .def_readonly("shared_bytes", &SharedWriterStats::shared_bytes, "Their payload bytes.")
      .def_readonly("copied_frames", &SharedWriterStats::copied_frames, "Frames that had to be copied.")
      .def_readonly("copied_bytes", &SharedWriterStats::copied_bytes, "Their payload bytes.")
      .def_readonly("given_up", &SharedWriterStats::given_up,
                    "Frames given back before every reader of the output had passed them.")
      .def_readonly("kept", &SharedWriterStats::kept,
                    "Frames of the source that are kept now, since readers of the output need them.");
  def_repr(stats);

  py::class_<Forwarder>(module, "SharedWriter",
                        R"(Forwards frames of one buffer (the source) into another (the output) without copying them.

The output gets a descriptor of 64 bytes; its readers see a frame like any other, whose bytes lie in the source. Both
buffers must have been made with `share_slots`, and the source must have a name; where that is not so, forward() copies, and
says so. The writer stays usable: its own frames and shared ones may follow each other in any order.

A shared frame is held in the source until every reader of the output has let go of it, also while this program does nothing.
One thread at a time uses it and its writer; stats() is free.

Args:
    writer: of the output.
    reader: of the source.

Raises:
    HandleClosedError, ForkedError, ConcurrentUseError, SystemCallError.

Example:
    >>> with zerobuffer.SharedWriter(writer, reader) as shared:
    ...     for frame in reader:
    ...         shared.forward(frame)
)")
      .def(py::init<std::shared_ptr<WriterHandle>, py::handle>(), py::arg("writer"), py::arg("reader"))
      .def("forward", &Forwarder::forward, py::arg("frame"), py::kw_only(), py::arg("timeout") = py::none(),
           py::arg("type") = py::none(), py::arg("tag") = py::none(),
           R"(Sends a frame of the source. The frame is given away: it is released afterwards, unless this raises.

Args:
    frame: of the reader, without a view that lives. A frame of any other reader is copied.
    timeout: seconds to wait for room in the output, and for its readers where the reader's max_held - 1 frames are kept;
        None waits for ever.
    type, tag: of the frame in the output; None for those that it has.

Returns:
    "shared" where its bytes stay where they are, "copied" otherwise.

Raises:
    ClaimTimeoutError, FrameDroppedError, and what else Writer.claim() raises; the frame is as it was.
    ReleasedError: the frame was released. InvalidArgumentError: views of it live.

The GIL is released while waiting and copying; Ctrl-C ends the wait at once.
)")
      .def_property_readonly("can_share", &Forwarder::can_share, "Whether frames that lie in the source are shared.")
      .def_property_readonly("why_not", &Forwarder::why_not, "Why not, and what to do about it; empty where they are.")
      .def("release_passed", &Forwarder::release_passed,
           "Gives back now what every reader of the output has let go of. Returns how many frames are kept on.\n\n"
           "Nobody needs to call it.")
      .def("stats", &Forwarder::stats,
           "A snapshot of the counters (SharedWriterStats). Any thread, also after close().")
      .def_property_readonly(
          "closed", [](const Forwarder& self) { return !self.open(); }, "True after close().")
      .def("close", &Forwarder::close, py::arg("linger") = 0,
           R"(Ends it; the writer and the reader stay open. Again is harmless.

Args:
    linger: seconds to wait until the readers of the output have let every shared frame go; what is kept then is given back,
        and a reader that has not come to it yet may find it lost (FrameLostError). 0 does not wait, None waits for ever.

Returns:
    How many frames were given back too early.

The GIL is released while waiting.
)")
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__",
           [](Forwarder& self, const py::object&, const py::object&, const py::object&) { self.close(py::int_(0)); });
}

}  // namespace zerobuffer::python
