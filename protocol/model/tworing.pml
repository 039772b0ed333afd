/* tworing.pml - the immutable duplex: requests in one ring, answers in another, a server killed (SPEC 22.5, 22.8)
 *
 * One client sends N requests into a ring of Q records and takes answers from a ring of R records.  The server
 * is a process of two threads that take requests one after the other, work on them at the same time and
 * publish the answers in turn.  It is killed up to KILLS times, both threads at once, at any step; a successor
 * goes on.  Positions count records (ring.pml has bytes and padding).
 *
 * THE DESIGN
 *   - begun (slot.read_count) := the sequence, before anybody works on the request
 *   - the answer's header, last_record_pos, write_pos, in this order; then the request is let go (read_pos);
 *     only then is it the next answer's turn
 *   - a successor: what is begun and not answered is answered with an error; what was answered and not let go
 *     is let go; which that is says the last record of the response ring, if it is whole
 *
 * ANEW: whose turn it is may begin the response ring anew (7.10) where the client has let all go, cp = ap = w, before
 * it writes its record: reclaim_pos := w, origin_pos := w.  (The client's slot counts for ever and never goes back, so
 * one look is as good as two.)  The last record may then be written over before it is replaced: its request was let go.
 * TAKEN: the client is killed at any step, and another takes the lane over (22.6): it goes on at write_pos of
 * the request ring, its first answer is at write_pos of the response ring, whose origin it loads after that; answers to
 * its predecessor's requests it lets go unread.
 *
 * Properties: every request is worked on at most once; exactly one answer comes to each, in order; an error
 * only where a server was killed; no deadlock.
 *
 * -DTURN_FIRST: the next answer's turn comes before the request is let go (passes as long as R leaves the last record;
 *         not with ANEW: the last record is written over, and its request is answered twice).
 * -DOLD_LAST, with ANEW: a successor looks for the last record though that is before the origin; what it finds there is
 *         not whole, or of no interest.
 * Errors: E_MARK_LATE E_NO_MARK E_REPEAT E_AGAIN E_NO_WHOLE E_LAST_LATE E_LET_GO_FIRST E_NO_TURN E_SKIP
 *         with ANEW: E_ANEW_HELD (the client has not let all go) E_ANEW_LATE (origin stored after write_pos)
 *         E_IGNORE_ORIGIN; with TAKEN: E_TAKEN_EARLY (origin loaded before write_pos) E_TAKEN_NOT (an answer to its
 *         predecessor taken for its own)                                                                      */
#ifndef N
#define N 3
#endif
#ifndef Q
#define Q 2
#endif
#ifndef R
#define R 2
#endif
#ifndef KILLS
#define KILLS 1
#endif

byte wp, rp, begun;                   /* request ring: sent, let go, begun */
byte ap, cp, last;                    /* response ring: published, let go by the client, last_record_pos */
byte tag[R], nr[R]; bool err[R];      /* its records: nr is the record's own sequence */
#ifdef ANEW
byte org, recl;                       /* origin_pos and reclaim_pos of the response ring */
byte mine0;                           /* the origin as the server knows it */
#define AT(p) (((p) + 8 * R - mine0) % R)
#else
#define AT(p) ((p) % R)
#endif

byte gen;                             /* which server process it is */
byte nxt, turn, begun0, answered0;    /* private to it */
bool done[N + 1];
byte worked[N + 1];                   /* ghost */

inline attach() { d_step {
  nxt = rp; turn = rp; begun0 = begun; answered0 = 0; k = 0;
#ifdef ANEW
  mine0 = org;
  assert(org <= recl && recl <= ap);
#endif
  do :: k <= N -> done[k] = false; k++ :: else -> break od;
  k = 0;
  if
#if defined(ANEW) && !defined(OLD_LAST)
  :: last < org                       /* its request was let go before the ring began anew */
  :: last >= org && last < ap ->
#else
  :: last < ap ->
#endif
#ifdef E_NO_WHOLE
     answered0 = tag[AT(last)]
#else
     if :: nr[AT(last)] == ap -> answered0 = tag[AT(last)] :: else fi
#endif
  :: else -> if :: tag[AT(last)] -> answered0 = tag[AT(last)] - 1 :: else fi
  fi } }

inline let_go() {
  d_step { done[id] = true; do :: rp < N && done[rp + 1] -> rp++ :: else -> break od } }

inline answer() {
#ifndef E_NO_TURN
  atomic { turn == id - 1 && ap - cp < R -> skip };
#else
  ap - cp < R;
#endif
#ifdef ANEW
  if
#ifdef E_ANEW_HELD
  :: ap > mine0 ->
#else
  :: ap > mine0 && cp == ap ->
#endif
     recl = ap;
     mine0 = ap;
#ifndef E_ANEW_LATE
     org = ap
#endif
  :: skip
  fi;
#endif
#ifdef E_LET_GO_FIRST
  let_go();
#endif
  d_step { tag[AT(ap)] = id; err[AT(ap)] = half; nr[AT(ap)] = ap + 1 };
#ifdef E_LAST_LATE
  ap++;
  last = ap - 1;
#else
  last = ap;
  ap++;
#ifdef E_ANEW_LATE
  org = mine0;
#endif
#endif
#ifdef TURN_FIRST
  turn = id;
  let_go()
#else
#ifndef E_LET_GO_FIRST
  let_go();
#endif
  turn = id
#endif
}

inline thread_body() {
  skip;
end:
  do
  :: atomic { nxt < wp ->                      /* what is private between two stores is one step */
       id = nxt + 1; half = id <= begun0; nxt = id;
#ifndef E_NO_MARK
#ifndef E_MARK_LATE
       if :: !half -> begun = id :: else fi
#endif
#endif
     };
     if
#ifndef E_AGAIN
     :: half && id <= answered0 -> turn == id - 1; let_go(); turn = id
#endif
#ifdef E_SKIP
     :: half && id > answered0 -> turn == id - 1; let_go(); turn = id
#endif
     :: else ->
#ifdef E_REPEAT
        half = false;
#endif
        if
        :: !half ->
           d_step { worked[id]++; assert(worked[id] == 1) };
#ifdef E_MARK_LATE
           begun = id;
#endif
           skip
        :: else
        fi;
        answer()
     fi;
     d_step { id = 0; half = false }
  od
}

active [2] proctype Thread() {        /* of the server that lives now */
  byte id, mine; bool half;
again:
  { thread_body() } unless { atomic { gen != mine -> mine = gen; id = 0; half = false; goto again } }
}

active proctype Killer() {            /* at any step of both: nothing of the dead server goes on, a successor does */
  byte k;
end: do
  :: d_step { gen < KILLS && wp -> gen++; attach() }
  od
}

#ifdef ANEW
#define HERE ((cp + 8 * R - og) % R)
#else
#define HERE (cp % R)
#endif

inline take() {                       /* the record at cp, after a write_pos that shows it */
#ifdef ANEW
#ifndef E_IGNORE_ORIGIN
  q = org;
  d_step { if :: q != og -> assert(q == cp); og = q :: else fi; q = 0 };
#endif
#endif
  d_step {
#ifdef TAKEN
    if
#ifdef E_TAKEN_NOT
    :: false
#else
    :: tag[HERE] < first -> assert(nr[HERE] == cp + 1); cp++     /* a predecessor's */
#endif
    :: else ->
#endif
       assert(tag[HERE] == expect && nr[HERE] == cp + 1);        /* once, in order, none left out */
       assert(!err[HERE] || gen);
       assert(err[HERE] || worked[expect] == 1);
       expect++; cp++
#ifdef TAKEN
    fi
#endif
  }
}

#ifdef TAKEN
bool dead;

active proctype ClientKiller() { if :: dead = true :: skip fi }

inline take_over() {                  /* 22.6: the lane, its rings, whatever its predecessor left */
  dead = false;
  first = wp + 1; expect = first;
#ifdef E_TAKEN_EARLY
  og = org;
#endif
  q = ap;
  cp = q;
#ifndef E_TAKEN_EARLY
#ifdef ANEW
  og = org;
#endif
#endif
  q = 0
}
#endif

inline client() {
  do
  :: wp < N && wp - rp < Q -> wp++
  :: cp < ap -> take()
  :: expect == N + 1 -> break
  od
}

active proctype Client() {
  byte expect = 1, q;
#ifdef ANEW
  byte og;
#endif
#ifdef TAKEN
  byte first = 1;
  { client() } unless { dead };
  if
  :: dead -> take_over(); client()
  :: else
  fi
#else
  client()
#endif
}
