/* lane.pml - a lane that is answered in place changes hands (SPEC 22.4, 22.6, 22.7)
 *
 * A ring of C records, one position each: wp sent, sp answered (slot 0), cp let go by the caller (slot 1).
 *
 * Default: the CALLER is killed at any step and another one takes the lane: it begins at write_pos.
 * -DCALLBACK: the ANSWERER (a client that its server calls) is killed at any step and another one takes the lane:
 * its place (epoch) first, then it steps over what is there, begun or not.  Caller and answerer look at the
 * epoch as 22.7 says.
 *
 * Properties: the answerer finds whole requests that nobody writes over; an answer that is accepted is whole,
 * belongs to the call, and, with CALLBACK, was given by the client that was called; no deadlock.
 *
 * Errors: E_START_AT_SP E_UNSIGNED E_KEEP_CP E_BASE_CP; with CALLBACK: E_NO_EPOCH E_EPOCH_FIRST E_STEP_FIRST    */
#ifndef C
#define C 2
#endif
#ifndef N
#define N 4
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define REQ 16
#define HALF 32
#define ANS 48

byte wp, sp, cp;
byte data[C], by[C]; bool flag[C];    /* record: content + number; ghost: whose answer */
byte epoch, kills, sent;
bool kill, over;

active proctype Killer() {
end: do
  :: atomic { !kill && kills < KILLS && !over -> kill = true; kills++ }
  od
}

inline answer_body(mine) {
  p = sp;
end:
  do
  :: p < wp ->
     id = data[p % C] & 15;
     assert(flag[p % C] || data[p % C] == REQ + id);
     flag[p % C] = true;
     data[p % C] = HALF + id;
     d_step { assert(data[p % C] == HALF + id); data[p % C] = ANS + id; by[p % C] = mine };
     p++;
     sp = p
  od
}

proctype Answerer(byte mine) {
  byte p, id;
#ifdef CALLBACK
  { if
    :: mine ->                                   /* takes a dead one's lane */
#ifdef E_STEP_FIRST
       sp = wp;
       epoch = mine
#else
       epoch = mine;
       sp = wp
#endif
    :: else
    fi;
    answer_body(mine)
  } unless { atomic { kill -> kill = false; run Answerer(mine + 1) } }
#else
  answer_body(0)
#endif
}

#ifdef E_BASE_CP
#define FREE (w - cp < C)
#else
#define FREE (w - cp < C && w - sp < C)
#endif
#ifdef E_UNSIGNED
#define MORE (sp != nxt)
#else
#define MORE (sp > nxt)
#endif

inline call_body() {
  w = wp;
#ifdef E_START_AT_SP
  nxt = sp;
#else
  nxt = wp;
#endif
#ifndef E_KEEP_CP
  cp = nxt;
#endif
  do
  :: sent < N && FREE && w - nxt == 0 ->         /* one call at a time is on its way */
     e = epoch;
     d_step { sent++; id = sent };
     d_step { flag[w % C] = false; data[w % C] = REQ + id };
     w++; wp = w
#ifdef E_EPOCH_FIRST
  :: nxt < w ->
     now = epoch;
     MORE;
#else
  :: MORE ->
#endif
     d_step { seen = data[nxt % C]; whose = by[nxt % C]; is_answer = flag[nxt % C] };
#ifndef E_EPOCH_FIRST
     now = epoch;
#endif
#ifdef E_NO_EPOCH
     now = e;
#endif
     if
     :: is_answer && now == e ->
        assert(seen == ANS + id);
#ifdef CALLBACK
        assert(whose == e)
#endif
     :: else -> assert(kills)                    /* peer_dead */
     fi;
     nxt++; cp = nxt
  :: sent == N && nxt == w && nxt <= sp -> over = true; break
  od
}

proctype Caller() {
  byte w, nxt, id, e, now, seen, whose; bool is_answer;
#ifdef CALLBACK
  call_body()
#else
  { call_body() } unless { atomic { kill -> kill = false; run Caller() } }
#endif
}

init { atomic { run Answerer(0); run Caller() } }
