// See records_in_turn.hpp.
#include "bench/records_in_turn.hpp"

#include <atomic>
#include <cstring>

#include "bench/message.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// A ring as bare as it can be: a record is a header of 32 bytes and the message. Nobody looks whether there is room,
/// as a message is only sent once the one before it was answered.
template <std::size_t count, std::size_t apart>
class RecordsInTurn {
 public:
  RecordsInTurn(Session& session, bool first) {
    auto* rings = static_cast<Ring*>(session.scratch());
    out_ = &rings[first ? 0 : 1];
    in_ = &rings[first ? 1 : 0];
  }
  void send(const Message& message) {
    std::byte* const payload = payload_at(*out_, sent_);
    *header_of(payload) = {sizeof message, ++sent_, 0, 0};
    std::memcpy(payload, &message, sizeof message);
    out_->position.store(sent_, std::memory_order_release);  // pairs with the acquire in receive()
  }
  void receive(Message& message) {
    while (in_->position.load(std::memory_order_acquire) == received_) pause();
    std::byte* const payload = payload_at(*in_, received_);
    check_sequence(header_of(payload)->sequence, ++received_);
    message = *reinterpret_cast<const Message*>(payload);
    in_->read.store(received_, std::memory_order_release);  // as a ring's reader does, though nobody looks
  }

  struct Ring {
    alignas(1024) std::atomic<std::uint64_t> position;
    alignas(1024) std::atomic<std::uint64_t> read;
    alignas(4096) std::byte records[count * apart];
  };

 private:
  struct Header {
    std::uint64_t size;
    std::uint64_t sequence;
    std::uint64_t unused[2];
  };
  static_assert(alignof(Message) + sizeof(Message) <= apart && apart % alignof(Message) == 0);

  /// A line begins where the payload does; the header ends there.
  static std::byte* payload_at(Ring& ring, std::uint64_t number) {
    return ring.records + number % count * apart + alignof(Message);
  }
  static Header* header_of(std::byte* payload) { return reinterpret_cast<Header*>(payload) - 1; }

  Ring* out_;
  Ring* in_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

template <std::size_t count, std::size_t apart>
Subject records_in_turn() {
  using Endpoint = RecordsInTurn<count, apart>;
  return {"floor",
          "records" + std::to_string(count) + "_apart" + std::to_string(apart),
          "ns",
          {{"message_bytes", sizeof(Message)}, {"records", count}, {"bytes_apart", apart}},
          round_trip<Endpoint>(2 * sizeof(typename Endpoint::Ring)),
          "floor"};
}

}  // namespace

void add_records_in_turn(Plan& plan) {
  plan.subjects.insert(plan.subjects.end(),
                       {records_in_turn<1, 128>(), records_in_turn<8, 128>(), records_in_turn<8, 192>(),
                        records_in_turn<32, 128>(), records_in_turn<32, 192>(), records_in_turn<512, 192>()});
}

}  // namespace zerobuffer::cli::bench
