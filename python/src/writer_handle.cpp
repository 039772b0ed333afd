// See writer_handle.hpp.
#include "writer_handle.hpp"

#include <utility>

#include "attach.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "messages.hpp"

namespace py = pybind11;

namespace zerobuffer::python {

namespace {

// "Nothing yet" is False, success True, a failure raises.
bool succeeded(const Result<void>& result) {
  if (result) return true;
  if (result.nothing_yet()) return false;
  raise(result.failure());
}

}  // namespace

WriterHandle::WriterHandle(Writer&& end, FullPolicy full)
    : Handle("writer"), end_(std::move(end)), mapping_(end_.mapping()), full_(full), info_(end_.info()) {}

std::shared_ptr<WriterHandle> WriterHandle::make(bool create, const std::optional<std::string>& name,
                                                 std::optional<int> fd, const py::object& timeout,
                                                 const BufferConfig& config) {
  return std::make_shared<WriterHandle>(attach<Writer>(create, name, fd, timeout, config), config.full);
}

std::pair<std::uint64_t, std::span<std::byte>> WriterHandle::keep(Claim&& claim) {
  claim_ = std::move(claim);
  return {++ticket_, claim_.data()};
}

void WriterHandle::commit(std::uint64_t ticket, std::size_t n, FrameInfo info) {
  Use use(*this);
  if (!has_claim(ticket)) raise(Status::handle_closed, "this slot was published or discarded before");
  const Result<void> done = claim_.commit(n, info);
  if (!done) raise(done.failure());
}

void WriterHandle::discard(std::uint64_t ticket) noexcept {
  if (!has_claim(ticket)) return;
  if (busy()) {
    discard_later_ = true;
  } else {
    claim_.discard();
  }
}

bool WriterHandle::write(py::handle data, const py::object& timeout, FrameInfo info) {
  const ReadBytes bytes(data);
  return write_bytes(bytes.bytes(), timeout, info);
}

std::optional<bool> WriterHandle::write_known(py::handle array, const py::object& timeout, FrameInfo info) {
  if (!known_ || !known_->fits(array.ptr())) return std::nullopt;
  const auto kept = py::reinterpret_borrow<py::object>(array);  // while others run
  return write_bytes(known_->bytes(array.ptr()), timeout, info);
}

bool WriterHandle::write_bytes(std::span<const std::byte> bytes, const py::object& timeout, FrameInfo info) {
  Use use(*this);
  const auto wait = to_timeout(timeout);
  if (bytes.size() <= small_copy) {
    const Result<void> done = end_.try_write(bytes, info);
    if (done.status() != Status::would_block) return succeeded(done);
  }
  return succeeded(without_gil(*this, [&] { return end_.write(bytes, wait, info); }));
}

bool WriterHandle::try_write(py::handle data, FrameInfo info) {
  const ReadBytes bytes(data);
  Use use(*this);
  if (bytes.bytes().size() <= small_copy) return succeeded(end_.try_write(bytes.bytes(), info));
  return succeeded(without_gil(*this, [&] { return end_.try_write(bytes.bytes(), info); }));
}

std::size_t WriterHandle::write_messages(py::handle messages, py::handle message_size, const py::object& timeout,
                                         FrameInfo info) {
  const Messages all(messages, message_size, 0);
  Use use(*this);
  const auto wait = to_timeout(timeout);
  std::size_t sent = 0;
  if (all.bytes().size() <= small_copy) {
    const Result<std::size_t> now = end_.write_messages(all.bytes(), all.size(), {}, info);
    if (!now && !now.nothing_yet()) raise(now.failure());
    if (now) sent = *now;
    if (sent == all.count() || wait.count() == 0 || drops()) return sent;
  }
  const Result<std::size_t> rest = without_gil(
      *this, [&] { return end_.write_messages(all.bytes().subspan(sent * all.size()), all.size(), wait, info); });
  if (rest) return sent + *rest;
  if (sent == 0 && !rest.nothing_yet()) raise(rest.failure());
  if (rest.status() == Status::interrupted) end_.interrupt();  // the next call hears of it
  return sent;
}

void WriterHandle::write_metadata(py::handle metadata) {
  const ReadBytes bytes(metadata);
  Use use(*this);
  const Result<void> done = end_.write_metadata(bytes.bytes());
  if (!done) raise(done.failure());
}

bool WriterHandle::wait_for_readers(std::uint32_t n, const py::object& timeout) {
  Use use(*this);
  const auto wait = to_timeout(timeout);
  return succeeded(without_gil(*this, [&] { return end_.wait_for_readers(n, wait); }));
}

bool WriterHandle::drain(const py::object& timeout) {
  Use use(*this);
  const auto wait = to_timeout(timeout);
  return succeeded(without_gil(*this, [&] { return end_.drain(wait); }));
}

std::uint32_t WriterHandle::forget_dead_readers() {
  Use use(*this);
  const Result<std::uint32_t> freed = end_.forget_dead_readers();
  if (!freed) raise(freed.failure());
  return *freed;
}

std::uint64_t WriterHandle::close_after(const py::object& linger) {
  const auto wait = to_timeout(linger);
  if (!open()) return 0;
  std::optional<py::error_already_set> raised;  // by a signal handler; the close comes first all the same
  if (wait.count() > 0 && !busy() && !awaited()) {
    Use use(*this);
    claim_.discard();
    end_batch();
    try {
      (void)without_gil(*this, [&] { return end_.drain(wait); });
    } catch (py::error_already_set& error) {
      raised.emplace(error);
    }
  }
  close();
  if (raised) throw py::error_already_set(*raised);
  return std::exchange(unread_, 0);
}

void WriterHandle::interrupt() {
  if (open()) end_.interrupt();
}

int WriterHandle::ask(std::size_t size) {
  return begin_wait([&](ReadyCallback callback, void* context) { return end_.when_ready(size, callback, context); });
}

void WriterHandle::begin_batch() {
  Use use(*this);
  if (batch_) raise(Status::invalid_argument, "a batch of this writer is open already");
  batch_.emplace(end_.batch());
}

void WriterHandle::end_batch() noexcept { batch_.reset(); }

void WriterHandle::close_end() {
  claim_.discard();
  batch_.reset();
  stats_ = end_.stats();
  const Result<std::uint64_t> unread = end_.close();
  unread_ = unread ? *unread : 0;
  mapping_.reset();
}

void WriterHandle::after_use() noexcept {
  if (std::exchange(discard_later_, false)) claim_.discard();
}

}  // namespace zerobuffer::python
