// SPDX-License-Identifier: Apache-2.0
//
// How a process leaves: threads that exit, register, cancel, fork, end and unload, against libc's list of handlers.
// `Models/check` compiles a configuration (a row of configurations.txt, macros on spin's command line) and looks at
// every state. `@name` is the function of Sources/CExitShim that makes the step; the check fails where it does not exist.
//
// An atomic block is a piece of code under the library's lock, under libc's, or one atomic operation. Between two of
// them every other thread may act. A thread that sleeps on a futex wakes by a call of wake() alone.

#ifndef LOCKS          // exit holds a recursive lock: glibc 2.41, musl 1.2.6
#define LOCKS 0
#endif
#ifndef FIRST          // slots of the first group, FIRST_GROUP in slots.c
#define FIRST 3
#endif
#ifndef GROUP          // slots of a later group, GROUP in slots.c; one is all that the library once relied on
#define GROUP 2
#endif
#ifndef PREPARED       // the last act is in its place when the exit begins (cexit__last_act_prepare)
#define PREPARED 1
#endif
#ifndef PLAIN          // threads in plain exit
#define PLAIN 2
#endif
#ifndef DOORS          // threads in cexit_exit; what a signal asks for is one of them
#define DOORS 0
#endif
#ifndef REGISTRARS
#define REGISTRARS 0
#endif
#ifndef CANCELS        // a registrar cancels its entry, too
#define CANCELS 0
#endif
#ifndef MANUAL         // a thread runs an entry by hand
#define MANUAL 0
#endif
#ifndef FORKS          // a thread forks, and the model goes on in the child: nobody else is there
#define FORKS 0
#endif
#ifndef UNLOADS        // a thread unloads the object that owns entry 1; 2: and is busy after the claim alone, as of old
#define UNLOADS 0
#endif
#ifndef KIND           // what entry 0, which was there before, does when called
#define KIND RETURNS
#endif
#ifndef FOREIGN        // what the handler that others gave to libc before does: RETURNS, ENDS_THREAD, REGISTERS
#define FOREIGN RETURNS
#endif

#ifndef ROUNDS
#define ROUNDS 2
#endif

#define RETURNS 0
#define REGISTERS 1
#define EXITS_BY_DOOR 2
#define EXITS_PLAIN 3
#define ENDS_THREAD 4

#define ENTRIES 5      // 0 and 1 are there before, 2 and 3 are the registrars', 4 comes from a handler
#define LIST 24
#define NOBODY 0
#define OTHERS 255     // the slot of libc's list that is not ours
#define NO_ENTRY 255
#define UNKNOWN 0      // a status that libc does not tell
#define HANDLERS_STATUS 9

mtype = { ABSENT, PENDING, RUNNING, RAN, CANCELLED, REFUSED, PARENTS };

// ---- libc
byte list[LIST], top;  // what exit calls, newest last: a group of ours, or OTHERS
bool done;             // libc has seen the list empty: nothing is accepted any more
byte libc_lock;        // the thread that is in exit, where exit locks
byte waits_for_libc;   // a bit for each thread that waits for that lock

// ---- struct process_exit (exit.h)
byte owner;
bool entering;
byte inside, status, told, waiting_status;
bool closed, libc_is_taken, last_act_made;

// ---- struct slots, the stack
bool stands;
byte calls, group_of_slots, epoch;
mtype state[ENTRIES];
byte epoch_of[ENTRIES], order[ENTRIES], ran[ENTRIES];
byte registered, busy, asked;
bool ended, forked, unloaded, one_runs;
byte sleeping;         // a bit for each thread that sleeps at the gate
byte forker;

#define ABOVE(thread) (1 << (thread))

inline wake() { sleeping = 0 }

// The newest pending entry of the epoch `floor` or later: @cexit__stack_next
inline next_entry(floor, found) {
  found = NO_ENTRY; index = 0;
  do
  :: index < ENTRIES ->
     if
     :: state[index] == PENDING && epoch_of[index] >= floor && (found == NO_ENTRY || order[index] > order[found]) ->
        found = index
     :: else
     fi;
     index++
  :: else -> break
  od;
  index = 0
}

// The end of the process: what the library promises is looked at here.
inline end_process(with) {
  d_step {
    ended = true; index = 0;
    do
    :: index < ENTRIES ->
       assert(state[index] != PENDING);  // accepted means: runs before the end, or is cancelled
       assert(state[index] != RUNNING);  // and not only half of it
       assert(ran[index] == (state[index] == RAN));  // exactly once; what is refused or cancelled, never
       index++
    :: else -> break
    od;
    assert(with != UNKNOWN && (asked & ABOVE(with - 1)));  // the status is one that was asked for
    index = 0
  }
}

inline put_in_list(what, accepted) {
  accepted = !done;
  if
  :: accepted -> assert(top < LIST); list[top] = what; top++
  :: else
  fi
}

// @cexit__slots_note_standing
inline note_standing(group, seen) {
  if
  :: epoch < group -> epoch = group
  :: else
  fi;
#ifdef OLD_FAULT  // a count of what libc holds, noted after libc could have called it
  stands = true;
#else
  if
  :: calls == seen ->
     stands = true;
     if
     :: group_of_slots < group -> group_of_slots = group
     :: else
     fi
  :: else
  fi;
#endif
}

// @cexit__slots_note_called
inline note_called() {
#ifdef OLD_FAULT
  stands = false;  // the last one that it knew of
#else
  calls++; stands = false;
#endif
}

// @cexit__slots_arm: `accepted` says whether a slot was put in.
inline slots_arm() {
  atomic {
    accepted = !closed;
    arm_group = epoch + 1; arm_seen = calls; arm_left = (group_of_slots == 0 -> FIRST : GROUP)
  };
  if
  :: accepted ->
     do
     :: arm_left > 0 && accepted -> atomic { put_in_list(arm_group, accepted); arm_left-- } // @cexit__slot_arm
     :: else -> break
     od;
     atomic {
       if
       :: accepted -> note_standing(arm_group, arm_seen)
       :: else
       fi;
       arm_group = 0; arm_seen = 0; arm_left = 0
     }
  :: else
  fi
}

// @cexit__register_owned: ready, or made ready and looked at anew. The code does so without end, as long as the exit
// calls each slot before the entry is pushed; the model gives up after ROUNDS, which ends its state space.
inline register_entry(entry) {
  rounds = 0;
  do
  :: atomic {
       stands ->  // @cexit__stack_is_ready, @cexit__entry_push
       state[entry] = PENDING; epoch_of[entry] = epoch; registered++; order[entry] = registered;
       break
     }
  :: atomic { !stands -> rounds++ };  // @cexit__stack_make_ready
     slots_arm();
     if
     :: !accepted || rounds == ROUNDS -> state[entry] = REFUSED; break
     :: else
     fi
  od;
  accepted = false; rounds = 0
}

// ---- Threads that exit

proctype Exiter(byte self; bool by_door; byte mine) {
  byte index, entry, group, floor, arm_group, arm_seen, arm_left, rounds, seen_calls;
  bool accepted, ours, again, at_slot, at_last_act, at_front, gone, claimed;
  {
  atomic { asked = asked | ABOVE(mine - 1) };
  if
  :: by_door -> goto door
  :: else -> goto libc
  fi;

door: // @cexit__exit
  at_slot = false;
  goto gate;

gate: // @cexit__gate_claim
  atomic {
    claimed = false;
    if
    :: owner == NOBODY || owner == self || (at_slot && entering) ->
       // begin() in pass.c: one that was taken over keeps the status of who handed it over.
       if
       :: owner == NOBODY || owner == self -> claimed = true
       :: else
       fi;
       owner = self; entering = false;
       if
       :: at_slot -> inside = self
       :: else
       fi
    :: else ->
       waiting_status = mine;  // @cexit__leave_status
       last_act_made = true;   // @cexit__last_act_prepare
       sleeping = sleeping | ABOVE(self);  // @cexit__futex_wait, which looks at the word and sleeps in one
       goto asleep
    fi
  };
  atomic {
    if
    :: claimed && mine != UNKNOWN && !(at_slot && told == mine) -> status = mine  // @cexit__set_status
    :: else
    fi;
    if
    :: at_slot -> told = mine  // @cexit__set_told
    :: else
    fi
  };
  if
  :: at_last_act -> goto last_run
  :: !at_slot && at_front -> goto next      // a handler exits again: @cexit__guard_can_return
  :: else -> floor = (at_slot -> group : 0); at_front = !at_slot; goto next
  fi;

asleep:
  if
  :: (sleeping & ABOVE(self)) == 0 -> goto gate
  :: atomic { // @cexit__gate_take_over: the exiter waits for libc's lock, which this thread has
       at_slot && libc_lock == self && owner != self && inside != owner && (waits_for_libc & ABOVE(owner)) ->
       owner = self; entering = false; inside = self; told = mine; sleeping = sleeping & ~ABOVE(self)
     };
     if
     :: at_last_act -> goto last_run
     :: else -> floor = group; at_front = false; goto next
     fi
  fi;

next: // @cexit__run_stack, one handler after another: @cexit__call_all
  atomic {
    next_entry(floor, entry);
    if
    :: entry == NO_ENTRY -> goto ran_all
    :: else ->
       assert(!one_runs);  // two handlers of the process stack never run side by side
       assert(!(unloaded && entry == 1));
       state[entry] = RUNNING; one_runs = true; ran[entry]++
    fi
  };
  if
  :: entry != 0 || KIND == RETURNS -> skip
  :: entry == 0 && KIND == REGISTERS -> register_entry(4)
  :: entry == 0 && (KIND == EXITS_BY_DOOR || KIND == EXITS_PLAIN) ->
     atomic {
       state[0] = RAN; one_runs = false; entry = NO_ENTRY;
       mine = HANDLERS_STATUS - 5; asked = asked | ABOVE(mine - 1)
     };
     if
     :: KIND == EXITS_BY_DOOR -> at_slot = false; at_front = true; goto gate
     :: else -> goto libc
     fi
  :: entry == 0 && KIND == ENDS_THREAD ->  // @cexit__guarded, and the run goes on: @cexit__inherit_status
     atomic {
       if
       :: waiting_status != UNKNOWN -> status = waiting_status
       :: else
       fi
     }
  fi;
  atomic { state[entry] = RAN; one_runs = false; entry = NO_ENTRY };
  goto next;

ran_all: // @cexit__wait_for_others
  if
  :: busy > 0 -> busy == 0 -> goto next
  :: busy == 0
  fi;
  if
  :: at_last_act -> goto last_run
  :: at_slot -> goto ran_at_slot
  :: else -> goto front_ran
  fi;

front_ran: // enter_libc() in exit.c
  slots_arm();  // put_slots_on_top() in exit.c
  accepted = false;
  if
  :: libc_is_taken && LOCKS -> atomic { end_process(status) }  // @cexit__end
  :: else
  fi;
  mine = status;
  atomic { told = mine };
  inside = self;
  atomic { entering = true };  // @cexit__gate_enter_libc
  wake();
  goto libc;

libc:
  at_front = false;
#if LOCKS
  waits_for_libc = waits_for_libc | ABOVE(self);
  atomic { libc_lock == NOBODY || libc_lock == self -> libc_lock = self; waits_for_libc = waits_for_libc & ~ABOVE(self) };
#endif
next_of_libc:
  atomic {
    if
    :: top == 0 -> done = true; goto flush
    :: else -> top--; group = list[top]; list[top] = 0
    fi
  };
  if
  :: group == OTHERS && FOREIGN == RETURNS -> goto next_of_libc
  :: group == OTHERS && FOREIGN == REGISTERS -> register_entry(4); goto next_of_libc
  :: group == OTHERS && FOREIGN == ENDS_THREAD -> goto thread_ended
  :: else -> goto slot
  fi;

slot: // @cexit__process_slot
  atomic { ours = (owner == self); again = !ours };  // @cexit__gate_is_own
  if
  :: again -> atomic { put_in_list(group, accepted); accepted = false }  // @cexit__slot_arm
  :: else
  fi;
  atomic {
    note_called(); seen_calls = calls;
    if
    :: ours -> next_entry(group, entry); again = (entry != NO_ENTRY); entry = NO_ENTRY
    :: else
    fi
  };
  if
  :: ours && again ->
     arm_left = GROUP;
     do
     :: arm_left > 0 -> atomic { put_in_list(group, accepted); arm_left-- }  // @cexit__slots_arm_group
     :: else -> break
     od;
     atomic {
       if
       :: accepted -> note_standing(group, seen_calls)
       :: else
       fi;
       accepted = false
     }
  :: else
  fi;
  at_slot = true;
  seen_calls = 0;
  goto gate;

ran_at_slot: // settle_status() in exit.c
  atomic {
    told = mine;
    if
    :: status != told -> last_act_made = true  // @cexit__status_differs, @cexit__last_act_prepare
    :: else
    fi
  };
  at_slot = false;
  goto next_of_libc;

thread_ended: // @cexit__exit_thread_ended
  if
  :: owner != self -> goto gone_for_good
  :: else
  fi;
  atomic {
    owner = self; entering = false;
    if
    :: waiting_status != UNKNOWN -> status = waiting_status
    :: else
    fi
  };
  mine = status;
  atomic { told = mine };
  inside = self;
  atomic { entering = true };
  wake();
  goto libc;

gone_for_good:
  false;

flush: // libc flushes stdio, and ends with the status of this thread's exit; the last act is in front of that
  if
  :: !last_act_made || owner == NOBODY -> goto over  // @cexit__exit_ends
  :: else
  fi;
  at_slot = true; at_last_act = true;
  if
  :: owner == self -> mine = told
  :: else
  fi;
  goto gate;

last_run:
  atomic { // close_if_empty() in exit.c
    next_entry(0, entry);
    if
    :: entry == NO_ENTRY -> closed = true; note_called(); goto over_by_status
    :: else -> entry = NO_ENTRY; floor = 0; goto next
    fi
  };

over_by_status: // end() in last_act.c: @cexit__status_differs
  atomic { end_process(status) };

over:
  atomic { end_process(mine) };
  } unless { ended || forked }
}

// ---- Threads that do not exit

proctype Registrar(byte self; byte entry) {
  byte index, arm_group, arm_seen, arm_left, rounds;
  bool accepted;
  {
  register_entry(entry);
#if CANCELS
  if
  :: skip
  :: atomic {
       if
       :: state[entry] == PENDING -> state[entry] = CANCELLED  // @cexit__cancel
       :: else
       fi
     }
  fi
#endif
  } unless { ended || forked }
}

proctype Manual() { // @cexit__run: busy first, then the claim
  bool claimed;
  {
  busy++;
  atomic {
    if
    :: state[1] == PENDING -> state[1] = RUNNING; ran[1]++; claimed = true
    :: else
    fi
  };
  atomic {
    if
    :: claimed -> state[1] = RAN
    :: else
    fi
  };
  busy--
  } unless { ended || forked }
}

proctype Unloader() { // cexit__sweep() in unload.c: entries leave the stack, then run
  bool claimed;
  {
#if UNLOADS == 1
  busy++;  // @cexit__run_begin: an exit waits from here on
#endif
  atomic {
    if
    :: state[1] == PENDING -> state[1] = RUNNING; ran[1]++; claimed = true
    :: else
    fi
  };
#if UNLOADS == 2
  busy++;
#endif
  atomic {
    if
    :: claimed -> state[1] = RAN
    :: else
    fi
  };
  busy--;  // @cexit__run_end
  state[1] != RUNNING && state[1] != PENDING -> unloaded = true
  } unless { ended || forked }
}

// The child of a fork: only this thread is left. It registers, and leaves by a door.
proctype Forker(byte self) {
  byte index, entry, arm_group, arm_seen, arm_left, rounds;
  bool accepted;
  {
  atomic { // @cexit__exit_forked, @cexit__gate_forked
    note_called();
    libc_is_taken = libc_is_taken || (inside != NOBODY && inside != self);
    owner = NOBODY; entering = false; inside = NOBODY; status = UNKNOWN; told = UNKNOWN; waiting_status = UNKNOWN;
    closed = false; sleeping = 0; busy = 0; one_runs = false; asked = 0;
    do
    :: index < ENTRIES -> ran[index] = 0; state[index] = PARENTS; index++
    :: else -> break
    od;
    index = 0; forked = true
  };
  register_entry(0);
  atomic { asked = 1 };
  atomic { owner == NOBODY -> owner = self; status = 1 };  // @cexit__gate_claim, @cexit__set_status
  do
  :: atomic {
       next_entry(0, entry);
       if
       :: entry == NO_ENTRY -> break
       :: else -> ran[entry]++; state[entry] = RAN
       fi
     }
  od;
  slots_arm();
  if
  :: libc_is_taken && LOCKS -> skip  // @cexit__end
  :: else ->
#if LOCKS
     libc_lock == NOBODY || libc_lock == self;  // for ever where a thread of the parent's had it
#endif
     do
     :: top > 0 -> top--
     :: else -> break
     od
  fi;
  atomic { end_process(1) }
  } unless { ended }
}

init {
  atomic {
    byte number;
    list[0] = OTHERS;
    top = 1;
    do
    :: number < FIRST -> list[top] = 1; top++; number++
    :: else -> break
    od;
    last_act_made = PREPARED;
    // Two entries are registered when the exit begins. They belong to the first group.
    stands = true; group_of_slots = 1; epoch = 1; registered = 2;
    number = 0;
    do
    :: number < ENTRIES -> state[number] = (number < 2 -> PENDING : ABSENT); epoch_of[number] = 1;
       order[number] = number + 1; number++
    :: else -> break
    od;
    number = 0;
    do
    :: number < PLAIN -> run Exiter(number + 1, false, number + 1); number++
    :: else -> break
    od;
    do
    :: number < PLAIN + DOORS -> run Exiter(number + 1, true, number + 1); number++
    :: else -> break
    od;
    number = 0;
    do
    :: number < REGISTRARS -> run Registrar(6, 2 + number); number++
    :: else -> break
    od;
#if MANUAL
    run Manual();
#endif
#if UNLOADS
    run Unloader();
#endif
#if FORKS
    run Forker(7);
#endif
    number = 0
  }
}
