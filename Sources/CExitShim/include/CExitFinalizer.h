// SPDX-License-Identifier: Apache-2.0
//
// Finalizers, for the Swift layer: entries that also run when a Swift object is destroyed.
//
// A finalizer is an entry like any other, with its place on a stack, which is also found from its object. Swift on Linux
// tells nobody of an object's end; swift/deinit_hook.c says what is done instead, and where that cannot be. This file exists
// because Swift can neither declare a function that takes an object in the context register nor replace a word of a class.
//
// The object is not kept alive. Its memory is, until the library has seen the death of the object.

#ifndef CEXITFINALIZER_H
#define CEXITFINALIZER_H

#include "CExitShim.h"

#ifdef __cplusplus
extern "C" {
#endif
CEXIT_ASSUME_NONNULL_BEGIN

/// Where a finalizer has to run when its object has died on another thread.
#define CEXIT_ON_MAIN 1u  ///< On the main actor.
#define CEXIT_ON_ACTOR 2u ///< On some other actor.

/// What cexit_finalizer_add is told of a finalizer, and tells.
typedef struct cexit_finalizing {
  uint32_t place; ///< CEXIT_ON_MAIN, CEXIT_ON_ACTOR or 0.
  bool prompt;    ///< The class is watched, or calls cexit_object_died. Otherwise the library looks for the object's
                  ///< death when further finalizers are added. Becomes false for an object that is dying already:
                  ///< then only the stack runs the entry.
  cexit_handler handler; ///< Out.
} cexit_finalizing;

/// Whether finalizers of objects of this object's class run promptly. Costs a load.
CEXIT_API bool cexit_class_is_watched(const void *object);
/// Makes them, if that can be done safely. `hops`: the class's deinit may be put off to another thread.
CEXIT_API bool cexit_class_watch(const void *object, bool hops);

/// Registers `entry` and ties the entry to `object`: the entry runs when the object dies. Returns as cexit_register, or
/// ENOTSUP without a Swift runtime. The entry has a plain function, or comes from cexit_closure_entry.
CEXIT_API int cexit_finalizer_add(cexit_stack *CEXIT_NULLABLE stack, void *object, cexit_finalizing *state,
                                  const cexit_entry *entry, const void *CEXIT_NULLABLE owner);
/// The object of a pending finalizer, retained; NULL: the object is dying, or the finalizer is not pending.
CEXIT_API void *CEXIT_NULLABLE cexit_finalizer_object(cexit_handler handler);

/// What cexit_run_instead writes to where its `context` points, if the handler is a finalizer.
typedef struct cexit_contents {
  void *CEXIT_NULLABLE context; ///< Of the entry.
  void *CEXIT_NULLABLE code; ///< Of a closure, which is now the function's; NULL: the entry has a plain function, and
                             ///< is released after the call.
} cexit_contents;

/// An object dies that says so itself: runs its finalizers. To be called from its deinit.
CEXIT_API void cexit_object_died(void *object);

/// An object whose deinit was put off, with the finalizers that wait for it.
typedef struct cexit_departure cexit_departure;
/// Whether the deinit has run.
CEXIT_API bool cexit_departure_is_over(const cexit_departure *departure);
/// Runs the finalizers, and frees the departure.
CEXIT_API void cexit_departure_end(cexit_departure *departure);

/// Who is asked to run the entry of a handle at its place, and to wait for a departure. Without them finalizers run on
/// the thread that released the object.
typedef struct cexit_finalizer_delegate {
  void (*run)(uint64_t handler, bool on_main); ///< Runs the entry of a handle's `raw` on the main actor, or on its own.
  void (*wait)(cexit_departure *departure);    ///< Waits for the deinit, and ends the departure.
} cexit_finalizer_delegate;
/// Sets the delegate of this process, for all copies of the library.
CEXIT_API void cexit_finalizers_set_delegate(cexit_finalizer_delegate delegate);

/// Leaves an entry out of its stack's runs, or puts the entry back, as the newest of its phase. The entry stays
/// pending, and runs by its handle. Such entries are not counted. False: the entry was not pending.
CEXIT_API bool cexit_set_asleep(cexit_handler handler, bool asleep);
/// Pending, and not asleep.
CEXIT_API bool cexit_is_awake(cexit_handler handler);

CEXIT_ASSUME_NONNULL_END
#ifdef __cplusplus
}
#endif
#endif
