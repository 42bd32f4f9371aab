/*
 * One grant of one vault: offered, redeemed, read, ended, in two databases that share no
 * transaction. docs/model.md tells how to read and run this, and which code each step stands for.
 *
 *   main      state, phase, reads_used, version, and the log: one transaction each, in one order
 *   keystore  salt0 (the code's) and salt1 (the token's): each write a transaction of its own
 *
 * A process is one request, in whichever server it runs. It may be killed after any step (MAY_DIE):
 * what it wrote stays, what it meant to write never happens. A server that dies is all of its
 * requests killed. The sweeper is that of any server, and begins anew when it was killed.
 *
 * The promise stands as assertions, numbered, and as four formulas at the end:
 *
 *    (1) no value leaves without its entry              (6) a code is dead once its token is shown
 *    (2) no read stands in the log after the end        (7) an end is answered when nothing opens
 *    (3) what begins after an answered end opens        (8) a grant ends once
 *        nothing, and gets no token                     (9) no salt outlives its use
 *    (4) a code is redeemed once                       (10) an answered end stands in the log
 *    (5) never more reads than allowed                 (11) what is over, ends
 *
 * Each name below takes one step away, and then its promise must be seen to fail:
 *
 *    RELEASE_FIRST     (1) values leave before their entry is committed
 *    NO_STATE_RIGHT    (2) a read is not judged again under the lock
 *    NO_VOID           (3) (7) an end that can't be logged leaves the salts
 *    NO_OFFERED_RIGHT  (4) a redemption is not judged again under the lock
 *    NO_READS_RIGHT    (5) reads left are not counted under the lock
 *    NO_LOCK           (5) two transactions judge and write at the same time
 *    ANSWER_FIRST      (6) the token is answered before the code's salt is gone
 *    NO_DROP           (7) an end leaves the salts to the sweeper
 *    NO_SECOND_DROP    (7) so does an end that finds another was first
 *    NO_END_PREMISE    (8) an end is not judged again under the lock
 *    NO_SWEEP          (9) the sweeper leaves salts of ended grants and older phases
 *    NO_SETTLE        (10) nobody writes what the log is owed
 *    NO_TIME          (11) the sweeper does not look at the time
 */

#ifndef REDEEMERS
#define REDEEMERS 2             /* how often the code is presented */
#endif
#ifndef READERS
#define READERS 1               /* how often the token is presented */
#endif
#ifndef ENDERS
#define ENDERS 1                /* how often the owner takes the grant back */
#endif
#ifndef KILLS
#define KILLS 1                 /* how many processes are killed in one story */
#endif
#ifndef FAULTS
#define FAULTS 1                /* how many transactions of main fail */
#endif
#define READS_MAX 1
#ifndef TRIES
#define TRIES 2                 /* preparations of one request; in the code four */
#endif

mtype = { OFFERED, ACTIVE, ENDED };     /* a grant's state in main */
mtype = { ABSENT, PRESENT, VOIDED };    /* a salt; voided: its row holds what is owed */
mtype = { PERMIT, SECOND_USE, DENY };   /* what a redemption comes to */

/* main */
mtype state = OFFERED;
bit phase = 0;
byte reads_used = 0;
byte version = 0;

/* keystore */
mtype salt0 = PRESENT;
mtype salt1 = ABSENT;
byte salt1_is = 0;              /* which one: a salt made again has other bytes */
byte token_needs = 0;           /* the one that the stanzas in main were boxed under */
#define owed (salt0 == VOIDED || salt1 == VOIDED)
#define token_opens (salt1 == PRESENT && salt1_is == token_needs)
#define something_opens (salt0 == PRESENT || (phase == 1 && token_opens))

/* time, turned by `clock` */
bool offer_over = false;
bool grant_over = false;

/* what may still go wrong */
byte kills = KILLS;
byte faults = FAULTS;

/* an end that its waiter gave up on, and that may land all the same */
bool late = false;
mtype late_state;
bit late_phase;

/* what an observer saw */
bool token_out = false;         /* the agency has its token */
bool acked = false;             /* an end was answered, 200 or 202 */
byte redemptions = 0;           /* entries grant.redeem permitted */
byte reads = 0;                 /* entries data.read permitted */
byte ends = 0;                  /* entries grant.end */
byte released = 0;              /* values that left */

/* The last thing in a step: killed before the next one. */
#define MAY_DIE if :: kills > 0 -> kills--; goto dead :: true fi

/*
 * One transaction of main: vault/sequencer.py `_commit`. The row lock of the log makes it one step,
 * in which everything is judged and written. It may fail as a whole, and its waiter give up.
 */
#ifndef NO_LOCK
#define TRANSACTION(unavailable) atomic { if :: faults > 0 -> faults--; goto unavailable :: true fi;
#else
#define TRANSACTION(unavailable) { if :: faults > 0 -> faults--; goto unavailable :: true fi;
#endif
#define COMMITTED MAY_DIE }

/* `ending_item` of vault/ending.py: what every end writes, with its entry. */
#define WRITE_END state = ENDED; version++; ends++; \
    assert(ends == 1)                                               /* (8) it ends once */

/* `drop_grant` of vault/keystore.py: all rows, with what they are owed. */
#define DROP_SALTS atomic { salt0 = ABSENT; salt1 = ABSENT; MAY_DIE }

/* `void_grant` of vault/keystore.py: every salt that is there becomes a note of what is owed. */
#ifndef NO_VOID
#define VOID_SALTS atomic { \
    if :: salt0 == PRESENT -> salt0 = VOIDED :: else fi; \
    if :: salt1 == PRESENT -> salt1 = VOIDED :: else fi; MAY_DIE }
#else
#define VOID_SALTS skip
#endif

/*
 * The agency presents the code: vault/redeeming.py. Two of these: it is presented twice.
 */
proctype redeem() {
  mtype seen = DENY, kind = DENY;
  byte seen_version, tries, made;
  bool code_salt, after_end, time_over;

look:
  atomic {
    if :: tries == 0 -> after_end = acked; time_over = offer_over :: else fi;
    tries++; seen = state; seen_version = version                   /* main, one statement */
  };
  code_salt = (salt0 == PRESENT);                                   /* keystore, one statement */
  if                                                                /* decide_redeem */
  :: seen == ACTIVE -> kind = SECOND_USE
  :: seen == OFFERED && !time_over && code_salt ->
    atomic {                                                        /* _make_salt: made, */
      if :: salt1 == ABSENT -> salt1 = PRESENT; salt1_is++ :: else fi; MAY_DIE
    };
    atomic {                                                        /* then looked at again */
      if
      :: salt0 == PRESENT && salt1 == PRESENT -> kind = PERMIT; made = salt1_is
      :: else -> kind = DENY
      fi
    }
  :: else -> kind = DENY
  fi;
  TRANSACTION(dead)
    if
#ifndef NO_OFFERED_RIGHT
    :: kind == PERMIT && version != seen_version -> goto again      /* premise `unchanged`, and */
#endif                                                              /* with it right _REDEEM */
    :: kind != PERMIT && state != seen -> goto again                /* premise `_still` */
    :: else
    fi;
    if
    :: kind == PERMIT -> state = ACTIVE; phase = 1; version++; token_needs = made;
      redemptions++;
      assert(redemptions == 1)                                      /* (4) a code works once */
    :: kind == SECOND_USE -> WRITE_END
    :: kind == DENY -> goto dead                                    /* an entry, 400 */
    fi;
  COMMITTED;
  if
  :: kind == SECOND_USE -> DROP_SALTS; goto dead                    /* 400, with an alarm */
  :: else
  fi;
#ifdef ANSWER_FIRST
  atomic { assert(salt0 != PRESENT); token_out = true };            /* (6) */
#endif
  atomic {                                                          /* drop_phases(below=1) */
    if :: salt0 == PRESENT -> salt0 = ABSENT :: else fi; MAY_DIE
  };
  atomic {
    assert(!after_end);                                             /* (3) */
    token_out = true;
    assert(salt0 != PRESENT);                                       /* (6) */
    goto dead
  };
again:
  if
  :: tries < TRIES -> goto look
  :: else                                                           /* 409 */
  fi;
dead:
  atomic { seen = DENY; kind = DENY; seen_version = 0; tries = 0; made = 0;
           code_salt = false; after_end = false; time_over = false }  /* forgotten: fewer states */
}

/*
 * The agency presents its token for a field: vault/reading.py.
 */
proctype read() {
  mtype seen = DENY;
  byte used;
  bool token_salt, after_end, time_over, entered;

end_waits_for_token:
  atomic {
    token_out -> after_end = acked; time_over = grant_over;
    seen = state; used = reads_used                                 /* _find: main, then */
  };
  token_salt = token_opens;                                         /* the keystore */
  if                                                                /* decide_read */
  :: seen == ACTIVE && !time_over && used < READS_MAX && token_salt ->
    assert(!after_end)                                              /* (3) not even opened */
  :: else -> goto dead                                              /* an entry, 401 */
  fi;
#ifdef RELEASE_FIRST
  goto release;
#endif
  TRANSACTION(dead)                                                 /* 503, nothing is released */
    if
#ifndef NO_READS_RIGHT
    :: reads_used >= READS_MAX -> goto dead                         /* right _READS_LEFT */
#endif
#ifndef NO_STATE_RIGHT
    :: state != ACTIVE -> goto dead                                 /* right _COUNT_READ */
#endif
    :: else
    fi;
    reads_used++; reads++; entered = true;
    assert(ends == 0);                                              /* (2) none after the end */
    assert(reads <= READS_MAX);                                     /* (5) */
  COMMITTED;
  if                                                                /* _end_if_used_up */
  :: reads_used >= READS_MAX && state == ACTIVE ->
    TRANSACTION(unlogged)
      if :: state == ACTIVE -> WRITE_END :: else -> goto release fi;
    COMMITTED;
    DROP_SALTS
  :: else
  fi;
  goto release;
unlogged:
  VOID_SALTS;
release:
  atomic {
    assert(entered);                                                /* (1) the entry first */
    assert(!after_end);                                             /* (3) */
    released++;
    assert(released <= READS_MAX)                                   /* (5) */
  };
dead:
  atomic { seen = DENY; used = 0; token_salt = false;
           after_end = false; time_over = false; entered = false }
}

/*
 * The owner takes the grant back: vault/ending.py.
 */
proctype take_back() {
  mtype seen = DENY;
  bit seen_phase;

look:
  atomic { seen = state; seen_phase = phase };                      /* find_grant */
  if                                                                /* another was first, and */
#ifndef NO_SECOND_DROP
  :: seen == ENDED -> goto drop                                     /* may not have got further */
#else
  :: seen == ENDED -> goto answer
#endif
  :: else
  fi;
  TRANSACTION(unlogged)
    if
#ifndef NO_END_PREMISE
    :: state != seen || phase != seen_phase -> goto look            /* is_as_it_was */
#endif
    :: else
    fi;
    WRITE_END;
  COMMITTED;
drop:
#ifndef NO_DROP
  DROP_SALTS;
#endif
#ifdef NO_SECOND_DROP
answer:
#endif
  atomic {
    assert(!something_opens);                                       /* (7) 200: the keys are gone */
    acked = true;
    goto dead
  };
unlogged:                                                           /* LogUnavailable */
  atomic {
    if :: late = true; late_state = seen; late_phase = seen_phase :: true fi; MAY_DIE
  };
  VOID_SALTS;
#ifndef NO_VOID
  assert(!something_opens);                                         /* (7) 202: they are as well */
#endif
  acked = true;
dead:
  atomic { seen = DENY; seen_phase = 0 }
}

/* The item of an end that its waiter gave up on, still in the writer thread. */
proctype late_end() {
end_waits_for_item:
  atomic {
    late ->
    if
    :: state == late_state && phase == late_phase -> WRITE_END
    :: else
    fi
  }
}

/*
 * vault/sweeper.py, round after round, in any server. One that was killed begins anew.
 */
proctype sweeper() {
  mtype seen = DENY;
  bit seen_phase;
  bool drop0, drop1;

dead:
  seen = DENY; seen_phase = 0; drop0 = false; drop1 = false;
#ifndef NO_SETTLE
  if                                                                /* 1 _settle_owed: keystore, */
  :: owed ->
    atomic { seen = state; seen_phase = phase };                    /* then main */
    if
    :: seen != ENDED ->
      TRANSACTION(expire)
        if :: state == seen && phase == seen_phase -> WRITE_END :: else -> goto expire fi;
      COMMITTED
    :: else
    fi
  :: else
  fi;
#endif
expire:
#ifndef NO_TIME
  atomic {                                                          /* 2 _expire_salts: what is */
    if :: offer_over && salt0 == PRESENT -> salt0 = ABSENT :: else fi;  /* owed stays */
    if :: grant_over && salt1 == PRESENT -> salt1 = ABSENT :: else fi;
    MAY_DIE
  };
  atomic { seen = state; seen_phase = phase };                      /* 3 _end_grants */
  if
  :: (seen == OFFERED && offer_over) || (seen == ACTIVE && grant_over) ->
    TRANSACTION(unlogged)
      if :: state == seen && phase == seen_phase -> WRITE_END :: else -> goto clean fi;
    COMMITTED;
    DROP_SALTS
  :: else
  fi;
  goto clean;
unlogged:
  VOID_SALTS;
#endif
clean:
#ifndef NO_SWEEP
  atomic { seen = state; seen_phase = phase };                      /* 4 _drop_ended_salts: main, */
  atomic {                                                          /* then the keystore, */
    drop0 = (salt0 != ABSENT && (seen == ENDED || (seen_phase == 1 && salt0 != VOIDED)));
    drop1 = (salt1 != ABSENT && seen == ENDED)
  };
  atomic {                                                          /* then the rows go */
    if :: drop0 -> salt0 = ABSENT :: else fi;
    if :: drop1 -> salt1 = ABSENT :: else fi
  };
#endif
  goto dead
}

/* Time may pass at any moment, and need not. */
proctype clock() {
  if :: offer_over = true :: goto stands fi;
  if :: grant_over = true :: true fi;
stands:
  skip
}

init {
  byte n = 0;
  atomic {
    do :: n < REDEEMERS -> run redeem(); n++ :: else -> break od;
    n = 0;
    do :: n < READERS -> run read(); n++ :: else -> break od;
    n = 0;
    do :: n < ENDERS -> run take_back(); n++ :: else -> break od;
    n = 0;
    run late_end();
    run sweeper();
    run clock()
  }
}

/* (9) An ended grant keeps no salt, and a redeemed one not its code's, whoever was killed. */
ltl no_salt_stays { [] ((state == ENDED) -> <> (salt0 == ABSENT && salt1 == ABSENT)) }
ltl no_code_stays { [] ((state == ACTIVE) -> <> (salt0 != PRESENT)) }

/* (10) An end that was answered stands in the log. */
ltl no_end_is_lost { [] (acked -> <> (ends == 1)) }

/* (11) Nothing outlives its time: no salts, and nothing goes on. */
ltl all_is_over { [] ((offer_over && grant_over) -> <> (state == ENDED && salt0 == ABSENT && salt1 == ABSENT)) }
