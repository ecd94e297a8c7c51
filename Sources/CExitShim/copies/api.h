// SPDX-License-Identifier: Apache-2.0
//
// Every public function, a line each: CEXIT_SHARED(policy, type, name, parameters, arguments). A file that includes this
// one says what a line becomes, so there is no include guard. The policy says what a copy that is not the leader does:
//
//   ERROR        an older leader that does not know the function answers ENOSYS
//   VALUE        an older leader answers nothing: 0, NULL, false
//   FAST_...     the same, of a function that programs call often: the leader's own calls are one jump
//   SIGNAL_SAFE  a signal handler may call the function, so a copy never looks for the leader
//   KEEPS        the leader stores a function of the caller's copy, so that copy has to stay loaded
//   LEAVES       an exit, which does not return: the leader is told of the caller first
//
// The order is the layout of the table through which copies of different versions call each other: a new line goes to
// the end, a released line stays. A structure that a function takes cannot change without a new CEXIT_SHARING.

// The formatter takes the parameters for products.
// clang-format off

CEXIT_SHARED(VALUE, size_t, unregister, (void (*function)(void)), (function))
CEXIT_SHARED(LEAVES, void, exit, (int status), (status))
CEXIT_SHARED(ERROR, int, mark, (void), ())
CEXIT_SHARED(ERROR, int, reserve, (size_t count), (count))
CEXIT_SHARED(ERROR, int, adopt, (void), ())
CEXIT_SHARED(FAST_VALUE, bool, cancel, (cexit_handler handler), (handler))
CEXIT_SHARED(FAST_VALUE, bool, run, (cexit_handler handler), (handler))
CEXIT_SHARED(VALUE, bool, is_pending, (cexit_handler handler), (handler))
CEXIT_SHARED(ERROR, int, stack_create, (const char *name, cexit_stack **out), (name, out))
CEXIT_SHARED(VALUE, size_t, stack_count, (cexit_stack *stack), (stack))
CEXIT_SHARED(VALUE, size_t, stack_run, (cexit_stack *stack), (stack))
CEXIT_SHARED(VALUE, size_t, stack_clear, (cexit_stack *stack), (stack))
CEXIT_SHARED(VALUE, void, stack_destroy, (cexit_stack *stack), (stack))
CEXIT_SHARED(SIGNAL_SAFE, bool, is_exiting, (void), ())
CEXIT_SHARED(SIGNAL_SAFE, bool, exit_status, (int *status), (status))
CEXIT_SHARED(VALUE, void, request_status, (int status), (status))
CEXIT_SHARED(FAST_ERROR, int, atexit_owned, (void (*function)(void), const void *owner), (function, owner))
CEXIT_SHARED(ERROR, int, on_exit_owned, (void (*function)(int status, void *context), void *context, const void *owner), (function, context, owner))
CEXIT_SHARED(ERROR, int, at_quick_exit_owned, (void (*function)(void), const void *owner), (function, owner))
CEXIT_SHARED(FAST_ERROR, int, register_owned, (cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out), (stack, entry, owner, out))
CEXIT_SHARED(ERROR, int, stack_nest_owned, (cexit_stack *parent, const char *name, const void *owner, cexit_stack **out), (parent, name, owner, out))
CEXIT_SHARED(VALUE, cexit_stack *, quick_stack, (void), ())
CEXIT_SHARED(VALUE, size_t, stack_move, (cexit_stack *from, cexit_stack *to), (from, to))
CEXIT_SHARED(VALUE, void, stack_release, (cexit_stack *stack), (stack))
CEXIT_SHARED(VALUE, size_t, stack_cancel_named, (cexit_stack *stack, const char *name), (stack, name))
CEXIT_SHARED(VALUE, size_t, stack_run_observed, (cexit_stack *stack, cexit_observer observer, void *context), (stack, observer, context))
CEXIT_SHARED(VALUE, bool, set_outcome, (cexit_observer observer, void *outcome), (observer, outcome))
CEXIT_SHARED(VALUE, bool, stack_step, (cexit_stack *stack, cexit_observer observer, void *context), (stack, observer, context))
CEXIT_SHARED(VALUE, bool, observe_exit, (void (*function)(const int *status)), (function))
CEXIT_SHARED(ERROR, int, exit_on_signals, (const int *signals, size_t count), (signals, count))
CEXIT_SHARED(SIGNAL_SAFE, int, exit_signal, (pid_t *sender), (sender))
CEXIT_SHARED(ERROR, int, set_deadline, (uint64_t nanoseconds), (nanoseconds))
CEXIT_SHARED(VALUE, uint64_t, deadline, (void), ())
CEXIT_SHARED(ERROR, int, limit, (uint64_t nanoseconds), (nanoseconds))
CEXIT_SHARED(FAST_ERROR, int, prepare_limits, (void), ())
CEXIT_SHARED(FAST_VALUE, bool, class_is_watched, (const void *object), (object))
CEXIT_SHARED(VALUE, bool, class_watch, (const void *object, bool hops), (object, hops))
CEXIT_SHARED(FAST_ERROR, int, finalizer_add, (cexit_stack *stack, void *object, cexit_finalizing *state, const cexit_entry *entry, const void *owner), (stack, object, state, entry, owner))
CEXIT_SHARED(VALUE, void *, finalizer_object, (cexit_handler handler), (handler))
CEXIT_SHARED(VALUE, void, object_died, (void *object), (object))
CEXIT_SHARED(VALUE, bool, departure_is_over, (const cexit_departure *departure), (departure))
CEXIT_SHARED(VALUE, void, departure_end, (cexit_departure *departure), (departure))
CEXIT_SHARED(KEEPS, void, finalizers_set_delegate, (cexit_finalizer_delegate delegate), (delegate))
CEXIT_SHARED(VALUE, bool, set_asleep, (cexit_handler handler, bool asleep), (handler, asleep))
CEXIT_SHARED(VALUE, bool, is_awake, (cexit_handler handler), (handler))
CEXIT_SHARED(VALUE, bool, run_instead, (cexit_handler handler, cexit_function function, void *context), (handler, function, context))
CEXIT_SHARED(VALUE, bool, current, (cexit_record *record), (record))
CEXIT_SHARED(VALUE, void, mark_next, (void), ())
CEXIT_SHARED(VALUE, bool, is_step, (void), ())
CEXIT_SHARED(SIGNAL_SAFE, bool, is_entering_libc, (void), ())
CEXIT_SHARED(ERROR, int, walk, (cexit_stack *stack, cexit_visitor visitor, void *context), (stack, visitor, context))
CEXIT_SHARED(SIGNAL_SAFE, int, dump, (int file), (file))
CEXIT_SHARED(VALUE, void, trace_failure, (const char *error), (error))
CEXIT_SHARED(VALUE, void, trace_wait, (const char *what), (what))
CEXIT_SHARED(VALUE, void, unobserve_exit, (void (*function)(const int *status)), (function))
CEXIT_SHARED(VALUE, bool, is_unloading, (void), ())
CEXIT_SHARED(VALUE, void, let_pool_rest, (void), ())
CEXIT_SHARED(VALUE, bool, main_borrow, (void), ())
CEXIT_SHARED(VALUE, void, main_give_back, (void), ())
CEXIT_SHARED(VALUE, bool, main_exits, (void), ())
CEXIT_SHARED(VALUE, void, set_failure_status, (int status), (status))
CEXIT_SHARED(VALUE, int, failure_status, (void), ())
CEXIT_SHARED(VALUE, void, set_main_grace, (uint64_t nanoseconds), (nanoseconds))
CEXIT_SHARED(VALUE, uint64_t, main_grace, (void), ())
CEXIT_SHARED(ERROR, int, set_timeout_status, (int status), (status))
CEXIT_SHARED(VALUE, int, timeout_status, (void), ())
CEXIT_SHARED(ERROR, int, request_exit, (int status), (status))
CEXIT_SHARED(ERROR, int, set_signal_patience, (uint64_t nanoseconds), (nanoseconds))
CEXIT_SHARED(VALUE, const char *, version, (void), ())
CEXIT_SHARED(ERROR, int, stack_close, (cexit_stack *stack), (stack))
CEXIT_SHARED(ERROR, int, stack_try_run, (cexit_stack *stack, size_t *ran), (stack, ran))
CEXIT_SHARED(VALUE, size_t, stack_cancel_if, (cexit_stack *stack, cexit_visitor matches, void *context), (stack, matches, context))
CEXIT_SHARED(VALUE, uint64_t, signal_patience, (void), ())
CEXIT_SHARED(ERROR, int, fail, (const char *message), (message))
CEXIT_SHARED(KEEPS, void, on_failure, (cexit_reporter reporter), (reporter))
CEXIT_SHARED(ERROR, int, stack_try_run_observed, (cexit_stack *stack, cexit_observer observer, void *context), (stack, observer, context))
CEXIT_SHARED(VALUE, bool, report_failure, (const cexit_record *failure), (failure))
CEXIT_SHARED(VALUE, bool, main_hold, (void), ())
CEXIT_SHARED(VALUE, void, exit_called_at, (const void *address), (address))

// What belongs to a thread or to the Swift code around it has nothing to do with the stack: each copy does that itself.
#ifdef CEXIT_UNSHARED
CEXIT_UNSHARED(bool, main_is_here, (void), ())
CEXIT_UNSHARED(bool, main_is_idle, (void), ())
CEXIT_UNSHARED(void, main_drain, (void), ())
CEXIT_UNSHARED(bool, main_post, (void (*function)(void *unused)), (function))
CEXIT_UNSHARED(void, main_stand_in, (uintptr_t identity, uintptr_t implementation), (identity, implementation))
CEXIT_UNSHARED(bool, executor_is_current, (uintptr_t identity, uintptr_t implementation), (identity, implementation))
CEXIT_UNSHARED(cexit_loop *, loop_create, (void), ())
CEXIT_UNSHARED(void, loop_destroy, (cexit_loop *loop), (loop))
CEXIT_UNSHARED(void, loop_wake, (cexit_loop *loop), (loop))
CEXIT_UNSHARED(void, loop_wait, (cexit_loop *loop, int64_t nanoseconds), (loop, nanoseconds))
CEXIT_UNSHARED(cexit_thread *, this_thread, (void), ())
CEXIT_UNSHARED(const char *, lasting_text, (const char *text, size_t length), (text, length))
CEXIT_UNSHARED(uint32_t *, lasting_limits, (void), ())
CEXIT_UNSHARED(void, write_line, (const char *text, size_t length), (text, length))
#endif
// clang-format on

#undef CEXIT_SHARED
#undef CEXIT_UNSHARED
