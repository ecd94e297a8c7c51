// SPDX-License-Identifier: Apache-2.0
// Ways into the exit, and what handlers do there: by a door of the library, by plain exit, from two threads, once more.

#include "threads.h"

#include <sys/syscall.h>

static void say_in_libc(void) {
  say("libc's\n");
}

static void leave_by(const char *how, int status) {
  if (strcmp(how, "door") == 0) cexit_exit(status);
  exit(status);
}

static int order(int count, char **arguments) { // <door|exit>: what others gave to libc came after the first of ours
  CHECK(count == 1);
  push_name(NULL, "older");
  CHECK(atexit(say_in_libc) == 0);
  push_name(NULL, "newer");
  leave_by(arguments[0], 3);
  return 99;
}

static void register_late(void) {
  say("libc's registers\n");
  push_name(NULL, "late");
}

static int registered_by_libc(int count, char **arguments) { // while libc runs its own
  (void)count, (void)arguments;
  push_name(NULL, "handler");
  CHECK(atexit(register_late) == 0);
  cexit_exit(3);
}

static const char *again;

static void exit_again(void *status) {
  say("exits with %d\n", (int)(intptr_t)status);
  leave_by(again, (int)(intptr_t)status);
}

static int exits_again(int count, char **arguments) { // <door|exit> <door|exit>: in handlers
  CHECK(count == 2);
  CHECK(atexit(say_in_libc) == 0);
  push_name(NULL, "oldest");
  push(NULL, exit_again, (void *)8);
  push_name(NULL, "middle");
  push(NULL, exit_again, (void *)7);
  again = arguments[1];
  leave_by(arguments[0], 3);
  return 99;
}

static int handlers_left;

static void exit_quietly(void *unused) {
  (void)unused;
  leave_by(again, --handlers_left % 2 == 0 ? 4 : 5);
}

static void say_left(void) {
  say("left: %d\n", handlers_left);
}

static int deep(int count, char **arguments) { // <door|exit>: each of many handlers exits
  CHECK(count == 1);
  CHECK(atexit(say_left) == 0);
  handlers_left = 20000;
  for (int i = 0; i < handlers_left; i++) push(NULL, exit_quietly, NULL);
  again = arguments[0];
  exit(3);
}

// ---- Status

static void request(void *status) {
  cexit_request_status((int)(intptr_t)status);
}

static int requested(int count, char **arguments) { // <status> <in its place>
  CHECK(count == 2);
  push(NULL, request, (void *)(intptr_t)atoi(arguments[1]));
  exit(atoi(arguments[0]));
}

static int gives_input_back(int count, char **arguments) { // a byte was read of standard input, which is a file
  (void)count, (void)arguments;
  int file = memfd_create("input", 0);
  CHECK(write(file, "abc", 3) == 3 && lseek(file, 0, SEEK_SET) == 0 && dup2(file, STDIN_FILENO) >= 0);
  pid_t child = fork();
  if (child == 0) {
    push(NULL, request, (void *)70);
    CHECK(getchar() == 'a');
    exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  say("%#x, at byte %d\n", status, (int)lseek(file, 0, SEEK_CUR));
  return 0;
}

// ---- Two threads

static const char *second_way;
static _Atomic pid_t second_thread;

static void *leave_second(void *unused) {
  (void)unused;
  wait_for(1);
  atomic_store(&second_thread, gettid());
  leave_by(second_way, 9);
  return NULL;
}

// Ends when the other thread is asleep in its exit, or has run the stack.
static void slow_in_libc(void) {
  say("libc's begins\n");
  reach(1);
  while (atomic_load(&second_thread) == 0) sched_yield();
  wait_until_asleep(atomic_load(&second_thread));
  say("libc's ends\n");
}

static int meets_lock(int count, char **arguments) { // <door|exit>: main is in libc's exit, above the stack's slot
  CHECK(count == 1);
  second_way = arguments[0];
  push_name(NULL, "handler");
  CHECK(atexit(slow_in_libc) == 0);
  start(leave_second, NULL);
  exit(3);
}

static void end_thread(void *unused) {
  (void)unused;
  say("ends its thread\n");
  pthread_exit(NULL);
}

// Before any constructor of the library's. Not every libc gives a constructor the arguments.
__attribute__((constructor(101))) static void take_all_keys(void) {
  char line[256] = "";
  int file = open("/proc/self/cmdline", O_RDONLY);
  ssize_t length = file >= 0 ? read(file, line, sizeof line - 1) : -1;
  close(file);
  pthread_key_t key;
  if (length <= 0 || strncmp(line + strlen(line) + 1, "no-keys", 7) != 0) return;
  while (pthread_key_create(&key, NULL) == 0) continue;
}

static void *leave_with(void *status) {
  exit((int)(intptr_t)status);
}

static int ends_without_keys(int count, char **arguments) { // no end of a thread can be noticed by thread-local data
  (void)count, (void)arguments;
  push_name(NULL, "older");
  push(NULL, end_thread, NULL);
  join(start(leave_with, (void *)7));
  return 99;
}

static void *run_ending_stack(void *unused) {
  cexit_stack *stack;
  CHECK(cexit_stack_create("by hand", &stack) == 0);
  push_name(stack, "left");
  push(stack, end_thread, NULL);
  cexit_stack_run(stack);
  return unused;
}

static int ends_by_hand_without_keys(int count, char **arguments) { // the exit waits for no thread that has ended
  (void)count, (void)arguments;
  push_name(NULL, "handler");
  join(start(run_ending_stack, NULL));
  return 3;
}

static void end_thread_late(void) {
  join(start(run_ending_stack, NULL));
  push_name(NULL, "late");
}

static int ends_after_ours(int count, char **arguments) { // in libc's oldest handler
  (void)count, (void)arguments;
  CHECK(atexit(end_thread_late) == 0);
  push_name(NULL, "first");
  exit(3);
}

// ---- An exiter that cannot go on

static void vanish(void *unused) {
  (void)unused;
  say("vanishes\n");
  reach(1);
  syscall(SYS_exit, 0); // nothing tells of the thread's end
}

static void *leave_by_a_door(void *status) {
  cexit_exit((int)(intptr_t)status);
}

static int vanishes(int count, char **arguments) { // in a nested stack; the other thread goes on
  (void)count, (void)arguments;
  cexit_stack *module;
  push_name(NULL, "older");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_name(module, "module");
  push(module, vanish, NULL);
  start(leave_by_a_door, (void *)4);
  wait_for(1);
  cexit_exit(5);
}

static void exit_plainly(void *unused) { // while the other thread is in libc's exit, with libc's lock
  (void)unused;
  reach(1);
  while (atomic_load(&second_thread) == 0) sched_yield();
  wait_until_asleep(atomic_load(&second_thread));
  say("exits plainly\n");
  exit(8);
}

static void *exit_second(void *unused) {
  (void)unused;
  wait_for(1);
  atomic_store(&second_thread, gettid());
  exit(9);
}

static int plain_in_front(int count, char **arguments) {
  (void)count, (void)arguments;
  push_name(NULL, "older");
  push(NULL, exit_plainly, NULL);
  start(exit_second, NULL);
  cexit_exit(3);
}

static const char *object_that_exits;

static void *load(void *unused) {
  wait_for(1);
  dlopen(object_that_exits, RTLD_NOW);
  return unused;
}

static void wait_for_constructor(void *unused) {
  (void)unused;
  reach(1);
  while (atomic_load(&second_thread) == 0) sched_yield();
  wait_until_asleep(atomic_load(&second_thread));
  say("handler\n");
}

void constructor_exits(void) { // called by the object that is loaded
  atomic_store(&second_thread, gettid());
  leave_by(second_way, 4);
}

static int exits_in_constructor(int count, char **arguments) { // <object> <door|exit>
  CHECK(count == 2);
  object_that_exits = arguments[0];
  second_way = arguments[1];
  push(NULL, wait_for_constructor, NULL);
  start(load, NULL);
  exit(3);
}

// ---- Registrations without end

static atomic_long accepted, did;
static atomic_int refused;

static void count(void *unused) {
  (void)unused;
  did++;
}

static void *register_without_end(void *unused) {
  cexit_entry entry = {.function = count};
  wait_for(1);
  while ((refused = cexit_register(NULL, &entry, NULL)) == 0) accepted++;
  return unused;
}

static void let_register(void *unused) {
  (void)unused;
  reach(1);
  while (accepted < 100) sched_yield();
}

static void register_again(void *unused) {
  cexit_entry entry = {.function = register_again, .context = unused};
  did++;
  if ((refused = cexit_register(NULL, &entry, NULL)) == 0) accepted++;
}

static void say_refused(void) { // libc's oldest
  if (refused == ECANCELED) CHECK(accepted == did && did > 1000000);
  say("%s\n", refused == ECANCELED ? "refused" : "ended");
}

static int endless(int many, char **arguments) { // <handler|thread>
  CHECK(many == 1);
  CHECK(atexit(say_refused) == 0);
  bool own = strcmp(arguments[0], "handler") == 0;
  push(NULL, own ? register_again : let_register, NULL);
  if (own) accepted++;
  if (!own) start(register_without_end, NULL);
  exit(3);
}

// ---- quick_exit, and a child

static void hang(void *unused) {
  (void)unused;
  say("hangs\n");
  reach(1);
  for (;;) pause();
}

static void say_quick(void) {
  say("quick\n");
}

static void *leave_quickly(void *status) {
  wait_for(1);
  quick_exit((int)(intptr_t)status);
}

static int quick(int count, char **arguments) { // while an exit hangs
  (void)count, (void)arguments;
  CHECK(cexit_at_quick_exit(say_quick) == 0);
  push(NULL, hang, NULL);
  start(leave_quickly, (void *)7);
  cexit_exit(3);
}

static void hold(void *unused) {
  (void)unused;
  reach(1);
  wait_for(2);
}

static int child_leaves(int count, char **arguments) { // made while another thread is in plain exit
  (void)count, (void)arguments;
  push(NULL, hold, NULL);
  start(leave_with, (void *)3);
  wait_for(1);
  pid_t child = fork();
  if (child == 0) {
    push_name(NULL, "child's");
    printf("flushed\n");
    cexit_exit(5);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  say("%#x\n", status);
  reach(2);
  for (;;) pause();
}

FIXTURE({"order", order}, {"late", registered_by_libc}, {"again", exits_again}, {"deep", deep},
        {"requested", requested}, {"input", gives_input_back}, {"lock", meets_lock}, {"no-keys", ends_without_keys},
        {"no-keys-by-hand", ends_by_hand_without_keys},
        {"after-ours", ends_after_ours}, {"vanishes", vanishes}, {"plain", plain_in_front},
        {"constructor", exits_in_constructor}, {"endless", endless}, {"quick", quick}, {"child", child_leaves})
