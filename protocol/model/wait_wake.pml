/* wait_wake.pml - going to sleep and being woken (SPEC chapters 8 and 10)
 *
 * One writer and NR readers on one ring that takes CAP records.  The writer publishes N records, every
 * reader consumes all of them.  A reader sleeps for data, the writer sleeps for space.  Nobody has a
 * time-out unless TIMEOUT is given: whoever then sleeps for ever shows up as an invalid end state.
 *
 * Memory model: x86-TSO.  Each process has a FIFO store buffer of SB entries (sb[p]); plain stores go
 * into it and Hardware() moves the oldest one to memory whenever it likes.  Loads come from memory (no
 * process here loads a word that it has stored plainly, so forwarding is not needed).  A locked
 * instruction and a full fence wait until the own buffer is empty.  membarrier() by a sleeper: for every
 * other process there is a moment during the call at which that process's buffer is empty.
 *
 * THE DESIGN (what must be written down, the order is the point):
 *   sleeper    v := futex word; set own waiting bit; full barrier (or membarrier); look again; futex_wait(v)
 *   publisher  store position; full fence (or only a compiler barrier when ASYM); load the waiting bits;
 *              if any: clear them; THEN add 1 to the futex word; THEN wake all
 *
 * Variants:   NR=1|2, CAP=1..N, ASYM (asymmetric barrier), KILL_READER (the last reader may be killed
 *             anywhere and leaves its bit), KILL_PUB (writer killed between clearing the bits and the
 *             wake, a successor goes on), TIMEOUT (bounded sleeps that start the procedure anew),
 *             JOIN (reader 1 cannot call membarrier and sets fence_required when it joins) with
 *             MEND_BOUND (its sleeps are bounded by a time longer than a store takes to become visible,
 *             until it has once slept) or MEND_ACK (bounded until the publisher has acknowledged),
 *             LEAVE_CLEAR (a reader that finds data after setting its bit takes the bit back),
 *             DEFER (a reader publishes its position only every 2nd record and before it sleeps)
 * Errors:     E_NO_PUB_FENCE E_NO_SLEEPER_FENCE E_NO_RECHECK E_FLAG_FIRST E_LATE_FUTEX E_MID_FUTEX
 *             E_BUMP_FIRST E_NO_BUMP E_PLAIN_CLEAR E_PLAIN_BUMP E_WAKE_ONE E_MEMBARRIER_EARLY
 *             E_DEFER_ASLEEP, KILL_PUB without TIMEOUT, JOIN without a MEND                         */
#ifndef NR
#define NR 1
#endif
#ifndef N
#define N 3
#endif
#ifndef CAP
#define CAP N
#endif
#ifndef SB
#define SB 2
#endif
#define NP (NR + 1)
#define W  0                      /* the writer is process 0, readers are 1..NR */

#define WP 0                      /* write_pos */
#define WW 1                      /* writer_waiting */
#define RP(i) (1 + (i))           /* read_pos of reader i: words 2, 3 */
#define RW 4                      /* readers_waiting, a bit per reader */
#define DF 5                      /* futex word of the data wait */
#define SF 6                      /* futex word of the space wait */
#define FR 7                      /* fence_required of the data wait */
#define FA 8                      /* MEND_ACK: publisher's acknowledgement of fence_required */

byte mem[9];
chan sb[NP] = [SB] of { byte, byte };
bool asleep[NP];
bool killed;

#define EMPTY(p) empty(sb[p])
inline store(adr, val) { sb[me]!adr,val }   /* 'me' is the local of whoever runs it */

active proctype Hardware() {      /* store buffers drain at any speed, in order */
  byte a, v;
end:
  do
  :: d_step { sb[0]?a,v -> mem[a] = v; a = 0; v = 0 }
  :: d_step { sb[1]?a,v -> mem[a] = v; a = 0; v = 0 }
#if NR > 1
  :: d_step { sb[2]?a,v -> mem[a] = v; a = 0; v = 0 }
#endif
  od
}

inline membarrier() {           /* one other process after the other */
  EMPTY(me);
  if :: me != 0 -> EMPTY(0) :: else fi;
  if :: me != 1 -> EMPTY(1) :: else fi;
#if NR > 1
  if :: me != 2 -> EMPTY(2) :: else fi;
#endif
}

inline sleeper_barrier() {
#ifdef E_NO_SLEEPER_FENCE
  skip
#else
  EMPTY(me);
#if defined(ASYM) && !defined(E_MEMBARRIER_EARLY)
  if :: can -> membarrier() :: else fi
#endif
#endif
}

inline publisher_barrier() {
#if defined(ASYM)
#ifdef JOIN
  if
  :: me == W && mem[FR] != 0 -> EMPTY(me);
#ifdef MEND_ACK
     store(FA, 1)
#endif
  :: else
  fi
#else
  skip                            /* a compiler barrier: nothing on the machine */
#endif
#elif defined(E_NO_PUB_FENCE)
  skip
#else
  EMPTY(me)
#endif
}

inline futex_wait(word) {  /* the kernel compares and queues in one step */
  d_step {
    EMPTY(me) ->
    if :: mem[word] == v -> asleep[me] = true :: else fi
  };
}

/* ---------------------------------------------------------------- reader */
inline wake_writer() {          /* readers are many: all of this must be atomic operations */
  if
  :: mem[WW] != 0 ->
#ifdef E_BUMP_FIRST
     d_step { EMPTY(me) -> mem[SF] = mem[SF] + 1 };
     d_step { EMPTY(me) -> mem[WW] = 0 };
#else
     d_step { EMPTY(me) -> won = mem[WW]; mem[WW] = 0 };
     if
     :: won ->
        won = 0;
#if defined(E_PLAIN_BUMP)
        t = mem[SF]; store(SF, t + 1); EMPTY(me); t = 0;
#elif !defined(E_NO_BUMP)
        d_step { EMPTY(me) -> mem[SF] = mem[SF] + 1 };
#endif
#endif
        asleep[W] = false
#ifndef E_BUMP_FIRST
     :: else
     fi
#endif
  :: else
  fi
}

inline publish_read() {
  if
  :: pub != r ->
     pub = r;
#ifdef E_FLAG_FIRST
     t = mem[WW]; store(RP(me), r);
     if :: t -> t = 0; wake_writer() :: else fi
#else
     store(RP(me), r);
     publisher_barrier();
     wake_writer()
#endif
  :: else
  fi
}

inline set_bit() {              /* several readers share the word: a locked OR */
  d_step { EMPTY(me) -> mem[RW] = mem[RW] | (1 << me) }
}

inline clear_own_bit() {        /* optional: a reader that leaves without sleeping takes its bit back */
#ifdef E_PLAIN_CLEAR
  t = mem[RW] & (7 - (1 << me)); store(RW, t); EMPTY(me); t = 0
#else
#ifdef LEAVE_CLEAR
  d_step { EMPTY(me) -> mem[RW] = mem[RW] & (7 - (1 << me)) }
#else
  skip                            /* leaves its bit set: costs one useless wake */
#endif
#endif
}

inline reader_sleeps() {
#ifndef E_DEFER_ASLEEP
  publish_read();               /* whatever the acknowledgement policy says */
#endif
#if defined(ASYM) && defined(E_MEMBARRIER_EARLY)
  membarrier();
#endif
#if !defined(E_LATE_FUTEX) && !defined(E_MID_FUTEX)
  v = mem[DF];
#endif
  set_bit();
#ifdef E_MID_FUTEX
  v = mem[DF];
#endif
  sleeper_barrier();
#ifdef MEND_ACK
  ack = mem[FA];
#endif
  if
#ifndef E_NO_RECHECK
  :: mem[WP] > r -> clear_own_bit()
#endif
  :: else ->
#ifdef E_LATE_FUTEX
     v = mem[DF];
#endif
     futex_wait(DF);
     do
     :: !asleep[me] -> break
#if defined(JOIN) && defined(MEND_BOUND)
     :: !can && !slept && EMPTY(W) -> asleep[me] = false   /* any store of before is visible by now */
#endif
#if defined(JOIN) && defined(MEND_ACK)
     :: !can && !ack -> asleep[me] = false                 /* at any time */
#endif
#ifdef TIMEOUT
     :: timeout -> asleep[me] = false
#endif
     od;
     slept = true
  fi;
  v = 0
}

inline reader_body() {
  do
  :: r == N -> break
  :: r < N ->
     if
     :: mem[WP] > r ->
        r++;
#ifdef DEFER
        if :: r % 2 == 0 -> publish_read() :: else fi
#else
        publish_read()
#endif
     :: else -> reader_sleeps()
     fi
  od;
  publish_read()
}

proctype Reader(byte me; bool can) {
  byte r, pub, v, t; bool won, slept, ack;
#ifdef JOIN
  if :: !can -> d_step { EMPTY(me) -> mem[FR] = 1 } :: else fi;
#endif
  reader_body()
}

proctype MortalReader(byte me) {
  byte r, pub, v, t; bool won, slept, ack, can = true;
  { reader_body() } unless { killed }
}
active proctype Killer() {
#ifdef KILL_READER
  if :: killed = true :: skip fi
#else
  skip
#endif
}

/* ---------------------------------------------------------------- writer */
inline wake_readers() {
  if
  :: mem[RW] != 0 ->
#ifdef E_BUMP_FIRST
     d_step { EMPTY(W) -> mem[DF] = mem[DF] + 1 };
     d_step { EMPTY(W) -> mem[RW] = 0 };
#else
     d_step { EMPTY(W) -> mem[RW] = 0 };
#ifdef KILL_PUB
     if :: !died -> died = true; goto successor :: skip fi;
#endif
#ifndef E_NO_BUMP
     d_step { EMPTY(W) -> mem[DF] = mem[DF] + 1 };
#endif
#endif
     d_step {
       if
       :: asleep[1] -> asleep[1] = false;
#if NR > 1
#ifdef E_WAKE_ONE
#else
          asleep[2] = false
       :: !asleep[1] ->
#endif
#endif
#if NR > 1
          asleep[2] = false
#endif
       :: else
       fi }
  :: else
  fi
}

#if NR > 1
#define ROOM (p - mem[RP(1)] < CAP && p - mem[RP(2)] < CAP)
#else
#define ROOM (p - mem[RP(1)] < CAP)
#endif

inline writer_sleeps() {
#if defined(ASYM) && defined(E_MEMBARRIER_EARLY)
  membarrier();
#endif
#if !defined(E_LATE_FUTEX) && !defined(E_MID_FUTEX)
  v = mem[SF];
#endif
  store(WW, 1);                /* a single sleeper: a plain store is enough, the barrier follows */
#ifdef E_MID_FUTEX
  v = mem[SF];
#endif
  sleeper_barrier();
  if
#ifndef E_NO_RECHECK
  :: ROOM
#endif
  :: else ->
#ifdef E_LATE_FUTEX
     v = mem[SF];
#endif
     futex_wait(SF);
     do
     :: !asleep[W] -> break
#ifdef TIMEOUT
     :: timeout -> asleep[W] = false
#endif
     od
  fi;
  v = 0
}

active proctype Writer() {
  byte p, v, t, me = W; bool died, can = true;
  run Reader(1,
#ifdef JOIN
    false
#else
    true
#endif
  );
#if NR > 1
#ifdef KILL_READER
  run MortalReader(2);
#else
  run Reader(2, true);
#endif
#endif
  if :: false -> 
successor:                        /* a new writer finds write_pos and goes on */
     EMPTY(W); p = mem[WP]; asleep[W] = false
  :: else fi;
  do
  :: p == N -> break
  :: p < N ->
     do
     :: ROOM -> break
     :: else -> writer_sleeps()
     od;
     p++;
#ifdef E_FLAG_FIRST
     t = mem[RW]; store(WP, p);
     if :: t -> t = 0; wake_readers() :: else fi
#else
     store(WP, p);
     publisher_barrier();
     wake_readers()
#endif
  od
}
