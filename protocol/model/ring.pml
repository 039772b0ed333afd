/* ring.pml - positions, wrap, padding, holding, shrink, discard, batch (SPEC chapters 5 to 8)
 *
 * A ring of C units.  Records take 1..C units, padding is a record of its own, published on its own.
 * Positions are kept modulo 2C (all distances are at most C, so nothing is lost) and sequences modulo
 * C + 1 (at most C records are in the ring): the run is unbounded and yet finite, every start offset,
 * every order of sizes and every order of release is covered.
 *
 * data[u] is the sequence of the record that unit u belongs to (0 in padding), hlen[u] the length in the
 * header of the record that starts at u.  A reader checks all units of a record when it takes it and again
 * when it lets it go: a unit overwritten while it was unread or held fails an assertion.  Units that every
 * reader has given back are scrubbed at once: whoever gives back too early has lost them.
 * A reader may publish its position whenever it likes (that is any acknowledgement policy), but has to
 * before it waits: that is why "publish" stays enabled while it is due.
 *
 * Deadlock freedom = no invalid end state; as readers can do only finitely much between two publications
 * of the writer, this is also progress: the claimed record is written when the readers drain.
 *
 * ANEW: between two records the writer may begin anew (7.10): where all stand at w = write_pos, origin := w,
 * and w lies at offset 0.  Nobody joins here, so one look is enough (join_reclaim.pml has the joiners).  A
 * reader keeps what it saw of write_pos until it has taken all of that, then loads both words, one after the
 * other.  The origin is kept modulo C: an offset, and a record at `next` needs no more of it.
 *
 * Variants:  C, NR=1|2, HOLD (frames held at most, 2), RESTART (start again at offset 0 when drained and
 *            the record fits in front), RESTART_ALWAYS (even if it does not fit in front), BATCH, ANEW
 * Errors:    E_PAD_WITH_FRAME E_PAD_LAZY E_LAST_RELEASED E_NEXT_AS_READ E_FAST_READER E_ONE_TOO_MANY
 *            E_DEFER E_DISCARD_GAP E_BATCH_WAITS E_RESTART_NO_PAD E_STRIDE E_DOUBLE_FETCH
 *            with ANEW: E_ANEW_BLIND (looks at no reader) E_ANEW_ONE (at one of two) E_ANEW_OPEN (with records
 *            committed and not published) E_ANEW_LAP (the lap still ends where the old one did) E_ANEW_ROOM
 *            (the rest of the old lap counts as room) E_ANEW_LATE (origin stored after write_pos)
 *            E_IGNORE_ORIGIN E_ORIGIN_FIRST (a reader loads the origin before write_pos)                          */
#ifndef C
#define C 6
#endif
#ifndef NR
#define NR 1
#endif
#define HOLD 2
#define M (2 * C)
#define S (C + 1)
#ifdef ANEW
#define OFF(p)     (((p) + M - og) % C)            /* og: the origin, as the process knows it */
#define THERE      (nxt != seen)
#else
#define OFF(p)     ((p) % C)
#define THERE      (nxt != wp)
#endif
#define DIST(a, b) (((a) + M - (b)) % M)           /* a - b, a not behind b */
#define NEXTSEQ(s) ((s) % S + 1)

byte wp;                            /* shared: write_pos */
#ifdef ANEW
byte org;                           /* shared: origin_pos, modulo C */
#endif
byte rp[NR];                        /* shared: read_pos */
byte data[C], hlen[C];

typedef Held { byte pos, n, seq }           /* n 0: unused */

/* ------------------------------------------------------------------ reader */
inline check(pos_, len_, seq_) {
  k = 0;
  do
  :: k < len_ -> assert(data[OFF(pos_ + k)] == seq_); k++
  :: else -> k = 0; break
  od
}

inline accept(x_) {                 /* the origin that is known, or the position where the next record lies */
#ifndef E_IGNORE_ORIGIN
  d_step { if :: (x_) != og -> assert((x_) == nxt % C); og = (x_) :: else fi }
#else
  skip
#endif
}

inline oldest() {                   /* the oldest position still held, else the next one to read */
  o = nxt;
#ifndef E_NEXT_AS_READ
  if :: h[0].n && DIST(nxt, h[0].pos) > DIST(nxt, o) -> o = h[0].pos :: else fi;
  if :: h[1].n && DIST(nxt, h[1].pos) > DIST(nxt, o) -> o = h[1].pos :: else fi
#endif
}

inline let_go(i) {
  d_step {
    check(h[i].pos, h[i].n, h[i].seq);
#ifdef E_LAST_RELEASED
    o = (h[i].pos + h[i].n) % M;
    due = (o != rp[me]);
#else
    oldest();
    due = false;
#endif
    h[i].pos = 0; h[i].n = 0; h[i].seq = 0;
#ifndef E_LAST_RELEASED
    oldest();
    due = (o != rp[me]);
#ifdef E_DEFER
    cnt++;
#endif
#endif
  }
}

inline take(i) {
  d_step {
    assert(data[OFF(nxt)] == expect);                  /* no gap, nothing twice */
    h[i].pos = nxt; h[i].n = hlen[OFF(nxt)]; h[i].seq = expect;
    assert(OFF(nxt) + h[i].n <= C);                    /* no record crosses the end */
    check(h[i].pos, h[i].n, h[i].seq);
    nxt = (nxt + h[i].n) % M; expect = NEXTSEQ(expect);
  }
}

#define IS_PAD (data[OFF(nxt)] == 0)

#if NR > 1
#define SLOWEST ((DIST(wp, rp[0]) > DIST(wp, rp[1])) -> rp[0] : rp[1])
#else
#define SLOWEST rp[0]
#endif

inline give_back() {                /* the release store of read_pos; then scrub what nobody needs any more */
  was = SLOWEST;
  rp[me] = o; due = false;
  do
  :: was != SLOWEST -> data[OFF(was)] = 0; hlen[OFF(was)] = 0; was = (was + 1) % M
  :: else -> break
  od;
  was = 0
}

proctype Reader(byte me) {
  byte nxt, expect = 1, k, o, was; bool due;
#ifdef ANEW
  byte og, seen;
#endif
#ifdef E_DEFER
  byte cnt;
#endif
  Held h[HOLD];
end:
  do
#ifdef ANEW
#ifdef E_ORIGIN_FIRST
  :: nxt == seen -> o = org;
     if :: atomic { nxt != wp -> seen = wp }; accept(o) :: nxt == wp fi; o = 0
#else
  :: atomic { nxt == seen && nxt != wp -> seen = wp }; accept(org)
#endif
#endif
  :: THERE && !IS_PAD && h[0].n == 0 -> take(0)
  :: THERE && !IS_PAD && h[0].n && h[1].n == 0 -> take(1)
#ifdef E_PAD_LAZY                                        /* steps over padding only together with a frame */
  :: THERE && IS_PAD && (nxt + hlen[OFF(nxt)]) % M != wp ->
#else
  :: THERE && IS_PAD ->
#endif
     d_step { assert(hlen[OFF(nxt)]); assert(OFF(nxt) && OFF(nxt) + hlen[OFF(nxt)] == C); nxt = (nxt + hlen[OFF(nxt)]) % M;
#ifndef E_LAST_RELEASED
              oldest(); due = (o != rp[me]);
#else
              if :: !h[0].n && !h[1].n -> o = nxt; due = true :: else fi
#endif
     }
  :: h[0].n -> let_go(0)
  :: h[1].n -> let_go(1)
#ifdef E_DEFER                                           /* waits with fewer than 2 releases unpublished */
  :: due && cnt >= 2 -> d_step { give_back(); cnt = 0 }
#else
  :: due -> d_step { give_back() }
#endif
  od
}

/* ------------------------------------------------------------------ writer */
#if NR > 1
#define USED ((DIST(wpriv, rp[0]) > DIST(wpriv, rp[1])) -> DIST(wpriv, rp[0]) : DIST(wpriv, rp[1]))
#define LEAST ((DIST(wpriv, rp[0]) < DIST(wpriv, rp[1])) -> DIST(wpriv, rp[0]) : DIST(wpriv, rp[1]))
#else
#define USED DIST(wpriv, rp[0])
#define LEAST USED
#endif

inline scan() {                     /* one load after the other, as in the real thing */
#ifdef E_FAST_READER
  cmin = (wpriv + M - LEAST) % M
#else
  a = rp[0];
#if NR > 1
#ifdef E_DOUBLE_FETCH               /* compares one load and keeps another */
  if :: DIST(wpriv, rp[1]) > DIST(wpriv, a) -> a = rp[1] :: else fi;
#else
  b = rp[1];
  if :: DIST(wpriv, b) > DIST(wpriv, a) -> a = b :: else fi;
#endif
#endif
  d_step {
    cmin = a; a = 0; b = 0;
#ifdef E_ANEW_ROOM
    extra = 0
#endif
  }
#endif
}

#ifdef E_ANEW_ROOM
#define ROOM(x) (C + extra - DIST(wpriv, cmin) >= (x))
#elif defined(E_ONE_TOO_MANY)
#define ROOM(x) (C + 1 - DIST(wpriv, cmin) >= (x))
#else
#define ROOM(x) (C - DIST(wpriv, cmin) >= (x))
#endif

#ifdef RESTART                      /* padding and record together fit the empty ring: no wait */
#define WORTH (n <= OFF(wpriv))
#else
#define WORTH true
#endif

#ifdef E_ANEW_LATE
inline publish() { wp = wpriv; org = og }
#else
inline publish() { wp = wpriv }
#endif

#if defined(E_ANEW_BLIND)
#define ALL_AT_W (wp == wpriv)
#elif defined(E_ANEW_ONE)
#define ALL_AT_W (wp == wpriv && rp[0] == wp)
#elif defined(E_ANEW_OPEN)
#define ALL_AT_W (DIST(wp, SLOWEST) == 0)
#else
#define ALL_AT_W (wp == wpriv && DIST(wp, SLOWEST) == 0)
#endif
#ifdef E_ANEW_LAP
#define LAP(p) (((p) + M - lap) % C)
#else
#define LAP(p) OFF(p)
#endif

inline begin_anew() {
#ifdef E_ANEW_ROOM
  extra = C - OFF(wpriv);
#endif
  og = wpriv % C; cmin = wpriv;
#ifndef E_ANEW_LATE
  org = og
#endif
}

inline wait_room(x) {
  do
  :: ROOM(x) -> break
  :: else ->
#ifndef E_BATCH_WAITS
     publish();                     /* what is in the batch, before any wait */
#endif
#ifdef E_FAST_READER
     (C - LEAST >= (x));
#else
     (C - USED >= (x));
#endif
     scan()
  od
}

inline pad() {
  atomic { data[OFF(wpriv)] = 0; hlen[OFF(wpriv)] = C - LAP(wpriv); wpriv = (wpriv + C - LAP(wpriv)) % M };
  if
#ifdef BATCH
  :: true
#endif
  :: publish()
  fi
}

proctype Writer() {
  byte wpriv, cmin, n, m, seq = 1, k, a, b;
#ifdef ANEW
  byte og;
#endif
#ifdef E_ANEW_LAP
  byte lap;
#endif
#ifdef E_ANEW_ROOM
  byte extra;
#endif
  do
#ifdef ANEW
  :: d_step { ALL_AT_W && OFF(wpriv) -> begin_anew() }
#endif
  :: atomic {
     if :: n = 1 :: n = 2
#if C > 2
        :: n = 3
#endif
#if C > 3
        :: n = C - 1
#endif
#if C > 5
        :: n = 4
#endif
        :: n = C
     fi };
#if defined(RESTART) || defined(RESTART_ALWAYS) || defined(E_RESTART_NO_PAD)
     if                             /* drained, and it would lie at 0 */
     :: USED == 0 && OFF(wpriv) != 0 && WORTH -> scan();
#ifdef E_RESTART_NO_PAD
        wpriv = (wpriv + C - OFF(wpriv)) % M
#else
        wait_room(C - OFF(wpriv)); pad()
#endif
     :: else
     fi;
#endif
     if
     :: LAP(wpriv) + n > C ->
#ifdef E_PAD_WITH_FRAME
        wait_room(C - LAP(wpriv) + n);
#else
        wait_room(C - LAP(wpriv));
#endif
        pad()
     :: else
     fi;
     wait_room(n);
     atomic {                       /* the user fills what was claimed */
       k = 0;
       do :: k < n -> data[OFF(wpriv) + k] = seq; k++ :: else -> k = 0; break od
     };
     if
     :: atomic {                    /* discard */
          k = 0;
          do :: k < n -> data[OFF(wpriv) + k] = 0; k++ :: else -> k = 0; break od
        };
#ifdef E_DISCARD_GAP
        seq = NEXTSEQ(seq)
#else
        skip
#endif
     :: /* commit, perhaps of less */
        if :: m = n :: n > 1 -> m = n - 1 :: n > 2 -> m = 1 fi;
        atomic {
          hlen[OFF(wpriv)] = m; k = m;
          do :: k < n -> data[OFF(wpriv) + k] = 0; k++ :: else -> k = 0; break od;
#ifdef E_STRIDE
          wpriv = (wpriv + n) % M;
#else
          wpriv = (wpriv + m) % M;
#endif
          seq = NEXTSEQ(seq); m = 0
        };
        if
#ifdef BATCH
        :: true
#endif
        :: publish()
        fi
     fi;
     n = 0
  od
}

init { atomic { run Writer(); run Reader(0);
#if NR > 1
  run Reader(1);
#endif
} }
