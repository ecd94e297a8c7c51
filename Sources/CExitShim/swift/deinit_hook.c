// SPDX-License-Identifier: Apache-2.0
//
// How an object's end is noticed. Two words before the address that a Swift object's first word points to, its class
// keeps the function that frees an object once its last reference is gone: a swiftcall function that takes the object
// in the context register. The library replaces the word, once for each class, by a function that looks for finalizers
// and calls the original. A derived class has a word of its own, and calls its parent's deinit by name, not by the
// word.
//
// Swift does not promise this. So the library touches a class only if its word is in writable memory and holds the
// address of code, and only after the Swift layer has tried the hook on a class of its own (Swift 6.3: works; the
// layout is part of the ABI on platforms with a stable ABI). Objects of other classes are swept: see
// cexit__nodes_sweep.
//
// Most objects of a watched class have no finalizer. An object with a finalizer has an unowned reference, which Swift
// counts in the object itself: so the hook knows objects without a finalizer without a look at the table.

#include "swift.h"

#if CAN_WATCH

RUNTIME extern size_t swift_unownedRetainCount(void *object);

struct class {
  _Atomic uintptr_t metadata; // 0: free
  _Atomic(cexit__deinit *) original;
  _Atomic(cexit__deinit *) over;   // a foreign hook that replaced and calls our hook
  _Atomic(cexit__deinit *) before; // the original from before the word was replaced a second time
  bool hops;
};

// Look-ups take no lock: a map is only added to, and a bigger one takes its place. The old ones stay, for threads that
// are still reading them: together they are no bigger than the last.
struct map {
  size_t mask, count;
  struct class *classes;
};
static struct class first_classes[64];
static struct map first = {63, 0, first_classes};
static _Atomic(struct map *) classes = &first;

static inline uintptr_t metadata_of(const void *object) {
  return *(const uintptr_t *)object;
}

static inline _Atomic(cexit__deinit *) *word_of(uintptr_t metadata) {
  return (_Atomic(cexit__deinit *) *)(metadata - 2 * sizeof(void *));
}

static inline struct class *find_in(const struct map *map, uintptr_t metadata) { // its place, or the free place for it
  size_t i = (metadata >> 3) * 0x9E3779B97F4A7C15u >> 32;
  for (;; i++) {
    struct class *class = &map->classes[i & map->mask];
    uintptr_t found = atomic_load_explicit(&class->metadata, memory_order_acquire);
    if (found == metadata || found == 0) return class;
  }
}

static inline struct class *find(uintptr_t metadata) {
  struct class *class = find_in(atomic_load_explicit(&classes, memory_order_acquire), metadata);
  return atomic_load_explicit(&class->metadata, memory_order_relaxed) != 0 ? class : NULL;
}

static inline void free_object(void *object, const struct class *class) {
  cexit__deinit *original = atomic_load_explicit(&class->original, memory_order_acquire); // stored after `before`
  size_t unowned = swift_unownedRetainCount(object);
  if (LIKELY(unowned == 1))
    original(object);
  else
    cexit__object_dies(object, original, class->hops ? unowned : 0);
}

// A new class at an old class's address may call our hook from its own deinit. `dying` ends the recursion.
static void free_object_once(void *object, const struct class *class, cexit__deinit *before) {
  if (cexit__thread.dying == object) return before(object);
  void *outer = cexit__thread.dying;
  cexit__thread.dying = object;
  free_object(object, class);
  cexit__thread.dying = outer;
}

// In place of a class's own function.
static SWIFT_CALL void dies(SWIFT_SELF void *object) {
  const struct class *class = find(metadata_of(object));
  if (class == NULL) return; // a copy of a class, which Swift never makes: no code knows how to free its objects
  cexit__deinit *before = atomic_load_explicit(&class->before, memory_order_relaxed);
  if (LIKELY(before == NULL))
    free_object(object, class);
  else
    free_object_once(object, class, before);
}

// ---- Whether a class can be watched

static bool is_swift_class(uintptr_t metadata) { // other kinds of metadata have no such word
  uintptr_t kind = *(const uintptr_t *)metadata;
  return kind == 0 || kind > 0x7FF;
}

// ---- Watching a class

// The word of a watched class has changed, for one of two reasons. Another copy of this library, in a plugin perhaps,
// watches the class, too; the other copy's hook calls ours. Or a shared object was unloaded, and another class has the
// address now; then class and deinit are in the same shared object.
static bool may_be_another_class(uintptr_t metadata, cexit__deinit *word) {
  return cexit__are_in_one_object((void *)metadata, (void *)word) && !cexit__is_in_executable((void *)metadata);
}

bool cexit__class_is_watched(const void *object) {
  uintptr_t metadata = metadata_of(object);
  cexit__deinit *word = atomic_load_explicit(word_of(metadata), memory_order_acquire);
  if (LIKELY(word == dies)) return true;
  struct class *class = find(metadata);
  return class != NULL && atomic_load(&class->over) == word;
}

static void copy_to(struct map *bigger, const struct map *map) {
  for (size_t i = 0; i <= map->mask; i++) {
    const struct class *from = &map->classes[i];
    if (from->metadata == 0) continue;
    struct class *to = find_in(bigger, from->metadata);
    to->original = from->original;
    to->over = from->over;
    to->before = from->before;
    to->hops = from->hops;
    to->metadata = from->metadata;
  }
  bigger->count = map->count;
}

static struct map *make_bigger(size_t mask) {
  struct map *bigger = malloc(sizeof *bigger);
  if (bigger != NULL) *bigger = (struct map){mask, 0, calloc(mask + 1, sizeof *bigger->classes)};
  if (bigger != NULL && bigger->classes == NULL) return free(bigger), NULL;
  return bigger;
}

static int make_room(void) { // returns with the lock held, or says why not
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    struct map *map = classes;
    if (map->count < map->mask / 2) return 0;
    lock_drop();
    struct map *bigger = make_bigger(2 * map->mask + 1);
    if (bigger == NULL) return ENOMEM;
    if ((error = enter()) == 0) {
      if (classes == map) {
        copy_to(bigger, map);
        classes = bigger;
        bigger = NULL;
      }
      lock_drop();
    }
    if (bigger != NULL) free(bigger->classes);
    free(bigger);
    if (error != 0) return error;
  }
}

static bool replace_word(uintptr_t metadata, bool hops) {
  if (make_room() != 0) return false;
  cexit__deinit *word = atomic_load(word_of(metadata));
  struct class *class = find_in(classes, metadata);
  if (word != dies) {
    if (class->metadata == 0)
      classes->count++;
    else
      atomic_store(&class->before, class->original);
    class->hops = hops;
    atomic_store(&class->over, NULL);
    do { // the class is in the map before its word is replaced
      atomic_store(&class->original, word);
      atomic_store(&class->metadata, metadata);
    } while (!atomic_compare_exchange_strong(word_of(metadata), &word, dies));
  }
  lock_drop();
  return true;
}

static bool watch(uintptr_t metadata, bool hops) {
  cexit__deinit *word = atomic_load(word_of(metadata));
  struct class *class = find(metadata);
  if (class != NULL && word != dies && !may_be_another_class(metadata, word)) {
    atomic_store(&class->over, word);
    return true;
  }
  if (!cexit__memory_permits((uintptr_t)word_of(metadata), (uintptr_t)word)) return false;
  cexit__pin_object(&__dso_handle); // the word will point into this library for ever
  return replace_word(metadata, hops);
}

bool cexit__class_watch(const void *object, bool hops) {
  int saved = errno;
  bool watched =
      swift_unownedRetainCount != NULL && is_swift_class(metadata_of(object)) && watch(metadata_of(object), hops);
  errno = saved;
  return watched;
}

#else

bool cexit__class_is_watched(const void *object) {
  (void)object;
  return false;
}

bool cexit__class_watch(const void *object, bool hops) {
  (void)object, (void)hops;
  return false;
}

#endif
