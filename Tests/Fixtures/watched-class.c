// SPDX-License-Identifier: Apache-2.0
//
// A program in which copies of the core watch the same classes. The program defines the few functions of a Swift runtime
// that the core calls. Each argument is a step, taken in order; N is the number of a plugin, or - for the program:
//
//   open=PATH        loads the next plugin: 0, 1, …
//   close=N          unloads plugin N; the next plugin gets the number N
//   make=N           makes an object of N's class
//   finalize=N=NAME  N's copy makes a finalizer for the object, and says so if the finalizer is not prompt
//   drop             the object dies

#include "watched-class.h"

#include "watched-class-plugin.c"

enum { PLUGINS = 8 };

static const struct watcher *watchers[PLUGINS + 1] = {&watcher};
static void *libraries[PLUGINS + 1];
static struct object *object;

#define RUNTIME __attribute__((visibility("default")))
RUNTIME void *swift_unownedRetain(struct object *of) {
  of->unowned++;
  return of;
}
RUNTIME void swift_unownedRelease_n(struct object *of, uint32_t count) {
  of->unowned -= count;
}
RUNTIME void swift_unownedRelease(struct object *of) {
  of->unowned--;
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

static int place(const char *number) {
  return number[0] == '-' ? 0 : atoi(number) + 1;
}

static void open_plugin(const char *path) {
  int i = 1;
  while (libraries[i] != NULL) i++;
  libraries[i] = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(libraries[i] != NULL);
  watchers[i] = dlsym(libraries[i], "watcher");
  CHECK(watchers[i] != NULL);
}

static void close_plugin(int i) {
  CHECK(dlclose(libraries[i]) == 0);
  libraries[i] = NULL;
}

static void make(struct class *class) {
  object = malloc(sizeof *object);
  *object = (struct object){.metadata = &class->kind, .unowned = 1};
}

static void drop(void) {
  struct class *class = (void *)((char *)object->metadata - offsetof(struct class, kind));
  object->dying = true;
  class->deinit(object);
  CHECK(object->unowned == 1);
  free(object);
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    char *what = arguments[i], *with = strchr(what, '='), *name = NULL;
    if (with != NULL) *with++ = 0;
    if (with != NULL && (name = strchr(with, '=')) != NULL) *name++ = 0;
    if (strcmp(what, "open") == 0)
      open_plugin(with);
    else if (strcmp(what, "close") == 0)
      close_plugin(place(with));
    else if (strcmp(what, "make") == 0)
      make(watchers[place(with)]->class);
    else if (strcmp(what, "finalize") == 0) {
      if (!watchers[place(with)]->finalize(object, name)) say("not prompt: %s\n", name);
    } else {
      CHECK(strcmp(what, "drop") == 0);
      drop();
    }
  }
  return 0;
}
