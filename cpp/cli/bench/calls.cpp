// See calls.hpp.
#include "bench/calls.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "bench/floors.hpp"
#include "bench/message.hpp"
#include "zerobuffer/zerobuffer.hpp"

namespace zerobuffer::cli::bench {
namespace {

constexpr std::chrono::seconds connect_timeout{5};

/// What a server puts into its answer, so that nobody can take a request for one.
constexpr std::uint64_t answered(std::uint64_t sequence) { return ~sequence; }

std::span<const std::byte> bytes_of(const Message& message) { return std::as_bytes(std::span(&message, 1)); }

Message message_in(std::span<const std::byte> bytes) {
  Message message;
  if (bytes.size() != sizeof message) throw std::runtime_error("an answer has another size than its request");
  std::memcpy(&message, bytes.data(), sizeof message);
  return message;
}

/// Serves until a request says stop; that one is answered too.
/// @param handler returns whether to go on
template <class Server, class Handler>
void serve_until_stopped(Session& session, const DuplexConfig& config, Handler handler) {
  Server server = Server::create(session.ring_name(), config).value();
  session.meet();  // the client can come
  session.meet();  // it is there
  const Result<void> ended = server.serve([&](Request& request) {
    if (!handler(request)) server.interrupt();
  });
  if (ended.status() != Status::interrupted) throw Error(ended.failure());
  session.meet();  // the client has closed
}

DuplexClient open_client(Session& session, const DuplexConfig& config) {
  session.meet();
  return DuplexClient::open(session.ring_name(), connect_timeout, config).value();
}

// ---------------------------------------------------------------- 64 bytes

void serve_messages(Session& session, Answer answer, const DuplexConfig& config) {
  if (answer == Answer::in_place) {
    serve_until_stopped<MutableDuplexServer>(session, config, [](Request& request) {
      auto& message = *reinterpret_cast<Message*>(request.bytes().data());
      message.rest[0] = answered(message.sequence);
      const bool go_on = message.sequence != stop_sequence;
      request.respond(request.size()).value();
      return go_on;
    });
  } else {
    serve_until_stopped<ImmutableDuplexServer>(session, config, [](Request& request) {
      Message message = message_in(request.data());
      message.rest[0] = answered(message.sequence);
      request.write(bytes_of(message)).value();
      return message.sequence != stop_sequence;
    });
  }
}

void check_answer(const Message& answer) { check_sequence(answer.rest[0], answered(answer.sequence)); }

void call(DuplexClient& client, const Message& request, Message& answer) {
  const Result<Response> response = client.call(bytes_of(request), forever);
  if (!response) throw Error(response.failure());
  answer = message_in(response->data());
  check_answer(answer);
}

// ---------------------------------------------------------------- pictures

void put_sequence(std::span<std::byte> picture, std::uint64_t sequence) {
  std::memcpy(picture.data(), &sequence, sizeof sequence);
}
std::uint64_t sequence_in(std::span<const std::byte> picture) {
  std::uint64_t sequence = 0;
  std::memcpy(&sequence, picture.data(), sizeof sequence);
  return sequence;
}

/// Writes every byte.
void make_picture(std::span<std::byte> picture, std::uint64_t sequence) {
  std::memset(picture.data(), static_cast<int>(sequence & 0x7f), picture.size());
  put_sequence(picture, sequence);
  touch_memory();
}

/// One byte of each page, as somebody who looks at the answer at least does; each is checked.
void look_at_inverted(std::span<const std::byte> picture, std::uint64_t sequence) {
  if (picture.size() != frame_size) throw std::runtime_error("an answer has another size than its request");
  check_sequence(~sequence_in(picture), sequence);
  const auto expected = static_cast<std::byte>(~sequence & 0xff) | std::byte{0x80};
  bool right = true;
  for (std::size_t i = 64; i < picture.size(); i += 4096) right = right && picture[i] == expected;
  if (!right) throw std::runtime_error("a picture was not inverted: the measurement is worthless");
}

/// Every byte; the same loop wherever it lies.
void invert(const std::byte* from, std::byte* to) {
  static_assert(frame_size % 64 == 0);
  for (std::size_t at = 0; at < frame_size; at += 64) {
    std::uint64_t words[8];
    std::memcpy(words, from + at, sizeof words);
    for (std::uint64_t& word : words) word = ~word;
    std::memcpy(to + at, words, sizeof words);
  }
}

DuplexConfig pictures() {
  DuplexConfig config;
  config.lanes = 1;
  config.request_size = config.response_size = frame_size;
  return config;
}

void serve_pictures(Session& session, Inversion inversion) {
  const auto goes_on = [](const Request& request) { return sequence_in(request.data()) != stop_sequence; };
  if (inversion == Inversion::in_place) {
    serve_until_stopped<MutableDuplexServer>(session, pictures(), [&](Request& request) {
      const bool go_on = goes_on(request);
      invert(request.bytes().data(), request.bytes().data());
      request.respond(request.size()).value();
      return go_on;
    });
  } else if (inversion == Inversion::two_rings) {
    serve_until_stopped<ImmutableDuplexServer>(session, pictures(), [&](Request& request) {
      const bool go_on = goes_on(request);
      invert(request.data().data(), request.claim(request.size()).value().data());
      request.respond(request.size()).value();
      return go_on;
    });
  } else {
    std::vector<std::byte> own(frame_size);
    serve_until_stopped<ImmutableDuplexServer>(session, pictures(), [&](Request& request) {
      const bool go_on = goes_on(request);
      std::memcpy(own.data(), request.data().data(), frame_size);
      touch_memory();
      invert(own.data(), own.data());
      touch_memory();
      request.write(own).value();
      return go_on;
    });
  }
}

/// The client's half. invert() returns how long it took, in ticks.
class PictureClient {
 public:
  PictureClient(Session& session, Inversion inversion)
      : client_(open_client(session, pictures())),
        own_(inversion == Inversion::copying ? frame_size : 0),
        answer_(own_.size()) {}

  std::uint64_t invert(std::uint64_t sequence) { return own_.empty() ? built_there(sequence) : copied(sequence); }

 private:
  std::uint64_t built_there(std::uint64_t sequence) {
    const std::uint64_t before = ticks();
    RequestClaim claim = client_.claim_request(frame_size, 0, forever).value();
    const std::uint64_t claimed = ticks();
    make_picture(claim.data(), sequence);
    const std::uint64_t made = ticks();
    const Response response = claim.call(frame_size, forever).value();
    look_at_inverted(response.data(), sequence);
    return ticks() - made + (claimed - before);
  }
  std::uint64_t copied(std::uint64_t sequence) {
    make_picture(own_, sequence);
    const std::uint64_t made = ticks();
    PendingCall call = client_.begin(own_, forever).value();
    static_cast<void>(call.receive_into(answer_, forever).value());
    look_at_inverted(answer_, sequence);
    return ticks() - made;
  }

  DuplexClient client_;
  std::vector<std::byte> own_;  // only where pictures are copied
  std::vector<std::byte> answer_;
};

// ---------------------------------------------------------------- threads

/// What one thread did.
struct CallingThread {
  Durations durations{400'000};
  std::uint64_t calls = 0;
  std::exception_ptr failure;

  void run(DuplexClient& client, std::uint64_t end_ns) noexcept {
    try {
      Message message;
      Message answer;
      std::uint64_t now_ns = 0;
      do {
        message.sequence = ++calls;
        touch_memory();
        const std::uint64_t start = ticks();
        call(client, message, answer);
        if (!durations.full()) durations.add(ticks() - start);
        check_sequence(answer.sequence, message.sequence);
        if (calls % 64 == 0) now_ns = monotonic_ns();
      } while (calls < 64 || now_ns < end_ns);
    } catch (...) {
      failure = std::current_exception();
    }
  }
};

void call_from(Session& session, unsigned threads) {
  DuplexClient client = open_client(session, {});
  std::vector<CallingThread> callers(threads);
  session.meet();
  const std::uint64_t start_ns = monotonic_ns();
  const std::uint64_t end_ns = start_ns + static_cast<std::uint64_t>(session.duration().count());
  std::vector<std::thread> running;
  for (CallingThread& caller : callers) running.emplace_back([&] { caller.run(client, end_ns); });
  for (std::thread& thread : running) thread.join();
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - start_ns);
  Message stop;
  stop.sequence = stop_sequence;
  static_cast<void>(client.call(bytes_of(stop), forever).value());
  client.close();
  session.meet();

  Durations all(threads * std::size_t{400'000});
  std::uint64_t calls = 0;
  for (const CallingThread& caller : callers) {
    if (caller.failure) std::rethrow_exception(caller.failure);
    calls += caller.calls;
    all.add(caller.durations);
  }
  session.report(static_cast<double>(calls) * 1e3 / elapsed_ns, calls, all.latency());
}

}  // namespace

Workload call_round_trip(Answer answer, bool spinning) {
  DuplexConfig config;
  if (spinning) config.wait = WaitPolicy::spin;
  Workload workload;
  workload.first = [config](Session& session) {
    {
      DuplexClient client = open_client(session, config);
      time_round_trips(session, [&](const Message& sent, Message& got) { call(client, sent, got); });
    }
    session.meet();
  };
  workload.second = [=](Session& session) { serve_messages(session, answer, config); };
  return workload;
}

Workload invert_picture(Inversion inversion) {
  Workload workload;
  workload.first = [inversion](Session& session) {
    {
      PictureClient client(session, inversion);
      Durations durations(100'000);
      session.meet();
      const auto duration = static_cast<std::uint64_t>(session.duration().count());
      const std::uint64_t start_ns = monotonic_ns();
      std::uint64_t sequence = 0;
      // A few pictures even on a machine that is so busy that time runs out at once; the first two warm up.
      while (sequence < 8 || monotonic_ns() - start_ns < duration) {
        const std::uint64_t elapsed = client.invert(++sequence);
        if (sequence > 2) durations.add(elapsed);
      }
      client.invert(stop_sequence);
      const Latency latency = durations.latency();
      session.report(latency.at(0.5) * 1e-3, durations.count(), latency);
    }
    session.meet();
  };
  workload.second = [inversion](Session& session) { serve_pictures(session, inversion); };
  return workload;
}

Workload call_from_threads(unsigned threads) {
  Workload workload;
  workload.first = [threads](Session& session) { call_from(session, threads); };
  workload.second = [](Session& session) { serve_messages(session, Answer::in_place, {}); };
  return workload;
}

}  // namespace zerobuffer::cli::bench
