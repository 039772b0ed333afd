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
 * Variant JOIN_OLDEST: a reader that joins A at the oldest frame: p := reclaim_pos, then as above, again if lost.
 *
 * Errors: E_BY_WRITE_POS (validate with write_pos only) E_BY_HEADER (validate with the header's sequence)
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
byte mem[3] = { 0, 0, PARKED };
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
#ifdef JOIN_OLDEST                    /* the relay is just another reader of A */
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
  ok = (header[p % C] == p + 1)
#else
  ok = (mem[RECLAIM] <= p)
#endif
}

#ifdef JOIN_OLDEST
/* the same handshake lets a reader of A join at the oldest frame that is still there */
active proctype ReaderB() {
  byte p; bool ok;
  do
  :: p = mem[RECLAIM];                /* always the start of a record, or write_pos */
     sb[1]!PIN,p; EMPTY(1);
     validate();
     if :: ok -> at = p; break :: else fi              /* overtaken: again */
  od;
end:
  do
  :: p < mem[WP] ->
     assert(data[p % C] == p + 1);
     skip;
     assert(data[p % C] == p + 1);
     atomic { p++; at = p };          /* moving a pin forward over what was let go needs no check */
     sb[1]!PIN,p
  :: mem[WP] == N && p == N -> break
  od
}
#else
active proctype ReaderB() {
  byte p; bool ok;
end:
  do
  :: br < bw ->
     p = desc[br % 2];
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
     if
     :: ok ->
        at = p;
        assert(data[p % C] == p + 1);
        if :: br++; ok = false :: skip fi;         /* may pass the descriptor while it still looks */
        assert(data[p % C] == p + 1);
        at = PARKED
     :: else -> assert(killed); ok = true
     fi;
#ifdef E_NOT_PARKED
     sb[1]!PIN,p + 1;
#else
     sb[1]!PIN,PARKED;
#endif
     if :: ok -> br++; ok = false :: else fi;
     p = 0
  od
}
#endif

inline least() {                      /* t := min(t, all slots), one load each */
  if :: !reclaimed -> r = relay_pos; if :: r < t -> t = r :: else fi :: else fi;
  r = mem[PIN]; if :: r < t -> t = r :: else fi;
  r = 0
}

active proctype WriterA() {
  byte p, cmin, t, r, announced;
  do
  :: p == N -> break
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
     data[p % C] = 0;                 /* the user is filling it in place */
     data[p % C] = p + 1;
     header[p % C] = p + 1;
     p++;
     sb[0]!WP,p
  od
}
