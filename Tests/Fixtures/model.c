// SPDX-License-Identifier: Apache-2.0
//
// Random programs compare the library with a model of the contract: order, phases, nesting, claims, cancelling,
// registering late, moving, clearing. One interpreter runs each program twice, on the library and on the model. Both must
// give the same results and run the same handlers. Handlers and releases operate on the stacks, too.
//
//   model <first seed> <how many>      prints the seed of a program that differs; `model <seed> 1` replays the program

#include "fixture.h"

enum { ENTRIES = 1 << 12, STACKS = 24, LENGTH = 1 << 15, MOST_OPERATIONS = 200 };

// ---- The model. A stack is a list of pending entries, newest last; entries and stacks are indices.

static struct model_entry {
  bool pending;
  int phase, stack, name;
  int nested; // the stack that this entry places; 0: the entry is a handler
} entries[ENTRIES];

static struct model_stack {
  int pending[ENTRIES], count;
  int parent, place; // 0: no parent, no entry in the parent
  int runs, name;
  bool destroyed;
} stacks[STACKS + 1]; // stack 1 is the process stack

static int entry_count, stack_count;

static void call_handler(int entry);
static void call_release(int entry);

static void take(int entry) {
  struct model_stack *stack = &stacks[entries[entry].stack];
  int i = 0;
  while (stack->pending[i] != entry) i++;
  memmove(&stack->pending[i], &stack->pending[i + 1], (size_t)(--stack->count - i) * sizeof(int));
  entries[entry].pending = false;
}

static void put(int stack, int entry) {
  entries[entry].stack = stack;
  stacks[stack].pending[stacks[stack].count++] = entry;
  entries[entry].pending = true;
}

static int model_register(int stack, int phase, int name);

static bool make_ready(int stack) {
  struct model_stack *s = &stacks[stack];
  if (s->destroyed) return false;
  if (s->parent == 0 || s->runs > 0 || entries[s->place].pending) return true;
  s->place = model_register(s->parent, CExitPhaseNormal, s->name);
  entries[s->place].nested = stack;
  return s->place != 0;
}

static int model_register(int stack, int phase, int name) {
  if (!make_ready(stack)) return 0;
  entries[++entry_count] = (struct model_entry){.phase = phase, .name = name};
  put(stack, entry_count);
  return entry_count;
}

static int next(const struct model_stack *stack) {
  static const int order[] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate};
  for (int phase = 0; phase < 3; phase++) {
    for (int i = stack->count; i-- > 0;) {
      if (entries[stack->pending[i]].phase == order[phase]) return stack->pending[i];
    }
  }
  return 0;
}

static int model_run_stack(int stack) {
  int ran = 0;
  stacks[stack].runs++;
  for (int entry; (entry = next(&stacks[stack])) != 0; ran++) {
    take(entry);
    if (entries[entry].nested != 0) {
      model_run_stack(entries[entry].nested);
    } else {
      call_handler(entry);
      call_release(entry);
    }
  }
  stacks[stack].runs--;
  return ran;
}

// Takes the entries of a name, or all entries for name 0, in the order of running. A nested stack goes with its entries.
static int take_all(int stack, int name, int *taken, int *taken_count) {
  int matched = 0, kept[ENTRIES], kept_count = 0;
  for (int entry; (entry = next(&stacks[stack])) != 0;) {
    bool matches = name == 0 || entries[entry].name == name;
    int nested = entries[entry].nested, inside = 0;
    take(entry);
    if (nested != 0) inside = take_all(nested, matches ? 0 : name, taken, taken_count);
    matched += matches ? 1 : inside;
    if (matches)
      taken[(*taken_count)++] = entry;
    else
      kept[kept_count++] = entry;
  }
  while (kept_count > 0) put(stack, kept[--kept_count]);
  return matched;
}

static int model_cancel_all(int stack, int name) {
  int taken[ENTRIES], count = 0, matched = take_all(stack, name, taken, &count);
  for (int i = 0; i < count; i++) call_release(taken[i]);
  return matched;
}

static bool is_within(int stack, int outer) {
  return stack != 0 && (stack == outer || is_within(stacks[stack].parent, outer));
}

static int model_move(int from, int to) {
  int moved = 0;
  if (from == to || !make_ready(to)) return 0;
  for (int i = 0; i < stacks[from].count;) {
    int entry = stacks[from].pending[i], nested = entries[entry].nested;
    if (nested != 0 && is_within(to, nested)) {
      i++;
      continue;
    }
    take(entry);
    put(to, entry);
    if (nested != 0) stacks[nested].parent = to;
    moved++;
  }
  return moved;
}

static int model_create(int parent, int name) {
  stacks[++stack_count] = (struct model_stack){.parent = parent, .name = name};
  make_ready(stack_count);
  return stack_count;
}

static void model_destroy(int stack) {
  stacks[stack].destroyed = true;
  for (int i = 1; i <= stack_count; i++) {
    if (stacks[i].parent == stack) stacks[i].parent = 0;
  }
  if (entries[stacks[stack].place].pending) take(stacks[stack].place);
  model_cancel_all(stack, 0);
}

static void model_release(int stack) {
  if (stacks[stack].parent == 0)
    model_destroy(stack);
  else if (stacks[stack].count == 0 && entries[stacks[stack].place].pending)
    take(stacks[stack].place);
}

// ---- The interpreter. The interpreter numbers entries and stacks, for library and model alike.

static bool on_model;
static int transcript[2][LENGTH], length;
static int operations, nesting;
static int known_entries, known_stacks;
static bool usable[STACKS + 1];
static int model_entry_of[ENTRIES], entry_of_model[ENTRIES];
static cexit_handler handler_of[ENTRIES];
static cexit_stack *stack_of[STACKS + 1];
static const char *const names[] = {NULL, "a", "b", "c"};

#ifndef FUZZED // Tests/Fuzz/model.c has its own function that chooses
static unsigned long long state;

static void begin_choices(unsigned long long seed) {
  state = seed * 0x9E3779B97F4A7C15u + 1;
}

static int random_below(int limit) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (int)((state >> 33) % (unsigned)limit);
}
#endif

static void note(int what, int value) {
  CHECK(length + 2 <= LENGTH);
  transcript[on_model][length++] = what;
  transcript[on_model][length++] = value;
}

static void operate(void);

static void operate_inside(int most) {
  if (nesting >= 4) return;
  nesting++;
  for (int i = random_below(most + 1); i > 0; i--) operate();
  nesting--;
}

static void handle(void *number) {
  note('H', (int)(intptr_t)number);
  operate_inside(3);
}

static void release(void *number) {
  note('R', (int)(intptr_t)number);
  if (random_below(8) == 0) operate_inside(1);
}

static void call_handler(int entry) {
  handle((void *)(intptr_t)entry_of_model[entry]);
}

static void call_release(int entry) {
  if (entries[entry].nested == 0) release((void *)(intptr_t)entry_of_model[entry]);
}

static int some_stack(void) {
  int stack = 1 + random_below(known_stacks);
  return usable[stack] ? stack : 1;
}

static void do_register(int stack) {
  if (known_entries + 1 >= ENTRIES / 4) return;
  int phase = random_below(3), name = random_below(4), number = ++known_entries;
  if (on_model) {
    int entry = model_register(stack, phase, name);
    model_entry_of[number] = entry;
    entry_of_model[entry] = number;
    note('r', entry != 0);
  } else {
    cexit_entry entry = {.function = handle,
                         .context = (void *)(intptr_t)number,
                         .release = release,
                         .phase = (CExitPhase)phase,
                         .name = names[name]};
    handler_of[number].raw = 0;
    note('r', cexit_register(stack_of[stack], &entry, &handler_of[number]) == 0);
  }
}

static void do_create(bool nested) {
  if (known_stacks == STACKS) return;
  int parent = nested ? some_stack() : 0, name = random_below(4), number = ++known_stacks;
  usable[number] = true;
  if (on_model)
    CHECK(model_create(parent, name) == number);
  else if (nested)
    CHECK(cexit_stack_nest(stack_of[parent], names[name], &stack_of[number]) == 0);
  else
    CHECK(cexit_stack_create(names[name], &stack_of[number]) == 0);
}

static void do_destroy(int stack, bool only_release) {
  if (stack == 1) return;
  usable[stack] = false;
  if (!on_model && only_release)
    cexit_stack_release(stack_of[stack]);
  else if (!on_model)
    cexit_stack_destroy(stack_of[stack]);
  else if (only_release)
    model_release(stack);
  else
    model_destroy(stack);
}

static bool model_claim(int number) {
  int entry = model_entry_of[number];
  if (!entries[entry].pending) return false;
  take(entry);
  return true;
}

static bool model_cancel(int number) {
  bool claimed = model_claim(number);
  if (claimed) call_release(model_entry_of[number]);
  return claimed;
}

static bool model_run(int number) {
  bool claimed = model_claim(number);
  if (claimed) {
    call_handler(model_entry_of[number]);
    call_release(model_entry_of[number]);
  }
  return claimed;
}

static void operate(void) {
  if (operations-- <= 0) return;
  int what = random_below(100), stack = some_stack(), other = some_stack();
  int number = known_entries > 0 ? 1 + random_below(known_entries) : 0;
  cexit_handler handler = handler_of[number];
  cexit_stack *s = stack_of[stack];
  if (what < 40)
    do_register(stack);
  else if (what < 50)
    note('c', on_model ? model_cancel(number) : cexit_cancel(handler));
  else if (what < 56)
    note('x', on_model ? model_run(number) : cexit_run(handler));
  else if (what < 64)
    note('p', on_model ? entries[model_entry_of[number]].pending : cexit_is_pending(handler));
  else if (what < 70)
    note('n', on_model ? stacks[stack].count : (int)cexit_stack_count(s));
  else if (what < 75)
    note('S', on_model ? model_run_stack(stack) : (int)cexit_stack_run(s));
  else if (what < 77)
    note('C', on_model ? model_cancel_all(stack, 0) : (int)cexit_stack_clear(s));
  else if (what < 80)
    note('N', on_model ? model_cancel_all(stack, 1) : (int)cexit_stack_cancel_named(s, "a"));
  else if (what < 85)
    note('M', on_model ? model_move(stack, other) : (int)cexit_stack_move(s, stack_of[other]));
  else if (what < 93)
    do_create(true);
  else if (what < 96)
    do_create(false);
  else
    do_destroy(stack, what < 98);
}

static int interpret(bool model, unsigned long long seed) {
  on_model = model;
  begin_choices(seed);
  length = entry_count = known_entries = nesting = 0;
  known_stacks = stack_count = 1;
  usable[1] = true;
  stacks[1] = (struct model_stack){0};
  operations = 10 + random_below(MOST_OPERATIONS - 10 + 1);
  while (operations > 0) operate();
  for (int stack = known_stacks; stack > 0; stack--) { // runs all pending entries, then destroys the stacks
    if (!usable[stack]) continue;
    note('S', on_model ? model_run_stack(stack) : (int)cexit_stack_run(stack_of[stack]));
    if (stack > 1) do_destroy(stack, false);
  }
  note('n', on_model ? stacks[1].count : (int)cexit_stack_count(NULL));
  return length;
}

// Adds the steps of one program to `steps`; prints where library and model differ.
static bool is_same(unsigned long long seed, unsigned long long *steps) {
  int real = interpret(false, seed), model = interpret(true, seed), at = 0;
  while (at < real && at < model && transcript[0][at] == transcript[1][at]) at++;
  *steps += (unsigned long long)real / 2;
  if (at == real && at == model) return true;
  at -= at % 2;
  say("seed %llu differs from the model at step %d; replay: model %llu 1\n", seed, at / 2, seed);
  for (int i = at < 20 ? 0 : at - 20; i < at; i += 2) say("  %c %d\n", transcript[0][i], transcript[0][i + 1]);
  if (at < real) say("library: %c %d\n", transcript[0][at], transcript[0][at + 1]);
  if (at < model) say("model:   %c %d\n", transcript[1][at], transcript[1][at + 1]);
  return false;
}

#ifndef FUZZED
int main(int argc, char **argv) {
  CHECK(argc == 3);
  unsigned long long first = strtoull(argv[1], NULL, 10), many = strtoull(argv[2], NULL, 10), steps = 0;
  for (unsigned long long seed = first; seed < first + many; seed++) {
    if (!is_same(seed, &steps)) return 1;
  }
  say("%llu programs, %llu steps\n", many, steps);
  return 0;
}
#endif
