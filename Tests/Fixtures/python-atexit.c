// SPDX-License-Identifier: Apache-2.0
// Python's module atexit over the C API: a stack nested in the process stack. The end of the interpreter runs the stack for
// the last time. Where the process exits by a signal or a call of exit in C, the process stack runs the same handlers.

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "CExitShim.h"

struct call {
  PyObject *function, *arguments, *keywords; // keywords: NULL for none
};

static cexit_stack *stack;

static void call(void *context) {
  if (!Py_IsInitialized()) return;
  PyGILState_STATE state = PyGILState_Ensure();
  struct call *call = context;
  PyObject *result = PyObject_Call(call->function, call->arguments, call->keywords);
  if (result == NULL) PyErr_WriteUnraisable(call->function);
  Py_XDECREF(result);
  PyGILState_Release(state);
}

static void release(void *context) {
  if (!Py_IsInitialized()) return; // Python has freed its objects, or never will
  PyGILState_STATE state = PyGILState_Ensure();
  struct call *call = context;
  Py_DECREF(call->function);
  Py_DECREF(call->arguments);
  Py_XDECREF(call->keywords);
  PyMem_RawFree(call);
  PyGILState_Release(state);
}

static PyObject *add(PyObject *module, PyObject *arguments, PyObject *keywords) {
  (void)module;
  if (PyTuple_GET_SIZE(arguments) == 0)
    return PyErr_Format(PyExc_TypeError, "register() takes at least 1 argument (0 given)");
  PyObject *function = PyTuple_GET_ITEM(arguments, 0);
  if (!PyCallable_Check(function)) return PyErr_Format(PyExc_TypeError, "the first argument must be callable");
  PyObject *rest = PyTuple_GetSlice(arguments, 1, PY_SSIZE_T_MAX);
  struct call *made = rest != NULL ? PyMem_RawMalloc(sizeof *made) : NULL;
  if (made == NULL) {
    Py_XDECREF(rest);
    return PyErr_NoMemory();
  }
  *made = (struct call){Py_NewRef(function), rest, Py_XNewRef(keywords)};
  errno = cexit_register(stack, &(cexit_entry){.function = call, .context = made, .release = release}, NULL);
  if (errno == 0) return Py_NewRef(function);
  PyErr_SetFromErrno(PyExc_OSError);
  release(made);
  return NULL;
}

struct search {
  PyObject *function;
  bool failed;
};

// The comparison runs Python code, which may cancel the entry. So this visitor first keeps the function alive.
static bool is_equal(void *context, const cexit_pending *entry) {
  struct search *search = context;
  if (search->failed || (entry->flags & CEXIT_IS_NESTED) != 0) return false;
  PyObject *function = Py_NewRef(((const struct call *)entry->context)->function);
  int equal = PyObject_RichCompareBool(function, search->function, Py_EQ);
  Py_DECREF(function);
  search->failed = equal < 0;
  return equal > 0;
}

static PyObject *unregister(PyObject *module, PyObject *function) {
  (void)module;
  struct search search = {function, false};
  cexit_stack_cancel_if(stack, is_equal, &search);
  return search.failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *clear(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  cexit_stack_clear(stack);
  Py_RETURN_NONE;
}

static PyObject *count(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyLong_FromSize_t(cexit_stack_count(stack));
}

// Without the interpreter's lock: another thread that runs the stack needs the lock for its handlers.
static PyObject *run(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  Py_BEGIN_ALLOW_THREADS cexit_stack_run(stack);
  Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static PyObject *end(PyObject *module, PyObject *unused) {
  cexit_stack_close(stack);
  return run(module, unused);
}

static PyMethodDef at_end = {"end", end, METH_NOARGS, NULL};
static PyMethodDef methods[] = {{"register", (PyCFunction)(void (*)(void))add, METH_VARARGS | METH_KEYWORDS, NULL},
                                {"unregister", unregister, METH_O, NULL},
                                {"_clear", clear, METH_NOARGS, NULL},
                                {"_ncallbacks", count, METH_NOARGS, NULL},
                                {"_run_exitfuncs", run, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "exitkit_atexit", .m_size = -1,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_exitkit_atexit(void) {
  PyObject *python = PyImport_ImportModule("atexit"), *last = PyCFunction_New(&at_end, NULL);
  PyObject *done = python != NULL && last != NULL ? PyObject_CallMethod(python, "register", "O", last) : NULL;
  Py_XDECREF(python);
  Py_XDECREF(last);
  Py_XDECREF(done);
  if (done == NULL) return NULL;
  return cexit_stack_nest(NULL, "python", &stack) == 0 ? PyModule_Create(&definition) : PyErr_NoMemory();
}
