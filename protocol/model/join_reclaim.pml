/* join_reclaim.pml - readers come, go and die while the writer writes (SPEC chapters 9 and 11 to 13)
 *
 * A ring of C one-unit records, a table of NS slots, NRD reader processes that each try once to get a slot,
 * read a little and close; each may be killed at any step.  The writer publishes N records.  With no active
 * reader it runs on freely (the worst case for a joiner).  x86-TSO store buffers as in wait_wake.pml.
 *
 * A slot word is (epoch, state) in ONE word that is changed only by compare-and-swap.  The kernel lock of a
 * slot's byte is lock[s]; death releases it at once, after the dead process's stores have become visible.
 *
 * THE DESIGN
 *   join     lock own byte (try; it fails if somebody lives there); read_pos := write_pos;
 *            CAS (e, FREE) -> (e+1, JOINING), which is a full fence and counts in the writer's scan;
 *            read_pos := write_pos again; CAS -> ACTIVE: only now is read_pos a position to resume from
 *            (AS_FIRST_WRITTEN: JOINING does not count; read_pos; CAS -> ACTIVE; fence; read_pos again.  Sound
 *            for joining, but a reader killed before its second store leaves an ACTIVE slot whose position
 *            the writer may have passed: with RESUME the checker finds a torn record.)
 *   close    CAS -> CLOSING while views still hold frames: the slot counts in the scan; CAS -> FREE; only then unlock
 *   scan     FULL FENCE (own write_pos visible), then for each slot: word once, read_pos once
 *   reclaim  load the word; THEN see that the byte's lock is free; then CAS that very word -> (e, FREE)
 *   resume   (RESUME) lock the dead reader's byte; CAS (e, ACTIVE) -> (e+1, ACTIVE): never out of the scan
 *
 * ANEW: the writer scans by two looks with the announcement reclaim_pos := t in between (SPEC chapter 9), and begins
 * anew between two records whenever it may (7.10): fence; look: every counting slot stands at w = write_pos, and at
 * least one counts; reclaim_pos := w; fence; the same look again; origin_pos := w.  A joiner begins now, or (OLDEST)
 * at the oldest position, or (EVICTED) in the slot of a dead reader that the writer freed, from where that one had
 * come to.  It loads the origin after its position is sure, and again after each write_pos that shows something:
 * the one it knows, or its next position.
 *
 * Properties: the writer never writes a unit that an active reader has still to read; a live owner's slot
 * is never reclaimed; a slot has at most one live owner; no deadlock.
 *
 * Variants: NS, NRD, RESUME, JOINER_FREES (a joiner frees the dead reader's slot itself, holding its lock),
 *         AS_FIRST_WRITTEN, UNLOCK_EARLY (a closer unlocks before its slot is free: harmless
 *         thanks to the epoch), E_RESUME_VIA_JOINING (harmless where JOINING counts, fatal AS_FIRST_WRITTEN),
 *         ANEW, and with it OLDEST, EVICTED; to keep it small NO_DEATHS, OWN_SLOTS (each reader has its own slot)
 * Errors: E_NO_SCAN_FENCE E_NO_JOIN_FENCE E_NO_REREAD E_NO_EPOCH E_LOCK_LATE E_LOCK_CHECK_FIRST
 *         E_STORE_RECLAIM RESUME with AS_FIRST_WRITTEN
 *         E_NO_RECLAIM E_CLOSING_FREE (a closing slot does not count)
 *         with ANEW: E_ONE_LOOK (a writer that begins anew looks once) E_NO_ANNOUNCE (looks twice and says nothing)
 *         E_NO_ANEW_FENCE (no fence before the second look) E_ORIGIN_BEFORE (origin stored, and taken back if the
 *         second look forbids it) E_JOINING_FREE (a joining slot does not count) E_ORIGIN_EARLY (a joiner
 *         loads the origin before it is counted) E_ORIGIN_ONCE (and never again after it has joined) */
#ifndef NS
#define NS 1
#endif
#ifndef NRD
#define NRD 2
#endif
#ifndef N
#define N 4
#endif
#ifndef C
#define C 2
#endif
#ifndef SB
#define SB 2
#endif
#define NP (NRD + 1)                  /* process 0 is the writer */

#define FREE 0
#define JOINING 1
#define ACTIVE 2
#define CLOSING 3
#define STATE(x) ((x) & 3)
#define WORD(e, st) ((((e) & 7) << 2) | (st))
#define EPOCH(x) ((x) >> 2)

#define WP 0                          /* mem[0]: write_pos, mem[1+s]: read_pos, mem[3+s]: slot word */
#define RP(s) (1 + (s))
#define SW(s) (3 + (s))
#ifdef ANEW
#define ORG 5                         /* origin_pos */
#define RECL 6                        /* reclaim_pos */
byte mem[7];
byte evicted[NS];                     /* evicted_epoch */
#define OFF(p) (((p) + 8 * C - og) % C)            /* og: the origin, as the process knows it */
#else
byte mem[5];
#define OFF(p) ((p) % C)
#endif
byte data[C];                         /* record number + 1 */
byte lock[NS];                        /* process + 1, 0 free */
chan sb[NP] = [SB] of { byte, byte };
bool kill[NP];

/* ghosts */
bool valid[NP]; byte at[NP];          /* reader is entitled to everything from at[] on */
byte owner[NS];                       /* live owner + 1 */

#define EMPTY(p) empty(sb[p])

active proctype Hardware() {
  byte a, v;
end:
  do
  :: d_step { sb[0]?a,v -> mem[a] = v; a = 0; v = 0 }
  :: d_step { sb[1]?a,v -> mem[a] = v; a = 0; v = 0 }
#if NRD > 1
  :: d_step { sb[2]?a,v -> mem[a] = v; a = 0; v = 0 }
#endif
#if NRD > 2
  :: d_step { sb[3]?a,v -> mem[a] = v; a = 0; v = 0 }
#endif
  od
}

/* ok := the swap happened; a locked instruction, so the own buffer is drained */
inline cas(adr, old, new) {
  d_step { EMPTY(me) -> if :: mem[adr] == (old) -> mem[adr] = (new); ok = true :: else -> ok = false fi }
}

inline unlock() { d_step { EMPTY(me) -> lock[s] = 0 } }

inline own() { assert(owner[s] == 0); owner[s] = me + 1 }

#ifdef ANEW
inline accept() {                     /* after a write_pos that shows something */
#ifndef E_ORIGIN_ONCE
  q = mem[ORG];
  d_step { if :: q != og -> assert(q == p); og = q :: else fi; q = 0 }
#else
  skip
#endif
}

inline oldest() {                     /* the position of the oldest record, or the one that a dead reader had come to */
  p = mem[RECL];
  do
  :: sb[me]!RP(s),p;
     EMPTY(me);
     atomic {
       q = mem[RECL];
       if
       :: q <= p -> at[me] = p; valid[me] = true; q = 0; break
       :: else -> p = q; q = 0
       fi
     }
  od
#ifdef EVICTED
  ;
  if
  :: kept > p -> atomic { p = kept; at[me] = p }; sb[me]!RP(s),p
  :: else
  fi;
  kept = 0
#endif
}
#endif

inline reader_body() {
#ifdef OWN_SLOTS
  s = me - 1;
#elif NS > 1
  if :: s = 0 :: s = 1 fi;
#endif
#ifndef E_LOCK_LATE
  if
  :: atomic { lock[s] == 0 -> lock[s] = me + 1 }
  :: lock[s] != 0 -> goto gone
  fi;
#endif
  x = mem[SW(s)];
#ifdef JOINER_FREES
  if
  :: STATE(x) != FREE ->
     cas(SW(s), x, WORD(EPOCH(x), FREE));
     if :: !ok -> goto no_slot :: else -> x = WORD(EPOCH(x), FREE) fi
  :: else
  fi;
#endif
  if
  :: STATE(x) == FREE ->
#ifdef OLDEST
     if :: old = true :: skip fi;
#endif
#ifdef EVICTED
     if
     :: EPOCH(x) && evicted[s] == EPOCH(x) -> old = true; kept = mem[RP(s)]
     :: else
     fi;
#endif
#ifdef E_ORIGIN_EARLY
     og = mem[ORG];
#endif
#ifndef AS_FIRST_WRITTEN
     p = mem[WP]; sb[me]!RP(s),p;     /* the lock makes the free slot's fields ours */
#endif
#if defined(E_NO_JOIN_FENCE) && !defined(AS_FIRST_WRITTEN)
     atomic { mem[SW(s)] == x -> own(); x = WORD(EPOCH(x) + 1, JOINING); sb[me]!SW(s),x };
#else
     atomic {
       EMPTY(me);
       if
       :: mem[SW(s)] == x -> x = WORD(EPOCH(x) + 1, JOINING); mem[SW(s)] = x; ok = true;
#ifndef E_LOCK_LATE
          own()
#endif
       :: else -> ok = false
       fi
     };
     if :: !ok -> goto no_slot :: else fi;
#endif
#ifdef E_LOCK_LATE
     if
     :: atomic { lock[s] == 0 -> lock[s] = me + 1; own() }
     :: lock[s] != 0 -> goto gone
     fi;
#endif
#ifdef AS_FIRST_WRITTEN
     p = mem[WP]; sb[me]!RP(s),p;
     cas(SW(s), x, WORD(EPOCH(x), ACTIVE));
     assert(ok);                      /* nobody else may touch a slot that is being joined */
     x = WORD(EPOCH(x), ACTIVE);
#endif
#ifdef E_NO_REREAD
     atomic { at[me] = p; valid[me] = true };
#elif defined(ANEW)
     if
     :: old -> oldest()
     :: else -> atomic { p = mem[WP]; at[me] = p; valid[me] = true }; sb[me]!RP(s),p
     fi;
#ifndef E_ORIGIN_EARLY
     og = mem[ORG];
#endif
     assert(og <= p);                 /* else it would call the ring corrupt */
#else
     atomic { p = mem[WP]; at[me] = p; valid[me] = true };
     sb[me]!RP(s),p;
#endif
#ifndef AS_FIRST_WRITTEN
     cas(SW(s), x, WORD(EPOCH(x), ACTIVE));
     assert(ok);
     x = WORD(EPOCH(x), ACTIVE);
#endif
#ifdef RESUME
  :: STATE(x) == ACTIVE ->            /* we hold its lock: the reader that was here is dead */
#ifdef E_RESUME_VIA_JOINING
     cas(SW(s), x, WORD(EPOCH(x) + 1, JOINING));
     if :: !ok -> goto no_slot :: else fi;
     x = WORD(EPOCH(x) + 1, JOINING);
     atomic { own() };
     p = mem[RP(s)];
     atomic { cas(SW(s), x, WORD(EPOCH(x), ACTIVE)); at[me] = p; valid[me] = true };
     x = WORD(EPOCH(x), ACTIVE);
#else
     atomic {
       EMPTY(me);
       if
       :: mem[SW(s)] == x -> x = WORD(EPOCH(x) + 1, ACTIVE); mem[SW(s)] = x; own();
          at[me] = mem[RP(s)]; valid[me] = true; ok = true
       :: else -> ok = false
       fi
     };
     if :: !ok -> goto no_slot :: else fi;
     p = mem[RP(s)];
#ifdef ANEW
     og = mem[ORG];
     assert(og <= p);
#endif
#endif
#endif
  :: else -> goto no_slot
  fi;

  do                                  /* read a little */
  :: mem[WP] > p ->
#ifdef ANEW
     accept();
#endif
     assert(data[OFF(p)] == p + 1);
     skip;                            /* the user looks at it */
     assert(data[OFF(p)] == p + 1);
     atomic { p++; at[me] = p };
     sb[me]!RP(s),p
  :: break
  od;

  cas(SW(s), x, WORD(EPOCH(x), CLOSING)); assert(ok);
  if                                  /* a view of the frame at p outlives the reader */
  :: mem[WP] > p ->
#ifdef ANEW
     accept();
#endif
     assert(data[OFF(p)] == p + 1)
  :: else
  fi;
  valid[me] = false;
#ifdef UNLOCK_EARLY
  atomic { owner[s] = 0; lock[s] = 0 };
  cas(SW(s), WORD(EPOCH(x), CLOSING), WORD(EPOCH(x), FREE));
  goto gone;
#else
  atomic { EMPTY(me); assert(mem[SW(s)] == WORD(EPOCH(x), CLOSING));
           mem[SW(s)] = WORD(EPOCH(x), FREE); owner[s] = 0 };
#endif
no_slot:
  atomic { EMPTY(me); if :: lock[s] == me + 1 -> lock[s] = 0 :: else fi };
gone:
  skip
}

proctype Reader(byte me) {
  byte s, x, p; bool ok;
#ifdef ANEW
  byte og, q, kept; bool old;
#endif
  { reader_body() }
  unless { atomic { kill[me] && EMPTY(me) -> valid[me] = false;
             if :: owner[s] == me + 1 -> owner[s] = 0 :: else fi;
             if :: lock[s] == me + 1 -> lock[s] = 0 :: else fi } }
}

#ifndef NO_DEATHS
active proctype Killer() {
  if :: kill[1] = true :: skip fi;
#if NRD > 2
  if :: kill[2] = true :: skip fi
#endif
}
#endif

/* ---------------------------------------------------------------- writer */
inline look(s) {
  x = mem[SW(s)];
  if
#ifdef AS_FIRST_WRITTEN
  :: STATE(x) == ACTIVE || STATE(x) == CLOSING ->
#else
#if defined(E_JOINING_FREE)
  :: STATE(x) == ACTIVE || STATE(x) == CLOSING ->
#elif defined(E_CLOSING_FREE)
  :: STATE(x) == ACTIVE || STATE(x) == JOINING ->
#else
  :: STATE(x) != FREE ->
#endif
#endif
     r = mem[RP(s)]; if :: r < m -> m = r :: else fi
#ifdef ANEW
     ; counted = true
#endif
  :: else
  fi
}

#ifdef ANEW
#if NS > 1
#define LOOK look(0); look(1)
#else
#define LOOK look(0)
#endif
inline announce(t) {
  if :: t > ann -> ann = t; sb[0]!RECL,t :: else fi;
  EMPTY(0)
}

inline begin_anew() {                 /* w = p: what is written is published */
  EMPTY(0);
  d_step { m = p; counted = false };
  LOOK;
  if
  :: m == p && counted ->
#ifdef E_ORIGIN_BEFORE
     was = og; og = p; sb[0]!ORG,p;
#endif
#ifdef E_NO_ANNOUNCE
     EMPTY(0);
#elif defined(E_NO_ANEW_FENCE)
     if :: p > ann -> ann = p; sb[0]!RECL,p :: else fi;
#else
     announce(p);
#endif
#ifndef E_ONE_LOOK
     counted = false;
     LOOK;
#endif
     if
     :: m == p && counted ->
#ifndef E_ORIGIN_BEFORE
        og = p; sb[0]!ORG,p;
#endif
        cmin = p
     :: else ->
#ifdef E_ORIGIN_BEFORE
        og = was; sb[0]!ORG,og
#else
        skip
#endif
     fi
  :: else
  fi;
  d_step { m = 0; x = 0; r = 0; counted = false }
}
#endif

inline reclaim(s) {
#ifdef E_LOCK_CHECK_FIRST
  if
  :: lock[s] == 0 ->
     x = mem[SW(s)];
     if :: STATE(x) != FREE ->
#else
  x = mem[SW(s)];
  if
  :: STATE(x) != FREE ->
     if
     :: lock[s] == 0 ->
#endif
        atomic {
          EMPTY(me);
          if
#ifdef E_NO_EPOCH
          :: STATE(mem[SW(s)]) == STATE(x) ->
#elif defined(E_STORE_RECLAIM)
          :: true ->
#else
          :: mem[SW(s)] == x ->
#endif
             assert(owner[s] == 0);   /* never a live one */
#ifdef EVICTED
             if :: STATE(x) == ACTIVE -> evicted[s] = EPOCH(x) :: else fi;
#endif
             mem[SW(s)] = WORD(EPOCH(mem[SW(s)]), FREE)
          :: else
          fi
        }
     :: else
     fi
  :: else
  fi
}

#ifdef E_NO_RECLAIM
#define DEAD(s) false
#else
#define DEAD(s) (lock[s] == 0)
#endif
#define MOVED(s) (STATE(mem[SW(s)]) == FREE || mem[RP(s)] != cmin || DEAD(s))
#if NS > 1
#define CHANGED (MOVED(0) || MOVED(1))
#else
#define CHANGED MOVED(0)
#endif

active proctype Writer() {
  byte me = 0, p, cmin, m, x, r;
#ifdef ANEW
  byte og, ann; bool counted;
#endif
#ifdef E_ORIGIN_BEFORE
  byte was;
#endif
  atomic { run Reader(1);
#if NRD > 1
    run Reader(2);
#endif
#if NRD > 2
    run Reader(3);
#endif
  }
  do
  :: p == N -> break
#ifdef ANEW
  :: p < N && p > og -> begin_anew()
#endif
  :: p < N ->
     do
     :: p - cmin < C -> break
     :: else ->
#ifndef E_NO_SCAN_FENCE
        EMPTY(0);
#endif
        m = p;
        look(0);
#if NS > 1
        look(1);
#endif
#ifdef ANEW
        announce(m);
        LOOK;
        counted = false;
#endif
        cmin = m; m = 0; x = 0; r = 0;
        if
        :: p - cmin < C
        :: else ->
#ifndef E_NO_RECLAIM
           reclaim(0);
#if NS > 1
           reclaim(1);
#endif
           x = 0;
#endif
           /* sleeps until something has changed (a position, a state, or a peer's death) */
           CHANGED
        fi
     od;
     atomic {                         /* the first byte of the next record goes where record p - C was */
       r = 1;
       do
#ifdef ANEW
       :: r < NP -> assert(!valid[r] || (at[r] >= og && at[r] + C > p)); r++
#else
       :: r < NP -> assert(!valid[r] || at[r] + C > p); r++
#endif
       :: else -> r = 0; break
       od;
       data[OFF(p)] = p + 1
     };
     p++;
     sb[0]!WP,p
  od
}
