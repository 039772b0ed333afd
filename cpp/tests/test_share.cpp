// Forwarding frames without copying them: what readers of the output see, what is shared and what is copied, and how
// long the source's frames are kept. Deaths are in test_share_crash.cpp, hostile descriptors in test_share_hostile.cpp.
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

// ---------------------------------------------------------------- how long the source's frames are kept

// Scenario 7.2
TEST(Share, the_sources_writer_cannot_write_over_what_the_outputs_reader_looks_at) {
  Chain chain(sharing(3000));
  ASSERT_OK(chain.write(1, 1000));
  ASSERT_OK(chain.forward());
  auto frame = chain.b_reader.read(generous);
  ASSERT_OK(frame);
  for (std::uint64_t i = 2; chain.write(i, 1000, 0s).ok(); ++i) ASSERT_LT(i, 10U);
  EXPECT_STATUS(chain.write(9, 1000, 50ms), Status::timeout);
  EXPECT_TRUE(holds(frame->data(), 1));
  // without the relay the reader's own pin keeps it, and everything behind it
  static_cast<void>(chain.shared.close());
  chain.source.close();
  EXPECT_FALSE(chain.write(9, 1000, 50ms));
  EXPECT_TRUE(holds(frame->data(), 1));
  frame->release();
  auto reader = Reader::open(chain.a_name, generous);
  ASSERT_OK(reader);
  for (std::uint64_t i = 100; i < 110; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    while (reader->try_read().ok()) {
    }
  }
}

TEST(Share, the_sources_room_comes_back_while_the_relay_does_nothing) {
  for (const WaitPolicy wait : {WaitPolicy::block, WaitPolicy::spin_then_block}) {
    BufferConfig config = sharing(3000);
    config.wait = wait;
    Chain chain(config, config);
    for (std::uint64_t i = 1; i <= 2; ++i) {
      ASSERT_OK(chain.write(i, 1000));
      ASSERT_OK(chain.forward());
    }
    EXPECT_EQ(chain.shared.stats().kept, 2U);
    for (std::uint64_t i = 1; i <= 2; ++i) ASSERT_OK(chain.b_reader.read(generous));
    EXPECT_TRUE(wait_until([&] { return chain.shared.stats().kept == 0; }));
    for (std::uint64_t i = 3; i <= 4; ++i) ASSERT_OK(chain.write(i, 1000));
    EXPECT_EQ(chain.shared.stats().given_up, 0U);
  }
}

TEST(Share, a_tight_ring_runs_on_without_the_relay_calling_anything_but_read_and_forward) {
  constexpr std::uint64_t count = 2000;
  Chain chain(sharing(3000));
  std::thread writing([&] {
    for (std::uint64_t i = 1; i <= count; ++i) ASSERT_OK(chain.write(i, 1000));
  });
  std::thread reading([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      auto frame = chain.b_reader.read(generous);
      ASSERT_OK(frame);
      ASSERT_EQ(frame->sequence(), i);
      ASSERT_TRUE(holds(frame->data(), i));
    }
  });
  for (std::uint64_t i = 1; i <= count; ++i) ASSERT_OK(chain.forward());
  writing.join();
  reading.join();
  EXPECT_EQ(chain.shared.stats().copied_bytes, 0U);
  EXPECT_EQ(chain.b_reader.stats().lost, 0U);
}

TEST(Share, every_reader_of_the_output_must_pass_a_frame_before_its_room_comes_back) {
  Chain chain(sharing(3000), sharing(3000, 2));
  auto second = Reader::open(chain.b_name, generous);
  ASSERT_OK(second);
  ASSERT_OK(chain.write(1, 1000));
  ASSERT_OK(chain.forward());
  EXPECT_OK(chain.b_reader.read(generous));
  EXPECT_EQ(chain.shared.release_passed(), 1U);
  auto held = second->read(generous);
  ASSERT_OK(held);
  EXPECT_EQ(chain.shared.release_passed(), 1U);
  EXPECT_TRUE(holds(held->data(), 1));
  held->release();
  EXPECT_EQ(chain.shared.release_passed(), 0U);
}

TEST(Share, frames_wait_for_the_outputs_first_reader_and_not_for_a_reader_after_the_last_one) {
  const std::string a = unique_name();
  const std::string b = unique_name();
  auto writer = Writer::create(a, sharing());
  auto source = Reader::open(a, generous);
  auto output = Writer::create(b, sharing());
  auto shared = SharedWriter::over(*output, *source);
  ASSERT_OK(shared);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_OK(writer->write(payload(500, i), generous));
    ASSERT_OK(shared->forward(std::move(*source->read(generous)), generous));
  }
  EXPECT_EQ(shared->release_passed(), 3U);
  {
    auto reader = Reader::open(b, generous);
    ASSERT_OK(reader);
    for (std::uint64_t i = 1; i <= 2; ++i) {
      auto frame = reader->read(generous);
      ASSERT_OK(frame);
      EXPECT_TRUE(holds(frame->data(), i));
    }
    EXPECT_EQ(shared->release_passed(), 1U);
  }
  EXPECT_EQ(shared->release_passed(), 0U) << "nobody is left who needs it";
}

TEST(Share, no_more_frames_are_kept_than_the_sources_reader_may_hold) {
  BufferConfig a = sharing();
  a.max_held = 4;
  Chain chain(a);
  for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_OK(chain.write(i, 100));
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_OK(chain.forward());
  auto fourth = chain.source.read(generous);
  ASSERT_OK(fourth);
  EXPECT_STATUS(chain.shared.forward(std::move(*fourth), 50ms), Status::timeout);
  ASSERT_TRUE(fourth->valid()) << "a frame that was not sent stays with the caller";
  EXPECT_TRUE(holds(fourth->data(), 4));
  std::thread reading([&] {
    std::this_thread::sleep_for(20ms);
    for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_OK(chain.b_reader.read(generous));
  });
  EXPECT_OK(chain.shared.forward(std::move(*fourth), generous));
  EXPECT_FALSE(fourth->valid());
  reading.join();
}

TEST(Share, a_writer_that_drops_drops_a_frame_for_which_there_is_no_place) {
  BufferConfig a = sharing();
  a.max_held = 2;
  BufferConfig b = sharing();
  b.full = FullPolicy::drop;
  Chain chain(a, b);
  for (std::uint64_t i = 1; i <= 2; ++i) ASSERT_OK(chain.write(i, 100));
  ASSERT_OK(chain.forward());
  EXPECT_STATUS(chain.forward(), Status::dropped);
  EXPECT_EQ(chain.output.stats().dropped, 1U);
}

TEST(Share, close_lingers_until_the_readers_have_passed_everything) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_OK(chain.write(i, 100));
    ASSERT_OK(chain.forward());
  }
  std::thread reading([&] {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      std::this_thread::sleep_for(5ms);
      EXPECT_OK(chain.b_reader.read(generous));
    }
  });
  auto early = chain.shared.close(generous);
  ASSERT_OK(early);
  EXPECT_EQ(*early, 0U);
  reading.join();
}

TEST(Share, a_closed_writer_leaves_the_frames_kept_as_long_as_the_shared_writer_is_open) {
  Chain chain;
  ASSERT_OK(chain.write(1, 100));
  ASSERT_OK(chain.forward());
  static_cast<void>(chain.output.close());
  ASSERT_OK(chain.write(2, 100));
  EXPECT_STATUS(chain.forward(), Status::handle_closed);
  auto frame = chain.b_reader.read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 1));
  std::thread later([&] {
    std::this_thread::sleep_for(20ms);
    frame->release();
  });
  EXPECT_EQ(chain.shared.close(generous).value(), 0U);
  later.join();
  EXPECT_STATUS(chain.b_reader.read(generous), Status::closed);
}

TEST(Share, handles_may_go_in_any_order) {
  for (int order = 0; order < 6; ++order) {
    Chain chain;
    ASSERT_OK(chain.write(1, 100));
    ASSERT_OK(chain.forward());
    auto held = chain.b_reader.read(generous);
    ASSERT_OK(held);
    if (order == 0) chain.source.close();
    if (order == 1) static_cast<void>(chain.output.close());
    if (order == 2) chain.b_reader.close();
    if (order == 3) static_cast<void>(chain.a_writer.close());
    if (order == 4) chain.shared = SharedWriter();
    if (order == 5) {
      Writer moved = std::move(chain.output);
      Reader taken = std::move(chain.source);
      EXPECT_TRUE(chain.shared.can_share());
    }
    EXPECT_TRUE(holds(held->data(), 1));
  }
}

// ---------------------------------------------------------------- what is copied, and says so

// Scenario 7.4
TEST(Share, what_cannot_be_shared_is_copied_and_told) {
  const auto forwards = [](Reader& source, Writer& output, Writer& writer, Reader& reader) {
    auto shared = SharedWriter::over(output, source);
    ASSERT_OK(shared);
    EXPECT_FALSE(shared->can_share());
    EXPECT_FALSE(shared->why_not().empty());
    ASSERT_OK(writer.write(payload(700, 5), generous, {.type = 300, .tag = 9}));
    auto sent = shared->forward(std::move(*source.read(generous)), generous);
    ASSERT_OK(sent);
    EXPECT_EQ(*sent, Forwarded::copied);
    auto frame = reader.read(generous);
    ASSERT_OK(frame);
    EXPECT_TRUE(holds(frame->data(), 5));
    EXPECT_EQ(frame->type(), 300);
    EXPECT_EQ(frame->tag(), 9U);
    EXPECT_EQ(shared->stats().copied_frames, 1U);
    EXPECT_EQ(shared->stats().copied_bytes, 700U);
    EXPECT_EQ(shared->stats().shared_frames, 0U);
    EXPECT_EQ(reader.stats().shared_frames, 0U);
  };
  BufferConfig plain = ring_of(32 << 10);
  {
    SCOPED_TRACE("the source has no pins");
    Chain chain(plain);
    forwards(chain.source, chain.output, chain.a_writer, chain.b_reader);
  }
  {
    SCOPED_TRACE("the output has no source table");
    Chain chain(sharing(), plain);
    forwards(chain.source, chain.output, chain.a_writer, chain.b_reader);
  }
  {
    SCOPED_TRACE("the source has no name");
    Chain chain;
    auto reader = Reader::create_anonymous(sharing());
    auto writer = Writer::open_fd(reader->fd(), sharing());
    forwards(*reader, chain.output, *writer, chain.b_reader);
  }
  {
    SCOPED_TRACE("one frame only may be held");
    BufferConfig one = sharing();
    one.max_held = 1;
    Chain chain(one);
    forwards(chain.source, chain.output, chain.a_writer, chain.b_reader);
  }
  {
    SCOPED_TRACE("the name of the source is gone");
    Chain chain;
    std::filesystem::remove(path_of(chain.a_name));
    forwards(chain.source, chain.output, chain.a_writer, chain.b_reader);
  }
}

TEST(Share, a_buffer_without_share_slots_has_the_layout_that_it_always_had) {
  BufferConfig config = ring_of(1000);
  auto plain = Writer::create_anonymous(config);
  config.share_slots = 3;
  auto shares = Writer::create_anonymous(config);
  ASSERT_OK(plain);
  ASSERT_OK(shares);
  EXPECT_EQ(plain->info().share_slots, 0U);
  EXPECT_EQ(shares->info().share_slots, 3U);
  EXPECT_EQ(plain->info().capacity, shares->info().capacity);
  config.share_slots = 65;
  EXPECT_STATUS(Writer::create_anonymous(config), Status::invalid_argument);
}

TEST(Share, exist_ok_wants_the_same_share_slots) {
  const std::string name = unique_name();
  BufferConfig config = sharing();
  auto writer = Writer::create(name, config);
  ASSERT_OK(writer);
  config.exist_ok = true;
  EXPECT_OK(Reader::create(name, config));
  config.share_slots = 0;
  EXPECT_STATUS(Reader::create(name, config), Status::incompatible);
}

TEST(Share, a_reader_for_whom_no_pin_is_free_gets_a_copy) {
  BufferConfig a = sharing();
  a.share_slots = 1;
  Chain chain(a, sharing(32 << 10, 2));
  auto second = Reader::open(chain.b_name, generous);
  ASSERT_OK(second);
  ASSERT_OK(chain.write(1, 999));
  ASSERT_OK(chain.forward());
  auto pinned = chain.b_reader.read(generous);
  auto copied = second->read(generous);
  ASSERT_OK(pinned);
  ASSERT_OK(copied);
  EXPECT_TRUE(holds(pinned->data(), 1));
  EXPECT_TRUE(holds(copied->data(), 1));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copied->data().data()) % 64, 0U);
  EXPECT_EQ(chain.b_reader.stats().shared_copied_bytes, 0U);
  EXPECT_EQ(second->stats().shared_copied_bytes, 999U);
  EXPECT_EQ(second->stats().shared_frames, 1U);
}

// ---------------------------------------------------------------- one ring, many kinds of frames

TEST(Share, shared_and_ordinary_frames_follow_each_other_in_one_ring) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    if (i % 3 == 0) {
      ASSERT_OK(chain.output.write(payload(i, i), generous));
    } else {
      ASSERT_OK(chain.write(i, 2 * i));
      ASSERT_OK(chain.forward());
    }
    if (i % 10 != 0) continue;
    for (std::uint64_t j = i - 9; j <= i; ++j) {
      auto frame = chain.b_reader.read(generous);
      ASSERT_OK(frame);
      EXPECT_EQ(frame->sequence(), j);
      EXPECT_EQ(frame->size(), j % 3 == 0 ? j : 2 * j);
      EXPECT_TRUE(holds(frame->data(), j));
    }
  }
  EXPECT_EQ(chain.b_reader.stats().shared_frames, 200U);
}

TEST(Share, type_and_tag_can_be_given_anew) {
  Chain chain;
  ASSERT_OK(chain.a_writer.write(payload(10, 1), generous, {.type = 200, .tag = 1}));
  auto frame = chain.source.read(generous);
  ASSERT_OK(chain.shared.forward(std::move(*frame), generous, {.type = 2, .tag = 77}));
  auto seen = chain.b_reader.read(generous);
  ASSERT_OK(seen);
  EXPECT_EQ(seen->type(), 2);
  EXPECT_EQ(seen->tag(), 77U);
}

TEST(Share, a_batch_holds_shared_frames_too) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_OK(chain.write(i, 50));
  {
    Batch batch = chain.output.batch();
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_OK(chain.forward());
    EXPECT_STATUS(chain.b_reader.try_read(), Status::would_block);
    EXPECT_EQ(chain.shared.release_passed(), 3U);
  }
  Frame some[8];
  auto count = chain.b_reader.read_many(some, generous);
  ASSERT_OK(count);
  ASSERT_EQ(*count, 3U);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(holds(some[i].data(), i + 1));
}

TEST(Share, newest_only_finds_shared_frames) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 9; ++i) {
    ASSERT_OK(chain.write(i, 50));
    ASSERT_OK(chain.forward());
  }
  auto newest = chain.b_reader.read_newest(generous);
  ASSERT_OK(newest);
  EXPECT_EQ(newest->sequence(), 9U);
  EXPECT_TRUE(holds(newest->data(), 9));
  EXPECT_EQ(chain.b_reader.stats().skipped, 8U);
}

TEST(Share, frames_are_released_in_any_order_and_by_any_thread) {
  Chain chain(sharing(8000));
  std::vector<Frame> held;
  for (std::uint64_t i = 1; i <= 7; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    ASSERT_OK(chain.forward());
    held.push_back(chain.b_reader.read(generous).value());
  }
  EXPECT_STATUS(chain.write(8, 2000, 0s), Status::timeout);
  std::thread other([&] {
    for (const std::size_t i : {3, 6, 1, 4, 2, 5}) held[i].release();
  });
  other.join();
  EXPECT_STATUS(chain.write(8, 2000, 150ms), Status::timeout);  // the oldest is still held
  EXPECT_TRUE(holds(held[0].data(), 1));
  held[0].release();
  EXPECT_OK(chain.write(8, 2000, generous));
}

TEST(Share, a_held_frame_outlives_its_reader_and_everything_else) {
  std::vector<Frame> held;
  {
    Chain chain;
    ASSERT_OK(chain.write(1, 5000));
    ASSERT_OK(chain.forward());
    held.push_back(chain.b_reader.read(generous).value());
    chain.b_reader.close();
    EXPECT_EQ(chain.shared.release_passed(), 1U) << "a closed reader's frame is still held";
  }
  EXPECT_TRUE(holds(held[0].data(), 1));
  std::thread other([&] { held.clear(); });
  other.join();
}

TEST(Share, the_mapping_of_the_source_lives_as_long_as_the_readers_mapping_handle) {
  std::shared_ptr<const void> mapping;
  const std::byte* data;
  {
    Chain chain;
    ASSERT_OK(chain.write(1, 500));
    ASSERT_OK(chain.forward());
    auto frame = chain.b_reader.read(generous);
    data = frame->data().data();
    mapping = chain.b_reader.mapping();
  }
  EXPECT_TRUE(holds({data, 500}, 1)) << "or it would have faulted";
}

// ---------------------------------------------------------------- chains

struct Links {
  explicit Links(std::size_t buffers) {
    for (std::size_t i = 0; i < buffers; ++i) {
      names.push_back(unique_name());
      writers.push_back(Writer::create(names.back(), sharing(64 << 10)).value());
      readers.push_back(Reader::open(names.back(), generous).value());
      if (i != 0) relays.push_back(SharedWriter::over(writers[i], readers[i - 1]).value());
    }
  }
  std::vector<std::string> names;
  std::vector<Writer> writers;
  std::vector<Reader> readers;
  std::vector<SharedWriter> relays;
};

// Scenario 7.5
TEST(Share, a_chain_of_three_relays_passes_the_first_buffers_frames_on) {
  Links links(4);
  std::thread relays([&] {
    for (std::uint64_t i = 1; i <= 200; ++i) {
      for (std::size_t link = 0; link < 3; ++link) {
        ASSERT_OK(links.relays[link].forward(std::move(*links.readers[link].read(generous)), generous));
      }
    }
  });
  std::vector<std::byte*> written(201);
  std::thread writing([&] {
    for (std::uint64_t i = 1; i <= 200; ++i) {
      auto claim = links.writers[0].claim(9000, generous);
      fill(claim->data(), i);
      ASSERT_OK(claim->commit(9000));
    }
  });
  for (std::uint64_t i = 1; i <= 200; ++i) {
    auto frame = links.readers[3].read(generous);
    ASSERT_OK(frame);
    ASSERT_EQ(frame->sequence(), i);
    ASSERT_TRUE(holds(frame->data(), i));
  }
  writing.join();
  relays.join();
  for (const SharedWriter& relay : links.relays) {
    EXPECT_EQ(relay.stats().shared_frames, 200U);
    EXPECT_EQ(relay.stats().copied_bytes, 0U);
  }
  EXPECT_EQ(links.readers[3].stats().shared_copied_bytes, 0U);
}

TEST(Share, at_the_end_of_a_chain_the_first_owner_changes_what_is_seen) {
  Links links(4);
  auto claim = links.writers[0].claim(100, generous);
  std::byte* owner = claim->data().data();
  fill(claim->data(), 1);
  ASSERT_OK(claim->commit(100));
  for (std::size_t link = 0; link < 3; ++link)
    ASSERT_OK(links.relays[link].forward(std::move(*links.readers[link].read(generous)), generous));
  auto frame = links.readers[3].read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 1));
  owner[50] ^= std::byte{1};
  EXPECT_FALSE(holds(frame->data(), 1));
  owner[50] ^= std::byte{1};
  // every link holds what the next one needs
  for (const SharedWriter& relay : links.relays) EXPECT_EQ(relay.stats().kept, 1U);
  frame->release();
  EXPECT_TRUE(wait_until([&] { return links.relays[0].stats().kept == 0; }));
}

TEST(Share, frames_of_a_link_and_frames_that_came_through_it_go_on_together) {
  Links links(3);
  for (std::uint64_t i = 1; i <= 60; ++i) {
    if (i % 2 == 0) {
      ASSERT_OK(links.writers[1].write(payload(300, i), generous));
    } else {
      ASSERT_OK(links.writers[0].write(payload(300, i), generous));
      ASSERT_OK(links.relays[0].forward(std::move(*links.readers[0].read(generous)), generous));
    }
    auto sent = links.relays[1].forward(std::move(*links.readers[1].read(generous)), generous);
    ASSERT_OK(sent);
    EXPECT_EQ(*sent, Forwarded::shared);
    auto frame = links.readers[2].read(generous);
    ASSERT_OK(frame);
    EXPECT_TRUE(holds(frame->data(), i));
  }
}

TEST(Share, a_frame_that_would_lie_in_the_buffer_itself_is_copied) {
  Chain chain;
  auto back = SharedWriter::over(chain.a_writer, chain.b_reader);  // B to A, whose frames B's are
  ASSERT_OK(back);
  EXPECT_TRUE(back->can_share());
  ASSERT_OK(chain.write(1, 100));
  ASSERT_OK(chain.forward());
  auto sent = back->forward(std::move(*chain.b_reader.read(generous)), generous);
  ASSERT_OK(sent);
  EXPECT_EQ(*sent, Forwarded::copied);
  auto frame = chain.source.read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 1));
}

// ---------------------------------------------------------------- frames that are gone

TEST(Share, a_frame_that_the_relay_gave_back_too_early_is_lost_and_told_once) {
  Chain chain(sharing(3000));
  for (std::uint64_t i = 1; i <= 2; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    ASSERT_OK(chain.forward());
  }
  EXPECT_EQ(chain.shared.close().value(), 2U);
  for (std::uint64_t i = 3; i <= 6; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    EXPECT_OK(chain.source.read(generous));
  }
  ASSERT_OK(chain.output.write(payload(40, 7), generous));
  for (std::uint64_t i = 1; i <= 2; ++i) {
    auto gone = chain.b_reader.read(generous);
    EXPECT_STATUS(gone, Status::frame_lost);
    EXPECT_EQ(gone.failure().first(), i);
    EXPECT_FALSE(gone.failure().message().empty());
  }
  auto frame = chain.b_reader.read(generous);
  ASSERT_OK(frame);
  EXPECT_EQ(frame->sequence(), 3U);
  EXPECT_TRUE(holds(frame->data(), 7));
  EXPECT_EQ(chain.b_reader.stats().lost, 2U);
  EXPECT_EQ(chain.b_reader.stats().frames, 1U);
}

TEST(Share, read_many_and_newest_only_tell_a_lost_frame_too) {
  Chain chain(sharing(3000));
  ASSERT_OK(chain.output.write(payload(40, 1), generous));
  ASSERT_OK(chain.write(1, 1000));
  ASSERT_OK(chain.forward());
  static_cast<void>(chain.shared.close());
  for (std::uint64_t i = 3; i <= 6; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    EXPECT_OK(chain.source.read(generous));
  }
  ASSERT_OK(chain.output.write(payload(40, 3), generous));
  Frame some[4];
  auto count = chain.b_reader.read_many(some, generous);
  ASSERT_OK(count);
  EXPECT_EQ(*count, 1U);
  EXPECT_STATUS(chain.b_reader.read_many(some, generous), Status::frame_lost);
  count = chain.b_reader.read_many(some, generous);
  ASSERT_OK(count);
  EXPECT_EQ(some[0].sequence(), 3U);
}

TEST(Share, a_source_that_is_gone_or_replaced_gives_lost_frames) {
  for (const bool replaced : {false, true}) {
    const std::string a = unique_name();
    Chain chain;
    {
      auto writer = Writer::create(a, sharing());
      auto source = Reader::open(a, generous);
      auto shared = SharedWriter::over(chain.output, *source);
      ASSERT_OK(writer->write(payload(100, 1), generous));
      ASSERT_OK(shared->forward(std::move(*source->read(generous)), generous));
    }
    ASSERT_FALSE(exists(a));
    Result<Writer> other = Status::closed;
    if (replaced) {
      other = Writer::create(a, sharing());
      ASSERT_OK(other->write(payload(100, 2), generous));
    }
    EXPECT_STATUS(chain.b_reader.read(generous), Status::frame_lost);
    EXPECT_EQ(chain.b_reader.stats().lost, 1U);
  }
}

TEST(Share, more_sources_than_the_table_has_entries_are_shared_one_after_the_other) {
  Chain chain;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    const std::string a = unique_name();
    auto writer = Writer::create(a, sharing());
    auto source = Reader::open(a, generous);
    auto shared = SharedWriter::over(chain.output, *source);
    ASSERT_OK(writer->write(payload(100, i), generous));
    auto sent = shared->forward(std::move(*source->read(generous)), generous);
    ASSERT_OK(sent);
    EXPECT_EQ(*sent, Forwarded::shared) << i;
    auto frame = chain.b_reader.read(generous);
    ASSERT_OK(frame);
    EXPECT_TRUE(holds(frame->data(), i));
  }
  EXPECT_STATUS(chain.b_reader.read(400ms), Status::timeout);  // it looks after its idle pins
  EXPECT_EQ(leftovers().size(), 2U);
}

TEST(Share, sources_that_readers_still_need_keep_their_entries_and_further_ones_are_copied) {
  Chain chain;
  std::vector<Writer> writers;
  std::vector<Reader> sources;
  std::vector<SharedWriter> relays;
  for (std::uint64_t i = 1; i <= 18; ++i) {
    const std::string a = unique_name();
    writers.push_back(Writer::create(a, sharing(200)).value());
    sources.push_back(Reader::open(a, generous).value());
    relays.push_back(SharedWriter::over(chain.output, sources.back()).value());
    ASSERT_OK(writers.back().write(payload(100, i), generous));
    auto sent = relays.back().forward(std::move(*sources.back().read(generous)), generous);
    ASSERT_OK(sent);
    EXPECT_EQ(*sent, i <= 16 ? Forwarded::shared : Forwarded::copied) << i;
  }
  for (std::uint64_t i = 1; i <= 18; ++i) {
    auto frame = chain.b_reader.read(generous);
    ASSERT_OK(frame);
    EXPECT_TRUE(holds(frame->data(), i));
  }
  relays.clear();
}

TEST(Share, a_successor_of_the_output_goes_on_with_the_table) {
  Chain chain;
  ASSERT_OK(chain.write(1, 100));
  ASSERT_OK(chain.forward());
  EXPECT_OK(chain.b_reader.read(generous));
  EXPECT_EQ(chain.shared.close(generous).value(), 0U);
  static_cast<void>(chain.output.close());
  chain.output = Writer::open(chain.b_name, generous).value();
  chain.shared = SharedWriter::over(chain.output, chain.source).value();
  ASSERT_OK(chain.write(2, 100));
  ASSERT_OK(chain.forward());
  auto frame = chain.b_reader.read(generous);
  ASSERT_OK(frame);
  EXPECT_TRUE(holds(frame->data(), 2));
}

// ---------------------------------------------------------------- a pin is no reader

TEST(Share, a_pin_counts_nowhere_as_a_reader) {
  Chain chain(sharing(3000));
  ASSERT_OK(chain.write(1, 1000));
  ASSERT_OK(chain.forward());
  auto frame = chain.b_reader.read(generous);
  ASSERT_OK(frame);
  EXPECT_EQ(chain.a_writer.stats().readers, 1U);
  EXPECT_STATUS(chain.a_writer.wait_for_readers(1, 0s), Status::ok);
  static_cast<void>(chain.shared.close());
  chain.source.close();
  EXPECT_EQ(chain.a_writer.stats().readers, 0U);
  EXPECT_STATUS(chain.a_writer.wait_for_readers(1, 20ms), Status::timeout);
  EXPECT_OK(chain.a_writer.drain(1s));
  Status status = Status::ok;
  for (int i = 0; i < 10 && status == Status::ok; ++i) status = chain.write(2, 1000, 1s).status();
  EXPECT_EQ(to_string(status), "closed") << "every reader has closed, whatever a pin still holds";
  EXPECT_TRUE(holds(frame->data(), 1));
}

TEST(Share, an_idle_pin_does_not_keep_the_name_of_a_buffer_that_is_over) {
  Chain chain;
  ASSERT_OK(chain.write(1, 100));
  ASSERT_OK(chain.forward());
  EXPECT_OK(chain.b_reader.read(generous));
  EXPECT_EQ(chain.shared.close(generous).value(), 0U);
  chain.source.close();
  static_cast<void>(chain.a_writer.close());
  EXPECT_TRUE(exists(chain.a_name)) << "the pin was idle, and its reader does nothing";
  EXPECT_STATUS(chain.b_reader.read(400ms), Status::timeout);
  EXPECT_FALSE(exists(chain.a_name));
  EXPECT_OK(Writer::create(chain.a_name, sharing()));
}

TEST(Share, a_pin_that_holds_keeps_the_buffer_until_it_lets_go) {
  Chain chain;
  ASSERT_OK(chain.write(1, 100));
  ASSERT_OK(chain.forward());
  auto frame = chain.b_reader.read(generous);
  ASSERT_OK(frame);
  static_cast<void>(chain.shared.close());
  chain.source.close();
  static_cast<void>(chain.a_writer.close());
  EXPECT_STATUS(chain.b_reader.read(300ms), Status::timeout);
  EXPECT_TRUE(exists(chain.a_name));
  EXPECT_TRUE(holds(frame->data(), 1));
  frame->release();
  EXPECT_FALSE(exists(chain.a_name)) << "the last one out removes the name";
}

// ---------------------------------------------------------------- who is in the way

TEST(Share, a_reader_whose_held_frames_block_the_sources_writer_is_told) {
  Chain chain(sharing(3000));
  ASSERT_OK(chain.write(1, 1000));
  ASSERT_OK(chain.forward());
  auto held = chain.b_reader.read(generous);
  ASSERT_OK(held);
  std::thread writing([&] {
    for (std::uint64_t i = 2; i <= 5; ++i) EXPECT_OK(chain.write(i, 1000));
  });
  std::thread relaying([&] {
    for (std::uint64_t i = 2; i <= 5; ++i) EXPECT_OK(chain.forward());
  });
  Status status = Status::ok;
  while (status == Status::ok) status = chain.b_reader.read(generous).status();
  EXPECT_EQ(to_string(status), "held_frames_block");
  EXPECT_TRUE(holds(held->data(), 1));
  held->release();
  while (chain.b_reader.stats().frames < 5) ASSERT_OK(chain.b_reader.read(generous));
  writing.join();
  relaying.join();
}

TEST(Share, the_relay_is_not_told_of_frames_that_it_keeps_for_others) {
  Chain chain(sharing(3000));
  for (std::uint64_t i = 1; i <= 2; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    ASSERT_OK(chain.forward());
  }
  std::thread writing([&] { EXPECT_STATUS(chain.write(3, 2000, 600ms), Status::timeout); });
  EXPECT_STATUS(chain.source.read(500ms), Status::timeout);
  writing.join();
}

// ---------------------------------------------------------------- processes

TEST(Share, a_process_that_exits_leaves_its_pins) {
  Chain chain(sharing(3000), sharing(3000, 2));
  Child child([&] {
    Reader reader = Reader::open(chain.b_name, generous, sharing()).value();
    std::exit(static_cast<int>(reader.read(generous).value().size() != 1000));  // holding it
  });
  ASSERT_OK(chain.output.wait_for_readers(2, generous));
  ASSERT_OK(chain.write(1, 1000));
  ASSERT_OK(chain.forward());
  EXPECT_EQ(child.wait(), 0);
  EXPECT_OK(chain.b_reader.read(generous));
  for (std::uint64_t i = 2; i <= 8; ++i) {
    ASSERT_OK(chain.write(i, 1000));
    ASSERT_OK(chain.forward());
    EXPECT_OK(chain.b_reader.read(generous));
  }
}

TEST(Share, a_forked_child_is_refused_and_changes_nothing) {
  Chain chain;
  ASSERT_OK(chain.write(1, 100));
  auto frame = chain.source.read(generous);
  Child child([&] {
    REQUIRE(chain.shared.forward(std::move(*frame), 0s).status() == Status::forked);
    REQUIRE(SharedWriter::over(chain.output, chain.source).status() == Status::forked);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  ASSERT_OK(chain.shared.forward(std::move(*frame), generous));
  auto seen = chain.b_reader.read(generous);
  ASSERT_OK(seen);
  Child second([&] {
    REQUIRE(holds(seen->data(), 1));  // its view does not fault
    seen->release();
    return 0;
  });
  EXPECT_EQ(second.wait(), 0);
  EXPECT_TRUE(holds(seen->data(), 1));
}

// ---------------------------------------------------------------- what can be seen from outside

TEST(Share, a_dump_says_who_holds_what_for_whom) {
  Chain chain;
  ASSERT_OK(chain.write(1, 100));
  ASSERT_OK(chain.write(2, 200));
  for (int i = 0; i < 2; ++i) ASSERT_OK(chain.forward());
  EXPECT_OK(chain.b_reader.read(generous));
  auto second = chain.b_reader.read(generous);
  ASSERT_OK(second);
  auto a = dump_state(chain.a_name);
  auto b = dump_state(chain.b_name);
  ASSERT_OK(a);
  ASSERT_OK(b);
  ASSERT_EQ(a->pins.size(), 1U);
  EXPECT_TRUE(a->pins[0].holds);
  EXPECT_EQ(a->pins[0].position, 192U);
  EXPECT_EQ(a->pins[0].pid, static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(a->pins[0].pinned_for, b->segment_id);
  EXPECT_EQ(a->pins[0].presence, Presence::attached);
  EXPECT_TRUE(a->sources.empty());
  ASSERT_EQ(b->sources.size(), 1U);
  EXPECT_EQ(b->sources[0].name, chain.a_name);
  EXPECT_EQ(b->sources[0].segment_id, a->segment_id);
  ASSERT_EQ(b->records.size(), 1U);
  EXPECT_TRUE(b->records[0].shared);
  EXPECT_EQ(b->records[0].size, 200U);
  EXPECT_EQ(b->records[0].source_position, 192U);
  EXPECT_EQ(b->records[0].source_sequence, 2U);
  second->release();
  EXPECT_FALSE(dump_state(chain.a_name)->pins[0].holds);
}

}  // namespace
}  // namespace zerobuffer
