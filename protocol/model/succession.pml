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
 * Property: the reader sees the sequences 1, 2, 3 ... without a gap and without a repetition.
 * Errors: E_COUNT_FIRST (written_count, then write_pos: a gap), E_COUNT_LAST (a repetition),
 *         E_WRONG_ENTRY (rewrites the entry that is in force)                                         */
#ifndef N
#define N 6
#endif
#ifndef KILLS
#define KILLS 2
#endif
byte wp, count;
byte epos[2], ecount[2];
byte rec[N + 2];
bool kill; byte kills;

active proctype Killer() {
end: do
  :: atomic { !kill && kills < KILLS -> kill = true; kills++ }
  od
}

inline body() {
  p = wp;
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
  :: else ->
     rec[p] = c + 1; p++; c++;
     if :: rec[p] = c + 1; p++; c++ :: skip fi;         /* a batch of two */
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
#endif
  od
}

proctype Writer() {
  byte p, c, e;
  { body() } unless { atomic { kill -> kill = false; run Writer() } }
}

active proctype Reader() {
  byte p;
end:
  do
  :: p < wp -> assert(rec[p] == p + 1); p++
  od
}

init { epos[1] = 255; run Writer() }
