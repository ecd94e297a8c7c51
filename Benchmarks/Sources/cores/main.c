// SPDX-License-Identifier: Apache-2.0
//
// What many cores would do: a simulation of threads that register and cancel without pause, with the lock as in
// core/lock.c, beside a design without a lock, in which each thread has a list of its own and takes a number from one
// counter for each registration. Prints nanoseconds of all cores for one pair, and how often a cache line changed cores.
//
//   cores [transfer] [pair]   nanoseconds for a line to change cores (60), and for a pair on one thread (23)
//
// Time stands still for a core that waits for a line, and a line serves one core at a time. Left out: the order in which
// a machine serves cores that wait, cores that share a cache, and threads that the kernel takes a core from.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 5, FIRST_WAIT = 4000 }; // as in core/lock.c
enum { MOST_CORES = 64, PAIRS = 200000, LINES = 5 }; // the lock, the slab, two lines of the stack, the newest entry
enum step { TRY, SPIN, ASK_AGAIN, SLEEP, ASLEEP, WORK, DROP };

static double transfer = 60, pair = 23;
static const double hit = 1, system_call = 200, waking = 3000;

static struct line {
  double free_at;
  int owner; // the core that may write; -1: several cores have a copy to read
  uint64_t copies;
  uint64_t moves;
} lines[LINES];

static struct core {
  double time;
  enum step step;
  int tries;
  bool has_slept;
} cores[MOST_CORES];

static double about(double time) { // a third more or less, so that cores do not fall into step
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return time * (2 + (double)(state >> 11) / (double)((uint64_t)1 << 52)) / 3;
}

static int holder; // of the lock; -1: free
static bool is_slept_on;

static void use(int core, struct line *line, bool writes) {
  struct core *here = &cores[core];
  bool has = writes ? line->owner == core : line->owner == core || (line->copies >> core & 1) != 0;
  if (has) {
    here->time += hit;
    return;
  }
  double start = here->time > line->free_at ? here->time : line->free_at;
  here->time = line->free_at = start + about(transfer);
  line->moves++;
  line->owner = writes ? core : -1;
  line->copies = writes ? 0 : line->copies | (uint64_t)1 << core;
}

static bool take(int core) { // compare and swap
  use(core, &lines[0], true);
  if (holder >= 0) return false;
  holder = core;
  is_slept_on = cores[core].has_slept; // other threads may be asleep, too
  cores[core].step = WORK;
  return true;
}

static void wake_one(double time) {
  for (int i = 0; i < MOST_CORES; i++) {
    if (cores[i].step != ASLEEP) continue;
    cores[i].time = time + about(waking);
    cores[i].step = ASK_AGAIN;
    return;
  }
}

static uint64_t step(int core) { // how many pairs that finished
  struct core *here = &cores[core];
  switch (here->step) {
  case TRY:
    here->has_slept = false;
    here->tries = 0;
    if (!take(core)) here->step = SPIN;
    return 0;
  case SPIN:
    use(core, &lines[0], false);
    if (holder < 0 && take(core)) return 0;
    here->time += about((double)(FIRST_WAIT << here->tries));
    if (++here->tries == TRIES) here->step = ASK_AGAIN;
    return 0;
  case ASK_AGAIN:
    here->has_slept = true;
    if (!take(core)) here->step = SLEEP;
    return 0;
  case SLEEP:
    if (holder < 0) {
      here->step = ASK_AGAIN;
      return 0;
    }
    is_slept_on = true;
    here->time += about(system_call);
    here->step = ASLEEP;
    return 0;
  case WORK:
    for (int i = 1; i < LINES; i++) use(core, &lines[i], true);
    here->time += about(pair - LINES * hit);
    here->step = DROP;
    return 0;
  case DROP:
    use(core, &lines[0], true);
    holder = -1;
    if (is_slept_on) {
      here->time += about(system_call);
      wake_one(here->time);
    }
    here->step = TRY;
    return 1;
  case ASLEEP:
    break;
  }
  return 0;
}

static double with_lock(int count, double *moves) { // nanoseconds for a pair
  for (int i = 0; i < LINES; i++) lines[i] = (struct line){.owner = -1};
  for (int i = 0; i < MOST_CORES; i++) cores[i] = (struct core){.step = ASLEEP};
  for (int i = 0; i < count; i++) cores[i] = (struct core){.step = TRY};
  holder = -1;
  is_slept_on = false;
  double last = 0;
  for (uint64_t done = 0; done < PAIRS;) {
    int next = -1;
    for (int i = 0; i < count; i++) {
      if (cores[i].step != ASLEEP && (next < 0 || cores[i].time < cores[next].time)) next = i;
    }
    done += step(next);
    if (cores[next].time > last) last = cores[next].time;
  }
  uint64_t all = 0;
  for (int i = 0; i < LINES; i++) all += lines[i].moves;
  *moves = (double)all / PAIRS;
  return last / PAIRS;
}

static double with_counter(int count) { // the counter's line moves for each pair; everything else is the thread's own
  double alone = pair / count;
  return count == 1 || alone > transfer ? alone : transfer;
}

int main(int count, char **arguments) {
  if (count > 1) transfer = atof(arguments[1]);
  if (count > 2) pair = atof(arguments[2]);
  printf("A line changes cores in %.0f ns, a pair takes %.0f ns on one thread.\n\n", transfer, pair);
  printf("| cores | one lock: ns | to one core | moves of lines | lists and a counter: ns |\n");
  printf("| ---: | ---: | ---: | ---: | ---: |\n");
  double moves, one = with_lock(1, &moves);
  for (int n = 1; n <= MOST_CORES; n *= 2) {
    double time = with_lock(n, &moves);
    printf("| %d | %.0f | %.2f | %.2f | %.0f |\n", n, time, time / one, moves, with_counter(n));
  }
  return 0;
}
