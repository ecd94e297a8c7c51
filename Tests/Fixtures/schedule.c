// SPDX-License-Identifier: Apache-2.0
//
// Drives two or three threads through the yield points of the core in every order, with at most so many preemptions: one
// thread runs at a time, and at each yield point a list of choices says which thread goes on. Each order is a child of its
// own. The first list is empty (the same thread goes on); the next one differs at the last point that has a choice left.
//
//   schedules CASE PREEMPTIONS            all orders; the first wrong one is printed, and how to see it again
//   schedules CASE PREEMPTIONS CHOICES    that one order, point by point
//
// With "locked " in front of the case, exit has a lock that one thread takes for ever, as since glibc 2.41.

#include "fixture.h"

#include <sys/syscall.h>

enum { THREADS = 3, MOST = 4000, ENTRIES = 4 };

struct step {
  unsigned char chosen, options, thread;
  const char *place; // the same address in each child
};

static struct {
  unsigned char prefix[MOST]; // in: the choices
  int given, preemptions;
  int length; // out: what came of it
  struct step steps[MOST];
  int accepted[ENTRIES], cancelled[ENTRIES], ran[ENTRIES];
} * order;

// ---- The threads of one order

static struct {
  enum { ABSENT, RUNS, WAITS, HAS_ENDED } state;
  const uint32_t *word;
  uint32_t seen;
  const char *place;
} threads[THREADS];
static _Atomic uint32_t current = UINT32_MAX; // nobody's: no order is kept
static _Thread_local uint32_t self;
static _Thread_local bool takes_part;

static bool can_run(unsigned thread) {
  if (threads[thread].state == WAITS) return *(const volatile uint32_t *)threads[thread].word != threads[thread].seen;
  return threads[thread].state == RUNS;
}

static unsigned choose(bool stays) { // of the thread that comes to a yield point, or cannot go on
  unsigned options[THREADS], count = 0;
  if (stays) options[count++] = self;
  for (unsigned i = 0; i < THREADS && (!stays || order->preemptions > 0); i++) {
    if (i != self && can_run(i)) options[count++] = i;
  }
  if (count == 0) {
    dprintf(STDERR_FILENO, "no thread can go on\n");
    _exit(98);
  }
  unsigned step = (unsigned)order->length, chosen = 0;
  if (count > 1) {
    CHECK(step < MOST);
    if ((int)step < order->given) chosen = order->prefix[step];
    CHECK(chosen < count);
    order->steps[step] =
        (struct step){(unsigned char)chosen, (unsigned char)count, (unsigned char)self, threads[self].place};
    order->length++;
  }
  if (stays && chosen != 0) order->preemptions--;
  return options[chosen];
}

static void wait_for_turn(void) {
  for (uint32_t seen; (seen = atomic_load(&current)) != self;) syscall(SYS_futex, &current, 0, seen, NULL, NULL, 0);
  threads[self].state = RUNS;
}

static void give_turn(unsigned thread) {
  atomic_store(&current, thread);
  syscall(SYS_futex, &current, 1, INT32_MAX, NULL, NULL, 0);
}

static void yield_turn(const char *place, bool stays) {
  threads[self].place = place;
  unsigned next = choose(stays);
  if (next == self) return;
  give_turn(next);
  if (threads[self].state != HAS_ENDED) wait_for_turn();
}

void cexit_schedule_point(const char *place) {
  if (takes_part) yield_turn(place, true);
}

void cexit_schedule_wait(const uint32_t *word, uint32_t seen) {
  if (!takes_part) {
    syscall(SYS_futex, word, 0, seen, NULL, NULL, 0);
    return;
  }
  threads[self].state = WAITS;
  threads[self].word = word;
  threads[self].seen = seen;
  yield_turn("waits", false);
  threads[self].state = RUNS;
}

static void begin(unsigned number) {
  self = number;
  takes_part = true;
  wait_for_turn();
}

static void *end(void) {
  threads[self].state = HAS_ENDED;
  yield_turn("has ended", false);
  takes_part = false;
  return NULL;
}

// ---- libc's exit

static bool is_locked;
static uint32_t lock; // whose: 1 more than the thread

void exit(int status) {
  void (*libcs)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
  while (is_locked && takes_part && lock != 0 && lock != self + 1) cexit_schedule_wait(&lock, lock);
  lock = self + 1;
  libcs(status);
  __builtin_unreachable();
}

// ---- What the threads do

static cexit_handler first;

static void note_run(void *number) {
  order->ran[(uintptr_t)number]++;
}

static void add(uintptr_t number, cexit_handler *out) {
  cexit_entry entry = {.function = note_run, .context = (void *)number};
  int error = cexit_register(NULL, &entry, out);
  CHECK(error == 0 || error == ECANCELED);
  order->accepted[number] = error == 0;
}

static void older_of_libc(void) {
  for (int i = 0; i < 3; i++) cexit_schedule_point("libc's older handler");
}

static void *registers_two(void *number) {
  begin((unsigned)(uintptr_t)number);
  add(1, NULL);
  cexit_schedule_point("between two registrations");
  add(2, NULL);
  return end();
}

static void *registers_one(void *number) {
  begin((unsigned)(uintptr_t)number);
  add(3, NULL);
  return end();
}

static void *registers_and_cancels(void *number) {
  cexit_handler own;
  begin((unsigned)(uintptr_t)number);
  add(1, &own);
  cexit_schedule_point("before it cancels");
  order->cancelled[0] = cexit_cancel(first);
  if (order->accepted[1]) order->cancelled[1] = cexit_cancel(own);
  return end();
}

static void *exits(void *number) {
  begin((unsigned)(uintptr_t)number);
  exit(4);
}

static void *exits_by_door(void *number) {
  begin((unsigned)(uintptr_t)number);
  cexit_exit(5);
}

static const struct {
  const char *name;
  bool by_door; // main leaves by one
  void *(*others[THREADS - 1])(void *);
} cases[] = {{"registers", false, {registers_two, NULL}},
             {"registers-door", true, {registers_two, NULL}},
             {"exits", false, {exits, registers_one}},
             {"door-exits", true, {exits, registers_one}},
             {"doors", true, {exits_by_door, registers_one}},
             {"cancels", false, {registers_and_cancels, NULL}},
             {"cancels-door", true, {registers_and_cancels, exits}}};

static void run_order(size_t number) {
  CHECK(atexit(older_of_libc) == 0);
  add(0, &first);
  threads[0].state = RUNS;
  for (unsigned i = 0; i < THREADS - 1 && cases[number].others[i] != NULL; i++) {
    threads[i + 1].state = RUNS;
    start(cases[number].others[i], (void *)(uintptr_t)(i + 1));
  }
  atomic_store(&current, 0);
  begin(0);
  if (cases[number].by_door) cexit_exit(3);
  exit(3);
}

// ---- All orders

static bool is_right(int status) {
  if (!WIFEXITED(status) || WEXITSTATUS(status) < 3 || WEXITSTATUS(status) > 5) return false;
  for (int i = 0; i < ENTRIES; i++) {
    if (order->ran[i] != (order->accepted[i] && !order->cancelled[i])) return false;
  }
  return true;
}

static int try_order(size_t number, int preemptions) {
  order->length = 0;
  order->preemptions = preemptions;
  for (int i = 0; i < ENTRIES; i++) order->accepted[i] = order->cancelled[i] = order->ran[i] = 0;
  pid_t child = fork();
  if (child == 0) {
    alarm(10);
    run_order(number);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

static void print_order(const char *name, int preemptions, int status) {
  for (int i = 0; i < order->length; i++) {
    const struct step *step = &order->steps[i];
    if (step->chosen != 0)
      say("thread %d: %s: choice %d of %d\n", step->thread, step->place, step->chosen, step->options);
  }
  for (int i = 0; i < ENTRIES; i++) {
    if (order->accepted[i] || order->ran[i])
      say("entry %d: accepted %d, cancelled %d, ran %d\n", i, order->accepted[i], order->cancelled[i], order->ran[i]);
  }
  say("%s %d\nagain: schedules '%s' %d ", WIFEXITED(status) ? "status" : "signal",
      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), name, preemptions);
  int last = order->length;
  while (last > 0 && order->steps[last - 1].chosen == 0) last--;
  for (int i = 0; i < last; i++) say("%d", order->steps[i].chosen);
  say("\n");
}

static bool next_order(void) {
  int last = order->length - 1;
  while (last >= 0 && order->steps[last].chosen + 1 >= order->steps[last].options) last--;
  if (last < 0) return false;
  for (int i = 0; i < last; i++) order->prefix[i] = order->steps[i].chosen;
  order->prefix[last] = order->steps[last].chosen + 1;
  order->given = last + 1;
  return true;
}

int main(int count, char **arguments) {
  CHECK(count == 3 || count == 4);
  is_locked = strncmp(arguments[1], "locked ", 7) == 0;
  const char *name = arguments[1] + (is_locked ? 7 : 0);
  order = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(order != MAP_FAILED);
  size_t number = 0;
  while (number < sizeof cases / sizeof *cases && strcmp(cases[number].name, name) != 0) number++;
  CHECK(number < sizeof cases / sizeof *cases);
  int preemptions = atoi(arguments[2]), orders = 0, status;
  if (count == 4) {
    order->given = (int)strlen(arguments[3]);
    for (int i = 0; i < order->given; i++) order->prefix[i] = (unsigned char)(arguments[3][i] - '0');
    status = try_order(number, preemptions);
    print_order(arguments[1], preemptions, status);
    return is_right(status) ? 0 : 1;
  }
  do {
    status = try_order(number, preemptions);
    orders++;
    if (is_right(status)) continue;
    say("wrong, the order number %d:\n", orders);
    print_order(arguments[1], preemptions, status);
    return 1;
  } while (next_order());
  say("%d orders, all right\n", orders);
  return 0;
}
