// Forwarding frames without copying them: what readers of the output see, what is shared and what is copied, and how
// long the source's frames are kept. Deaths are in test_share_crash.cpp, hostile descriptors in test_share_hostile.cpp.
#include <sys/mman.h>

#include "share_support.hpp"

namespace zerobuffer {
namespace {
using namespace support;

// Scenario 7.1: A's owner changes a byte, against all rules, and B's reader sees it.
TEST(Share, a_forwarded_frame_is_the_very_bytes_of_the_source) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    auto claim = chain.a_writer.claim(5000, generous);
    ASSERT_OK(claim);
    fill(claim->data(), i);
    std::byte* owner = claim->data().data();
    ASSERT_OK(claim->commit(5000, {.type = 200, .tag = 7 * i}));
    auto sent = chain.forward();
    ASSERT_OK(sent);
    EXPECT_EQ(*sent, Forwarded::shared);
    auto frame = chain.b_reader.read(generous);
    ASSERT_OK(frame);
    EXPECT_EQ(frame->sequence(), i);
    EXPECT_EQ(frame->type(), 200);
    EXPECT_EQ(frame->tag(), 7 * i);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame->data().data()) % 64, 0U);
    ASSERT_TRUE(holds(frame->data(), i));
    owner[4321] ^= std::byte{0xff};
    EXPECT_FALSE(holds(frame->data(), i)) << "it is a copy";
    owner[4321] ^= std::byte{0xff};
    EXPECT_TRUE(holds(frame->data(), i));
  }
  const SharedWriterStats stats = chain.shared.stats();
  EXPECT_EQ(stats.shared_frames, 20U);
  EXPECT_EQ(stats.shared_bytes, 100'000U);
  EXPECT_EQ(stats.copied_bytes, 0U);
  EXPECT_EQ(chain.b_reader.stats().shared_frames, 20U);
  EXPECT_EQ(chain.b_reader.stats().shared_copied_bytes, 0U);
  EXPECT_EQ(chain.b_reader.stats().lost, 0U);
}

}  // namespace
}  // namespace zerobuffer
