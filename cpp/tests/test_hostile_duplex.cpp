// Scenarios 5.1, 5.2 for calls: every field of door, rings, slots and records set to hostile values through another
// mapping, before and after a server, its successor and clients attach, and at random while they work. What counts: an
// answer in bounded time and no access outside; which answer it is, is the business of other tests where it is not said
// here.
#include <algorithm>

#include "duplex_bytes.hpp"

namespace zerobuffer {
namespace {
using namespace support;
using Atomics = ring::NativeAtomics;

DuplexConfig tiny() {
  DuplexConfig config;
  config.request_size = 700;
  config.response_size = 700;
  config.callback_size = 300;
  config.lanes = 3;
  config.pre_touch = false;
  config.spin_pauses = 20;
  config.client_lanes = 2;  // both are attached before anything is changed
  return config;
}

struct Field {
  std::string name;
  std::size_t offset;  ///< In the segment.
  std::size_t size;
  bool geometry;  ///< Nobody looks at it again after attaching.
};

#define AT(type, base, field, geometry) \
  fields.push_back({prefix + #field, (base) + offsetof(type, field), sizeof(type::field), geometry})

void add_oieb(std::vector<Field>& fields, const std::string& prefix, std::size_t base, bool is_door) {
  if (is_door) {
    AT(protocol::Oieb, base, oieb_size, true);
    AT(protocol::Oieb, base, magic, true);
    AT(protocol::Oieb, base, segment_size, true);
    AT(protocol::Oieb, base, ring_count, true);
    AT(protocol::Oieb, base, ring_index, true);
    AT(protocol::Oieb, base, feature_flags, true);
    AT(protocol::Oieb, base, payload_offset, true);
    AT(protocol::Oieb, base, state, true);
    AT(protocol::Oieb, base, max_readers, true);
    AT(protocol::Oieb, base, reader_table_offset, true);
    AT(protocol::Oieb, base, lanes_used, false);
    AT(protocol::Oieb, base, writer_place, false);
    AT(protocol::Oieb, base, writer_last_cpu, false);
    AT(protocol::Oieb, base, writer_pid, false);
  }
  AT(protocol::Oieb, base, capacity, true);
  AT(protocol::Oieb, base, write_pos, false);
  AT(protocol::Oieb, base, counts[0].position, false);
  AT(protocol::Oieb, base, counts[0].count, false);
  AT(protocol::Oieb, base, counts[1].position, false);
  AT(protocol::Oieb, base, last_record_pos, false);
  AT(protocol::Oieb, base, reclaim_pos, false);
  AT(protocol::Oieb, base, readers_waiting, false);
  AT(protocol::Oieb, base, data_futex, false);
  AT(protocol::Oieb, base, readers_fence_required, false);
  AT(protocol::Oieb, base, writer_waiting, false);
  AT(protocol::Oieb, base, wanted_pos, false);
  AT(protocol::Oieb, base, writer_fence_required, false);
}

void add_slot(std::vector<Field>& fields, const std::string& prefix, std::size_t base) {
  AT(protocol::ReaderSlot, base, read_pos, false);
  AT(protocol::ReaderSlot, base, read_count, false);
  AT(protocol::ReaderSlot, base, place, false);
  AT(protocol::ReaderSlot, base, last_cpu, false);
  AT(protocol::ReaderSlot, base, evicted_epoch, false);
  AT(protocol::ReaderSlot, base, client, false);
}

void add_header(std::vector<Field>& fields, const std::string& prefix, std::size_t base) {
  AT(protocol::RecordHeader, base, size, false);
  AT(protocol::RecordHeader, base, sequence, false);
  AT(protocol::RecordHeader, base, tag, false);
  AT(protocol::RecordHeader, base, extent, false);
  AT(protocol::RecordHeader, base, type, false);
  AT(protocol::RecordHeader, base, flags, false);
}
#undef AT

// The fields of the door, of the first lane and of its rings with their first two records.
std::vector<Field> fields_of(const DuplexConfig& config, bool in_place, bool geometry) {
  const buffer::Geometry plan = buffer::plan(config, in_place);
  std::vector<Field> fields;
  add_oieb(fields, "door.", 0, true);
  add_slot(fields, "lane.", plan.table_offset);
  for (std::uint32_t ring = 1; ring <= plan.shape.rings_per_lane(); ++ring) {
    const std::string prefix = "ring " + std::to_string(ring) + " ";
    const buffer::RingPlace place = buffer::place_of_ring(plan.shape, plan.layout, ring);
    add_oieb(fields, prefix, ring * protocol::oieb_size, false);
    for (std::uint32_t slot = 0; slot < place.slots; ++slot) {
      add_slot(fields, prefix + "slot " + std::to_string(slot) + " ", place.table_offset + slot * 128);
    }
    for (const std::size_t at : {0, 128}) {
      add_header(fields, prefix + "record at " + std::to_string(at) + " ",
                 place.payload_offset + protocol::payload_lead + at);
    }
  }
  std::erase_if(fields, [&](const Field& field) { return field.geometry != geometry; });
  return fields;
}

std::uint64_t get(const DuplexBytes& bytes, const Field& field) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.offset, field.size);
  return value;
}
void set(const DuplexBytes& bytes, const Field& field, std::uint64_t value) {
  std::byte* const at = bytes.data() + field.offset;
  if (field.size == 2) {
    Atomics::store_relaxed(*reinterpret_cast<std::uint16_t*>(at), static_cast<std::uint16_t>(value));
  } else if (field.size == 4) {
    Atomics::store_relaxed(*reinterpret_cast<std::uint32_t*>(at), static_cast<std::uint32_t>(value));
  } else {
    Atomics::store_relaxed(*reinterpret_cast<std::uint64_t*>(at), value);
  }
}

std::vector<std::uint64_t> hostile_values(std::uint64_t good) {
  constexpr std::uint64_t top = ~std::uint64_t{0};
  return {0, 4, good - 64, good + 64, good ^ (std::uint64_t{1} << 63), top, 0x80000000};
}

unsigned sum_of(std::span<const std::byte> data) {
  unsigned sum = 0;
  for (const std::byte byte : data) sum += std::to_integer<unsigned>(byte);
  return sum;
}

void serve_one(Request& request) {
  volatile unsigned sink = sum_of(request.data());
  static_cast<void>(sink);
  if (request.in_place()) {
    std::memset(request.bytes().data(), 0x55, request.bytes().size());
    static_cast<void>(request.respond(request.size() / 2));
  } else if (request.size() % 2 == 0) {
    static_cast<void>(request.write(request.data()));
  } else {
    request.fail("no");
  }
}

// Everything that a client can do; every call answers.
void exercise(DuplexClient& client) {
  const auto touch = [](const Result<Response>& response) {
    volatile unsigned sink = response ? sum_of(response->data()) : 0;
    static_cast<void>(sink);
  };
  for (const std::size_t size : {40U, 101U, 600U}) {
    touch(client.call(payload(size, 1), 1ms));
    if (auto claim = client.claim_request(size, 700, 0ms)) {
      std::memset(claim->data().data(), 1, claim->data().size());
      touch(claim->call(size, 1ms));
    }
    std::byte buffer[64];
    static_cast<void>(client.send(payload(size, 2), 0ms));
    static_cast<void>(client.receive_into(buffer, 1ms));
    touch(client.receive(0ms));
  }
  for (int i = 0; i < 2; ++i) {
    auto request = client.take(0ms);
    if (!request) break;
    serve_one(*request);
  }
  static_cast<void>(client.stats());
}

// A server that serves in the background, and a client with calls of both directions behind and before it.
struct Victims {
  bool in_place;
  std::string name = unique_name();
  MutableDuplexServer mutable_server;
  ImmutableDuplexServer immutable_server;
  DuplexClient client;

  explicit Victims(bool is_in_place, bool exist_ok = false, const std::string& old_name = "") : in_place(is_in_place) {
    if (!old_name.empty()) name = old_name;
    DuplexConfig config = tiny();
    config.exist_ok = exist_ok;
    if (in_place) {
      if (auto made = MutableDuplexServer::create(name, config)) mutable_server = std::move(*made);
    } else {
      if (auto made = ImmutableDuplexServer::create(name, config)) immutable_server = std::move(*made);
    }
  }
  ~Victims() {
    client.close();  // first: an answer may wait for its room
    server().close();
    unlink(path_of(name).c_str());  // who leaves a garbled channel may rightly leave the file as well
  }
  [[nodiscard]] DuplexServer& server() {
    if (in_place) return mutable_server;
    return immutable_server;
  }
  void work() {
    ASSERT_OK(server().start(serve_one));
    auto opened = DuplexClient::open(name, 0s, tiny());
    ASSERT_OK(opened);
    client = std::move(*opened);
    ASSERT_OK(client.call(payload(40, 1), generous));
    ASSERT_OK(client.send(payload(40, 1), generous));
    ASSERT_OK(client.call(payload(40, 1), generous));  // in a lane of its own: no further one is attached later
    ASSERT_OK(server().notify(client.id(), payload(40, 1), generous));
  }
  void exercise_all() {
    exercise(client);
    for (const std::uint64_t id : server().clients()) {
      static_cast<void>(server().notify(id, payload(50, 1), 0ms));
      static_cast<void>(server().call_client(id, payload(50, 1), 1ms));
    }
    static_cast<void>(server().stats());
  }
};

class HostileDuplex : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Kinds, HostileDuplex, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "in_place" : "immutable"; });

// Scenario 5.1: geometry is not looked at again, so that nothing at all changes.
TEST_P(HostileDuplex, geometry_changed_under_living_ends_changes_nothing) {
  for (const Field& field : fields_of(tiny(), GetParam(), true)) {
    SCOPED_TRACE(field.name);
    Victims victims(GetParam());
    victims.work();
    const DuplexBytes bytes(victims.name, tiny(), GetParam());
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
      set(bytes, field, value);
      for (int i = 0; i < 4; ++i) ASSERT_OK(victims.client.call(payload(40, 1), generous));
      static_cast<void>(dump_state(victims.name));
    }
  }
}

// Each field with each value takes its time: a part of the fields at once, so that a slow machine comes to the end.
constexpr std::size_t parts = 5;
class HostileDuplexFields : public testing::TestWithParam<std::tuple<bool, std::size_t>> {
 protected:
  [[nodiscard]] static bool in_place() { return std::get<0>(GetParam()); }
  [[nodiscard]] static std::vector<Field> fields(bool geometry) {
    std::vector<Field> all = fields_of(tiny(), in_place(), geometry);
    std::vector<Field> mine;
    for (std::size_t i = std::get<1>(GetParam()); i < all.size(); i += parts) mine.push_back(std::move(all[i]));
    return mine;
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, HostileDuplexFields,
                         testing::Combine(testing::Bool(), testing::Range<std::size_t>(0, parts)),
                         [](const auto& kind) {
                           return (std::get<0>(kind.param) ? "in_place_" : "immutable_") +
                                  std::to_string(std::get<1>(kind.param) + 1) + "_of_" + std::to_string(parts);
                         });

// Scenario 5.1
TEST_P(HostileDuplexFields, every_field_changed_under_living_ends_gives_answers_only) {
  for (const Field& field : fields(false)) {
    SCOPED_TRACE(field.name);
    Victims probe(in_place());
    probe.work();
    const std::uint64_t good = get(DuplexBytes(probe.name, tiny(), in_place()), field);
    for (const std::uint64_t value : hostile_values(good)) {
      Victims victims(in_place());
      victims.work();
      set(DuplexBytes(victims.name, tiny(), in_place()), field, value);
      victims.exercise_all();
      static_cast<void>(dump_state(victims.name));
    }
  }
}

// Scenario 5.1: before a client attaches, and before one takes the place of another.
TEST_P(HostileDuplexFields, every_field_changed_before_a_client_attaches_gives_an_answer_and_bad_geometry_a_refusal) {
  for (const bool geometry : {true, false}) {
    for (const Field& field : fields(geometry)) {
      SCOPED_TRACE(field.name);
      Victims probe(in_place());
      probe.work();
      const std::uint64_t good = get(DuplexBytes(probe.name, tiny(), in_place()), field);
      for (const std::uint64_t value : hostile_values(good)) {
        Victims victims(in_place());
        victims.work();
        victims.client.close();
        const DuplexBytes bytes(victims.name, tiny(), in_place());
        set(bytes, field, value);
        const bool changed = get(bytes, field) != good;
        auto client = DuplexClient::open(victims.name, 0s, tiny());
        // a ring that is told smaller than it is may pass where its block has the same pages, and calls back may pass
        // for answers
        if (geometry && changed && !field.name.ends_with("capacity") && field.name != "door.feature_flags") {
          EXPECT_TRUE(client.status() == Status::corrupt || client.status() == Status::incompatible ||
                      client.status() == Status::not_found)
              << to_string(client.status()) << " for " << value;
        }
        if (client) victims.client = std::move(*client);
        if (victims.client.is_open()) victims.exercise_all();
      }
    }
  }
}

// Scenario 5.1: before a server succeeds one that died with a request begun and one untouched.
TEST_P(HostileDuplexFields, every_field_changed_before_a_server_succeeds_another_gives_an_answer) {
  for (const Field& field : fields(false)) {
    SCOPED_TRACE(field.name);
    for (const std::uint64_t value : {std::uint64_t{4}, std::uint64_t{192}, ~std::uint64_t{63}}) {
      const std::string name = unique_name();
      Channel ready;
      Child first([&] {
        Victims dies(in_place(), false, name);
        ready.send();
        auto request = dies.server().take(generous);
        ready.send();
        pause();
        return request.ok() ? 0 : 1;
      });
      ASSERT_TRUE(ready.receive());
      auto client = DuplexClient::open(name, generous, tiny()).value();
      ASSERT_OK(client.send(payload(40, 1), generous));
      ASSERT_OK(client.send(payload(40, 2), generous));
      ASSERT_TRUE(ready.receive());
      first.kill();
      set(DuplexBytes(name, tiny(), in_place()), field, value);
      Victims victims(in_place(), true, name);
      victims.client = std::move(client);
      if (victims.server().is_open()) {
        static_cast<void>(victims.server().start(serve_one));
        victims.exercise_all();
      }
    }
  }
}

// Scenario 5.2: another thread changes everything at random while both ends work; rounds are counted, not timed.
TEST_P(HostileDuplex, random_changes_by_a_second_thread_while_both_ends_work_give_answers_only) {
  for (int round = 0; round < 40; ++round) {
    Victims victims(GetParam());
    victims.work();
    const DuplexBytes bytes(victims.name, tiny(), GetParam());
    std::vector<Field> fields = fields_of(tiny(), GetParam(), false);
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> changes{0};
    std::thread hostile([&] {
      std::mt19937_64 random(static_cast<unsigned>(round));
      const std::uint64_t values[] = {0, 1, 2, 3, 4, 64, 128, 192, 704, 0x10002, 0x20002, ~std::uint64_t{0}};
      while (!done.load(std::memory_order_relaxed)) {
        const Field& field = fields[random() % fields.size()];
        const std::uint64_t value = random() % 3 == 0 ? random() : values[random() % std::size(values)];
        const std::uint64_t now = get(bytes, field);
        set(bytes, field, random() % 2 == 0 ? value : now + 64);
        changes.fetch_add(1, std::memory_order_relaxed);
      }
    });
    while (changes.load() < 10) std::this_thread::yield();
    victims.exercise_all();
    if (auto second = DuplexClient::open(victims.name, 0s, tiny())) exercise(*second);
    static_cast<void>(dump_state(victims.name));
    done = true;
    hostile.join();
  }
}

// Scenario 5.1: the position up to which a client has fetched its answers is its own word.
TEST(HostileDuplexLane, a_client_with_an_impossible_position_loses_its_lane_and_the_others_are_served) {
  DuplexConfig config = tiny();
  Victims victims(false);
  ASSERT_OK(victims.server().start(serve_one));
  DuplexConfig one_lane = config;
  one_lane.client_lanes = 1;
  auto bad = DuplexClient::open(victims.name, 0s, one_lane).value();
  auto good = DuplexClient::open(victims.name, 0s, one_lane).value();
  const DuplexBytes bytes(victims.name, config, false);
  Atomics::store_relaxed(bytes.slot(bytes.shape().response_ring(0), 0).read_pos, std::uint64_t{1} << 40);
  Status status = Status::ok;
  EXPECT_TRUE(wait_until([&] {
    status = bad.call(payload(600, 1), 200ms).status();
    return status == Status::evicted || status == Status::corrupt;
  })) << to_string(status);
  for (int i = 0; i < 5; ++i) EXPECT_OK(good.call(payload(600, 1), generous));
  EXPECT_EQ(protocol::PlaceWord{bytes.lane(0).place}.slot_state(), protocol::SlotState::broken);
  bad.close();
  auto third = DuplexClient::open(victims.name, 0s, config).value();
  EXPECT_STATUS(DuplexClient::open(victims.name, 0s, config), Status::lanes_busy);
  third.close();
  good.close();
  EXPECT_OK(DuplexClient::open(victims.name, 0s, config));
}

// Scenario 5.1
TEST(HostileDuplexLane, positions_that_say_room_where_none_can_be_do_not_keep_a_call_beyond_its_timeout) {
  for (const std::uint32_t slot : {0U, 1U}) {
    Victims victims(true);
    auto client = DuplexClient::open(victims.name, 0s, tiny()).value();
    ASSERT_OK(client.send(payload(700, 1), 0s));
    const DuplexBytes bytes(victims.name, tiny(), true);
    Atomics::store_relaxed(bytes.slot(1, slot).read_pos, std::uint64_t{1} << 40);
    const auto sent = client.send(payload(700, 1), 50ms);
    EXPECT_FALSE(sent);
  }
}

// Scenario 5.1: a server that publishes answers to nothing, faster than they can be looked at.
TEST(HostileDuplexLane, answers_that_never_end_do_not_keep_a_call_beyond_its_timeout) {
  for (const bool in_place : {false, true}) {
    Victims victims(in_place);
    auto client = DuplexClient::open(victims.name, 0s, tiny()).value();
    const DuplexBytes bytes(victims.name, tiny(), in_place);
    const std::uint32_t ring = in_place ? 1 : 2;
    for (std::uint64_t at = 0; at < bytes.place(ring).capacity; at += 64) {
      bytes.header(ring, at) = {.size = 8, .sequence = 0, .tag = 0, .extent = 1, .type = 0, .flags = 0};
    }
    std::uint64_t& end = in_place ? bytes.slot(ring, 0).read_pos : bytes.oieb(ring).write_pos;
    std::atomic<bool> done{false};
    std::thread hostile([&] {
      for (std::uint64_t sequence = 1; !done.load(); ++sequence) {
        const std::uint64_t at = Atomics::load_relaxed(end);
        Atomics::store_relaxed(bytes.header(ring, at).sequence, sequence);
        Atomics::store_release(end, at + 64);
        if (sequence % 4 == 0) Atomics::store_release(end, at);
      }
    });
    for (int i = 0; i < 20; ++i) static_cast<void>(client.call(payload(40, 1), 2ms));
    done = true;
    hostile.join();
  }
}

// Scenario 5.1
TEST(HostileDuplexLane, the_text_of_an_error_is_cut) {
  DuplexConfig config = tiny();
  config.response_size = 1 << 20;
  auto server = ImmutableDuplexServer::create(unique_name(), config).value();
  const std::string name = server.info().created ? support::leftovers().front() : "";
  auto client = DuplexClient::open(name, 0s, config).value();
  ASSERT_OK(client.send(payload(40, 1), 0s));
  auto request = server.take(generous);
  ASSERT_OK(request);
  request->fail(std::string(1 << 19, 'x'));
  auto answer = client.receive(generous);
  ASSERT_STATUS(answer, Status::remote_error);
  EXPECT_LE(answer.failure().message().size(), 66'000U);
}

}  // namespace
}  // namespace zerobuffer
