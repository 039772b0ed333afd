/* takeover.pml - creators, an opener, leaving and taking over, under one name (SPEC chapter 15)
 *
 * name is the inode that the name refers to (0: none).  Every system call is one step.  A participant's
 * kernel lock on its own byte of inode i is a bit of live[i]; whole[i] is whoever holds the exclusive lock
 * over ALL those bytes (it cannot be had while anybody else holds a byte, and nobody gets a byte meanwhile).
 * Anyone may be killed between any two steps: all its locks go at once.  At the start the name is free or
 * refers to a stale inode (ready, no locks, left by a crash).
 *
 * THE DESIGN
 *   create    open(O_CREAT|O_EXCL); lock own byte; does the name still refer to this inode?  no: start over.
 *             initialise; ready.
 *   take over (EEXIST) open; lock the WHOLE range (try; refused: it is alive, be told so); does the name
 *             still refer to this inode?  no: start over.  state := retired; unlink; close; start over.
 *   attach    open; ready?; lock own byte (refused: start over); does the name still refer to this inode,
 *             and is it still ready?  no: start over.  Whoever gives up after that (no free slot, no memory)
 *             leaves like everybody else.
 *   leave     try the whole range; refused: unlock the own byte and try the whole range ONCE MORE; refused
 *             again: somebody else lives, done.  Held: does the name still refer to this inode?  state :=
 *             retired; unlink.  Unlock last.
 * Variant TMPFILE: the creator makes an unnamed inode, locks, initialises and readies it, and then link()s
 * it to the name (fails if the name exists): no half-made buffer is ever visible and no check is needed.
 *
 * Variants NO_NAME_CHECK (the opener looks only at the state again) and NO_MARK (a taker does not write into
 * a stale segment, whose format it may not know): each alone is sound, both together are the error: the
 * opener may be attached to an unlinked inode that still says ready.  The same with UNLINK_FIRST (unlinked
 * before retired, under the whole lock) and a death in between.
 *
 * Properties: whoever has been told "you created it" or has attached finds its inode under the name until it
 * leaves; nobody unlinks an inode in which another one lives; if nobody is killed, nothing is left behind
 * when the last one has gone; if nobody is killed and the opener was not on the stale buffer, somebody wins.
 *
 * Errors: NO_MARK with NO_NAME_CHECK, UNLINK_FIRST with NO_NAME_CHECK, E_QUERY E_NO_RECHECK E_CREATOR_BLIND
 *         E_LOCK_LAST E_UNLOCK_EARLY E_NO_SECOND_TRY E_LEAVE_BLIND E_GIVE_UP_PLAIN */
#ifndef NI
#define NI 6                          /* bound of the search: inodes 1..NI-1 */
#endif
#define INIT 0
#define READY 1
#define RETIRED 2

byte name, next = 2;                  /* inode 1 is the stale one */
byte state[NI], live[NI], whole[NI];
bool kill[4];
byte done, wins, killed;
bool touched;                         /* the opener held a byte of the stale buffer: it was not dead then */
bool bounded;                         /* the bound NI cut the search off */

/* ghosts */
byte created[4];                      /* inode that a creator has been told is its own */
byte attached[4];

#define BIT (1 << me)

active proctype Monitor() {           /* invariants, looked at in every state */
end:
  do
  :: atomic { created[1] && name != created[1] -> assert(false) }
  :: atomic { created[2] && name != created[2] -> assert(false) }
  :: atomic { attached[3] && (name != attached[3] || state[attached[3]] != READY) -> assert(false) }
  od
}

inline drop() { atomic { if :: i -> live[i] = live[i] & ~BIT; if :: whole[i] == me -> whole[i] = 0 :: else fi :: else fi; i = 0 } }

/* an unlink of an inode in which somebody else lives is an error */
inline unlink() { atomic {
  if
  :: name -> assert((live[name] & ~BIT) == 0); name = 0
  :: else                             /* ENOENT */
  fi } }

inline retire_and_unlink() {
#ifndef E_LEAVE_BLIND
  if
  :: name == i ->
#endif
#ifdef UNLINK_FIRST
     unlink();
     state[i] = RETIRED
#else
     state[i] = RETIRED;
     unlink()
#endif
#ifndef E_LEAVE_BLIND
  :: else
  fi
#endif
}

/* the place is closed or free already; the own byte of inode i is held */
inline leave() {
  if
  :: atomic { (live[i] & ~BIT) == 0 && whole[i] == 0 -> whole[i] = me }
  :: else ->
     live[i] = live[i] & ~BIT;
#ifdef E_NO_SECOND_TRY
     i = 0
#else
     if
     :: atomic { live[i] == 0 && whole[i] == 0 -> whole[i] = me }
     :: else -> i = 0
     fi
#endif
  fi;
  if
  :: i ->
#ifdef E_UNLOCK_EARLY
     atomic { live[i] = live[i] & ~BIT; whole[i] = 0 };
#endif
     retire_and_unlink();
     drop()
  :: else
  fi
}

inline creator_body() {
  do
  :: true ->
#ifdef TMPFILE
     if                               /* once: nobody else can see it before it has the name */
     :: !mine -> atomic { mine = next; next++; state[mine] = INIT }; state[mine] = READY
     :: else
     fi;
     i = mine; live[i] = live[i] | BIT;
     if
     :: atomic { name == 0 -> name = i; created[me] = i; wins++; ok = true }
     :: else -> ok = false; drop()
     fi;
#else
     if
     :: atomic { name == 0 -> if :: next == NI -> bounded = true; break :: else fi;
          i = next; next++; name = i; state[i] = INIT; ok = true }
     :: else -> ok = false
     fi;
     if
     :: ok ->
#ifndef E_LOCK_LAST
        if
        :: atomic { whole[i] == 0 -> live[i] = live[i] | BIT }
        :: else -> drop(); goto over
        fi;
#ifndef E_CREATOR_BLIND
        if :: name == i :: else -> drop(); goto over fi;
#endif
#endif
        skip;                         /* initialise */
#ifdef E_LOCK_LAST
        state[i] = READY;
        if
        :: atomic { whole[i] == 0 -> live[i] = live[i] | BIT; created[me] = i; wins++ }
        :: else -> drop(); goto over
        fi
#else
        atomic { state[i] = READY; created[me] = i; wins++ }
#endif
     :: else
     fi;
#endif
     if
     :: ok ->                         /* we have it: use it, and perhaps leave */
        if
        :: break
        :: skip
        fi;
        created[me] = 0;
        leave();
        break
     :: else ->                       /* EEXIST: is it stale? */
        i = name;
        if :: i == 0 -> goto over :: else fi;
#ifdef E_QUERY
        /* an exclusive creation lock keeps other takers out, the participants' locks are only queried */
        if
        :: atomic { whole[i] == 0 -> whole[i] = me }
        :: else -> i = 0; break
        fi;
        if :: name == i :: else -> drop(); goto over fi;
        if :: live[i] == 0 :: else -> drop(); break fi;
#else
        if
        :: atomic { live[i] == 0 && whole[i] == 0 -> whole[i] = me }
        :: else -> i = 0; break       /* alive: be told so */
        fi;
#ifndef E_NO_RECHECK
        if :: name == i :: else -> drop(); goto over fi;
#endif
#endif
#ifndef NO_MARK
        state[i] = RETIRED;
#endif
        unlink();
        drop()
     fi;
over:
     skip
  od
}

inline opener_body() {
  do
  :: true ->
     if :: name -> i = name :: name == 0 -> break fi;          /* not there: give up */
     if :: state[i] == READY :: else -> i = 0; break fi;
     if
#ifdef E_QUERY
     :: atomic { live[i] = live[i] | BIT; if :: i == 1 -> touched = true :: else fi }
#else
     :: atomic { whole[i] == 0 -> live[i] = live[i] | BIT; if :: i == 1 -> touched = true :: else fi }
     :: atomic { whole[i] -> i = 0; goto over2 }
#endif
     fi;
#ifndef NO_NAME_CHECK
     if :: name == i :: else -> drop(); goto over2 fi;
#endif
     atomic {
       if
       :: state[i] == READY -> attached[me] = i
       :: else -> ok = true
       fi
     };
     if :: ok -> ok = false; drop(); goto over2 :: else fi;
     if
     :: break                                                  /* stays */
     :: attached[me] = 0; leave(); break
     :: attached[me] = 0;                                      /* gives up: no slot, no memory */
#ifdef E_GIVE_UP_PLAIN
        drop();
#else
        leave();
#endif
        break
     fi;
over2:
     skip
  od
}

#define DIE atomic { kill[me] -> killed++; created[me] = 0; attached[me] = 0; \
   if :: i -> live[i] = live[i] & ~BIT; if :: whole[i] == me -> whole[i] = 0 :: else fi :: else fi; i = 0 }
/* two creators may in theory steal unlocked inodes from each other for ever: the bound NI cuts that off */
proctype Creator(byte me) { byte i, mine; bool ok;
  { creator_body(); done++;
end_c: (false) } unless { DIE }
}
proctype Opener(byte me) { byte i; bool ok;
  { opener_body(); done++;
end_o: (false) } unless { DIE }
}

init {
  atomic {
    if :: name = 1; state[1] = READY :: skip fi;
    run Creator(1); run Creator(2); run Opener(3)
  };
  done + killed >= 3;
  assert(killed || wins || touched || bounded);
  assert(killed || bounded || name == 0 || live[name])
}

active proctype Killer() {
end:
  do
  :: !kill[1] -> kill[1] = true
  :: !kill[2] -> kill[2] = true
  :: !kill[3] -> kill[3] = true
  od
}
