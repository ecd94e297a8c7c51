// SPDX-License-Identifier: Apache-2.0
// An interpreter in a program. Python's own handlers run when the interpreter ends, not when the process does. Only the
// thread that made the interpreter may end it: on another thread the handler calls Python's handlers, and no more.

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "real-library.h"

static pthread_t maker;

static void run(const char *code) {
  if (PyRun_SimpleString(code) != 0) say("an error in Python\n");
}

static void begin(void) {
  maker = pthread_self();
  Py_InitializeEx(0);
  run("import atexit, os, ssl\n"
      "def say(text): os.write(1, (text + '\\n').encode())\n"
      "atexit.register(say, \"Python's atexit\")\n"
      "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n");
  PyEval_SaveThread(); // so that a handler on another thread can take the interpreter
}

static void use(void) {
  PyGILState_STATE state = PyGILState_Ensure();
  run("context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
      "say('handler: a context with %s' % ssl.OPENSSL_VERSION.split()[0])\n");
  if (pthread_equal(maker, pthread_self())) {
    CHECK(Py_FinalizeEx() == 0);
  } else {
    run("atexit._run_exitfuncs()\n");
    PyGILState_Release(state);
  }
  say("handler: done\n");
}
