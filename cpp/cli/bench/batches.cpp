// See batches.hpp.
#include "bench/batches.hpp"

#include <array>

#include "bench/message.hpp"
#include "bench/ring_ends.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// Messages in a call: 64 KiB, an eighth of what the ring holds.
constexpr std::size_t in_a_call = 1024;

class BatchCalls {
 public:
  BatchCalls(Session& session, bool first) : end_(session, first, small_ring()) {}
  void send(const Message& message) {
    // Stored where it is sent from, as who fills a batch does: copying all of the message would read over a fresh
    // store.
    messages_[filled_].sequence = message.sequence;
    if (++filled_ == in_a_call) flush();
  }
  void flush() {
    const std::span<const Message> batch(messages_.data(), filled_);
    const std::size_t sent = end_.writer.write_messages(std::as_bytes(batch), sizeof(Message), forever).value();
    if (sent != filled_) throw std::runtime_error("not all messages of a batch were written");
    filled_ = 0;
  }
  template <class Visit>
  void receive(Visit&& visit) {
    const std::span<Message> room(messages_);
    const std::size_t came = end_.reader.read_messages(std::as_writable_bytes(room), sizeof(Message), forever).value();
    for (const Message& message : room.first(came)) visit(message);
  }

 private:
  RingEnd end_;
  std::array<Message, in_a_call> messages_;
  std::size_t filled_ = 0;
};

}  // namespace

void add_batches(Plan& plan) {
  const Json parameters{{"message_bytes", 64}, {"ring_bytes", small_ring_size}, {"batch", in_a_call}};
  plan.subjects.push_back({"zerobuffer", "stream64_batch", "M/s", parameters, stream<BatchCalls>(), "one_way"});
  plan.comparisons.push_back({"stream64_batch_over_single", "stream64_batch", "stream64", {}, false});
}

}  // namespace zerobuffer::cli::bench
