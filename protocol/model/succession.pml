/* succession.pml - a new writer continues the sequence of a killed one (SPEC chapters 7.5 and 11)
 *
 * write_pos is what publishes; the sequence of the next record must be known to a successor as well.  The
 * writer is killed up to KILLS times between any two stores; the successor reads the control block and goes
 * on.  A publication covers one or two records (batch).  Stores become visible in program order.
 *
 * THE DESIGN (sharpened): two entries { pos, count } take turns.  Before write_pos := q the writer fills the
 * entry whose pos is not the current write_pos with { q, number of records up to q }.  A successor takes the
 * count of the entry whose pos equals write_pos: there is always exactly one.
 *
 * ANEW: a ring of C one-unit records, a reader with a position, and one that joins at the oldest record.  The writer
 * is killed between any two stores of beginning anew (7.10) as well: reclaim_pos := w; origin_pos := w; publication.
 * A successor goes on at write_pos, counted from the origin that it finds; what room there is it learns by looking
 * at the readers: reclaim_pos may be beyond one that the second look of the dead writer had found.
 *
 * Property: the reader sees the sequences 1, 2, 3 ... without a gap and without a repetition; with ANEW no record is
 * written over that a reader has not read, and a successor finds origin_pos <= reclaim_pos <= write_pos (16.4).
 * Errors: E_COUNT_FIRST (written_count, then write_pos: a gap), E_COUNT_LAST (a repetition),
 *         E_WRONG_ENTRY (rewrites the entry that is in force)
 *         with ANEW: E_ORIGIN_FIRST (origin stored before reclaim_pos) E_ORIGIN_LATE (after write_pos)
 *         E_OLD_ORIGIN (a successor counts from 0) E_BASE_RECLAIM (a successor takes reclaim_pos for the limit) */
#ifndef N
#define N 6
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifdef ANEW
#ifndef C
#define C 2
#endif
byte org, recl;                       /* origin_pos, reclaim_pos */
byte rp, late = 255;                  /* read_pos of the reader, and of the one that joins later */
byte at = 255;                        /* ghost: from here on that one must find everything */
#define OFF(p) (((p) + 8 * C - og) % C)            /* og: the origin, as the process knows it */
byte rec[C];
#else
#define OFF(p) (p)
byte rec[N + 2];
#endif
byte wp, count;
byte epos[2], ecount[2];
bool kill; byte kills;

active proctype Killer() {
end: do
  :: atomic { !kill && kills < KILLS -> kill = true; kills++ }
  od
}

#ifdef ANEW
inline least() {
  d_step { if :: rp < t -> t = rp :: else fi };        /* one load each */
  d_step { if :: late < t -> t = late :: else fi }
}

inline announce(x) { if :: (x) > recl -> recl = x :: else fi }

inline room() {                       /* for one record */
  do
  :: p - base < C -> break
  :: else ->
     t = p; least(); announce(t); least();
     base = t;
     if :: p - base >= C -> rp != base && late != base :: else fi
  od
}

inline put() {
  room();
  skip;
  d_step {
    assert(rp + C > p && rp >= og);
    assert(at == 255 || (at + C > p && at >= og));
    rec[OFF(p)] = c + 1
  }
}

inline begin_anew() {
  t = p; least();
  if
  :: t == p ->
#ifdef E_ORIGIN_FIRST
     org = p; announce(p); og = p; base = p
#else
     announce(p);
     least();
     if
     :: t == p ->
#ifdef E_ORIGIN_LATE
        og = p; base = p
#else
        org = p; og = p; base = p
#endif
     :: else
     fi
#endif
  :: else
  fi
}
#else
inline put() { rec[p] = c + 1 }
#endif

inline body() {
  p = wp;
#ifdef ANEW
  assert(org <= recl && recl <= p);
#ifndef E_OLD_ORIGIN
  og = org;
#endif
#ifdef E_BASE_RECLAIM
  base = recl;
#else
  base = p - C;                       /* nothing is its own before the first look (as a number that may be below 0) */
#endif
#endif
#if defined(E_COUNT_FIRST) || defined(E_COUNT_LAST)
  c = count;
#else
  if
  :: epos[0] == p -> c = ecount[0]
  :: epos[0] != p -> assert(epos[1] == p); c = ecount[1]
  fi;
#endif
  do
  :: p >= N -> break
#ifdef ANEW
  :: p < N && p > og && p == wp -> begin_anew()
#endif
  :: p < N ->
     put(); p++; c++;
#ifdef ANEW                           /* a batch of two, where both have room */
     if :: p - base < C -> put(); p++; c++ :: skip fi;
#else
     if :: put(); p++; c++ :: skip fi;                  /* a batch of two */
#endif
#if defined(E_COUNT_FIRST)
     count = c; wp = p;
#elif defined(E_COUNT_LAST)
     wp = p; count = c;
#else
#ifdef E_WRONG_ENTRY
     e = (epos[0] == wp -> 0 : 1);
#else
     e = (epos[0] == wp -> 1 : 0);
#endif
     epos[e] = p;
     ecount[e] = c;
     wp = p;
#ifdef E_ORIGIN_LATE
     org = og;
#endif
#endif
  od
}

proctype Writer() {
  byte p, c, e;
#ifdef ANEW
  byte og, t; short base;
#endif
  { body() } unless { atomic { kill -> kill = false; run Writer() } }
}

#ifdef ANEW
inline take() {
  q = org;
  d_step {
    if :: q != og -> assert(q == p); og = q :: else fi;
    q = 0;
    assert(rec[OFF(p)] == p + 1)
  };
  p++
}

active proctype Reader() {
  byte p, og, q;
end:
  do
  :: p < wp -> take()
  :: rp < p -> rp = p
  od
}

active proctype Late() {              /* joins at the oldest record (chapter 12) */
  byte p, og, q;
  p = recl;
  do
  :: late = p;
     atomic { if :: recl <= p -> at = p; break :: recl > p -> p = recl fi }
  od;
  og = org;
  assert(og <= p);
end:
  do
  :: p < wp -> take()
  :: late < p -> atomic { late = p; at = p }
  od
}
#else
active proctype Reader() {
  byte p;
end:
  do
  :: p < wp -> assert(rec[p] == p + 1); p++
  od
}
#endif

init { epos[1] = 255; run Writer() }
