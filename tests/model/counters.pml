/*
 * counters.pml: the counter protocol of the signing appliance at small constants.
 *
 * Two boxes share one HSM token. A box has a disk that outlives it. A copy of either disk may be taken at any moment and be
 * put on either box at any later moment: that is rollback, an older backup and the store started twice, all in one. A box may
 * be killed between any two steps. One atomic step below is one flush, one call to the token or one decision in memory;
 * what a step writes to `disk` is on disk when the step is done, and everything else of a box is lost with the box.
 *
 *   disk.last   the device's last_issued         disk.raise   the raise under which last_issued was written
 *   disk.floor  the floor of the cell of device 0    disk.req     per RequestID: NONE, RESERVED, or ANSWER(counter)
 *   disk.has    which last entries of the other logs, and whether the anchored one, this disk's audit log contains
 *   top_*       the confirmed anchor with the greatest epoch, top_state RUNNING or STOPPED
 *   claim_*     the greatest epoch that anyone has claimed, confirmed or not
 *
 * Monitors (each an assertion)
 *   P1     a counter handed to the HSM is greater than every one handed over before for that device, and (SETS) signed once
 *   P2     ... and greater than the floor that has been acknowledged for its cell
 *   P4     an answer leaves only when the disk holds it
 *   P5     a RequestID gets one answer; excused only after a disk has been put back or copied (not excused: STRICT_P5)
 *   STUCK  a box is refused at start only after a disk has been put back or copied
 *
 * Rules that can be taken away, one at a time; each then has a counterexample:
 *   SIGN_FIRST    the HSM signs before the reservation is flushed       NO_SKIP    a start raises nothing
 *   ANCHOR_FIRST  the anchor is written before the entry it names       ONE_SKIP   the raise is W once, however many starts
 *   MOVE_ONE      every reservation counts 1, however far it moves      ACK_FIRST  a floor is acknowledged before its anchor
 *   NO_ENTRY      a renewal names the last entry, appends none          NO_START   a start is anchored without its own entry
 *   NO_LIST       claims are listed at renewal only                     NO_RECHECK the store is not checked again after the claim
 *   LIST_ONCE     with NO_LIST: claims are listed once after the start's anchor and at renewals; a counter is still signed once
 *   NO_TXN        reserving does not look at the RequestID again         ANSWER_FIRST an answer leaves without flush 2
 *   ONE_OBJECT    one shared object, read then written; a start after a clean stop keeps the epoch (EVERY_START: takes the next)
 *   AS_WRITTEN    ONE_OBJECT and the six others that an earlier text lacked
 *   COVERS_ALL    an anchor that has passed covers also what was reserved while it was made
 *
 * An anchor is made beside the writer: between the entry, the object and the listing others reserve, sign and answer.
 * In turn (a switch of that name), the writer waits for it, as in ../shared/reference; ONE_OBJECT and ANCHOR_FIRST are so.
 *
 * `code:` beside a step names what does it in the tree; run.py sees that it is there, and says what the model leaves out.
 *
 * spin -a -DCOUNTERS_ONLY -DFAULTS=2 -DCOPIES=1 -DEPOCHS=4 -DRESERVATIONS=4 counters.pml
 * gcc -w -O2 -DSAFETY -DCOLLAPSE -DNOREDUCE -DVECTORSZ=512 -o pan pan.c && ./pan -m300000
 */
#ifdef AS_WRITTEN
#define ONE_OBJECT
#define ONE_SKIP
#define MOVE_ONE
#define NO_ENTRY
#define NO_LIST
#define NO_START
#define NO_TXN
#endif
#if defined(ONE_OBJECT) || defined(ANCHOR_FIRST)
#define IN_TURN
#endif
#ifdef NO_TXN
#define ADMIT             /* a request is looked up in one step and reserved in a later one */
#endif
/* COUNTERS_ONLY: a smaller model for P1, P2 and STUCK; a request ends when its counter is handed to the HSM. */

#ifndef FAULTS
#define FAULTS 3          /* kills, HSM failures, copies put onto a box */
#endif
#ifndef COPIES
#define COPIES 2          /* copies taken */
#endif
#ifndef EPOCHS
#define EPOCHS 5          /* greatest epoch */
#endif
#ifndef FLOOR
#define FLOOR 6           /* the floor that the northbound observation carries */
#endif
#ifndef PROPOSED
#define PROPOSED 9        /* X-Originator-Counter of device 1, when it is sent; 0: never */
#endif
#ifndef RENEW_FROM
#define RENEW_FROM W      /* a renewal may begin when this much is outstanding; 1 = at any time */
#endif
#ifndef RESERVATIONS
#define RESERVATIONS 6    /* in all, COUNTERS_ONLY */
#endif
#define W 2               /* anchor_every */

/* RequestID 0 is for device 0, whose cell gets a floor; RequestID 1 is for device 1 and may propose a counter. */
#define DEV(r) (r)
#define HAS_FLOOR(r) ((r) == 0)
#define PROPOSES(r) ((r) == 1)

#define NONE 0
#define RESERVED 1
#ifdef STRICT_P5
#define EXCUSED false
#else
#define EXCUSED put_back
#endif
#define ANSWER(c) (EXCUSED -> 2 : (c) + 1)    /* which counter matters to P5 only */

#ifdef NO_P1
#define P1(x) skip
#else
#define P1(x) assert(x)
#endif
#ifdef NO_P2
#define P2(x) skip
#else
#define P2(x) assert(x)
#endif
#ifdef NO_P5
#define P5(x) skip
#else
#define P5(x) assert(x)
#endif
#ifdef NO_STUCK
#define STUCK(x) skip
#else
#define STUCK(x) assert(x)
#endif

#define STOPPED 0
#define RUNNING 1

typedef Disk { bit there; byte last[2]; byte raise[2]; byte floor; byte req[2]; byte has }
Disk disk[3];             /* 0, 1: of the boxes; 2: the copy last taken */

byte top_epoch; bit top_box; bit top_state; byte top_raise;
byte claim_epoch; bit claim_box;

byte handed[2];           /* greatest counter handed to the HSM, per device */
byte acknowledged;        /* floor acknowledged to the northbound side */
byte answered[2];         /* counter of the answer that left, per RequestID */
bit put_back;
byte faults, copies;
#ifdef COUNTERS_ONLY
byte reservations;
#endif
#ifdef SETS
int spent[2];            /* the counters that the HSM has signed, per device */
#endif

/* Of the logs only this matters: does the log of disk d contain the last entry of disk e (bit e), and the one that the anchor
   names (bit TOP)? */
#define TOP 3
#define BIT(d, e) ((disk[d].has >> (e)) & 1)
#define SET(d, e, value) disk[d].has = (disk[d].has & (63 - (1 << (e)))) | ((value) << (e))
/* The entry that the anchor names which box b makes. */
#define MINE (4 + b)
inline forget_mine() { SET(0, MINE, 0); SET(1, MINE, 0); SET(2, MINE, 0) }
#define CONTAINS_TOP(d) BIT(d, TOP)
inline copy(to, from) {
  disk[to].there = disk[from].there;
  disk[to].last[0] = disk[from].last[0];   disk[to].last[1] = disk[from].last[1];
  disk[to].raise[0] = disk[from].raise[0]; disk[to].raise[1] = disk[from].raise[1];
  disk[to].floor = disk[from].floor;
  disk[to].req[0] = disk[from].req[0]; disk[to].req[1] = disk[from].req[1];
  disk[to].has = disk[from].has;
  SET(0, to, BIT(0, from)); SET(1, to, BIT(1, from)); SET(2, to, BIT(2, from))
}
inline forget_copy() {
  disk[2].there = 0; disk[2].last[0] = 0; disk[2].last[1] = 0; disk[2].raise[0] = 0; disk[2].raise[1] = 0;
  disk[2].floor = 0; disk[2].req[0] = 0; disk[2].req[1] = 0; disk[2].has = 0; SET(0, 2, 0); SET(1, 2, 0)
}
/* Fewer states: what can no longer matter is forgotten. */
inline one_fault() {
  faults++;
  if :: faults == FAULTS -> forget_copy() :: else fi
}
#define FLAT(d, r) disk[d].req[r] = (disk[d].req[r] > 2 -> 2 : disk[d].req[r])
inline excuse() {
  put_back = 1;
#ifndef STRICT_P5
  answered[0] = 0; answered[1] = 0;
  FLAT(0, 0); FLAT(0, 1); FLAT(1, 0); FLAT(1, 1); FLAT(2, 0); FLAT(2, 1)
#endif
}

/* code: AppendEntry, in the job that the entry tells of */
inline append() {         /* a new entry ends the log of this box; no other log has it */
  SET(0, b, 0); SET(1, b, 0); SET(2, b, 0); SET(b, b, 1)
}
/* code: Anchors::Name */
inline note_last() {      /* what the next object names, whatever is appended meanwhile */
  SET(0, MINE, BIT(0, b)); SET(1, MINE, BIT(1, b)); SET(2, MINE, BIT(2, b))
}
inline name_mine() {
  SET(0, TOP, BIT(0, MINE)); SET(1, TOP, BIT(1, MINE)); SET(2, TOP, BIT(2, MINE))
}
inline name_last() {      /* the anchor names the last entry of this box's log */
  SET(0, TOP, BIT(0, b)); SET(1, TOP, BIT(1, b)); SET(2, TOP, BIT(2, b))
}

#ifdef ONE_OBJECT
#define OVERTAKEN (top_epoch != me)
#else
/* code: FindSuccessor */
#define OVERTAKEN (claim_epoch > me || (claim_epoch == me && claim_box > b))
#endif
#ifdef NO_LIST
#define LISTED_OVERTAKEN false
#else
#define LISTED_OVERTAKEN OVERTAKEN
#endif
#define TOP_IS_MINE (top_epoch == me && top_box == b)
#define ABOVE_TOP (me > top_epoch || (me == top_epoch && b >= top_box))

/* Where a box stands. */
#define DOWN 0
#define CLAIMING 1
#define CLAIMED 2
#define CONFIRMING 3
#define UP 4
#define STOPPING 5
#define CONFIRMED 6      /* LIST_ONCE only */
/* Where a request in hand stands. */
#define FREE 0
#define ADMITTED 1
#define FLUSHED 2         /* flush 1 done, not yet handed to the HSM */
#define HANDED 3
#define SIGNED 4
#define RECORDED 5        /* flush 2 done, not yet sent */
#define EARLY 6           /* SIGN_FIRST only */

inline drop() {
  st = DOWN; me = 0; raise = 0; out = 0; rn = 0; ob = 0; c = 0; move = 0; r = 0;
  ss[0] = FREE; ss[1] = FREE; sr[0] = 0; sr[1] = 0; sc[0] = 0; sc[1] = 0;
  fresh = 0; sw[0] = 0; sw[1] = 0; forget_mine()
}
inline free(i) {          /* slot 1 moves up, so that equal states look equal */
  if
  :: i == 0 -> ss[0] = ss[1]; sr[0] = sr[1]; sc[0] = sc[1]; sw[0] = sw[1]
  :: else
  fi;
  ss[1] = FREE; sr[1] = 0; sc[1] = 0; sw[1] = 0
}

#ifdef IN_TURN
/* The writer does one thing at a time: flush, renew if due, list, release. */
#define WRITER_FREE (st == UP && rn == 0 && ob == 0 && ss[0] != FLUSHED && ss[1] != FLUSHED && ss[0] != RECORDED && ss[1] != RECORDED)
#define MAY_SERVE (st == UP && rn == 0)
/* A floor waits until what was reserved below it is with the HSM: else flush 2 abandons that, which is left out here. */
#define MAY_OBSERVE WRITER_FREE
#define MAY_STOP WRITER_FREE
#define MAY_RENEW (ss[0] != RECORDED && ss[1] != RECORDED)
#else
/* The writer flushes one thing after the other, and lists before each release; what waits for an anchor holds up no one. */
#define WRITER_FREE (st == UP)
#define MAY_SERVE (st == UP)
#define BELOW_FLOOR(i) (ss[i] == FLUSHED && HAS_FLOOR(sr[i]))
#define MAY_OBSERVE (st == UP && ob == 0 && !BELOW_FLOOR(0) && !BELOW_FLOOR(1))
#define MAY_STOP (st == UP && rn == 0 && ob == 0)
#define MAY_RENEW true
#endif
/* Of `ob`, a floor: flushed; named by the anchor that is being made. Of `sw`, a reservation: also that this has passed. */
#define WAITS 1
#define NAMED 2
#define COVERED 3

#ifdef ONE_SKIP
#define LAST(d) (disk[b].raise[d] < raise -> disk[b].last[d] + W : disk[b].last[d])
#else
/* code: FindCurrentCounters: last_issued brought to the raise of now */
#define LAST(d) (disk[b].last[d] + (raise - disk[b].raise[d]))
#endif
/* code: NextCounter, in ReserveNext */
inline next_counter(r) {
  c = LAST(DEV(r));
  move = c;
  c = (HAS_FLOOR(r) && disk[b].floor > c -> disk[b].floor : c) + 1;
  if
  :: PROPOSES(r) && PROPOSED > c -> c = PROPOSED
  :: true
  fi;
#ifdef MOVE_ONE
  move = 1
#else
  move = c - move
#endif
}
/* code: Store::Reserve: ReserveNext, and Writer::CommitAndFlush of its batch; move: WriteTransaction::NoteMove */
inline persist(r, value) {
  disk[b].last[DEV(r)] = value; disk[b].raise[DEV(r)] = raise;
#ifndef COUNTERS_ONLY
  disk[b].req[r] = RESERVED;
#endif
  out = (out + move > W -> W + 1 : out + move);
  if :: rn != 0 -> fresh = (fresh + move > W -> W + 1 : fresh + move) :: else fi;
  move = 0
}
/* code: HsmCommandSigner::SignAndMac */
inline sign(i) {
#ifdef SETS
  P1(((spent[DEV(sr[i])] >> sc[i]) & 1) == 0);
  spent[DEV(sr[i])] = spent[DEV(sr[i])] | (1 << sc[i]);
#endif
  skip
}
inline send(r, value) {
  P5(answered[r] == 0 || answered[r] == value || EXCUSED);
  if :: answered[r] == 0 && !EXCUSED -> answered[r] = value :: else fi
}
inline pick() { if :: r = 0 :: r = 1 fi }

#ifdef ONE_OBJECT
#define MAY_RESERVE (out < W)
#define MAY_HAND(i) true
#else
#define MAY_RESERVE true
/* code: Anchors::MayReleaseReservations */
#ifdef IN_TURN
#define MAY_HAND(i) (out <= W)
#else
#define MAY_HAND(i) (sw[i] == COVERED || (out <= W && ob == 0))
#endif
#endif
#ifdef NO_TXN
#define STILL_OPEN(r) true
#else
#define STILL_OPEN(r) (disk[b].req[r] == NONE)
#endif
#define ELSEWHERE(i, r) (ss[1 - (i)] >= FLUSHED && DEV(sr[1 - (i)]) == DEV(r))

inline reserve(i) {
  next_counter(sr[i]); sc[i] = c;
#ifdef SIGN_FIRST
  sign(i); move = 0; ss[i] = EARLY;
#else
  persist(sr[i], c); ss[i] = FLUSHED;
#endif
  c = 0
}
/* code: Writer::LookForSuccessor, Writer::Release of a reservation, then HsmCommandSigner::SignAndMac */
inline hand_over(i) {     /* list, then hand the counter to the HSM */
  if
  :: LISTED_OVERTAKEN -> drop()
  :: else ->
#ifndef SETS
     P1(sc[i] > handed[DEV(sr[i])]);
#endif
     P2(!HAS_FLOOR(sr[i]) || sc[i] > acknowledged);
     if :: sc[i] > handed[DEV(sr[i])] -> handed[DEV(sr[i])] = sc[i] :: else fi;
#ifdef COUNTERS_ONLY
     sign(i); free(i)
#else
     sw[i] = 0;
#ifdef SETS
     ss[i] = HANDED
#else
     ss[i] = SIGNED
#endif
#endif
  fi
}
/* code: Store::AppendSigned, which writes the answer and the entry in one transaction */
inline record(i) {        /* flush 2 */
#ifndef ANSWER_FIRST
  disk[b].req[sr[i]] = ANSWER(sc[i]); append();
#endif
  skip
}
/* code: Writer::LookForSuccessor, Writer::Release of Store::AppendSigned; then the answer leaves */
inline answer(i) {        /* list, then let the answer leave */
  if
  :: LISTED_OVERTAKEN -> drop()
  :: else ->
     assert(disk[b].req[sr[i]] == ANSWER(sc[i]));                 /* P4 */
     send(sr[i], sc[i]); free(i)
  fi
}
#ifdef IN_TURN
#define NAME_SLOT(i) skip
#define COVER_SLOT(i) skip
#else
#define NAME_SLOT(i) sw[i] = (ss[i] == FLUSHED && sw[i] == 0 -> NAMED : sw[i])
#define COVER_SLOT(i) sw[i] = (sw[i] == NAMED -> COVERED : sw[i])
#endif
/* code: Anchors::Name: what was noted until now is what the next object covers */
inline named() {
  fresh = 0; note_last();
  ob = (ob == WAITS -> NAMED : ob); NAME_SLOT(0); NAME_SLOT(1)
}
/* code: Anchors::Passed: outstanding is what came since; then Writer::EndAnchor, which releases what waited for it */
inline renewed() {
#ifdef COVERS_ALL
  fresh = 0;
#endif
  out = fresh; fresh = 0; rn = 0; forget_mine();
  if :: ob == NAMED -> acknowledged = FLOOR; ob = 0 :: else fi;
  COVER_SLOT(0); COVER_SLOT(1)
}

proctype Box(bit b) {
  byte st, me, raise, out, rn, c, move, r;
  byte fresh, ob;
  byte ss[2], sr[2], sc[2], sw[2];

end:
  do
  /* code: Store::Start: Starter::List, Starter::CheckAgainst */
  /* ---- start: list; the store must contain the confirmed anchor's tree ---- */
  :: atomic { st == DOWN && disk[b].there && claim_epoch < EPOCHS && top_epoch < EPOCHS ->
     if
     :: !CONTAINS_TOP(b) -> STUCK(put_back)
     :: else ->
#ifdef ONE_OBJECT
#ifdef EVERY_START
        me = top_epoch + 1;
#else
        me = (top_state == RUNNING -> top_epoch + 1 : top_epoch);
#endif
        raise = W * me; st = CONFIRMING
#else
        me = (claim_epoch > top_epoch -> claim_epoch : top_epoch) + 1; st = CLAIMING
#endif
     fi }
  /* code: Starter::MakeClaim */
  :: atomic { st == CLAIMING ->                                   /* create the claim */
     if :: me > claim_epoch || (me == claim_epoch && b > claim_box) -> claim_epoch = me; claim_box = b :: else fi;
     st = CLAIMED }
  /* code: Starter::ListAfterClaim; Starter::DecideRaise; Starter::WriteStart, with AbandonAll */
  :: atomic { st == CLAIMED ->                                    /* list again; flush the start entry */
     if
#ifndef NO_RECHECK
     :: OVERTAKEN -> drop()
     :: !OVERTAKEN && !CONTAINS_TOP(b) -> STUCK(put_back); drop()
     :: !OVERTAKEN && CONTAINS_TOP(b) ->
#else
     :: true ->
#endif
#ifdef NO_SKIP
        raise = top_raise;
#else
        raise = top_raise + (top_state == RUNNING -> W : 0);
#endif
        st = CONFIRMING;
        for (r : 0 .. 1) { if :: disk[b].req[r] == RESERVED -> disk[b].req[r] = NONE :: else fi }  /* abandoned */
        r = 0;
#ifndef NO_START
        append()
#endif
     fi }
  /* code: Starter::Confirm, which lists once more */
  :: atomic { st == CONFIRMING ->                                 /* write the anchor */
#ifdef ONE_OBJECT
     for (r : 0 .. 1) { if :: disk[b].req[r] == RESERVED -> disk[b].req[r] = NONE :: else fi }
     r = 0;
#ifndef NO_START
     append();
#endif
     top_epoch = me; top_state = RUNNING; name_last(); st = UP;
#else
     if
     :: ABOVE_TOP -> top_epoch = me; top_box = b; top_state = RUNNING; top_raise = raise; name_last()
     :: else
     fi;
#ifdef LIST_ONCE
     st = CONFIRMED;
#else
     st = UP;
#endif
#endif
#ifdef ONE_SKIP
     raise = me;
#endif
     skip }
#ifdef LIST_ONCE
  :: atomic { st == CONFIRMED -> if :: OVERTAKEN -> drop() :: else -> st = UP fi }
#endif

  /* code: Handover::Judge finds the stored answer; Store::Confirm looks for a successor before it leaves */
  /* ---- a request: the stored answer, or a reservation ---- */
#ifndef COUNTERS_ONLY
  :: atomic { MAY_SERVE ->
     pick();
     if
     :: disk[b].req[r] > RESERVED ->
        if
        :: LISTED_OVERTAKEN -> drop()
        :: else -> send(r, disk[b].req[r] - 1)
        fi
     :: else
     fi;
     r = 0 }
#endif
#ifdef COUNTERS_ONLY
  :: atomic { WRITER_FREE && MAY_RESERVE && ss[1] == FREE && reservations < RESERVATIONS ->
     pick();
     if
     :: ss[0] == FREE -> reservations++; sr[0] = r; r = 0; reserve(0)
     :: ss[0] != FREE && !ELSEWHERE(1, r) -> reservations++; sr[1] = r; r = 0; reserve(1)
     :: else -> r = 0
     fi }
#else
#ifdef ADMIT
  :: atomic { st == UP && ss[1] == FREE ->
     pick();
     if
     :: disk[b].req[r] <= RESERVED ->
        if
        :: ss[0] == FREE -> ss[0] = ADMITTED; sr[0] = r
        :: else -> ss[1] = ADMITTED; sr[1] = r
        fi
     :: else
     fi;
     r = 0 }
  :: atomic { WRITER_FREE && MAY_RESERVE && ss[0] == ADMITTED && !ELSEWHERE(0, sr[0]) ->
     if :: STILL_OPEN(sr[0]) -> reserve(0) :: else -> free(0) fi }
  :: atomic { WRITER_FREE && MAY_RESERVE && ss[1] == ADMITTED && !ELSEWHERE(1, sr[1]) ->
     if :: STILL_OPEN(sr[1]) -> reserve(1) :: else -> free(1) fi }
#else
  :: atomic { WRITER_FREE && MAY_RESERVE && ss[1] == FREE ->
     pick();
     if
     :: disk[b].req[r] == NONE && ss[0] == FREE -> sr[0] = r; r = 0; reserve(0)
     :: disk[b].req[r] == NONE && ss[0] != FREE && !ELSEWHERE(1, r) -> sr[1] = r; r = 0; reserve(1)
     :: else -> r = 0
     fi }
#endif
#endif
#ifdef SIGN_FIRST
  :: atomic { WRITER_FREE && ss[0] == EARLY -> persist(sr[0], sc[0]); ss[0] = SIGNED }
  :: atomic { WRITER_FREE && ss[1] == EARLY -> persist(sr[1], sc[1]); ss[1] = SIGNED }
#endif
  :: atomic { MAY_SERVE && ss[0] == FLUSHED && MAY_HAND(0) -> hand_over(0) }
  :: atomic { MAY_SERVE && ss[1] == FLUSHED && MAY_HAND(1) -> hand_over(1) }
#ifdef SETS
  :: atomic { st == UP && ss[0] == HANDED -> sign(0); ss[0] = SIGNED }
  :: atomic { st == UP && ss[1] == HANDED -> sign(1); ss[1] = SIGNED }
#endif
  :: atomic { WRITER_FREE && ss[0] == SIGNED -> record(0); ss[0] = RECORDED }
  :: atomic { WRITER_FREE && ss[1] == SIGNED -> record(1); ss[1] = RECORDED }
  :: atomic { MAY_SERVE && ss[0] == RECORDED -> answer(0) }
  :: atomic { MAY_SERVE && ss[1] == RECORDED -> answer(1) }
  /* code: Store::Abandon */
  :: atomic { WRITER_FREE && ss[0] == SIGNED && faults < FAULTS ->    /* the HSM failed, or was late: abandoned */
     one_fault(); disk[b].req[sr[0]] = NONE; append(); free(0) }

  /* code: Store::Record, which calls WriteTransaction::DemandAnchor */
  /* ---- northbound: a floor is flushed, anchored, acknowledged; it is sent again until it is ---- */
  :: atomic { MAY_OBSERVE && acknowledged == 0 ->
     if :: disk[b].floor < FLOOR -> disk[b].floor = FLOOR :: else fi;
     append();
#ifdef ACK_FIRST
     acknowledged = FLOOR;
#endif
     ob = WAITS }

  /* code: Writer::AnchorIfDue: Anchors::AppendAnchorEntry; then Writer::MakeAnchors: Anchors::MakeObject */
  /* ---- renewal: flush an entry, write the anchor, list ---- */
  :: atomic { st == UP && rn == 0 && (out >= RENEW_FROM || ob != 0) && MAY_RENEW ->
#ifdef ONE_OBJECT
     if
     :: OVERTAKEN -> drop()                                       /* read ... */
     :: else ->
#ifndef NO_ENTRY
        append();
#endif
        named(); rn = 1
     fi
#else
#ifdef ANCHOR_FIRST
     if
     :: TOP_IS_MINE -> SET(0, TOP, 0); SET(1, TOP, 0); SET(2, TOP, 0)
     :: else
     fi;
#else
#ifndef NO_ENTRY
     append();
#endif
#endif
     named(); rn = 1
#endif
     }
  :: atomic { st == UP && rn == 1 ->
#ifdef ONE_OBJECT
     top_epoch = me; top_state = RUNNING; name_last(); renewed()     /* ... then write */
#else
#ifdef ANCHOR_FIRST
     append();
     if :: TOP_IS_MINE -> name_last() :: else fi;
#else
     if :: TOP_IS_MINE -> name_mine() :: else fi;
#endif
     rn = 2
#endif
     }
  :: atomic { st == UP && rn == 2 ->
     if
     :: OVERTAKEN -> drop()
     :: else -> renewed()
     fi }

  /* code: Store::Stop: AbandonAll, Anchors::PrepareStopped, Anchors::MakeObject */
  /* ---- clean stop: nothing in hand; stop entry; the anchor says `stopped`; nothing after it ---- */
  :: atomic { MAY_STOP && ss[0] == FREE && ss[1] == FREE ->
#ifdef ONE_OBJECT
     if
     :: OVERTAKEN -> drop()
     :: else -> append(); st = STOPPING
     fi
#else
     append(); st = STOPPING
#endif
     }
  :: atomic { st == STOPPING ->
#ifdef ONE_OBJECT
     top_epoch = me; top_state = STOPPED; name_last();
#else
     if :: TOP_IS_MINE -> name_last(); top_state = STOPPED :: else fi;
#endif
     drop() }

  /* ---- faults ---- */
  :: atomic { st != DOWN && faults < FAULTS -> one_fault(); drop() }
  :: atomic { disk[b].there && copies < COPIES && faults < FAULTS -> copies++; copy(2, b) }
  :: atomic { disk[2].there && faults < FAULTS -> copy(b, 2); one_fault(); excuse(); drop() }
  od
}

init {
  atomic {
    disk[0].there = 1; disk[0].has = 1 + 8;
    run Box(0);
#ifndef ONE_BOX
    run Box(1)
#endif
  }
}
