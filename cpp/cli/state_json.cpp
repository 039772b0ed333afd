// See state_json.hpp.
#include "state_json.hpp"

namespace zerobuffer::cli {
namespace {

Json participant_json(const ParticipantState& participant) {
  return {{"presence", std::string(to_string(participant.presence))},
          {"state", participant.state},
          {"pid", participant.pid},
          {"epoch", participant.epoch}};
}

Json reader_json(const ReaderState& reader) {
  Json json = participant_json(reader);
  json["slot"] = reader.slot;
  json["read_pos"] = reader.read_pos;
  json["read_count"] = reader.read_count;
  json["unread_bytes"] = reader.unread_bytes;
  json["lost"] = reader.lost;
  json["skipped"] = reader.skipped;
  json["waiting"] = reader.waiting;
  return json;
}

Json record_json(const RecordState& record) {
  return {{"position", record.position}, {"length", record.length}, {"size", record.size},
          {"sequence", record.sequence}, {"type", record.type},     {"tag", record.tag},
          {"padding", record.padding}};
}

Json sharing_json(const RecordState& record) {
  return {{"source", record.source}, {"position", record.source_position}, {"sequence", record.source_sequence}};
}

Json pin_json(const PinState& pin) {
  Json json = participant_json(pin);
  json["slot"] = pin.slot;
  json["position"] = pin.holds ? Json(pin.position) : Json(nullptr);
  json["pinned_for"] = pin.pinned_for;
  return json;
}

Json source_json(const SourceState& source) {
  return {{"index", source.index},
          {"version", source.version},
          {"name", source.name},
          {"segment_id", source.segment_id},
          {"last_pos", source.last_pos}};
}

Json lane_json(const LaneState& lane) {
  Json json = participant_json(lane);
  json["lane"] = lane.lane;
  json["client"] = lane.client;
  json["sent"] = lane.sent;
  json["answered"] = lane.answered;
  json["waiting"] = lane.waiting;
  json["begun"] = lane.begun;
  json["sent_pos"] = lane.sent_pos;
  json["answered_pos"] = lane.answered_pos;
  json["let_go_pos"] = lane.let_go_pos;
  json["calls_sent"] = lane.calls_sent;
  json["calls_waiting"] = lane.calls_waiting;
  json["problem"] = lane.problem.empty() ? Json(nullptr) : Json(lane.problem);
  return json;
}

}  // namespace

Json state_json(const BufferState& state, bool with_records) {
  Json json{{"name", state.name},
            {"state", state.state},
            {"problem", state.problem.empty() ? Json(nullptr) : Json(state.problem)},
            {"stale", state.stale},
            {"file_size", state.file_size},
            {"allocated_bytes", state.allocated_bytes},
            {"segment_size", state.segment_size},
            {"segment_id", state.segment_id},
            {"capacity", state.capacity},
            {"max_frame_size", state.max_frame_size},
            {"max_readers", state.max_readers},
            {"metadata_size", state.metadata_size},
            {"metadata_used", state.metadata_used},
            {"metadata_written", state.metadata_written},
            {"write_pos", state.write_pos},
            {"reclaim_pos", state.reclaim_pos},
            {"origin_pos", state.origin_pos},
            {"used_bytes", state.used_bytes},
            {"utilisation",
             state.capacity == 0 ? 0.0 : static_cast<double>(state.used_bytes) / static_cast<double>(state.capacity)},
            {"frames", state.frames},
            {"dropped", state.dropped},
            {"wraps", state.wraps},
            {"blocked_count", state.blocked_count},
            {"blocked_ns", state.blocked_ns},
            {"readers_lost", state.readers_lost}};
  json["writer"] = participant_json(state.writer);
  json["writer"]["waiting"] = state.writer_waiting;
  json["kind"] = state.kind;
  if (state.kind != "stream") {
    json["lanes"] = Json::array();
    for (const LaneState& lane : state.lanes) json["lanes"].push_back(lane_json(lane));
  }
  json["readers"] = Json::array();
  for (const ReaderState& reader : state.readers) json["readers"].push_back(reader_json(reader));
  json["share_slots"] = state.share_slots;
  json["pins"] = Json::array();
  for (const PinState& pin : state.pins) json["pins"].push_back(pin_json(pin));
  json["sources"] = Json::array();
  for (const SourceState& source : state.sources) json["sources"].push_back(source_json(source));
  if (with_records) {
    json["records"] = Json::array();
    for (const RecordState& record : state.records) {
      json["records"].push_back(record_json(record));
      json["records"].back()["shared"] = record.shared ? sharing_json(record) : Json(nullptr);
    }
  }
  return json;
}

}  // namespace zerobuffer::cli
