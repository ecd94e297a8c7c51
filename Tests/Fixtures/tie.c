// SPDX-License-Identifier: Apache-2.0
//
// Finalizers and their objects, without Swift: the program defines the few functions of a Swift runtime that the core calls,
// and compares what runs at the death of each object with a model.

#include "CExitFinalizer.h"
#include "fixture.h"

enum { OBJECTS = 600, FINALIZERS = 4000, BURST = 1200000 };

struct object {
  _Alignas(16) struct object *metadata; // as Swift's allocator does, also where a pointer has 4 bytes
  size_t unowned;
  bool dying;
};

struct finalizer {
  struct object *object; // NULL: free
  cexit_handler handler;
  unsigned made; // grows: newer ones run first
  bool pending;
};

static struct object *objects[OBJECTS];
static struct finalizer finalizers[FINALIZERS];
static unsigned made, ran, last_ran;
static struct object *dying;

#define RUNTIME __attribute__((visibility("default")))
RUNTIME void *swift_unownedRetain(struct object *of) {
  of->unowned++;
  return of;
}
RUNTIME void swift_unownedRelease_n(struct object *of, uint32_t count) {
  of->unowned -= count;
  if (of->unowned == 0) free(of);
}
RUNTIME void swift_unownedRelease(struct object *of) {
  swift_unownedRelease_n(of, 1);
}
RUNTIME size_t swift_unownedRetainCount(struct object *of) {
  return of->unowned;
}
RUNTIME bool swift_isDeallocating(struct object *of) {
  return of->dying;
}
RUNTIME void *swift_tryRetain(struct object *of) {
  return of->dying ? NULL : of;
}

static struct object *new_object(void) {
  struct object *object = calloc(1, sizeof *object);
  object->unowned = 1;
  return object;
}

static void die(struct object *object) {
  object->dying = true;
  cexit_object_died(object);
  swift_unownedRelease(object);
}

static unsigned random_below(unsigned limit) {
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33) % limit;
}

// ---- At random

static void run(void *context) {
  struct finalizer *finalizer = context;
  CHECK(finalizer->pending);
  CHECK(dying == NULL || (finalizer->object == dying && finalizer->made < last_ran));
  last_ran = finalizer->made;
  finalizer->pending = false;
  ran++;
}

static void nothing(void *context) {
  (void)context;
}

static void make(struct finalizer *finalizer, struct object *object) {
  *finalizer = (struct finalizer){.object = object, .made = ++made, .pending = true};
  cexit_finalizing state = {.prompt = true};
  cexit_entry entry = {.function = run, .context = finalizer};
  CHECK(cexit_finalizer_add(NULL, object, &state, &entry, NULL) == 0);
  finalizer->handler = state.handler;
  CHECK(cexit_finalizer_object(state.handler) == object);
}

static void kill_one(unsigned place) {
  unsigned pending = 0, before = ran;
  for (int i = 0; i < FINALIZERS; i++) {
    bool own = finalizers[i].object == objects[place];
    pending += own && finalizers[i].pending;
  }
  dying = objects[place];
  last_ran = UINT32_MAX;
  swift_unownedRetain(dying);
  die(dying);
  CHECK(dying->unowned == 1); // the library has let go
  for (int i = 0; i < FINALIZERS; i++) {
    if (finalizers[i].object == dying) finalizers[i].object = NULL;
  }
  swift_unownedRelease(dying);
  dying = NULL;
  CHECK(ran - before == pending);
  objects[place] = new_object();
}

// Handlers take the places of finalizers that have run or were cancelled, and finalizers the places of handlers.
static void at_random(void) {
  static cexit_handler handlers[100];
  for (int i = 0; i < OBJECTS; i++) objects[i] = new_object();
  for (int step = 0; step < 60000; step++) {
    struct finalizer *finalizer = &finalizers[random_below(FINALIZERS)];
    unsigned what = random_below(16), place = random_below(OBJECTS);
    if (what == 0) {
      kill_one(place);
    } else if (what < 3) {
      cexit_handler *handler = &handlers[random_below(100)];
      cexit_entry entry = {.function = nothing};
      cexit_cancel(*handler);
      CHECK(cexit_register(NULL, &entry, handler) == 0);
    } else if (what < 5) {
      CHECK(cexit_cancel(finalizer->handler) == finalizer->pending);
      finalizer->pending = false;
    } else if (what == 5) {
      bool pending = finalizer->pending;
      CHECK(cexit_run(finalizer->handler) == pending);
    } else if (!finalizer->pending) {
      make(finalizer, objects[place]);
    }
  }
  for (unsigned i = 0; i < OBJECTS; i++) kill_one(i);
  CHECK(ran > 1000);
}

// ---- Memory that is given back

static size_t resident(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%*u %lu", &pages) == 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void count(void *context) {
  (void)context;
  ran++;
}

static void make_burst(struct object *of, size_t objects_count) {
  for (size_t i = 0; i < BURST; i++) {
    cexit_finalizing state = {.prompt = true};
    cexit_entry entry = {.function = count};
    CHECK(cexit_finalizer_add(NULL, &of[i % objects_count], &state, &entry, NULL) == 0);
  }
}

static void kill_all(struct object *of, size_t objects_count) {
  for (size_t i = 0; i < objects_count; i++) {
    of[i].dying = true;
    cexit_object_died(&of[i]);
    CHECK(of[i].unowned == 1);
    of[i].dying = false;
  }
}

// Cancelled finalizers leave their ties behind. These outlast the memory of their entries, and lead to nothing.
static void burst(void) {
  enum { FEW = 1000 };
  struct object *of = calloc(BURST, sizeof *of);
  for (size_t i = 0; i < BURST; i++) of[i].unowned = 1;
  make_burst(of, FEW);
  CHECK(cexit_stack_clear(NULL) == BURST);
  push(NULL, nothing, NULL); // gives memory back
  push(NULL, nothing, NULL);
  kill_all(of, FEW);
  CHECK(ran == 0);

  make_burst(of, BURST);
  size_t full = resident();
  kill_all(of, BURST);
  CHECK(ran == BURST);
  push(NULL, nothing, NULL);
  size_t given = full - resident();
  CHECK(given > (size_t)BURST / 8 * 7 * 84); // 64 bytes of an entry, 16 of its tie, 4 of a chain

  ran = 0;
  make_burst(of, BURST / 2);
  kill_all(of, BURST / 2);
  CHECK(ran == BURST);
}

int main(int arguments, char **argument) {
  CHECK(arguments == 2);
  if (strcmp(argument[1], "random") == 0)
    at_random();
  else
    burst();
  cexit_stack_clear(NULL);
  return 0;
}
