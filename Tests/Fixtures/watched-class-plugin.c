// SPDX-License-Identifier: Apache-2.0
// A plugin, or the half of a program, that has a class, and a copy of the core unless compiled with NO_COPY.

#include "watched-class.h"

static __attribute__((swiftcall)) void dealloc(__attribute__((swift_context)) void *object) {
  (void)object;
  say("deinit\n");
}

static struct class own_class = {.deinit = dealloc};

#ifdef NO_COPY
#define finalize NULL
#else
static void speak(void *name) {
  say("%s\n", (const char *)name);
}

static bool finalize(struct object *object, const char *name) {
  cexit_finalizing state = {.prompt = cexit_class_is_watched(object) || cexit_class_watch(object, false)};
  cexit_entry entry = {.function = speak, .context = (void *)(uintptr_t)name};
  CHECK(cexit_finalizer_add(NULL, object, &state, &entry, &__dso_handle) == 0);
  return state.prompt;
}
#endif

extern const struct watcher watcher;
const struct watcher watcher = {&own_class, finalize};
