// SPDX-License-Identifier: Apache-2.0
//
// CExitShim for C++17 and later, in a header alone: lambdas with what they captured, and a guard for a scope.
//
//   std::ofstream log("app.log");
//   cexit::at_exit([log = std::move(log)]() mutable { log << "done\n"; });
//
//   cexit::guard remove_file([&] { std::filesystem::remove(path); });   // at the end of the scope, or at exit
//   ...
//   remove_file.dismiss();                                             // the file is complete: keep the file
//
// A handler may throw: the exception is a failure (cexit_fail), one line on stderr, and the other handlers run. CExitShim.h is the manual of
// everything else; all its functions may be called as well.

#ifndef CEXITSHIM_HPP
#define CEXITSHIM_HPP

#include <CExitShim.h>

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "CExitShim.hpp needs C++17 or later; CExitShim.h does not"
#endif

#include <cstdio>
#include <exception>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>
#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

// Hidden, so that each shared object has the code of its own handlers, and takes it along when it is unloaded.
#pragma GCC visibility push(hidden)
namespace cexit {

/// Where and how a handler is registered. `cexit::options{"flush", CExitPhaseLate}`.
struct options {
  const char *name = nullptr; ///< For reports; not copied.
  CExitPhase phase = CExitPhaseNormal;
  cexit_stack *stack = nullptr;    ///< nullptr: the process stack.
  bool in_forked_children = false; ///< A forked child runs the handler as well, as its own.
};

/// The exit status that an exit has instead of 0 when a handler of this shared object has thrown; 0: the exit stays 0.
inline int status_on_failure = 0;

/// One registration: a value to copy. A handle whose handler ran or was cancelled is harmless for ever.
class handler {
public:
  handler() = default;
  explicit handler(cexit_handler raw) : raw_(raw) {
  }
  /// True: the handler was pending and will never run; its captures are gone.
  bool cancel() const {
    return cexit_cancel(raw_);
  }
  /// True: the handler was pending and has now run, on this thread.
  bool run() const {
    return cexit_run(raw_);
  }
  bool is_pending() const {
    return cexit_is_pending(raw_);
  }
  /// False: registering failed, in a program without exceptions.
  explicit operator bool() const {
    return raw_.raw != 0;
  }

private:
  cexit_handler raw_{0};
};

namespace detail {

/// What was captured.
template <class Function> struct box {
  Function function;

  void call() {
    if constexpr (std::is_invocable_v<Function &, int>) {
      int status = 0;
      cexit_exit_status(&status);
      function(status);
    } else {
      function();
    }
  }

  static void run(void *context) {
    box *self = static_cast<box *>(context);
#if defined(__cpp_exceptions)
    try {
      return self->call();
    } catch (const std::exception &error) {
      cexit_fail(error.what());
#if defined(__GLIBCXX__)
    } catch (abi::__forced_unwind &) { // pthread_exit: the thread ends
      throw;
#endif
    } catch (...) {
      cexit_fail("an exception that is no std::exception");
    }
    if (status_on_failure != 0) cexit_request_status(status_on_failure);
#else
    self->call();
#endif
  }

  static void release(void *context) {
    delete static_cast<box *>(context);
  }
};

template <class Function>
int add(Function &&function, const options &where, const char *file, unsigned line, const void *owner,
        cexit_handler *out) {
  using kept = box<std::decay_t<Function>>;
  kept *context = new (std::nothrow) kept{std::forward<Function>(function)};
  if (context == nullptr) return ENOMEM;
  cexit_entry entry{};
  entry.function = kept::run;
  entry.context = context;
  entry.release = kept::release;
  entry.phase = where.phase;
  entry.flags = where.in_forked_children ? CEXIT_INHERITED : 0;
  entry.name = where.name;
  entry.file = file;
  entry.line = line;
  int error = cexit_register_owned(where.stack, &entry, owner, out);
  if (error != 0) delete context;
  return error;
}

} // namespace detail

/// Runs `function` at exit: a callable without arguments, or with the exit status as an int. The callable is moved in, and
/// destroyed right after the run or the cancel. Throws std::system_error with ENOMEM, ECANCELED or EDEADLK, and has
/// registered nothing then; without exceptions the handle is empty. `file`, `line` and `owner` are the caller's.
template <class Function, class = std::enable_if_t<std::is_invocable_v<std::decay_t<Function> &> ||
                                                   std::is_invocable_v<std::decay_t<Function> &, int>>>
handler at_exit(Function &&function, options where = {}, const char *file = __builtin_FILE(),
                unsigned line = static_cast<unsigned>(__builtin_LINE()), const void *owner = CEXIT_OWNER) {
  cexit_handler raw{0};
  int error = detail::add(std::forward<Function>(function), where, file, line, owner, &raw);
#if defined(__cpp_exceptions)
  if (error != 0) throw std::system_error(error, std::generic_category(), "cexit::at_exit");
#endif
  return error == 0 ? handler(raw) : handler();
}

/// Runs its callable once: at the end of the scope, or at exit if the process exits before. exit(3) does not unwind the
/// stack, so what the callable captured by reference is still there on the thread that exits; other threads that exit
/// run the callable while the scope is at work.
class [[nodiscard]] guard {
public:
  template <class Function>
  explicit guard(Function &&function, options where = {}, const char *file = __builtin_FILE(),
                 unsigned line = static_cast<unsigned>(__builtin_LINE()), const void *owner = CEXIT_OWNER)
      : handler_(at_exit(std::forward<Function>(function), where, file, line, owner)) {
  }
  guard(guard &&other) noexcept : handler_(std::exchange(other.handler_, handler())) {
  }
  guard(const guard &) = delete;
  guard &operator=(const guard &) = delete;
  guard &operator=(guard &&) = delete;
  ~guard() {
    handler_.run();
  }

  /// The callable will never run. False: it ran already, or was dismissed.
  bool dismiss() {
    return handler_.cancel();
  }

private:
  handler handler_;
};

} // namespace cexit
#pragma GCC visibility pop

#endif
