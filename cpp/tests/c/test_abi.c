/* The binary interface, in numbers: a program that was built against an older header must go on working, so none of
 * what stands here may ever change; new fields and values come at the end. */
#include "check.h"

TEST(the_number_of_each_status_is_fixed) {
  static const struct {
    zb_status status;
    unsigned number;
    const char* name;
  } all[] = {
      {ZB_OK, 0, "ok"},
      {ZB_TIMEOUT, 1, "timeout"},
      {ZB_WOULD_BLOCK, 2, "would_block"},
      {ZB_DROPPED, 3, "dropped"},
      {ZB_INTERRUPTED, 4, "interrupted"},
      {ZB_CLOSED, 5, "closed"},
      {ZB_PEER_DEAD, 6, "peer_dead"},
      {ZB_EVICTED, 7, "evicted"},
      {ZB_HELD_FRAMES_BLOCK, 8, "held_frames_block"},
      {ZB_TOO_MANY_HELD, 9, "too_many_held"},
      {ZB_FRAME_TOO_LARGE, 10, "frame_too_large"},
      {ZB_CLAIM_OPEN, 11, "claim_open"},
      {ZB_INVALID_ARGUMENT, 12, "invalid_argument"},
      {ZB_HANDLE_CLOSED, 13, "handle_closed"},
      {ZB_FORKED, 14, "forked"},
      {ZB_METADATA_TOO_LARGE, 15, "metadata_too_large"},
      {ZB_METADATA_EXISTS, 16, "metadata_exists"},
      {ZB_METADATA_IN_USE, 17, "metadata_in_use"},
      {ZB_NOT_FOUND, 18, "not_found"},
      {ZB_ALREADY_EXISTS, 19, "already_exists"},
      {ZB_WRITER_EXISTS, 20, "writer_exists"},
      {ZB_TOO_MANY_READERS, 21, "too_many_readers"},
      {ZB_NOTHING_TO_RESUME, 22, "nothing_to_resume"},
      {ZB_INCOMPATIBLE, 23, "incompatible"},
      {ZB_CORRUPT, 24, "corrupt"},
      {ZB_PERMISSION_DENIED, 25, "permission_denied"},
      {ZB_NO_SPACE, 26, "no_space"},
      {ZB_SYSTEM_ERROR, 27, "system_error"},
      {ZB_REMOTE_ERROR, 28, "remote_error"},
      {ZB_BUFFER_TOO_SMALL, 29, "buffer_too_small"},
      {ZB_LANES_BUSY, 30, "lanes_busy"},
      {ZB_FRAME_LOST, 31, "frame_lost"},
      {ZB_WRONG_SIZE, 32, "wrong_size"},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
    CHECK_NUMBER(i, all[i].number);
    CHECK_NUMBER(all[i].number, all[i].status);
    CHECK_TEXT(all[i].name, zb_status_name(all[i].status));
  }
  CHECK_TEXT("unknown", zb_status_name((zb_status)(sizeof all / sizeof all[0])));
  CHECK_NUMBER(4, sizeof(zb_status));
}

TEST(the_numbers_of_the_choices_are_fixed) {
  CHECK_NUMBER(0, ZB_FULL_WAIT);
  CHECK_NUMBER(1, ZB_FULL_DROP);
  CHECK_NUMBER(0, ZB_WAIT_SPIN);
  CHECK_NUMBER(1, ZB_WAIT_SPIN_THEN_BLOCK);
  CHECK_NUMBER(2, ZB_WAIT_BLOCK);
  CHECK_NUMBER(0, ZB_JOIN_AUTOMATIC);
  CHECK_NUMBER(1, ZB_JOIN_NOW);
  CHECK_NUMBER(2, ZB_JOIN_OLDEST);
  CHECK_NUMBER(3, ZB_JOIN_RESUME);
  CHECK_NUMBER(0, ZB_SERVER_IMMUTABLE);
  CHECK_NUMBER(1, ZB_SERVER_IN_PLACE);
  CHECK_NUMBER(0, ZB_FORWARDED_SHARED);
  CHECK_NUMBER(1, ZB_FORWARDED_COPIED);
  CHECK(ZB_FOREVER == INT64_C(9223372036854775807));
}

#define AT(type, field, offset) CHECK_NUMBER(offset, offsetof(type, field))

TEST(a_frame_and_a_claim_keep_their_layout) {
  AT(zb_frame, owner, 0);
  AT(zb_frame, data, 8);
  AT(zb_frame, size, 16);
  AT(zb_frame, sequence, 24);
  AT(zb_frame, tag, 32);
  AT(zb_frame, slot, 40);
  AT(zb_frame, type, 44);
  AT(zb_frame, reserved, 46);
  CHECK_NUMBER(48, sizeof(zb_frame));
  AT(zb_claim, owner, 0);
  AT(zb_claim, data, 8);
  AT(zb_claim, size, 16);
  CHECK_NUMBER(24, sizeof(zb_claim));
}

TEST(what_belongs_to_a_call_keeps_its_layout) {
  AT(zb_response, owner, 0);
  AT(zb_response, data, 8);
  AT(zb_response, size, 16);
  AT(zb_response, sequence, 24);
  AT(zb_response, slot, 32);
  AT(zb_response, type, 36);
  AT(zb_response, reserved, 38);
  CHECK_NUMBER(40, sizeof(zb_response));
  AT(zb_received, size, 0);
  AT(zb_received, sequence, 8);
  AT(zb_received, type, 16);
  CHECK_NUMBER(24, sizeof(zb_received));
  AT(zb_call, owner, 0);
  AT(zb_call, sequence, 8);
  CHECK_NUMBER(16, sizeof(zb_call));
  AT(zb_outgoing, owner, 0);
  AT(zb_outgoing, data, 8);
  AT(zb_outgoing, size, 16);
  AT(zb_outgoing, pipelined, 24);
  AT(zb_outgoing, reserved, 28);
  CHECK_NUMBER(32, sizeof(zb_outgoing));
  AT(zb_request, owner, 0);
  AT(zb_request, data, 8);
  AT(zb_request, size, 16);
  AT(zb_request, bytes, 24);
  AT(zb_request, room, 32);
  AT(zb_request, sequence, 40);
  AT(zb_request, tag, 48);
  AT(zb_request, client, 56);
  AT(zb_request, ticket, 64);
  AT(zb_request, slot, 72);
  AT(zb_request, type, 76);
  AT(zb_request, reserved, 78);
  CHECK_NUMBER(80, sizeof(zb_request));
  AT(zb_request_info, struct_size, 0);
  AT(zb_request_info, tag, 8);
  AT(zb_request_info, response_capacity, 16);
  AT(zb_request_info, type, 24);
  CHECK_NUMBER(32, sizeof(zb_request_info));
}

TEST(the_configuration_keeps_its_layout) {
  AT(zb_buffer_config, struct_size, 0);
  AT(zb_buffer_config, payload_size, 8);
  AT(zb_buffer_config, metadata_size, 16);
  AT(zb_buffer_config, max_readers, 24);
  AT(zb_buffer_config, huge_pages, 28);
  AT(zb_buffer_config, exist_ok, 29);
  AT(zb_buffer_config, pre_touch, 30);
  AT(zb_buffer_config, lock_in_memory, 31);
  AT(zb_buffer_config, full, 32);
  AT(zb_buffer_config, wait, 36);
  AT(zb_buffer_config, spin_pauses, 40);
  AT(zb_buffer_config, join, 44);
  AT(zb_buffer_config, burst_size, 48);
  AT(zb_buffer_config, acknowledge_frames, 56);
  AT(zb_buffer_config, max_held, 60);
  AT(zb_buffer_config, acknowledge_interval_ns, 64);
  AT(zb_buffer_config, share_slots, 72);
  CHECK_NUMBER(80, sizeof(zb_buffer_config));

  AT(zb_duplex_config, struct_size, 0);
  AT(zb_duplex_config, request_size, 8);
  AT(zb_duplex_config, response_size, 16);
  AT(zb_duplex_config, callback_size, 24);
  AT(zb_duplex_config, lanes, 32);
  AT(zb_duplex_config, huge_pages, 36);
  AT(zb_duplex_config, exist_ok, 37);
  AT(zb_duplex_config, pre_touch, 38);
  AT(zb_duplex_config, lock_in_memory, 39);
  AT(zb_duplex_config, client_lanes, 40);
  AT(zb_duplex_config, wait, 44);
  AT(zb_duplex_config, spin_pauses, 48);
  AT(zb_duplex_config, max_held, 52);
  CHECK_NUMBER(56, sizeof(zb_duplex_config));
}

TEST(what_is_filled_for_the_caller_keeps_its_layout) {
  AT(zb_failure, struct_size, 0);
  AT(zb_failure, status, 8);
  AT(zb_failure, os_error, 12);
  AT(zb_failure, first, 16);
  AT(zb_failure, second, 24);
  CHECK_NUMBER(32, sizeof(zb_failure));

  AT(zb_buffer_info, struct_size, 0);
  AT(zb_buffer_info, segment_size, 8);
  AT(zb_buffer_info, capacity, 16);
  AT(zb_buffer_info, max_frame_size, 24);
  AT(zb_buffer_info, metadata_size, 32);
  AT(zb_buffer_info, huge_bytes, 40);
  AT(zb_buffer_info, max_readers, 48);
  AT(zb_buffer_info, created, 52);
  AT(zb_buffer_info, share_slots, 56);
  CHECK_NUMBER(64, sizeof(zb_buffer_info));

  AT(zb_reader_stats, struct_size, 0);
  AT(zb_reader_stats, frames, 8);
  AT(zb_reader_stats, bytes, 16);
  AT(zb_reader_stats, lost, 24);
  AT(zb_reader_stats, skipped, 32);
  AT(zb_reader_stats, dropped, 40);
  AT(zb_reader_stats, sleeps, 48);
  AT(zb_reader_stats, barriers, 56);
  AT(zb_reader_stats, wakes, 64);
  AT(zb_reader_stats, liveness_checks, 72);
  AT(zb_reader_stats, unread_bytes, 80);
  AT(zb_reader_stats, held, 88);
  AT(zb_reader_stats, shared_frames, 96);
  AT(zb_reader_stats, shared_copied_bytes, 104);
  CHECK_NUMBER(112, sizeof(zb_reader_stats));

  AT(zb_writer_stats, struct_size, 0);
  AT(zb_writer_stats, frames, 8);
  AT(zb_writer_stats, bytes, 16);
  AT(zb_writer_stats, dropped, 24);
  AT(zb_writer_stats, wraps, 32);
  AT(zb_writer_stats, early_restarts, 40);
  AT(zb_writer_stats, blocked_count, 48);
  AT(zb_writer_stats, blocked_ns, 56);
  AT(zb_writer_stats, readers_lost, 64);
  AT(zb_writer_stats, sleeps, 72);
  AT(zb_writer_stats, barriers, 80);
  AT(zb_writer_stats, wakes, 88);
  AT(zb_writer_stats, liveness_checks, 96);
  AT(zb_writer_stats, unread_bytes, 104);
  AT(zb_writer_stats, readers, 112);
  CHECK_NUMBER(120, sizeof(zb_writer_stats));

  AT(zb_shared_writer_stats, struct_size, 0);
  AT(zb_shared_writer_stats, shared_frames, 8);
  AT(zb_shared_writer_stats, shared_bytes, 16);
  AT(zb_shared_writer_stats, copied_frames, 24);
  AT(zb_shared_writer_stats, copied_bytes, 32);
  AT(zb_shared_writer_stats, given_up, 40);
  AT(zb_shared_writer_stats, kept, 48);
  CHECK_NUMBER(56, sizeof(zb_shared_writer_stats));

  AT(zb_duplex_info, struct_size, 0);
  AT(zb_duplex_info, segment_size, 8);
  AT(zb_duplex_info, max_request_size, 16);
  AT(zb_duplex_info, max_response_size, 24);
  AT(zb_duplex_info, max_callback_size, 32);
  AT(zb_duplex_info, lanes, 40);
  AT(zb_duplex_info, in_place, 44);
  AT(zb_duplex_info, created, 45);
  CHECK_NUMBER(48, sizeof(zb_duplex_info));

  AT(zb_duplex_stats, struct_size, 0);
  AT(zb_duplex_stats, requests, 8);
  AT(zb_duplex_stats, answers, 16);
  AT(zb_duplex_stats, errors, 24);
  AT(zb_duplex_stats, late, 32);
  AT(zb_duplex_stats, copied_bytes, 40);
  AT(zb_duplex_stats, callbacks, 48);
  AT(zb_duplex_stats, sleeps, 56);
  AT(zb_duplex_stats, wakes, 64);
  AT(zb_duplex_stats, lanes, 72);
  CHECK_NUMBER(80, sizeof(zb_duplex_stats));
}
