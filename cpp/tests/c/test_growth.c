/* Structs that begin with their own size: library and program may be of different age. A struct of another age is
 * played by one that is cut or has room behind it. */
#include "channel.h"

/* A struct of a later header: the same beginning, and fields that this library does not know. */
typedef struct later_config {
  zb_buffer_config known;
  uint64_t unknown[2];
} later_config;

TEST(a_configuration_is_filled_with_the_documented_defaults) {
  zb_buffer_config config;
  memset(&config, 0xff, sizeof config);
  CHECK_OK(zb_buffer_config_init(&config, sizeof config));
  CHECK_NUMBER(sizeof config, config.struct_size);
  CHECK_NUMBER(64 << 20, config.payload_size);
  CHECK_NUMBER(4096, config.metadata_size);
  CHECK_NUMBER(1, config.max_readers);
  CHECK(!config.huge_pages && !config.exist_ok && config.pre_touch && !config.lock_in_memory);
  CHECK_NUMBER(ZB_FULL_WAIT, config.full);
  CHECK_NUMBER(ZB_WAIT_SPIN_THEN_BLOCK, config.wait);
  CHECK_NUMBER(2000, config.spin_pauses);
  CHECK_NUMBER(ZB_JOIN_AUTOMATIC, config.join);
  CHECK_NUMBER(0, config.burst_size);
  CHECK_NUMBER(1, config.acknowledge_frames);
  CHECK_NUMBER(256, config.max_held);
  CHECK_NUMBER(0, config.acknowledge_interval_ns);
  CHECK_NUMBER(0, config.share_slots);
}

TEST(an_older_and_smaller_configuration_is_filled_only_as_far_as_it_goes) {
  zb_buffer_config config;
  memset(&config, 0xff, sizeof config);
  CHECK_OK(zb_buffer_config_init(&config, offsetof(zb_buffer_config, full)));
  CHECK_NUMBER(offsetof(zb_buffer_config, full), config.struct_size);
  CHECK_NUMBER(64 << 20, config.payload_size);
  CHECK_NUMBER(UINT32_MAX, config.full);
  CHECK_NUMBER(UINT64_MAX, config.acknowledge_interval_ns);
}

TEST(fields_that_an_older_program_does_not_have_keep_their_defaults) {
  zb_buffer_config config;
  memset(&config, 0xff, sizeof config); /* behind its end stands what would be refused */
  CHECK_OK(zb_buffer_config_init(&config, offsetof(zb_buffer_config, full)));
  config.payload_size = 1000;
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create_anonymous(&config, &reader));
  zb_buffer_info info = {.struct_size = sizeof info};
  CHECK_OK(zb_reader_get_info(reader, &info));
  CHECK_NUMBER(1088, info.capacity);
  zb_reader_close(reader);

  config.struct_size = sizeof config.struct_size; /* not one field: all defaults */
  CHECK_OK(zb_reader_create_anonymous(&config, &reader));
  CHECK_OK(zb_reader_get_info(reader, &info));
  CHECK(info.capacity > 64 << 20);
  zb_reader_close(reader);
}

TEST(a_newer_and_larger_configuration_is_taken_while_its_new_fields_are_zero) {
  later_config later;
  memset(&later, 0xff, sizeof later);
  CHECK_OK(zb_buffer_config_init(&later.known, sizeof later));
  CHECK_NUMBER(sizeof later, later.known.struct_size);
  CHECK_NUMBER(0, later.unknown[0]);
  CHECK_NUMBER(0, later.unknown[1]);
  later.known.payload_size = 1000;
  zb_reader* reader = NULL;
  CHECK_OK(zb_reader_create_anonymous(&later.known, &reader));
  zb_reader_close(reader);
}

TEST(a_field_that_the_library_does_not_know_is_refused_with_the_reason) {
  later_config later;
  CHECK_OK(zb_buffer_config_init(&later.known, sizeof later));
  unsigned char* const last = (unsigned char*)&later + sizeof later - 1;
  *last = 1;
  zb_reader* reader = NULL;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create_anonymous(&later.known, &reader));
  CHECK(reader == NULL);
  CHECK_CONTAINS("does not know", failure_message());
  *last = 0;
  later.unknown[0] = 1;
  zb_writer* writer = NULL;
  CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_create_anonymous(&later.known, &writer));
  CHECK(writer == NULL);
}

TEST(a_size_that_no_struct_has_is_refused) {
  static const size_t sizes[] = {0, 1, 7, 4097, (size_t)1 << 20, (size_t)-1, 0xcccccccccccccccc};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    zb_buffer_config config;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_buffer_config_init(&config, sizes[i]));
    config = small_ring(1000);
    config.struct_size = sizes[i];
    zb_reader* reader = NULL;
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_create_anonymous(&config, &reader));
    CHECK_CONTAINS("struct_size", failure_message());
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_buffer_config_for_frames(&config, 1000, 3));
    zb_failure failure = {.struct_size = sizes[i]};
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_last_failure(&failure));

    both ends = open_both(&(zb_buffer_config){.struct_size = 16, .payload_size = 1000});
    zb_buffer_info info = {.struct_size = sizes[i]};
    zb_reader_stats reader_stats = {.struct_size = sizes[i]};
    zb_writer_stats writer_stats = {.struct_size = sizes[i]};
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_get_info(ends.reader, &info));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_get_info(ends.writer, &info));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_reader_get_stats(ends.reader, &reader_stats));
    CHECK_STATUS(ZB_INVALID_ARGUMENT, zb_writer_get_stats(ends.writer, &writer_stats));
    CHECK_NUMBER(sizes[i], info.struct_size);
    CHECK_NUMBER(sizes[i], reader_stats.struct_size);
    CHECK_NUMBER(sizes[i], writer_stats.struct_size);
    close_both(&ends);
  }
}

/* Asks with every size from the smallest to one beyond this library's, and looks at each byte. */
#define CHECK_FILLED(type, fill)                                                                 \
  do {                                                                                           \
    union {                                                                                      \
      type known;                                                                                \
      unsigned char bytes[sizeof(type) + 32];                                                    \
    } whole, asked;                                                                              \
    memset(&whole, 0xee, sizeof whole);                                                          \
    whole.known.struct_size = sizeof(type);                                                      \
    CHECK_OK(fill(&whole.known));                                                                \
    for (size_t size = sizeof(size_t); size <= sizeof asked - 8; ++size) {                       \
      memset(&asked, 0xee, sizeof asked);                                                        \
      asked.known.struct_size = size;                                                            \
      CHECK_OK(fill(&asked.known));                                                              \
      CHECK_NUMBER(size, asked.known.struct_size);                                               \
      for (size_t i = sizeof(size_t); i < sizeof asked; ++i) {                                   \
        const unsigned char expected = i >= size ? 0xee : i < sizeof(type) ? whole.bytes[i] : 0; \
        if (asked.bytes[i] != expected) {                                                        \
          check_failed(__FILE__, __LINE__, "byte %zu of a %s of %zu bytes", i, #type, size);     \
        }                                                                                        \
      }                                                                                          \
    }                                                                                            \
  } while (0)

static both ends_of_growth;
static zb_status reader_info(zb_buffer_info* info) { return zb_reader_get_info(ends_of_growth.reader, info); }
static zb_status writer_info(zb_buffer_info* info) { return zb_writer_get_info(ends_of_growth.writer, info); }
static zb_status reader_stats(zb_reader_stats* stats) { return zb_reader_get_stats(ends_of_growth.reader, stats); }
static zb_status writer_stats(zb_writer_stats* stats) { return zb_writer_get_stats(ends_of_growth.writer, stats); }
static zb_shared_writer* shared_of_growth;
static zb_status stats_of_shared(zb_shared_writer_stats* stats) {
  return zb_shared_writer_get_stats(shared_of_growth, stats);
}
static channel channel_of_growth;
static zb_status client_info(zb_duplex_info* info) { return zb_client_get_info(channel_of_growth.client, info); }
static zb_status server_info(zb_duplex_info* info) { return zb_server_get_info(channel_of_growth.server, info); }
static zb_status stats_of_client(zb_duplex_stats* stats) {
  return zb_client_get_stats(channel_of_growth.client, stats);
}
static zb_status stats_of_server(zb_duplex_stats* stats) {
  return zb_server_get_stats(channel_of_growth.server, stats);
}

TEST(what_is_filled_ends_where_the_caller_says_and_what_the_library_does_not_know_becomes_zero) {
  zb_buffer_config config = small_ring(1000);
  ends_of_growth = open_both(&config);
  send_tag(ends_of_growth.writer, 1);
  expect_tag(ends_of_growth.reader, 1);
  CHECK_STATUS(ZB_NOT_FOUND, zb_remove_dead("no-such-buffer-anywhere"));
  CHECK_FILLED(zb_failure, zb_last_failure);
  CHECK_FILLED(zb_buffer_info, reader_info);
  CHECK_FILLED(zb_buffer_info, writer_info);
  CHECK_FILLED(zb_reader_stats, reader_stats);
  CHECK_FILLED(zb_writer_stats, writer_stats);
  CHECK_OK(zb_shared_writer_create(ends_of_growth.writer, ends_of_growth.reader, &shared_of_growth));
  CHECK_FILLED(zb_shared_writer_stats, stats_of_shared);
  CHECK_OK(zb_shared_writer_close(shared_of_growth, 0, NULL));
  close_both(&ends_of_growth);

  zb_duplex_config for_calls = small_channel(1000, 1000);
  channel_of_growth = open_channel(ZB_SERVER_IMMUTABLE, &for_calls);
  CHECK_FILLED(zb_duplex_info, client_info);
  CHECK_FILLED(zb_duplex_info, server_info);
  CHECK_FILLED(zb_duplex_stats, stats_of_client);
  CHECK_FILLED(zb_duplex_stats, stats_of_server);
  close_channel(&channel_of_growth);
}
