// SPDX-License-Identifier: Apache-2.0
//
// Every public function: E(name, parameters, arguments) for one that returns 0 or an errno value, V for void, N for one
// that does not return, P for one that is given a function of the Swift layer's to keep, Q(type, name, parameters,
// arguments) for one that a signal handler may call, and F like that for the rest.

#ifndef CEXIT_FUNCTIONS_H
#define CEXIT_FUNCTIONS_H

// The formatter takes the parameters for products.
// clang-format off

// The order is the layout of the table through which copies of different versions call each other: a new one goes to
// the end, a released one stays. A structure that one of them takes cannot change without a new CEXIT_SHARING.
#define CEXIT_SHARED(E, F, V, N, P, Q)                                                                                 \
  F(size_t, unregister, (void (*function)(void)), (function))                                                          \
  N(exit, (int status), (status))                                                                                      \
  E(mark, (void), ())                                                                                                  \
  E(reserve, (size_t count), (count))                                                                                  \
  E(adopt, (void), ())                                                                                                 \
  F(bool, cancel, (cexit_handler handler), (handler))                                                                  \
  F(bool, run, (cexit_handler handler), (handler))                                                                     \
  F(bool, is_pending, (cexit_handler handler), (handler))                                                              \
  E(stack_create, (const char *name, cexit_stack **out), (name, out))                                                  \
  F(size_t, stack_count, (cexit_stack *stack), (stack))                                                                \
  F(size_t, stack_run, (cexit_stack *stack), (stack))                                                                  \
  F(size_t, stack_clear, (cexit_stack *stack), (stack))                                                                \
  V(stack_destroy, (cexit_stack *stack), (stack))                                                                      \
  Q(bool, is_exiting, (void), ())                                                                                      \
  Q(bool, exit_status, (int *status), (status))                                                                        \
  V(request_status, (int status), (status))                                                                            \
  E(atexit_owned, (void (*function)(void), const void *owner), (function, owner))                                      \
  E(on_exit_owned, (void (*function)(int status, void *context), void *context, const void *owner),                    \
    (function, context, owner))                                                                                        \
  E(at_quick_exit_owned, (void (*function)(void), const void *owner), (function, owner))                               \
  E(register_owned, (cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out),             \
    (stack, entry, owner, out))                                                                                        \
  E(stack_nest_owned, (cexit_stack *parent, const char *name, const void *owner, cexit_stack **out),                   \
    (parent, name, owner, out))                                                                                        \
  F(cexit_stack *, quick_stack, (void), ())                                                                            \
  F(size_t, stack_move, (cexit_stack *from, cexit_stack *to), (from, to))                                              \
  V(stack_release, (cexit_stack *stack), (stack))                                                                      \
  F(size_t, stack_cancel_named, (cexit_stack *stack, const char *name), (stack, name))                                 \
  F(size_t, stack_run_observed, (cexit_stack *stack, cexit_observer observer, void *context),                          \
    (stack, observer, context))                                                                                        \
  F(bool, set_outcome, (cexit_observer observer, void *outcome), (observer, outcome))                                  \
  F(bool, stack_step, (cexit_stack *stack, cexit_observer observer, void *context), (stack, observer, context))        \
  P(observe_exit, (void (*function)(const int *status)), (function))                                                   \
  E(exit_on_signals, (const int *signals, size_t count), (signals, count))                                             \
  Q(int, exit_signal, (pid_t * sender), (sender))                                                                      \
  E(set_deadline, (uint64_t nanoseconds), (nanoseconds))                                                               \
  F(uint64_t, deadline, (void), ())                                                                                    \
  E(limit, (uint64_t nanoseconds), (nanoseconds))                                                                      \
  E(watch, (void), ())                                                                                                 \
  F(bool, class_is_watched, (const void *object), (object))                                                            \
  F(bool, class_watch, (const void *object, bool hops), (object, hops))                                                \
  E(finalizer_add, (cexit_stack *stack, cexit_finalizer *finalizer, void *object, uint32_t place, bool *prompt,        \
                    const cexit_entry *entry, const void *owner),                                                      \
    (stack, finalizer, object, place, prompt, entry, owner))                                                           \
  V(finalizer_end, (cexit_finalizer *finalizer), (finalizer))                                                          \
  F(void *, finalizer_object, (cexit_finalizer *finalizer), (finalizer))                                               \
  V(object_died, (void *object), (object))                                                                             \
  F(bool, departure_is_over, (const cexit_departure *departure), (departure))                                          \
  V(departure_end, (cexit_departure *departure), (departure))                                                          \
  P(finalizers_set_delegate, (cexit_finalizer_delegate delegate), (delegate))                                          \
  F(bool, set_asleep, (cexit_handler handler, bool asleep), (handler, asleep))                                         \
  F(bool, is_awake, (cexit_handler handler), (handler))                                                                \
  F(bool, run_instead, (cexit_handler handler, cexit_function function, void *context), (handler, function, context))  \
  F(bool, current, (cexit_record *record), (record))                                                                   \
  V(mark_next, (void), ())                                                                                             \
  F(bool, is_step, (void), ())

// What belongs to a thread or to the Swift code around it has nothing to do with the stack: each copy does it itself.
#define CEXIT_UNSHARED(F, V)                                                                                           \
  F(bool, main_is_here, (void), ())                                                                                    \
  F(bool, main_is_idle, (void), ())                                                                                    \
  V(main_drain, (void), ())                                                                                            \
  F(bool, main_post, (void (*function)(void *unused)), (function))                                                     \
  V(main_stand_in, (uintptr_t identity, uintptr_t implementation), (identity, implementation))                         \
  F(bool, executor_is_current, (uintptr_t identity, uintptr_t implementation), (identity, implementation))             \
  F(cexit_loop *, loop_create, (void), ())                                                                             \
  V(loop_destroy, (cexit_loop * loop), (loop))                                                                         \
  V(loop_wake, (cexit_loop * loop), (loop))                                                                            \
  V(loop_wait, (cexit_loop * loop, int64_t nanoseconds), (loop, nanoseconds))                                          \
  F(cexit_thread *, this_thread, (void), ())                                                                           \
  V(write_line, (const char *text, size_t length), (text, length))
// clang-format on

#endif
