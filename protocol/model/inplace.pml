/* inplace.pml - the mutable duplex: one ring, the answer lies where the request lay (SPEC 22.4, 22.8)
 *
 * Three positions: write_pos (client), server position, and what the client has let go (its own slot, which only
 * a successor of the client needs: lane.pml).
 * The client sends N requests of 1, 2 or C units into a ring of C units (padding as in ring.pml), holds up
 * to two answers, lets them go in any order and writes over what it has let go.  The server changes the
 * payload unit by unit, may make the answer shorter, and publishes its position: that is the answer.  It is
 * killed up to KILLS times at any step, a successor starts at the published server position.
 *
 * THE DESIGN (sharpened)
 *   - header.extent, here `reserved` (units of the record) is written by the client at commit and by nobody ever again;
 *     everybody steps by it.  header.size may be changed by the server.
 *   - the server sets IN_PLACE before the first change of payload or header and NEVER clears it: it stays in
 *     the answer; only the next claim of that space writes a new header.
 *   - a successor that finds IN_PLACE set answers SYSTEM_ERROR and touches nothing else.
 *   - padding is stepped over and published at once, by the server and by the client.
 *
 * Properties: server writes only what is submitted and unanswered, client writes only what it has let go,
 * an answer never changes while it is held; every request gets exactly one answer, in order: all of it
 * processed exactly once, or SYSTEM_ERROR, the latter only if a server was killed; no deadlock.
 *
 * Errors: E_CLEAR_FLAG E_FLAG_LATE E_NO_FLAG_CHECK E_STRIDE E_REUSE_HELD E_PUBLISH_EARLY E_PAD_LAZY
 *         E_SKIP_HALF_DONE                                                                          */
#ifndef C
#define C 4
#endif
#ifndef N
#define N 4
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define OFF(p) ((p) % C)
#define REQ 16
#define ANS 32

byte wp, sp;                          /* shared positions */
byte data[C];
byte reserved[C], size[C], seq[C];    /* header of the record that starts at this unit; seq 0: padding */
bool in_place[C], sys_error[C];
bool kill; byte kills;

/* ghosts */
bool submitted[C];                    /* belongs to the server */

active proctype Killer() {
end: do
  :: atomic { !kill && kills < KILLS -> kill = true; kills++ }
  od
}

inline publish_server() { atomic {
  k = p;
  do :: k < p + reserved[OFF(p)] -> submitted[OFF(k)] = false; k++ :: else -> break od;
  k = 0; p = p + reserved[OFF(p)]; sp = p } }

inline server_body() {
  p = sp;
end:
  do
#ifdef E_PAD_LAZY
  :: p < wp && seq[OFF(p)] == 0 && p + reserved[OFF(p)] < wp -> publish_server()
#else
  :: p < wp && seq[OFF(p)] == 0 -> publish_server()
#endif
  :: p < wp && seq[OFF(p)] != 0 ->
     id = seq[OFF(p)];
     if
#ifndef E_NO_FLAG_CHECK
     :: in_place[OFF(p)] ->
#ifdef E_SKIP_HALF_DONE
        skip
#else
        sys_error[OFF(p)] = true
#endif
#endif
     :: else ->
#ifndef E_FLAG_LATE
        in_place[OFF(p)] = true;
#endif
#ifdef E_PUBLISH_EARLY
        sp = p + reserved[OFF(p)];
#endif
        u = 0;
        do
        :: u < reserved[OFF(p)] ->
           assert(submitted[OFF(p + u)]);
           assert(data[OFF(p + u)] == REQ + id);         /* a request, not something half done */
           data[OFF(p + u)] = ANS + id; u++;
#ifdef E_FLAG_LATE
           in_place[OFF(p)] = true
#endif
        :: else -> u = 0; break
        od;
        if :: size[OFF(p)] = 1 :: skip fi;               /* a shorter answer */
#ifdef E_CLEAR_FLAG
        in_place[OFF(p)] = false;
#endif
        skip
     fi;
     publish_server();
     id = 0
  od
}

proctype Server() {
  byte p, u, k, id;
  { server_body() } unless { atomic { kill -> kill = false; run Server() } }
}

typedef Held { byte pos, n, id; bool err }

inline check(h_) {
  k = 0;
  do
  :: k < h_.n ->
     assert(!submitted[OFF(h_.pos + k)]);
     assert(h_.err || data[OFF(h_.pos + k)] == ANS + h_.id);
     k++
  :: else -> k = 0; break
  od
}

#ifdef E_STRIDE
#define STEP(p) size[OFF(p)]
#else
#define STEP(p) reserved[OFF(p)]
#endif

inline take(i) { d_step {
  assert(seq[OFF(nxt)] == expect);
  h[i].pos = nxt; h[i].n = reserved[OFF(nxt)]; h[i].id = expect; h[i].err = sys_error[OFF(nxt)];
  assert(!h[i].err || kills);
  check(h[i]);
  nxt = nxt + STEP(nxt); expect++ } }

inline let_go(i) { d_step { check(h[i]); h[i].pos = 0; h[i].n = 0; h[i].id = 0; h[i].err = false } }

/* the client's own oldest position still needed */
#ifdef E_REUSE_HELD
#define FIRST nxt
#else
#define FIRST ((h[0].n && (!h[1].n || h[0].pos < h[1].pos)) -> h[0].pos : (h[1].n -> h[1].pos : nxt))
#endif
#define USED (w - FIRST)

active proctype Client() {
  byte w, nxt, expect = 1, id = 1, n, k;
  Held h[2];
  run Server();
  do
  :: nxt < sp && seq[OFF(nxt)] == 0 -> nxt = nxt + reserved[OFF(nxt)]
  :: nxt < sp && seq[OFF(nxt)] && h[0].n == 0 -> take(0)
  :: nxt < sp && seq[OFF(nxt)] && h[0].n && h[1].n == 0 -> take(1)
  :: h[0].n -> let_go(0)
  :: h[1].n -> let_go(1)
  :: n == 0 && id <= N ->
     if :: n = 1 :: n = 2 :: n = C fi
  :: n && OFF(w) + n > C && USED + C - OFF(w) <= C ->    /* padding, as soon as it has room */
     atomic {
       assert(!submitted[OFF(w)]);
       seq[OFF(w)] = 0; reserved[OFF(w)] = C - OFF(w); in_place[OFF(w)] = false;
       w = w + C - OFF(w); wp = w
     }
  :: n && OFF(w) + n <= C && USED + n <= C ->
     d_step {                                            /* the user writes the request in place */
       k = 0;
       do
       :: k < n ->
          assert(!submitted[OFF(w + k)]);
          data[OFF(w + k)] = REQ + id; k++
       :: else -> k = 0; break
       od
     };
     d_step {                                            /* commit */
       seq[OFF(w)] = id; reserved[OFF(w)] = n; size[OFF(w)] = n;
       in_place[OFF(w)] = false; sys_error[OFF(w)] = false;
       do
       :: k < n -> submitted[OFF(w + k)] = true; k++
       :: else -> k = 0; break
       od;
       w = w + n; wp = w; id++; n = 0
     }
  :: expect == N + 1 && !h[0].n && !h[1].n -> break      /* every answer seen and let go */
  od
}
