// ZeroMQ: a PAIR socket over ipc, with the library's own thread on each side. The address is abstract: no file.
#include <zmq.h>

#include <stdexcept>

#include "bench/processor.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

constexpr int socket_buffer = 4 << 20;

/// High-water marks, in messages.
int depth_for(std::size_t size) { return size <= 4096 ? 10'000 : 4; }

void check_zmq(int result, const char* call) {
  if (result < 0) throw std::runtime_error(std::string(call) + ": " + zmq_strerror(zmq_errno()));
}

/// @tparam polling asks again and again instead of sleeping
template <bool polling>
class ZeroMq {
 public:
  ZeroMq(Session& session, bool first, std::size_t size) {
    set(ZMQ_SNDHWM, depth_for(size));
    set(ZMQ_RCVHWM, depth_for(size));
    set(ZMQ_SNDBUF, socket_buffer);
    set(ZMQ_RCVBUF, socket_buffer);
    set(ZMQ_LINGER, 0);
    zmq_msg_init(&message_);
    const std::string address = "ipc://@" + session.ring_name();
    if (first) check_zmq(zmq_bind(socket_, address.c_str()), "zmq_bind");
    session.meet();
    if (!first) check_zmq(zmq_connect(socket_, address.c_str()), "zmq_connect");
    // Connected once a message has come through.
    if (first) {
      receive([](std::span<const std::byte>) {});
    } else {
      send(std::as_bytes(std::span("here")));
    }
    session.meet();
  }
  ~ZeroMq() {
    zmq_msg_close(&message_);
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  ZeroMq(const ZeroMq&) = delete;
  ZeroMq& operator=(const ZeroMq&) = delete;

  void send(std::span<const std::byte> message) {
    until_done("zmq_send", [&] { return zmq_send(socket_, message.data(), message.size(), flags); });
  }
  /// What is visited lies in the library's memory.
  template <class Visit>
  void receive(Visit&& visit) {
    until_done("zmq_msg_recv", [&] { return zmq_msg_recv(&message_, socket_, flags); });
    visit(std::span(static_cast<const std::byte*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)));
  }
  void flush() {}

 private:
  static constexpr int flags = polling ? ZMQ_DONTWAIT : 0;
  template <class Call>
  static void until_done(const char* name, Call&& call) {
    while (call() < 0) {
      if (zmq_errno() != EAGAIN && zmq_errno() != EINTR) check_zmq(-1, name);
      cli::bench::pause();
    }
  }
  void set(int option, int value) {
    check_zmq(zmq_setsockopt(socket_, option, &value, sizeof value), "zmq_setsockopt");
  }

  void* context_ = zmq_ctx_new();
  void* socket_ = zmq_socket(context_, ZMQ_PAIR);
  zmq_msg_t message_{};
};

}  // namespace

void add_zeromq(Plan& plan) {
  Rows rows(plan, "zeromq", Send::in_user_memory, [](std::size_t size) {
    return Json{
        {"socket", "PAIR over ipc"}, {"high_water_mark", depth_for(size)}, {"socket_buffer_bytes", socket_buffer}};
  });
  rows.round_trips<ZeroMq<false>>(all_sizes, Policy::standard);
  rows.round_trips<ZeroMq<true>>({64}, Policy::spin);
  rows.one_way<ZeroMq<false>>(Policy::standard);
  rows.frames<ZeroMq<false>>(Policy::standard);
}

}  // namespace zerobuffer::peers
