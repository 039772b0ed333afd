// Calls on their way: what Python holds between a request and its answer, and room for a request that is being built.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "duplex_end.hpp"
#include "zerobuffer/duplex.hpp"

namespace zerobuffer::python {

/// A client as its calls see it.
class CallingEnd : public DuplexEnd {
 public:
  using DuplexEnd::DuplexEnd;
  /// A request was sent whose answer is fetched by receive().
  virtual void count_sent() noexcept = 0;

 protected:
  /// Wakes the tasks that wait for answers: the end is being closed.
  void close_calls() noexcept;
  void forget_threads() noexcept override;

 private:
  friend class PendingAnswer;
  class PendingAnswer* awaited_ = nullptr;  // list of those that tasks wait for
};

/// The Python PendingCall.
class PendingAnswer {
 public:
  PendingAnswer(PendingCall&& call, std::shared_ptr<CallingEnd> owner) noexcept
      : owner_(std::move(owner)), call_(std::move(call)), sequence_(call_.sequence()) {}
  ~PendingAnswer() { end_wait(); }
  PendingAnswer(const PendingAnswer&) = delete;
  PendingAnswer& operator=(const PendingAnswer&) = delete;

  /// None where the time ran out.
  pybind11::object receive(const pybind11::object& timeout);
  pybind11::object try_receive();
  pybind11::object receive_into(pybind11::handle buffer, const pybind11::object& timeout);
  void abandon();
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] bool pending() const noexcept { return call_.valid(); }

  /// The wait of a task; see Wish.
  int ask();
  void end_wait() noexcept;

 private:
  friend class CallingEnd;
  void check() const;
  void unlink() noexcept;
  [[nodiscard]] pybind11::object handed_out(Result<Response>&& response);

  std::shared_ptr<CallingEnd> owner_;
  PendingCall call_;
  std::uint64_t sequence_;
  bool busy_ = false;  // a thread waits for it
  Wish wish_;
  bool linked_ = false;
  PendingAnswer* previous_ = nullptr;
  PendingAnswer* next_ = nullptr;
};

/// Waits for the answer to what was just sent. Raises CallTimeoutError, and BufferTooSmallError with the answer in it.
/// @param into a writable buffer that takes the answer; None for a Response
pybind11::object wait_for_answer(CallingEnd& owner, PendingCall& call, std::chrono::nanoseconds timeout,
                                 pybind11::handle into);

pybind11::object make_claim(RequestClaim&& claim, std::shared_ptr<CallingEnd> owner);
RequestInfo to_request_info(pybind11::handle type, pybind11::handle tag, pybind11::handle response_capacity);

void bind_calls(pybind11::module_& module);

}  // namespace zerobuffer::python
