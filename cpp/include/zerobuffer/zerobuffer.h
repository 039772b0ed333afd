/* The C interface of ZeroBuffer (libzerobuffer.so): everything that the classes of C++ do, for C and for every language
 * that can call C: frames that are written and read, and calls that are made and answered. This header needs nothing
 * but the C standard library.
 *
 * Answers. Every call that can fail returns a zb_status; ZB_OK is 0. ZB_TIMEOUT, ZB_WOULD_BLOCK and ZB_DROPPED say that
 * there is nothing yet and are no failures. zb_status_text() says in general what a status means and what to do;
 * zb_last_failure() and zb_last_failure_message() give the numbers and the sentence for the last call of this thread
 * that failed. No C++ exception leaves the library. A function that is given NULL where something is needed answers
 * ZB_INVALID_ARGUMENT; NULL instead of a handle answers ZB_HANDLE_CLOSED. A handle, and the owner of a frame or of
 * another such struct, that a call was to give is NULL where it answered anything but ZB_OK.
 *
 * Ownership. A handle (zb_reader, zb_writer, zb_client, zb_server) belongs to who made it and ends with its close
 * function, after which it must not be used. A struct with an `owner` (zb_frame, zb_claim, zb_outgoing, zb_call,
 * zb_response, zb_request) belongs to who got it, and says which functions end it. A copy of such a struct is the same
 * thing: end one of them only.
 *
 * Threads. Unless a function says otherwise, one thread at a time calls the functions of one reader or writer.
 * zb_reader_interrupt(), zb_reader_get_stats() and their writer twins may be called from any thread until the handle is
 * closed, and any thread may release a frame, also after its reader was closed. Any threads may call the functions of
 * one client or server at the same time, but not its close function.
 *
 * Growth. Structs that the caller fills or gets filled begin with their own size; set it to sizeof, or let the _init
 * function do it. A library newer than the header uses only the fields that the caller has; one that is older refuses
 * fields that it does not know unless they are zero, and sets them to zero where it fills.
 *
 * The library is never unloaded: dlclose() leaves it where it is, because its threads stay.
 *
 * Timeouts are nanoseconds of the monotonic clock. 0 looks once, ZB_FOREVER waits without end; what is negative counts
 * as 0. A signal that interrupts a system call ends no wait. */
#ifndef ZEROBUFFER_H
#define ZEROBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(ZEROBUFFER_BUILDING_C_API)
#define ZB_API __attribute__((visibility("default")))
#else
#define ZB_API
#endif

/* ------------------------------------------------------------------------------------------------ answers */

/* What a call answered. The values are part of the binary interface and never change; new ones are added at the end.
 * Each is described by zb_status_text(), and in zerobuffer/status.hpp. */
typedef enum zb_status {
  ZB_OK = 0,
  /* nothing there yet */
  ZB_TIMEOUT = 1,
  ZB_WOULD_BLOCK = 2,
  ZB_DROPPED = 3,
  ZB_INTERRUPTED = 4,
  /* the other side */
  ZB_CLOSED = 5,
  ZB_PEER_DEAD = 6,
  ZB_EVICTED = 7,
  ZB_HELD_FRAMES_BLOCK = 8,
  ZB_TOO_MANY_HELD = 9,
  /* mistakes of the caller */
  ZB_FRAME_TOO_LARGE = 10,
  ZB_CLAIM_OPEN = 11,
  ZB_INVALID_ARGUMENT = 12,
  ZB_HANDLE_CLOSED = 13,
  ZB_FORKED = 14,
  ZB_METADATA_TOO_LARGE = 15,
  ZB_METADATA_EXISTS = 16,
  ZB_METADATA_IN_USE = 17,
  /* attaching */
  ZB_NOT_FOUND = 18,
  ZB_ALREADY_EXISTS = 19,
  ZB_WRITER_EXISTS = 20,
  ZB_TOO_MANY_READERS = 21,
  ZB_NOTHING_TO_RESUME = 22,
  ZB_INCOMPATIBLE = 23,
  ZB_CORRUPT = 24,
  ZB_PERMISSION_DENIED = 25,
  ZB_NO_SPACE = 26,
  ZB_SYSTEM_ERROR = 27,
  /* calls */
  ZB_REMOTE_ERROR = 28,
  ZB_BUFFER_TOO_SMALL = 29,
  ZB_LANES_BUSY = 30,
  /* sharing */
  ZB_FRAME_LOST = 31,
  /* messages */
  ZB_WRONG_SIZE = 32
} zb_status;

/* The name of a status, e.g. "peer_dead"; "unknown" for a value that is none. Static text. Any thread, never blocks. */
ZB_API const char* zb_status_name(zb_status status);

/* What a status means and what to do about it: a sentence of static text. Any thread, never blocks. */
ZB_API const char* zb_status_text(zb_status status);

/* The last call of this thread that answered with a failure (not with ZB_OK or one of the three that are none); what
 * zb_last_failure() answers itself does not count. */
typedef struct zb_failure {
  size_t struct_size; /* set by the caller: sizeof(zb_failure) */
  zb_status status;   /* ZB_OK where no call of this thread has failed yet */
  int32_t os_error;   /* errno where the operating system refused, else 0 */
  uint64_t first;     /* what was asked for (ZB_BUFFER_TOO_SMALL: is needed; ZB_WRONG_SIZE: the frame has;
                         ZB_REMOTE_ERROR: the sequence), and ... */
  uint64_t second;    /* ... what there is; 0 where a status has no numbers */
} zb_failure;

/* Fills *failure. Answers ZB_INVALID_ARGUMENT for NULL or an impossible struct_size. Never blocks or allocates. */
ZB_API zb_status zb_last_failure(zb_failure* failure);

/* Writes what was wrong, the numbers involved and what to do (ZB_REMOTE_ERROR: what the server said), as UTF-8 text
 * with a terminating zero, cut to `size` but never within a character. Returns the length of the whole text without the
 * zero (as snprintf does); `buffer` may be NULL to ask for that. Never blocks; allocates. */
ZB_API size_t zb_last_failure_message(char* buffer, size_t size);

/* Version of the library, MAJOR.MINOR.PATCH, and of the wire protocol, MAJOR.MINOR. Static text. */
ZB_API const char* zb_version(void);
ZB_API const char* zb_protocol_version(void);

/* ------------------------------------------------------------------------------------------------ configuration */

#define ZB_FOREVER INT64_MAX

/* What a writer does when the ring is full. */
enum { ZB_FULL_WAIT = 0, ZB_FULL_DROP = 1 };
/* How an end waits for the other. */
enum { ZB_WAIT_SPIN = 0, ZB_WAIT_SPIN_THEN_BLOCK = 1, ZB_WAIT_BLOCK = 2 };
/* Where a reader that attaches begins. */
enum { ZB_JOIN_AUTOMATIC = 0, ZB_JOIN_NOW = 1, ZB_JOIN_OLDEST = 2, ZB_JOIN_RESUME = 3 };

/* Geometry of a buffer (used by who creates it, compared by exist_ok) and behaviour of this end (used by both). Fill
 * it with zb_buffer_config_init() first; the values in brackets are what that sets. */
typedef struct zb_buffer_config {
  size_t struct_size; /* bytes of this struct as the caller knows it */
  /* geometry */
  uint64_t payload_size;  /* bytes; one frame of this size fits: 1 … 128 GiB - 32 [64 MiB] */
  uint64_t metadata_size; /* bytes for the metadata; may be 0 [4096] */
  uint32_t max_readers;   /* 1 … 64; each of them sees every frame [1] */
  bool huge_pages;        /* ask for 2 MiB pages [false] */
  bool exist_ok;          /* open a living buffer of the same geometry instead of failing [false] */
  bool pre_touch;         /* behaviour: map all pages of the ring now [true] */
  bool lock_in_memory;    /* behaviour: mlock() the ring; a refusal is an error [false] */
  /* behaviour of this end */
  uint32_t full;        /* writer: ZB_FULL_… [ZB_FULL_WAIT] */
  uint32_t wait;        /* ZB_WAIT_… [ZB_WAIT_SPIN_THEN_BLOCK] */
  uint32_t spin_pauses; /* pauses before sleeping [2000] */
  uint32_t join;        /* reader: ZB_JOIN_… [ZB_JOIN_AUTOMATIC] */
  uint64_t burst_size;  /* writer: bytes that can be written while no caught-up reader moves; 0: half the ring [0] */
  uint32_t acknowledge_frames;      /* reader: tell the writer of freed room after so many frames, at least 1 [1] */
  uint32_t max_held;                /* reader: frames held at the same time, 1 … 65,536 [256] */
  uint64_t acknowledge_interval_ns; /* reader: … and, where not 0, at the first call after this time [0] */
  /* geometry: 0: no sharing (zb_shared_writer); else how many readers of other buffers can look at frames of this one
   * at the same time without copying them, 1 … 64 [0] */
  uint32_t share_slots;
} zb_buffer_config;

/* Fills *config with the defaults. `struct_size` is sizeof(zb_buffer_config) as the caller knows it.
 * Answers ZB_INVALID_ARGUMENT for NULL or an impossible size. Any thread; never blocks. */
ZB_API zb_status zb_buffer_config_init(zb_buffer_config* config, size_t struct_size);

/* Sets payload_size and burst_size for frames of `frame_size` bytes of which `in_flight` (0 counts as 1) can always be
 * written while no reader moves; sizes that cannot be are refused when the buffer is made. Answers ZB_INVALID_ARGUMENT
 * for NULL and for a config without these fields. Any thread; never blocks. */
ZB_API zb_status zb_buffer_config_for_frames(zb_buffer_config* config, uint64_t frame_size, uint32_t in_flight);

/* What a buffer really is. */
typedef struct zb_buffer_info {
  size_t struct_size;      /* set by the caller */
  uint64_t segment_size;   /* bytes of shared memory */
  uint64_t capacity;       /* bytes of ring; a frame takes its size + 32, rounded up to 64 */
  uint64_t max_frame_size; /* bytes; capacity - 32 */
  uint64_t metadata_size;  /* bytes of the metadata block */
  uint64_t huge_bytes;     /* bytes of this mapping in huge pages now (reads /proc: not per frame) */
  uint32_t max_readers;
  bool created; /* this end made the buffer */
  uint32_t share_slots;
} zb_buffer_info;

/* Keeps the memory of a buffer mapped in this process (not the reader's or writer's place in it) until
 * zb_mapping_release(), so that pointers into it never fault after the close. NULL where there is no memory; releasing
 * NULL is harmless. Any thread releases; never blocks. */
typedef struct zb_mapping zb_mapping;
ZB_API void zb_mapping_release(zb_mapping* mapping);

/* ------------------------------------------------------------------------------------------------ being called back */

/* Called once, by a thread of the library, when another look is worth it. Must not block; it may call any function of
 * this header. See zb_reader_when_ready(). */
typedef void (*zb_ready_callback)(void* context);

/* Called while a handle waits, about every 10 ms of spinning, at least every 100 ms of sleeping, and whenever a signal
 * ended a sleep; true ends the wait with ZB_INTERRUPTED. */
typedef bool (*zb_wait_hook)(void* context);

/* ------------------------------------------------------------------------------------------------ reading */

typedef struct zb_reader zb_reader;

/* A received frame: bytes in the ring, valid and unchanged until zb_frame_release(), also when the reader was closed
 * before. Read its fields; `owner` and `slot` are the library's. */
typedef struct zb_frame {
  void* owner;       /* NULL where this holds no frame */
  const void* data;  /* 64-byte aligned; read-only */
  size_t size;       /* bytes */
  uint64_t sequence; /* 1 for the first frame of the buffer, and one more for each */
  uint64_t tag;      /* the application's */
  uint32_t slot;
  uint16_t type; /* 0 normal, 2 array frame (docs/arrays.md), 1-127 reserved, from 128 the application's */
  uint16_t reserved;
} zb_frame;

/* Counters of a reader; all begin at 0 with each reader unless said otherwise. */
typedef struct zb_reader_stats {
  size_t struct_size; /* set by the caller */
  uint64_t frames;    /* handed out */
  uint64_t bytes;     /* payload bytes handed out */
  uint64_t lost;      /* frames that this reader should have seen and did not: a resume came too late; ZB_FRAME_LOST */
  uint64_t skipped;   /* passed over by zb_reader_read_newest() */
  uint64_t dropped;   /* frames that the writer dropped since the buffer was made */
  uint64_t sleeps;    /* futex waits */
  uint64_t barriers;  /* barriers before sleeping */
  uint64_t wakes;     /* futex wakes */
  uint64_t liveness_checks;
  uint64_t unread_bytes;        /* bytes of ring published and not yet handed out */
  uint32_t held;                /* frames from the oldest one held to the last one handed out */
  uint64_t shared_frames;       /* handed out that lie in another buffer (zb_shared_writer) … */
  uint64_t shared_copied_bytes; /* … and bytes of such frames copied, as that buffer had no pin free */
} zb_reader_stats;

/* Makes a buffer and attaches its first reader. A stale buffer of that name (all users dead) is taken over.
 * name: [A-Za-z0-9._-]{1,200}, not beginning with a dot; the file is /dev/shm/NAME, mode 0600.
 * config: NULL for the defaults.
 * Answers: ZB_ALREADY_EXISTS, ZB_INVALID_ARGUMENT, ZB_NO_SPACE, ZB_PERMISSION_DENIED, ZB_SYSTEM_ERROR; with exist_ok
 * also what zb_reader_open() answers. Any thread. Blocks for the time it takes to reserve the memory. */
ZB_API zb_status zb_reader_create(const char* name, const zb_buffer_config* config, zb_reader** reader);

/* Attaches a further reader to a buffer, and waits up to timeout_ns for the buffer to appear.
 * Answers: ZB_NOT_FOUND, ZB_TOO_MANY_READERS, ZB_NOTHING_TO_RESUME, ZB_INCOMPATIBLE, ZB_CORRUPT, ZB_PERMISSION_DENIED,
 * ZB_INVALID_ARGUMENT, ZB_SYSTEM_ERROR. Any thread. */
ZB_API zb_status zb_reader_open(const char* name, int64_t timeout_ns, const zb_buffer_config* config,
                                zb_reader** reader);

/* A buffer without a name: a sealed memfd, to be passed on through zb_reader_fd(). */
ZB_API zb_status zb_reader_create_anonymous(const zb_buffer_config* config, zb_reader** reader);
/* Attaches to an anonymous buffer. `fd` is duplicated; the caller keeps his own. Answers as zb_reader_open(), but not
 * ZB_NOT_FOUND. */
ZB_API zb_status zb_reader_open_fd(int fd, const zb_buffer_config* config, zb_reader** reader);

/* Waits for the next frame, which the caller releases.
 * Answers: ZB_TIMEOUT; ZB_CLOSED when the writer has closed and all was read; ZB_PEER_DEAD, once per dead writer, when
 * all that it committed was read; ZB_FRAME_LOST where the next frame lay in another buffer and is gone (it was stepped
 * over: read on); ZB_HELD_FRAMES_BLOCK, ZB_TOO_MANY_HELD, ZB_EVICTED, ZB_CORRUPT (from then on: open anew),
 * ZB_INTERRUPTED, ZB_FORKED. Never allocates. */
ZB_API zb_status zb_reader_read(zb_reader* reader, int64_t timeout_ns, zb_frame* frame);

/* The next frame if there is one, else ZB_WOULD_BLOCK; else as zb_reader_read(). Never blocks. */
ZB_API zb_status zb_reader_try_read(zb_reader* reader, zb_frame* frame);

/* Waits for a frame, then takes as many as there are, up to `capacity`; *count says how many (0 unless ZB_OK).
 * Answers as zb_reader_read(). */
ZB_API zb_status zb_reader_read_many(zb_reader* reader, int64_t timeout_ns, zb_frame* frames, size_t capacity,
                                     size_t* count);

/* For streams of many small frames of one size: waits for a frame, then copies as many as there are, one after the
 * other, into `messages`, which has room for `capacity` of `message_size` bytes each; *count says how many (0 unless
 * ZB_OK). Their room goes back to the writer at once. A frame of another size is not taken: where it is the first, the
 * answer is ZB_WRONG_SIZE (zb_last_failure(): its size and message_size), else those before it are. Answers as
 * zb_reader_read(); also ZB_INVALID_ARGUMENT for a message_size of 0. Never allocates. */
ZB_API zb_status zb_reader_read_messages(zb_reader* reader, int64_t timeout_ns, void* messages, size_t message_size,
                                         size_t capacity, size_t* count);

/* Waits for a frame that was not yet handed out, then takes the newest one; those in between are let go and counted
 * (skipped). Answers as zb_reader_read(). */
ZB_API zb_status zb_reader_read_newest(zb_reader* reader, int64_t timeout_ns, zb_frame* frame);

/* Gives the bytes back to the writer and clears owner, data and size; again is harmless. Any thread. Never blocks. */
ZB_API void zb_frame_release(zb_frame* frame);

/* Waits until the writer has written the metadata and copies it, cut to `capacity`; *size is the whole length (0 where
 * it is empty). Call with capacity 0 to ask for the length. Answers: ZB_TIMEOUT, ZB_CLOSED, ZB_PEER_DEAD,
 * ZB_INTERRUPTED, ZB_CORRUPT. With timeout 0 from any thread, once the metadata is there. Allocates. */
ZB_API zb_status zb_reader_metadata(zb_reader* reader, int64_t timeout_ns, void* buffer, size_t capacity, size_t* size);

/* Asks for a call of `callback(context)`, once, as soon as zb_reader_try_read() is worth calling: a frame, the end of
 * the stream, a death, an interrupt. It may also come for nothing: look, and ask again. If it is worth it now, the
 * callback may come before this function returns.
 * One thread of the library serves all readers and writers of the process that are asked for (more where the kernel
 * has no futex_waitv, before Linux 5.16, or for more than 127 of them). Until the callback comes or
 * zb_reader_cancel_when() returns, call nothing of this handle but zb_reader_cancel_when(), _interrupt(), _get_stats()
 * and _close() (which cancels).
 * Answers: ZB_INTERRUPTED where zb_reader_interrupt() came first (the callback does not come then); ZB_HANDLE_CLOSED,
 * ZB_FORKED; ZB_INVALID_ARGUMENT where a callback is asked for already; ZB_SYSTEM_ERROR where no thread can be started.
 * Never blocks. Allocates. */
ZB_API zb_status zb_reader_when_ready(zb_reader* reader, zb_ready_callback callback, void* context);

/* As zb_reader_when_ready(), for zb_reader_metadata() with timeout 0. */
ZB_API zb_status zb_reader_when_metadata(zb_reader* reader, zb_ready_callback callback, void* context);

/* Takes the wish back. True: the callback did not come and will not. False: it has come, or none was asked for. The
 * callback is not running any more when this returns, unless it is the callback itself that calls. Any thread. */
ZB_API bool zb_reader_cancel_when(zb_reader* reader);

/* Ends a wait of this reader in another thread, or else its next one, with ZB_INTERRUPTED. Any thread, also a signal
 * handler. Never blocks. */
ZB_API void zb_reader_interrupt(zb_reader* reader);
/* Sets what is called while this reader waits; NULL: nothing. */
ZB_API void zb_reader_set_wait_hook(zb_reader* reader, zb_wait_hook hook, void* context);

/* Fill the struct whose struct_size the caller has set. Never block. */
ZB_API zb_status zb_reader_get_stats(const zb_reader* reader, zb_reader_stats* stats);
ZB_API zb_status zb_reader_get_info(const zb_reader* reader, zb_buffer_info* info);
/* Descriptor of an anonymous buffer (owned by the reader), -1 for a named one. */
ZB_API int zb_reader_fd(const zb_reader* reader);

/* See zb_mapping. Never blocks. Allocates. */
ZB_API zb_mapping* zb_reader_mapping(const zb_reader* reader);

/* Detaches and frees the handle. Frames still held stay valid until they are released; their room comes back then.
 * NULL is harmless. Never blocks. */
ZB_API void zb_reader_close(zb_reader* reader);

/* ------------------------------------------------------------------------------------------------ writing */

typedef struct zb_writer zb_writer;

/* Room for one frame, in the ring itself. Fill `data`, then zb_claim_commit(); without it nothing is sent. One at a
 * time per writer; it is the writer's thread that fills and commits. Valid until commit, discard, or zb_writer_close();
 * commit or discard it even after that, so that its memory is freed. */
typedef struct zb_claim {
  void* owner; /* NULL where this holds no claim */
  void* data;  /* 64-byte aligned; content undefined */
  size_t size; /* bytes */
} zb_claim;

/* Counters of a writer. Those of "this end" begin at 0 with each writer, the others live in the buffer. */
typedef struct zb_writer_stats {
  size_t struct_size;      /* set by the caller */
  uint64_t frames;         /* published since the buffer was made */
  uint64_t bytes;          /* payload bytes published by this end */
  uint64_t dropped;        /* frames dropped since the buffer was made */
  uint64_t wraps;          /* times the ring was begun anew, early restarts included */
  uint64_t early_restarts; /* … of which by this end before the end was reached */
  uint64_t blocked_count;  /* waits for room */
  uint64_t blocked_ns;
  uint64_t readers_lost; /* dead readers whose slot was taken back */
  uint64_t sleeps;       /* this end: futex waits */
  uint64_t barriers;     /* this end: barriers before sleeping */
  uint64_t wakes;        /* this end: futex wakes */
  uint64_t liveness_checks;
  uint64_t unread_bytes; /* bytes of ring between the slowest reader and the writer */
  uint32_t readers;      /* attached and alive now */
} zb_writer_stats;

/* As their reader twins; opening also answers ZB_WRITER_EXISTS. A successor of a dead or closed writer continues its
 * sequence. */
ZB_API zb_status zb_writer_create(const char* name, const zb_buffer_config* config, zb_writer** writer);
ZB_API zb_status zb_writer_open(const char* name, int64_t timeout_ns, const zb_buffer_config* config,
                                zb_writer** writer);
ZB_API zb_status zb_writer_create_anonymous(const zb_buffer_config* config, zb_writer** writer);
ZB_API zb_status zb_writer_open_fd(int fd, const zb_buffer_config* config, zb_writer** writer);

/* Takes room for a frame of up to `size` bytes, 0 … max_frame_size, which the caller commits or discards.
 * Answers: ZB_TIMEOUT; ZB_DROPPED (ZB_FULL_DROP); ZB_CLOSED when every reader has closed and the ring is full;
 * ZB_PEER_DEAD when the last reader died; ZB_FRAME_TOO_LARGE, ZB_CLAIM_OPEN, ZB_INTERRUPTED, ZB_FORKED, ZB_CORRUPT.
 * Never allocates. */
ZB_API zb_status zb_writer_claim(zb_writer* writer, size_t size, int64_t timeout_ns, zb_claim* claim);
/* As zb_writer_claim(), but ZB_WOULD_BLOCK instead of waiting. Never blocks. */
ZB_API zb_status zb_writer_try_claim(zb_writer* writer, size_t size, zb_claim* claim);

/* Publishes the first n bytes as a frame and clears the struct; what is more goes back to the ring.
 * Answers: ZB_INVALID_ARGUMENT for n > size (the claim stays open); ZB_HANDLE_CLOSED after commit, discard or close;
 * ZB_FORKED. Never blocks or allocates. */
ZB_API zb_status zb_claim_commit(zb_claim* claim, size_t n, uint16_t type, uint64_t tag);
/* Gives the room back and clears the struct; nothing is sent and no sequence used. Again is harmless. */
ZB_API void zb_claim_discard(zb_claim* claim);

/* Sends a copy of `size` bytes: claim, copy and commit, nothing else. Answers as zb_writer_claim(). */
ZB_API zb_status zb_writer_write(zb_writer* writer, const void* data, size_t size, int64_t timeout_ns, uint16_t type,
                                 uint64_t tag);
ZB_API zb_status zb_writer_try_write(zb_writer* writer, const void* data, size_t size, uint16_t type, uint64_t tag);

/* For streams of many small frames of one size: sends `count` frames of `message_size` bytes, which lie one after the
 * other in `messages`, all with this type and tag. They are published some at a time; where the ring is full, this
 * waits. *written says how many were sent, always the first ones: all, or fewer where the time ran out, the wait was
 * interrupted, or the readers have gone; call again with the rest to go on, or to hear why. Where none was sent, the
 * answer says why, as zb_writer_claim(). ZB_FULL_DROP: those without room are dropped and counted, *written of them are
 * not. Also ZB_INVALID_ARGUMENT for a message_size of 0. Never allocates. */
ZB_API zb_status zb_writer_write_messages(zb_writer* writer, const void* messages, size_t message_size, size_t count,
                                          int64_t timeout_ns, uint16_t type, uint64_t tag, size_t* written);

/* Frames committed between the two are published together: one store, one wake-up. Not atomic: a batch that has to
 * wait for room publishes what it has. Begin inside a batch is harmless, end without one too; closing ends it. */
ZB_API void zb_writer_begin_batch(zb_writer* writer);
ZB_API void zb_writer_end_batch(zb_writer* writer);

/* Writes the metadata, once, before the first frame; identical bytes from a successor are no change.
 * Answers: ZB_METADATA_TOO_LARGE, ZB_METADATA_EXISTS, ZB_METADATA_IN_USE, ZB_FORKED. */
ZB_API zb_status zb_writer_write_metadata(zb_writer* writer, const void* metadata, size_t size);

/* Waits until at least n readers are attached. Answers: ZB_TIMEOUT, ZB_INVALID_ARGUMENT (n > max_readers),
 * ZB_INTERRUPTED. */
ZB_API zb_status zb_writer_wait_for_readers(zb_writer* writer, uint32_t n, int64_t timeout_ns);
/* Waits until the readers have let every frame go. Answers: ZB_TIMEOUT, ZB_CLOSED, ZB_PEER_DEAD, ZB_INTERRUPTED. */
ZB_API zb_status zb_writer_drain(zb_writer* writer, int64_t timeout_ns);
/* Frees the slots of readers that died, and goes on as if nobody had attached yet; *freed (may be NULL) says how many.
 * Never blocks. */
ZB_API zb_status zb_writer_forget_dead_readers(zb_writer* writer, uint32_t* freed);

/* Asks for a call of `callback(context)`, once, as soon as zb_writer_try_claim() of `size` bytes is worth calling:
 * room, or nobody left to wait for. Otherwise as zb_reader_when_ready(); also ZB_FRAME_TOO_LARGE and ZB_CLAIM_OPEN. */
ZB_API zb_status zb_writer_when_ready(zb_writer* writer, size_t size, zb_ready_callback callback, void* context);
ZB_API bool zb_writer_cancel_when(zb_writer* writer);

/* As their reader twins. */
ZB_API void zb_writer_interrupt(zb_writer* writer);
ZB_API void zb_writer_set_wait_hook(zb_writer* writer, zb_wait_hook hook, void* context);
ZB_API zb_status zb_writer_get_stats(const zb_writer* writer, zb_writer_stats* stats);
ZB_API zb_status zb_writer_get_info(const zb_writer* writer, zb_buffer_info* info);
ZB_API int zb_writer_fd(const zb_writer* writer);
ZB_API zb_mapping* zb_writer_mapping(const zb_writer* writer);

/* Closes and frees the handle, whatever it answers: an open claim is discarded, readers drain what was committed and
 * then get the end of the stream. Waits up to linger_ns for the readers to let everything go. *unread (may be NULL) is
 * how many committed frames nobody will read. Answers: ZB_INTERRUPTED (of the lingering). NULL is harmless. */
ZB_API zb_status zb_writer_close(zb_writer* writer, int64_t linger_ns, uint64_t* unread);

/* ------------------------------------------------------------------------------------------------ forwarding */

/* Forwards frames of one buffer (the source) into another (the output) without copying: the output gets a descriptor of
 * 64 bytes, and its readers see a frame like any other, whose bytes lie in the source. Sequences are the output's own.
 * Both buffers must have been made with share_slots, and the source must have a name; where that is not so, forwarding
 * copies, and says so. Ordinary and shared frames may follow each other in any order, from the writer's thread. */
typedef struct zb_shared_writer zb_shared_writer;

/* How a frame went into the output. */
enum { ZB_FORWARDED_SHARED = 0, ZB_FORWARDED_COPIED = 1 };

/* Counters of a shared writer; all begin at 0 with it. */
typedef struct zb_shared_writer_stats {
  size_t struct_size; /* set by the caller */
  uint64_t shared_frames;
  uint64_t shared_bytes; /* payload bytes that were not copied */
  uint64_t copied_frames;
  uint64_t copied_bytes; /* 0 as long as everything could be shared */
  uint64_t given_up;     /* frames given back before every reader of the output had passed them */
  uint32_t kept;         /* frames of the source that are kept now, since readers of the output need them */
} zb_shared_writer_stats;

/* Forwards from `source` into `output`, which stay the caller's and may be closed in any order; after the writer was
 * closed, forwarding answers ZB_HANDLE_CLOSED. Succeeds also where nothing can be shared: see
 * zb_shared_writer_can_share(). The writer's thread.
 * Answers: ZB_HANDLE_CLOSED, ZB_FORKED; ZB_SYSTEM_ERROR where the thread that looks after the frames cannot be started.
 */
ZB_API zb_status zb_shared_writer_create(zb_writer* output, zb_reader* source, zb_shared_writer** shared);

/* Sends a frame of the source with its own type and tag, and clears its owner, data and size; where this fails the
 * frame is as it was. A frame of another reader is copied. *how (may be NULL) is ZB_FORWARDED_…. The frame stays held
 * in the source until every reader of the output has let go of it; at most max_held - 1 are kept so, then this waits.
 * Answers as zb_writer_claim(); ZB_HANDLE_CLOSED also for a frame without owner. The writer's thread. Allocates only
 * for the first frame. */
ZB_API zb_status zb_shared_writer_forward(zb_shared_writer* shared, zb_frame* frame, int64_t timeout_ns, uint32_t* how);
/* The same with another type and tag. */
ZB_API zb_status zb_shared_writer_forward_as(zb_shared_writer* shared, zb_frame* frame, int64_t timeout_ns,
                                             uint16_t type, uint64_t tag, uint32_t* how);

/* Whether frames that lie in the source itself are shared. Never blocks. */
ZB_API bool zb_shared_writer_can_share(const zb_shared_writer* shared);
/* Writes why not, and what to do about it, as zb_last_failure_message() writes; an empty text where they are shared.
 * Allocates. */
ZB_API size_t zb_shared_writer_why_not(const zb_shared_writer* shared, char* buffer, size_t size);

/* Gives back what every reader of the output has let go of, now, and says how many frames are kept on. Nobody needs to
 * call this; it is for who wants the source's room a moment earlier. Never blocks. */
ZB_API uint32_t zb_shared_writer_release_passed(zb_shared_writer* shared);

/* Fills the struct whose struct_size the caller has set. Any thread. Never blocks. */
ZB_API zb_status zb_shared_writer_get_stats(const zb_shared_writer* shared, zb_shared_writer_stats* stats);

/* Closes and frees the handle, whatever it answers; writer and reader stay open. Waits up to linger_ns until the
 * readers of the output have let every shared frame go. What is kept then is given back, and a reader that has not come
 * to it yet may find it lost; *given_up (may be NULL) says how many. Answers: ZB_INTERRUPTED (of the lingering). NULL
 * is harmless. */
ZB_API zb_status zb_shared_writer_close(zb_shared_writer* shared, int64_t linger_ns, uint64_t* given_up);

/* ------------------------------------------------------------------------------------------------ calls */

/* A client calls, a server answers: with new bytes (ZB_SERVER_IMMUTABLE, two rings), or by changing the request where
 * it lies (ZB_SERVER_IN_PLACE, one ring). One server, many clients. Calls that run at the same time have a lane each,
 * so that callers do not wait for each other; a late answer to a call that was given up is never given to another one.
 */
typedef struct zb_client zb_client;
typedef struct zb_server zb_server;

/* How a server answers. */
enum { ZB_SERVER_IMMUTABLE = 0, ZB_SERVER_IN_PLACE = 1 };

/* Geometry of a channel for calls (used by the server that makes it; every lane has rings of its own) and behaviour of
 * this end (used by both). Fill it with zb_duplex_config_init() first; the values in brackets are what that sets. */
typedef struct zb_duplex_config {
  size_t struct_size; /* bytes of this struct as the caller knows it */
  /* geometry */
  uint64_t request_size;  /* bytes per lane; one request of this size fits; in place: its answer too [1 MiB] */
  uint64_t response_size; /* immutable only: bytes per lane; one answer of this size fits [1 MiB] */
  uint64_t callback_size; /* bytes per lane for calls of the server to its client; 0: none [4096] */
  uint32_t lanes;         /* 1 … 1,024: calls that can run at the same time, of all clients together [8] */
  bool huge_pages;        /* ask for 2 MiB pages [false] */
  bool exist_ok;          /* succeed a server that died while clients were attached, if the geometry fits [false] */
  bool pre_touch;         /* behaviour: map all pages of the lanes that this end uses now [true] */
  bool lock_in_memory;    /* behaviour: mlock() them; a refusal is an error [false] */
  /* behaviour of this end */
  uint32_t client_lanes; /* client: most lanes that it takes; 0: as many as there are [0] */
  uint32_t wait;         /* ZB_WAIT_… [ZB_WAIT_SPIN_THEN_BLOCK] */
  uint32_t spin_pauses;  /* pauses before sleeping [2000] */
  uint32_t max_held;     /* client: answers held per lane; server: requests taken and unanswered per lane [256] */
} zb_duplex_config;

/* Fills *config with the defaults. `struct_size` is sizeof(zb_duplex_config) as the caller knows it.
 * Answers ZB_INVALID_ARGUMENT for NULL or an impossible size. Any thread; never blocks. */
ZB_API zb_status zb_duplex_config_init(zb_duplex_config* config, size_t struct_size);

/* What a channel for calls really is. */
typedef struct zb_duplex_info {
  size_t struct_size;         /* set by the caller */
  uint64_t segment_size;      /* bytes of shared memory */
  uint64_t max_request_size;  /* bytes */
  uint64_t max_response_size; /* bytes; in place: of a call that reserved as much */
  uint64_t max_callback_size; /* bytes; 0: the server cannot call */
  uint32_t lanes;
  bool in_place; /* ZB_SERVER_IN_PLACE */
  bool created;  /* this end made the channel */
} zb_duplex_info;

/* Counters of a client or server; all begin at 0 with it. */
typedef struct zb_duplex_stats {
  size_t struct_size;    /* set by the caller */
  uint64_t requests;     /* client: sent; server: taken */
  uint64_t answers;      /* client: handed out; server: given, errors included */
  uint64_t errors;       /* … of which errors */
  uint64_t late;         /* client: answers to calls that nobody waited for any more */
  uint64_t copied_bytes; /* payload bytes that this end copied into or out of the channel */
  uint64_t callbacks;    /* client: calls of the server taken; server: calls and notices sent */
  uint64_t sleeps;       /* futex waits */
  uint64_t wakes;        /* futex wakes */
  uint32_t lanes;        /* client: lanes taken; server: lanes that were ever used */
} zb_duplex_stats;

/* What travels with a request, and what it wants. NULL instead of one: all zero. */
typedef struct zb_request_info {
  size_t struct_size;         /* set by the caller: sizeof(zb_request_info) */
  uint64_t tag;               /* the application's */
  uint64_t response_capacity; /* in place: room for an answer longer than the request; 256 bytes are always there */
  uint16_t type;              /* 0 normal, 1-127 reserved, from 128 the application's (what the request asks for) */
} zb_request_info;

/* An answer: bytes in the channel, valid and unchanged until zb_response_release(), also when the client was closed
 * before. In place it lies at the address where the request was written. Read its fields; `owner` and `slot` are the
 * library's. */
typedef struct zb_response {
  void* owner;       /* NULL where this holds no answer */
  const void* data;  /* 64-byte aligned; read-only */
  size_t size;       /* bytes */
  uint64_t sequence; /* of the request that this answers */
  uint32_t slot;
  uint16_t type; /* the server's: 0, or from 128 the application's */
  uint16_t reserved;
} zb_response;

/* Gives the bytes back and clears owner, data and size; again is harmless. Any thread. Never blocks. */
ZB_API void zb_response_release(zb_response* response);

/* What was copied into the caller's buffer. */
typedef struct zb_received {
  size_t size;       /* bytes; after ZB_BUFFER_TOO_SMALL: how many it takes */
  uint64_t sequence; /* of the request that this answers */
  uint16_t type;     /* as in zb_response */
} zb_received;

/* A request that was sent and whose answer was not fetched yet. One thread at a time. It ends, and its owner becomes
 * NULL, with an answer, with a failure that is final (not ZB_INTERRUPTED, ZB_BUFFER_TOO_SMALL, ZB_TOO_MANY_HELD,
 * ZB_HELD_FRAMES_BLOCK), or with zb_call_abandon(); abandon it even after zb_client_close(), so that its memory is
 * freed. */
typedef struct zb_call {
  void* owner;       /* NULL where this holds no call */
  uint64_t sequence; /* of the request */
} zb_call;

/* Room for a request, in the channel itself. Fill `data`, then zb_outgoing_begin(), _call() or _send(); without it
 * nothing is sent. One thread at a time. Valid until it was sent or discarded, or zb_client_close(); discard it even
 * after that, so that its memory is freed. Read its fields; `owner` and `pipelined` are the library's. */
typedef struct zb_outgoing {
  void* owner; /* NULL where this holds no room */
  void* data;  /* 64-byte aligned; content undefined */
  size_t size; /* bytes */
  uint32_t pipelined;
  uint32_t reserved;
} zb_outgoing;

/* A request that a server (or, for calls of the server, a client) has taken. Exactly one answer is given: by
 * zb_request_respond(), _write(), _fail() or _finish(), each of which clears owner, data, size and bytes where it has
 * answered. Any thread, one at a time; end it even after the server or client was closed, so that its memory is freed.
 * Read its fields; `owner`, `room`, `ticket` and `slot` are the library's. */
typedef struct zb_request {
  void* owner;      /* NULL where this holds no request */
  const void* data; /* 64-byte aligned */
  size_t size;      /* bytes */
  void* bytes;      /* in place: the same bytes, to be changed; NULL otherwise */
  size_t room;
  uint64_t sequence;
  uint64_t tag;    /* the caller's */
  uint64_t client; /* who sent it: zb_server_call_client() takes this; 0 where the server sent it */
  uint64_t ticket;
  uint32_t slot;
  uint16_t type; /* the caller's: what the request asks for */
  uint16_t reserved;
} zb_request;

/* Called with each request, which is valid until it was answered or the handler returns; what the handler has not
 * answered is then finished as by zb_request_finish(). To answer later, from any thread, copy the struct and set
 * request->owner = NULL. Must not close or stop the handle that calls it. A C++ exception that leaves it is answered as
 * an error with its text. */
typedef void (*zb_request_handler)(zb_request* request, void* context);

/* ------------------------------------------------------------------------------------------------ calling */

/* Attaches to a server's channel, and waits up to timeout_ns for it to appear. config: NULL for the defaults.
 * Answers: ZB_NOT_FOUND; ZB_LANES_BUSY where every lane is another living client's; ZB_INCOMPATIBLE, ZB_CORRUPT,
 * ZB_PERMISSION_DENIED, ZB_INVALID_ARGUMENT, ZB_SYSTEM_ERROR. Any thread. */
ZB_API zb_status zb_client_open(const char* name, int64_t timeout_ns, const zb_duplex_config* config,
                                zb_client** client);

/* Sends a copy of `size` bytes and waits for the answer, which the caller releases. An answer that comes after the
 * timeout is discarded. info: NULL for type 0, tag 0.
 * Answers: ZB_TIMEOUT; ZB_REMOTE_ERROR where the server answered with an error (zb_last_failure_message() is its text);
 * ZB_FRAME_TOO_LARGE; ZB_LANES_BUSY where no lane got free in time; ZB_PEER_DEAD, once per server that died (its
 * successor answers later calls); ZB_CLOSED; ZB_HELD_FRAMES_BLOCK where only answers that are held here keep the lane
 * full; ZB_INTERRUPTED, ZB_CORRUPT, ZB_EVICTED, ZB_INVALID_ARGUMENT, ZB_FORKED. Any thread. Allocates only with a lane
 * that is used for the first time. */
ZB_API zb_status zb_client_call(zb_client* client, const void* request, size_t size, int64_t timeout_ns,
                                const zb_request_info* info, zb_response* response);

/* The first half of zb_client_call(): sends a copy, waiting up to timeout_ns for a lane and for room, and not for the
 * answer. Answers as zb_client_call() up to there. Any thread. */
ZB_API zb_status zb_client_begin(zb_client* client, const void* request, size_t size, int64_t timeout_ns,
                                 const zb_request_info* info, zb_call* call);

/* Waits for the answer, which the caller releases.
 * Answers: ZB_TIMEOUT (the call goes on; ask again); ZB_REMOTE_ERROR; ZB_PEER_DEAD when the server died, ZB_CLOSED when
 * it closed; ZB_TOO_MANY_HELD, ZB_HELD_FRAMES_BLOCK, ZB_INTERRUPTED, ZB_CORRUPT, ZB_EVICTED, ZB_FORKED;
 * ZB_HANDLE_CLOSED where the call has ended. Never allocates, but for the text of an error. */
ZB_API zb_status zb_call_receive(zb_call* call, int64_t timeout_ns, zb_response* response);
/* As zb_call_receive(), but ZB_WOULD_BLOCK instead of waiting. Never blocks. */
ZB_API zb_status zb_call_try_receive(zb_call* call, zb_response* response);
/* Copies the answer into `buffer`, so that there is nothing to release. Answers as zb_call_receive(), and
 * ZB_BUFFER_TOO_SMALL where `capacity` is less than received->size then says: the answer stays, ask again. */
ZB_API zb_status zb_call_receive_into(zb_call* call, void* buffer, size_t capacity, int64_t timeout_ns,
                                      zb_received* received);

/* Asks for a call of `callback(context)`, once, as soon as zb_call_try_receive() is worth calling; otherwise as
 * zb_reader_when_ready(). Until it comes or zb_call_cancel_when() returns, call nothing else of this zb_call but
 * zb_call_abandon() (which cancels), and leave the struct where it is. */
ZB_API zb_status zb_call_when_ready(zb_call* call, zb_ready_callback callback, void* context);
/* As zb_reader_cancel_when(). Any thread. */
ZB_API bool zb_call_cancel_when(zb_call* call);
/* Gives the call up: its answer is discarded when it comes, and its lane is used again after that. Again is harmless.
 * Never waits for the server. */
ZB_API void zb_call_abandon(zb_call* call);

/* Takes room for a request of up to `size` bytes, in a lane of its own; the caller sends or discards it.
 * response_capacity: in place, bytes to reserve for the answer where it may be longer than the request.
 * Answers as zb_client_call() up to there. Any thread. */
ZB_API zb_status zb_client_claim_request(zb_client* client, size_t size, size_t response_capacity, int64_t timeout_ns,
                                         zb_outgoing* outgoing);

/* Sends the first n bytes of what zb_client_claim_request() gave, and clears the struct. info: NULL for type 0, tag 0;
 * its response_capacity has no effect, the claim has reserved.
 * Answers: ZB_INVALID_ARGUMENT for n > size (the room stays) and for room of zb_client_claim_send(); ZB_HANDLE_CLOSED
 * where it was sent, discarded or closed; ZB_FORKED. Never blocks. */
ZB_API zb_status zb_outgoing_begin(zb_outgoing* outgoing, size_t n, const zb_request_info* info, zb_call* call);
/* zb_outgoing_begin(), then zb_call_receive(); an answer that comes after the timeout is discarded. */
ZB_API zb_status zb_outgoing_call(zb_outgoing* outgoing, size_t n, int64_t timeout_ns, const zb_request_info* info,
                                  zb_response* response);
/* Gives the room back and clears the struct; nothing is sent. Again is harmless. Never blocks. */
ZB_API void zb_outgoing_discard(zb_outgoing* outgoing);

/* Many requests on their way: zb_client_send() in one thread, zb_client_receive() in the same or another one. They
 * share one lane of the client, and answers come in the order in which the requests were sent. */

/* Sends a copy of `size` bytes, waiting up to timeout_ns for room. *sequence (may be NULL) is the request's, and its
 * answer's. Answers as zb_client_call() up to there. Any thread. */
ZB_API zb_status zb_client_send(zb_client* client, const void* request, size_t size, int64_t timeout_ns,
                                const zb_request_info* info, uint64_t* sequence);
/* Takes room for a request to be sent with zb_outgoing_send(), one at a time: nothing else is sent before that one was
 * sent or discarded. Otherwise as zb_client_claim_request(). */
ZB_API zb_status zb_client_claim_send(zb_client* client, size_t size, size_t response_capacity, int64_t timeout_ns,
                                      zb_outgoing* outgoing);
/* Sends the first n bytes of what zb_client_claim_send() gave; otherwise as zb_outgoing_begin(). *sequence may be NULL.
 */
ZB_API zb_status zb_outgoing_send(zb_outgoing* outgoing, size_t n, const zb_request_info* info, uint64_t* sequence);

/* Waits for the next answer to what was sent, which the caller releases. Answers as zb_call_receive(); ZB_REMOTE_ERROR
 * has the sequence in zb_failure.first. Any thread, one at a time: others wait their turn. */
ZB_API zb_status zb_client_receive(zb_client* client, int64_t timeout_ns, zb_response* response);
/* Copies it into `buffer`. Answers as zb_client_receive(), and ZB_BUFFER_TOO_SMALL where `capacity` is less than
 * received->size then says: the same answer comes again. */
ZB_API zb_status zb_client_receive_into(zb_client* client, void* buffer, size_t capacity, int64_t timeout_ns,
                                        zb_received* received);
/* Asks for a call of `callback(context)`, once, as soon as zb_client_receive() with timeout 0 is worth calling;
 * otherwise as zb_reader_when_ready(). Any thread; others may call and send meanwhile. */
ZB_API zb_status zb_client_when_ready(zb_client* client, zb_ready_callback callback, void* context);
ZB_API bool zb_client_cancel_when(zb_client* client);

/* Calls of the server. A client that takes none lets its server's calls time out. */

/* Waits for the next call or notice of the server, which the caller answers (the answer to a notice goes nowhere).
 * Answers: ZB_TIMEOUT, ZB_CLOSED, ZB_PEER_DEAD, ZB_INTERRUPTED, ZB_TOO_MANY_HELD, ZB_CORRUPT, ZB_FORKED;
 * ZB_INVALID_ARGUMENT where the channel has none (callback_size 0). Several threads may take. */
ZB_API zb_status zb_client_take(zb_client* client, int64_t timeout_ns, zb_request* request);
/* Asks for a call of `callback(context)`, once, as soon as zb_client_take() with timeout 0 is worth calling; otherwise
 * as zb_reader_when_ready(). Any thread. */
ZB_API zb_status zb_client_when_call(zb_client* client, zb_ready_callback callback, void* context);
ZB_API bool zb_client_cancel_when_call(zb_client* client);
/* As their server twins, with what zb_client_take() gives. */
ZB_API zb_status zb_client_serve(zb_client* client, zb_request_handler handler, void* context, int64_t timeout_ns);
ZB_API zb_status zb_client_start(zb_client* client, zb_request_handler handler, void* context, uint32_t threads);
ZB_API zb_status zb_client_stop(zb_client* client);
ZB_API uint32_t zb_client_running(const zb_client* client);

/* Ends the waits of this client that run now, in other threads, or else the next one, with ZB_INTERRUPTED. Any thread,
 * also a signal handler. Never blocks. */
ZB_API void zb_client_interrupt(zb_client* client);
/* Sets what is called while this client waits; NULL: nothing. Before any other call. */
ZB_API void zb_client_set_wait_hook(zb_client* client, zb_wait_hook hook, void* context);

/* Fill the struct whose struct_size the caller has set. Any thread. Never block. */
ZB_API zb_status zb_client_get_stats(const zb_client* client, zb_duplex_stats* stats);
ZB_API zb_status zb_client_get_info(const zb_client* client, zb_duplex_info* info);
/* This client, as the server knows it (zb_request.client); 0 for NULL. */
ZB_API uint64_t zb_client_id(const zb_client* client);
/* Keeps mapped what this client has mapped now; see zb_mapping. Any thread. Never blocks. Allocates. */
ZB_API zb_mapping* zb_client_mapping(const zb_client* client);

/* Detaches and frees the handle. Ends zb_client_start(). Answers still held stay valid until they are released. NULL is
 * harmless. No other thread may be in a call of this client. Waits for the handlers that run. */
ZB_API void zb_client_close(zb_client* client);

/* ------------------------------------------------------------------------------------------------ answering */

/* Makes a channel for calls, whose server this is. kind: ZB_SERVER_…; config: NULL for the defaults. A stale channel of
 * that name (all users dead) is taken over; with exist_ok also one whose server died while clients are attached: this
 * server is then its successor, and what the dead one had begun is answered with an error.
 * Answers: ZB_ALREADY_EXISTS; ZB_WRITER_EXISTS where a living server has it; ZB_INCOMPATIBLE where the geometry is
 * another; ZB_INVALID_ARGUMENT, ZB_NO_SPACE, ZB_PERMISSION_DENIED, ZB_SYSTEM_ERROR. Any thread. Blocks for the time it
 * takes to reserve the memory. */
ZB_API zb_status zb_server_create(const char* name, uint32_t kind, const zb_duplex_config* config, zb_server** server);

/* Waits for the next request, of whichever client, which the caller answers; clients take turns, and requests of one
 * lane are answered in the order in which they were sent, however many threads take them.
 * Answers: ZB_TIMEOUT, ZB_INTERRUPTED, ZB_FORKED; ZB_TOO_MANY_HELD where max_held requests of a lane are taken and not
 * answered. Several threads may take. Allocates only for a lane that is used for the first time. */
ZB_API zb_status zb_server_take(zb_server* server, int64_t timeout_ns, zb_request* request);
/* As zb_server_take(), but ZB_WOULD_BLOCK instead of waiting. Never blocks. */
ZB_API zb_status zb_server_try_take(zb_server* server, zb_request* request);

/* Asks for a call of `callback(context)`, once, as soon as zb_server_try_take() is worth calling; otherwise as
 * zb_reader_when_ready(). Any thread. */
ZB_API zb_status zb_server_when_ready(zb_server* server, zb_ready_callback callback, void* context);
ZB_API bool zb_server_cancel_when(zb_server* server);

/* Takes room for an answer of up to `size` bytes; *room is where to build it. Again gives new room. In place it is the
 * request's own memory and begins with its bytes, and ZB_FRAME_TOO_LARGE says that the call has not reserved as much.
 * Otherwise it waits until the client has made room; while earlier requests of this lane are not answered it is memory
 * of its own (allocates; counted as copied), from which the answer follows when they are. Answers: ZB_FRAME_TOO_LARGE;
 * ZB_CLOSED where the client is gone (nobody will read the answer); ZB_INTERRUPTED, ZB_FORKED; ZB_HANDLE_CLOSED where
 * it was answered. */
ZB_API zb_status zb_request_claim(zb_request* request, size_t size, void** room);
/* Answers with the first n bytes of the room that was claimed; in place also without zb_request_claim().
 * type: 0, or from 128 the application's.
 * Answers: ZB_INVALID_ARGUMENT for n beyond the room (the request is not answered and stays); ZB_HANDLE_CLOSED where it
 * was answered, and where the server was closed; ZB_FORKED. Never blocks after zb_request_claim(). */
ZB_API zb_status zb_request_respond(zb_request* request, size_t n, uint16_t type);
/* Answers with a copy of `size` bytes: zb_request_claim(), copy, zb_request_respond(). Answers as these; where it is
 * not ZB_OK the request stays, unless owner is NULL. */
ZB_API zb_status zb_request_write(zb_request* request, const void* answer, size_t size, uint16_t type);
/* Answers with an error: the caller gets ZB_REMOTE_ERROR with this text (UTF-8, NULL counts as ""), cut to the room
 * that there is. Harmless where it was answered. */
ZB_API void zb_request_fail(zb_request* request, const char* text);
/* Answers what was not answered yet: in place with the bytes as they lie now, otherwise with an error ("gave no
 * answer"). Harmless where it was answered. */
ZB_API void zb_request_finish(zb_request* request);

/* Calls `handler(request, context)` on every request, in this thread, until timeout_ns passes without one
 * (ZB_TIMEOUT), until zb_server_interrupt() (ZB_INTERRUPTED), or until a failure, which it answers. */
ZB_API zb_status zb_server_serve(zb_server* server, zb_request_handler handler, void* context, int64_t timeout_ns);

/* The same in the background, in `threads` threads, which call the handler at the same time, until zb_server_stop() or
 * zb_server_close(). Where handlers keep max_held requests of a lane, the threads wait until one is
 * answered. Answers: ZB_INVALID_ARGUMENT where it runs already, and for 0 threads or no handler;
 * ZB_SYSTEM_ERROR where a thread cannot be started. Never blocks. */
ZB_API zb_status zb_server_start(zb_server* server, zb_request_handler handler, void* context, uint32_t threads);
/* Ends zb_server_start() and joins its threads. What they have taken is answered; what waits stays in the channel for
 * the next start or take. Answers: the failure that ended one of the threads before; ZB_OK also where none runs. Not
 * from a handler. Waits for the handlers that run. */
ZB_API zb_status zb_server_stop(zb_server* server);
/* Threads of zb_server_start() that are still serving; 0 for NULL. Any thread. Never blocks. */
ZB_API uint32_t zb_server_running(const zb_server* server);

/* The clients that are attached and alive: up to `capacity` ids into `clients`; *count is how many there are. Call with
 * capacity 0 to ask for that. Any thread. Allocates. */
ZB_API zb_status zb_server_clients(const zb_server* server, uint64_t* clients, size_t capacity, size_t* count);

/* Calls a client (zb_request.client), which answers in place; the caller releases the answer. One call to one client at
 * a time, others wait their turn. Answers as zb_client_call(); ZB_NOT_FOUND where this client is gone;
 * ZB_INVALID_ARGUMENT where callback_size is 0. Any thread. */
ZB_API zb_status zb_server_call_client(zb_server* server, uint64_t client, const void* request, size_t size,
                                       int64_t timeout_ns, const zb_request_info* info, zb_response* response);
/* The same without waiting for an answer: timeout_ns is for room. */
ZB_API zb_status zb_server_notify(zb_server* server, uint64_t client, const void* notice, size_t size,
                                  int64_t timeout_ns, const zb_request_info* info);

/* As their client twins. */
ZB_API void zb_server_interrupt(zb_server* server);
ZB_API void zb_server_set_wait_hook(zb_server* server, zb_wait_hook hook, void* context);
ZB_API zb_status zb_server_get_stats(const zb_server* server, zb_duplex_stats* stats);
ZB_API zb_status zb_server_get_info(const zb_server* server, zb_duplex_info* info);
ZB_API zb_mapping* zb_server_mapping(const zb_server* server);

/* Ends zb_server_start(), then the channel, and frees the handle: clients that wait get ZB_CLOSED, requests that were
 * not taken included, and the name can be used again at once. NULL is harmless. No other thread may be in a call of
 * this server. Waits for the handlers that run. */
ZB_API void zb_server_close(zb_server* server);

/* ---------------------------------------------------------------------------------------- looking from outside */

/* Calls visit(name, context) for each buffer of this user in shared memory, sorted, until it returns false. Answers:
 * ZB_SYSTEM_ERROR. Any thread. Allocates. */
ZB_API zb_status zb_list_buffers(bool (*visit)(const char* name, void* context), void* context);
/* Removes a buffer that is proved dead. Answers: ZB_ALREADY_EXISTS while somebody alive uses it; ZB_NOT_FOUND,
 * ZB_PERMISSION_DENIED, ZB_INCOMPATIBLE. Any thread. */
ZB_API zb_status zb_remove_dead(const char* name);

#ifdef __cplusplus
}
#endif

#endif
