/* pin.pml - forwarding without a copy: who keeps a frame of ring A alive (SPEC chapters 9, 12 and 23)
 *
 * A is a ring of C one-unit records.  The relay reads A and writes descriptors (positions) into B; it keeps
 * a frame of A held until B's reader has passed the descriptor.  B's reader has its own slot in A's table,
 * pins the position there and validates.  The relay may be killed at any step; A's writer then reclaims its
 * slot.  A's writer fills a claimed record in place long before it publishes it.  x86-TSO store buffers for
 * A's writer (process 0) and B's reader (process 1), as in wait_wake.pml.
 *
 * THE DESIGN needs one word more in A's OIEB, reclaim_pos: everything below it may be written over.
 *   A's writer, when its private minimum says "full":
 *       look      t := least position of all slots (and of write_pos)
 *       announce  reclaim_pos := max(reclaim_pos, t): it never goes back; FULL FENCE
 *       look again: minimum := min(t, least position of all slots)        and only then writes
 *   B's reader: pin := p; FULL FENCE; valid if and only if reclaim_pos <= p, else un-pin and report "lost".
 *   A slot that pins nothing is PARKED (all ones): it never holds the writer back.
 *
 * Properties: a validated frame is never written over while it is pinned (ghost + contents); "lost" is
 * reported only if the relay has died; A's writer never waits for ever.
 *
 * ANEW: A's writer begins anew between two records (7.10): the relay, unless its slot was freed, and the pin, unless
 * it is parked, stand at w = write_pos in two looks with the announcement between them; then origin_pos := w.  (A
 * reader that always stands at w is imagined besides: at least one must count.)  B's reader loads the origin before
 * it looks at write_pos; one beyond p is lost, unpinned; one that is another after the pin, or the copy, is lost.
 *
 * Variants: JOIN_OLDEST: a reader that joins A at the oldest frame: p := reclaim_pos, then as above, again if lost.
 *         COPY: no slot is free, B's reader copies the frame out and then looks at reclaim_pos.
 *         AHEAD: a relay that names a position that is not published yet, and so before its origin can be known.
 *         WRITE_POS_FIRST: write_pos looked at before the origin is loaded; then the last look at the origin can be
 *         left out, even where the relay names what is not published.
 *
 * Errors: with ANEW: E_ANEW_NO_PINS (pins not looked at) E_ANEW_ONE_LOOK E_ANEW_NO_ANNOUNCE
 *         E_NO_ORIGIN_CHECK (an origin beyond p: counted from it, a record may cross the end, and a ring that is
 *         sound is called corrupt) E_NO_ORIGIN_AGAIN (origin not looked at after the pin, or the copy)
 *         E_COPY_UNCHECKED (a copy is taken for good)
 *         E_BY_WRITE_POS (validate with write_pos only) E_BY_HEADER (validate with the header's sequence)
 *         E_VALIDATE_FIRST E_NO_PIN_FENCE E_NO_ANNOUNCE_FENCE E_NO_SECOND_LOOK E_LATE_ANNOUNCE E_REGRESS
 *         E_NOT_PARKED E_RELAY_LETS_GO (does not hold until B has passed: "lost" without a death)                  */
#ifndef N
#define N 5
#endif
#ifndef C
#define C 2
#endif
#define PARKED 255
#define SB 2

#define WP 0                          /* write_pos of A */
#define RECLAIM 1                     /* reclaim_pos of A */
#define PIN 2                         /* position in B's reader's slot */
#ifdef ANEW
#define ORG 3                         /* origin_pos of A */
byte mem[4] = { 0, 0, PARKED, 0 };
#define OFF(p) (((p) + 8 * C - og) % C)            /* og: the origin, as the process knows it */
#else
byte mem[3] = { 0, 0, PARKED };
#define OFF(p) ((p) % C)
#endif
byte relay_pos;                       /* position in the relay's slot */
byte data[C];                         /* record number + 1 of the payload, 0 while half written */
byte header[C];                       /* the same in the header, written at commit */
byte desc[2], bw, br;                 /* ring B */
chan sb[2] = [SB] of { byte, byte };
bool killed, reclaimed;

byte at = PARKED;                     /* ghost: validated position of B's reader */

#define EMPTY(p) empty(sb[p])

active proctype Hardware() {
  byte a, v;
end:
  do
  :: d_step { sb[0]?a,v -> mem[a] = v; a = 0; v = 0 }
  :: d_step { sb[1]?a,v -> mem[a] = v; a = 0; v = 0 }
  od
}

active proctype Killer() { if :: killed = true :: skip fi }

active proctype Relay() {
  byte nxt;
  {
end:
    do
#if defined(AHEAD)
    :: nxt <= mem[WP] && nxt < N && bw - br < 2 -> atomic { desc[bw % 2] = nxt; nxt++ }; bw++
    :: relay_pos != nxt - (bw - br) && nxt - (bw - br) <= mem[WP] -> relay_pos = nxt - (bw - br)
    :: relay_pos != mem[WP] && nxt - (bw - br) > mem[WP] -> relay_pos = mem[WP]
#elif defined(JOIN_OLDEST)            /* the relay is just another reader of A */
    :: nxt < mem[WP] -> nxt++
    :: relay_pos != nxt -> relay_pos = nxt
#else
    :: nxt < mem[WP] && bw - br < 2 -> atomic { desc[bw % 2] = nxt; nxt++ }; bw++
#ifdef E_RELAY_LETS_GO
    :: relay_pos != nxt -> relay_pos = nxt
#else
    :: relay_pos != nxt - (bw - br) -> relay_pos = nxt - (bw - br)
#endif
#endif
    od
  } unless { killed }
}

inline validate() {
#if defined(E_BY_WRITE_POS)
  ok = (mem[WP] <= p + C)
#elif defined(E_BY_HEADER)
  ok = (header[OFF(p)] == p + 1)
#else
  ok = (mem[RECLAIM] <= p)
#endif
}

#ifdef JOIN_OLDEST
/* the same handshake lets a reader of A join at the oldest frame that is still there */
active proctype ReaderB() {
  byte p; bool ok;
#ifdef ANEW
  byte og, q;
#endif
  do
  :: p = mem[RECLAIM];                /* always the start of a record, or write_pos */
     sb[1]!PIN,p; EMPTY(1);
     validate();
     if :: ok -> at = p; break :: else fi              /* overtaken: again */
  od;
#ifdef ANEW
  og = mem[ORG];
  assert(og <= p);
#endif
end:
  do
  :: p < mem[WP] ->
#ifdef ANEW
     q = mem[ORG];
     d_step { if :: q != og -> assert(q == p); og = q :: else fi; q = 0 };
#endif
     assert(data[OFF(p)] == p + 1);
     skip;
     assert(data[OFF(p)] == p + 1);
     atomic { p++; at = p };          /* moving a pin forward over what was let go needs no check */
     sb[1]!PIN,p
  :: mem[WP] == N && p == N -> break
  od
}
#else
#ifdef AHEAD
#define LOST skip
#else
#define LOST assert(killed)
#endif

inline still_there() {                /* the origin is the one by which the record was found */
#if defined(ANEW) && !defined(E_NO_ORIGIN_AGAIN)
  if :: ok && mem[ORG] != og -> ok = false :: else fi
#else
  skip
#endif
}

active proctype ReaderB() {
  byte p; bool ok;
#ifdef ANEW
  byte og;
#endif
#ifdef COPY
  byte c;
#endif
end:
  do
  :: br < bw ->
     p = desc[br % 2];
#ifdef ANEW
#ifdef WRITE_POS_FIRST
     if :: mem[WP] <= p -> goto lost :: else fi;
#endif
     og = mem[ORG];
#ifndef E_NO_ORIGIN_CHECK
     if :: og > p -> goto lost :: else fi;
#endif
     assert(og <= p);                 /* from here on it is known where the record would lie */
#ifndef WRITE_POS_FIRST
     if :: mem[WP] <= p -> goto lost :: else fi;
#endif
#endif
#ifdef COPY
     c = data[OFF(p)];                /* 0 while half written */
#ifdef E_COPY_UNCHECKED
     ok = true;
#else
     validate();
#endif
     still_there();
     if :: ok -> assert(c == p + 1) :: else -> LOST fi;
     d_step { c = 0; ok = false };
     goto passed;
#endif
#ifdef E_VALIDATE_FIRST
     validate();
#endif
     sb[1]!PIN,p;
#ifndef E_NO_PIN_FENCE
     EMPTY(1);
#endif
#ifndef E_VALIDATE_FIRST
     validate();
#endif
     still_there();
     if
     :: ok ->
        at = p;
        assert(data[OFF(p)] == p + 1);
        if :: br++; ok = false :: skip fi;         /* may pass the descriptor while it still looks */
        assert(data[OFF(p)] == p + 1);
        at = PARKED
     :: else -> LOST; ok = true
     fi;
#ifdef E_NOT_PARKED
     sb[1]!PIN,p + 1;
#else
     sb[1]!PIN,PARKED;
#endif
     if :: ok -> br++; ok = false :: else fi;
#ifdef ANEW
     goto next;
lost:
     LOST;
passed:
     br++;
next:
     og = 0;
#endif
     p = 0
  od
}
#endif

inline least() {                      /* t := min(t, all slots), one load each */
  if :: !reclaimed -> r = relay_pos; if :: r < t -> t = r :: else fi :: else fi;
  r = mem[PIN]; if :: r < t -> t = r :: else fi;
  r = 0
}

#ifdef ANEW
#ifdef E_ANEW_NO_PINS
#define LEAST if :: !reclaimed -> r = relay_pos; if :: r < t -> t = r :: else fi; r = 0 :: else fi
#else
#define LEAST least()
#endif

inline begin_anew() {
  EMPTY(0);
  t = p; LEAST;
  if
  :: t == p ->
#ifndef E_ANEW_NO_ANNOUNCE
     if :: p > announced -> announced = p; sb[0]!RECLAIM,p :: else fi;
#endif
     EMPTY(0);
#ifndef E_ANEW_ONE_LOOK
     LEAST;
#endif
     if :: t == p -> og = p; cmin = p; sb[0]!ORG,p :: else fi
  :: else
  fi;
  t = 0
}
#endif

active proctype WriterA() {
  byte p, cmin, t, r, announced;
#ifdef ANEW
  byte og;
#endif
  do
  :: p == N -> break
#ifdef ANEW
  :: p < N && p > og -> begin_anew()
  :: killed && !reclaimed -> reclaimed = true
#endif
  :: p < N ->
     do
     :: p - cmin < C -> break
     :: else ->
        t = p; least();
#ifndef E_LATE_ANNOUNCE
#ifdef E_REGRESS
        sb[0]!RECLAIM,t;
#else
        if :: t > announced -> announced = t; sb[0]!RECLAIM,t :: else fi;
#endif
#endif
#ifndef E_NO_ANNOUNCE_FENCE
        EMPTY(0);
#endif
#ifndef E_NO_SECOND_LOOK
        least();
#endif
#ifdef E_LATE_ANNOUNCE
        sb[0]!RECLAIM,t; EMPTY(0);
#endif
        cmin = t; t = 0;
        if
        :: p - cmin < C
        :: else ->
           if :: killed && !reclaimed -> reclaimed = true :: else fi;
           ((reclaimed || killed || relay_pos != cmin) && mem[PIN] != cmin)  /* blocked until one of them moves */
        fi
     od;
     assert(at == PARKED || at + C > p);
#ifdef ANEW
     assert(at == PARKED || at >= og);
#endif
     data[OFF(p)] = 0;                 /* the user is filling it in place */
     data[OFF(p)] = p + 1;
     header[OFF(p)] = p + 1;
     p++;
     sb[0]!WP,p
  od
}
