// SPDX-License-Identifier: Apache-2.0
//
// CExitShim.hpp: lambdas, guards, exceptions. The first argument says which part.

#include <CExitShim.hpp>

#include <dlfcn.h>
#include <memory>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

struct Noisy {
  std::string name;
  explicit Noisy(std::string name) : name(std::move(name)) {}
  Noisy(Noisy &&other) noexcept : name(std::exchange(other.name, "")) {}
  ~Noisy() { if (!name.empty()) std::printf("%s destroyed\n", name.c_str()); }
};

void plain() { std::puts("function"); }

void captures() {
  auto owned = std::make_unique<std::string>("moved");
  cexit::at_exit(plain);
  cexit::at_exit([owned = std::move(owned)] { std::printf("%s\n", owned->c_str()); });
  cexit::at_exit([noisy = Noisy("capture")] { std::puts("runs before its capture is destroyed"); });
  cexit::at_exit([](int status) { std::printf("status %d\n", status); }, {"last", CExitPhaseLate});
  auto cancelled = cexit::at_exit([noisy = Noisy("cancelled")] { std::puts("never"); });
  bool was_pending = cancelled.cancel(), still = cancelled.cancel();
  std::printf("cancel %d %d\n", was_pending, still);
  auto early = cexit::at_exit([] { std::puts("by hand"); });
  bool ran = early.run(), again = early.run();
  std::printf("run %d %d pending %d\n", ran, again, early.is_pending());
  std::exit(7);
}

void scope(bool leaves) {
  std::string path = "file";
  cexit::guard kept([&] { std::puts("never"); });
  cexit::guard removal([&] { std::printf("%s removed\n", path.c_str()); });
  cexit::guard moved(std::move(removal));
  bool dismissed = kept.dismiss(), twice = kept.dismiss();
  std::printf("dismiss %d %d\n", dismissed, twice);
  if (leaves) std::exit(3);
  path = "other file";
  std::puts("end of scope");
}

#if defined(__cpp_exceptions)
void failures(bool asks) {
  if (asks) cexit::status_on_failure = 70;
  cexit::at_exit([] { std::puts("the others run"); });
  cexit::at_exit([] { throw std::runtime_error("disk\x1b[2J\nfull"); }, {"flush"}, "app.cpp", 12);
  cexit::at_exit([] { throw 5; }, {}, "app.cpp", 13);
  {
    cexit::guard throwing([] { throw std::logic_error("in a guard"); }, {}, "app.cpp", 14);
  }
}

void refused() {
  try {
    cexit::at_exit([] {}, {nullptr, static_cast<CExitPhase>(3)});
  } catch (const std::system_error &error) {
    std::printf("refused %d\n", error.code().value() == EINVAL);
  }
}

// The handler ends its thread: nothing catches that, and the exit goes on.
void thread_ends() {
  cexit::at_exit([] { std::puts("rest"); });
  cexit::at_exit([] { pthread_exit(nullptr); });
  std::thread([] { std::exit(4); }).join();
  for (;;) pause();
}
#endif

void plugin(const char *first, const char *second) {
  void *one = dlopen(first, RTLD_NOW | RTLD_GLOBAL), *other = dlopen(second, RTLD_NOW | RTLD_GLOBAL);
  if (one == nullptr || other == nullptr) std::printf("%s\n", dlerror());
  reinterpret_cast<void (*)(const char *)>(dlsym(one, "enter"))("first plugin");
  reinterpret_cast<void (*)(const char *)>(dlsym(other, "enter"))("second plugin");
  dlclose(one);
  std::puts("first closed");
}

} // namespace

int main(int, char **arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  std::string part = arguments[1];
  if (part == "captures") captures();
  if (part == "scope") scope(false);
  if (part == "scope left") scope(true);
  if (part == "plugin") plugin(arguments[2], arguments[3]);
#if defined(__cpp_exceptions)
  if (part == "failures") failures(false);
  if (part == "failures asked") failures(true);
  if (part == "refused") refused();
  if (part == "thread ends") thread_ends();
#endif
  return 0;
}
