// SPDX-License-Identifier: Apache-2.0
// A plugin, or the half of a program, that has a class, and a copy of the core unless compiled with NO_COPY.

#include "watched-class.h"

struct finalizer {
  cexit_finalizer node; // the first one
  const char *name;
};

static __attribute__((swiftcall)) void dealloc(__attribute__((swift_context)) void *object) {
  (void)object;
  say("deinit\n");
}

static struct class own_class = {.deinit = dealloc};

#ifdef NO_COPY
#define finalize NULL
#else
static void speak(void *finalizer) {
  say("%s\n", ((struct finalizer *)finalizer)->name);
}

static void release(void *finalizer) {
  if (cexit_finalizer_end(finalizer)) free(finalizer);
}

static bool finalize(struct object *object, const char *name) {
  cexit_finalizing state = {.prompt = cexit_class_is_watched(object) || cexit_class_watch(object, false)};
  struct finalizer *finalizer = calloc(1, sizeof *finalizer);
  finalizer->name = name;
  cexit_entry entry = {.function = speak, .context = finalizer, .release = release};
  CHECK(cexit_finalizer_add(NULL, &finalizer->node, object, &state, &entry, &__dso_handle) == 0);
  return state.prompt;
}
#endif

extern const struct watcher watcher;
const struct watcher watcher = {&own_class, finalize};
