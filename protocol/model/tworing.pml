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
 * Properties: every request is worked on at most once; exactly one answer comes to each, in order; an error
 * only where a server was killed; no deadlock.
 *
 * -DTURN_FIRST: the next answer's turn comes before the request is let go (passes as long as R leaves the last record).
 * Errors: E_MARK_LATE E_NO_MARK E_REPEAT E_AGAIN E_NO_WHOLE E_LAST_LATE E_LET_GO_FIRST E_NO_TURN E_SKIP     */
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

byte gen;                             /* which server process it is */
byte nxt, turn, begun0, answered0;    /* private to it */
bool done[N + 1];
byte worked[N + 1];                   /* ghost */

inline attach() { d_step {
  nxt = rp; turn = rp; begun0 = begun; answered0 = 0; k = 0;
  do :: k <= N -> done[k] = false; k++ :: else -> break od;
  k = 0;
  if
  :: last < ap ->
#ifdef E_NO_WHOLE
     answered0 = tag[last % R]
#else
     if :: nr[last % R] == ap -> answered0 = tag[last % R] :: else fi
#endif
  :: else -> if :: tag[last % R] -> answered0 = tag[last % R] - 1 :: else fi
  fi } }

inline let_go() {
  d_step { done[id] = true; do :: rp < N && done[rp + 1] -> rp++ :: else -> break od } }

inline answer() {
#ifndef E_NO_TURN
  atomic { turn == id - 1 && ap - cp < R -> skip };
#else
  ap - cp < R;
#endif
#ifdef E_LET_GO_FIRST
  let_go();
#endif
  d_step { tag[ap % R] = id; err[ap % R] = half; nr[ap % R] = ap + 1 };
#ifdef E_LAST_LATE
  ap++;
  last = ap - 1;
#else
  last = ap;
  ap++;
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

active proctype Client() {
  byte expect = 1;
  do
  :: wp < N && wp - rp < Q -> wp++
  :: cp < ap ->
     d_step {
       assert(tag[cp % R] == expect);                            /* once, in order, none left out */
       assert(!err[cp % R] || gen);
       assert(err[cp % R] || worked[expect] == 1);
       expect++; cp++
     }
  :: expect == N + 1 -> break
  od
}
