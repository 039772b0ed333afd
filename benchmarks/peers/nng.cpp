// nng: a pair0 socket over ipc, with the library's own threads on each side. The address is abstract: no file.
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include <stdexcept>

#include "bench/processor.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

/// Messages that the library keeps on each side.
int depth_for(std::size_t size) { return size <= 4096 ? 8192 : 4; }

void check_nng(int result, const char* call) {
  if (result != 0) throw std::runtime_error(std::string(call) + ": " + nng_strerror(result));
}

template <bool polling>
class Nng {
 public:
  Nng(Session& session, bool first, std::size_t size) {
    check_nng(nng_pair0_open(&socket_), "nng_pair0_open");
    check_nng(nng_socket_set_int(socket_, NNG_OPT_SENDBUF, depth_for(size)), "NNG_OPT_SENDBUF");
    check_nng(nng_socket_set_int(socket_, NNG_OPT_RECVBUF, depth_for(size)), "NNG_OPT_RECVBUF");
    check_nng(nng_socket_set_size(socket_, NNG_OPT_RECVMAXSZ, 0), "NNG_OPT_RECVMAXSZ");
    const std::string address = "abstract://" + session.ring_name();
    if (first) check_nng(nng_listen(socket_, address.c_str(), nullptr, 0), "nng_listen");
    session.meet();
    if (!first) check_nng(nng_dial(socket_, address.c_str(), nullptr, 0), "nng_dial");
    // Connected once a message has come through.
    if (first) {
      receive([](std::span<const std::byte>) {});
    } else {
      send(std::as_bytes(std::span("here")));
    }
    session.meet();
  }
  ~Nng() { nng_close(socket_); }
  Nng(const Nng&) = delete;
  Nng& operator=(const Nng&) = delete;

  void send(std::span<const std::byte> message) {
    until_done("nng_send",
               [&] { return nng_send(socket_, const_cast<std::byte*>(message.data()), message.size(), flags); });
  }
  /// What is visited lies in the library's memory.
  template <class Visit>
  void receive(Visit&& visit) {
    nng_msg* message = nullptr;
    until_done("nng_recvmsg", [&] { return nng_recvmsg(socket_, &message, flags); });
    visit(std::span(static_cast<const std::byte*>(nng_msg_body(message)), nng_msg_len(message)));
    nng_msg_free(message);
  }
  void flush() {}

 private:
  static constexpr int flags = polling ? NNG_FLAG_NONBLOCK : 0;
  template <class Call>
  static void until_done(const char* name, Call&& call) {
    for (int result = 0; (result = call()) != 0;) {
      if (result != NNG_EAGAIN) check_nng(result, name);
      cli::bench::pause();
    }
  }
  nng_socket socket_{};
};

}  // namespace

void add_nng(Plan& plan) {
  Rows rows(plan, "nng", Send::calls_kernel, [](std::size_t size) {
    return Json{{"socket", "pair0 over ipc"}, {"buffer_messages", depth_for(size)}};
  });
  rows.round_trips<Nng<false>>(all_sizes, Policy::standard);
  rows.round_trips<Nng<true>>({64}, Policy::spin);
  rows.one_way<Nng<false>>(Policy::standard);
  rows.frames<Nng<false>>(Policy::standard);
}

}  // namespace zerobuffer::peers
