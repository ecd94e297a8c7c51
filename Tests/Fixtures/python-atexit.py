# SPDX-License-Identifier: Apache-2.0
# Checks of the module of python-atexit.c in the place of atexit. A number names the case of CPython's tests, of which
# PythonCasesTests.swift has the list. `checks` runs the cases that need no exit, `exit` ends the interpreter, and `libc` ends
# the process by libc's exit. `memory` ends the interpreter when no allocation succeeds.

import ctypes, gc, os, sys, threading, time
from importlib import util


spec = util.spec_from_file_location("exitkit_atexit", sys.argv[1])
atexit = sys.modules["atexit"] = util.module_from_spec(spec)
spec.loader.exec_module(atexit)
import weakref

log, errors = [], []


def run():
    """Runs the handlers, and returns what they have noted."""
    log.clear(), errors.clear()
    sys.unraisablehook = lambda error: errors.append((error.exc_type, error.object))
    atexit._run_exitfuncs()
    sys.unraisablehook = sys.__unraisablehook__
    return log[:]


def note(*arguments, **keywords):
    log.append((arguments, keywords))


def fail(error):
    def function():
        raise error
    return function


def case_1_order():
    atexit.register(note, 1, 2), atexit.register(note), atexit.register(note, 3, label="x")
    assert run() == [((3,), {"label": "x"}), ((), {}), ((1, 2), {})]
    assert run() == [] and atexit._ncallbacks() == 0


def case_2_wrong_arguments():
    def none(): log.append("never")
    atexit.register(none, 1, 2)
    assert run() == [] and errors == [(TypeError, none)]
    for wrong in [(), (None,), ("text",)]:
        try: atexit.register(*wrong)
        except TypeError: log.append("refused")
    assert log == ["refused"] * 3 and atexit._ncallbacks() == 0


def case_3_4_5_errors():
    functions = [fail(ValueError("x")), lambda: 1 / 0, sys.exit]
    for function in functions: atexit.register(function)
    atexit.register(note)
    assert run() == [((), {})]
    assert errors == list(zip([SystemExit, ZeroDivisionError, ValueError], reversed(functions)))


def case_6_7_many():
    for number in range(1000): atexit.register(log.append, number)
    assert atexit._ncallbacks() == 1000 and run() == list(reversed(range(1000)))
    atexit.register(note)
    atexit._clear()
    assert run() == []


def case_8_9_unregister():
    def up(): log.append(1)
    def down(): log.append(-1)
    for function in [up, up, down, up, up]: assert atexit.register(function) is function
    atexit.unregister(up)
    assert run() == [-1]
    heard = []
    atexit.register(heard.append, 5)
    run()
    atexit.unregister(heard.append)
    atexit.register(heard.append, 6), atexit.unregister(heard.append)
    run()
    assert heard == [5]


def case_10_itself():
    def itself():
        atexit.unregister(itself)
        raise KeyError
    atexit.register(itself)
    run()
    assert errors == [(KeyError, itself)]
    atexit.unregister(itself)


def case_11_equality_that_clears():
    class Clears:
        def __eq__(self, other):
            atexit.unregister(other)
            atexit._clear()
            return NotImplemented
    atexit.register(lambda: log.append("never"))
    atexit.unregister(Clears())
    atexit.register(note)
    assert run() == [((), {})]


def case_12_equality_that_cancels():
    for number in (1, 2, 3):
        for other, left in [(0, [3]), (1, [3, 1]), (2, [1])]:
            functions = [lambda value=value: log.append(value) for value in (1, 2, 3)]
            asked = []

            class Second:
                def __eq__(self, function):
                    asked.append(function)
                    if len(asked) == number: atexit.unregister(functions[other])
                    return function is functions[1]
            for function in functions: atexit.register(function)
            atexit.unregister(Second())
            assert run() == left, (number, other, log)


def an_error_of_an_equality_leaves_unregister():
    class Refuses:
        def __eq__(self, other): raise LookupError
    atexit.register(note)
    try: atexit.unregister(Refuses())
    except LookupError: log.append("raised")
    assert log[-1] == "raised" and run() == [((), {})]


def case_15_instances():
    spec = util.spec_from_file_location("exitkit_atexit", sys.argv[1])
    sys.modules.pop("exitkit_atexit", None)
    second = util.module_from_spec(spec)
    spec.loader.exec_module(second)
    assert second is not atexit
    atexit.register(note, 1), second.register(note, 2), atexit.register(note, 3)
    assert second._ncallbacks() == 3 and run() == [((3,), {}), ((2,), {}), ((1,), {})]


def case_16_threads():
    def work():
        for _ in range(100):
            atexit.register(note), atexit._clear(), atexit.register(work), atexit.unregister(work)
            atexit._run_exitfuncs()
    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert atexit._ncallbacks() == 0


def a_handler_releases_its_arguments_after_the_run():
    class Held: pass
    held = Held()
    alive = weakref.ref(held)
    atexit.register(note, held)
    del held
    run(), log.clear()
    assert alive() is None


class Thing: pass


def case_23_24_25_finalize():
    def total(*arguments, **keywords):
        log.append(sum(arguments) + sum(keywords.values()))
        return log[-1]
    thing = Thing()
    first = weakref.finalize(thing, total, 67, 43, z=89)
    assert first.alive and first.peek() == (thing, total, (67, 43), {"z": 89})
    assert [first(), first(), first.peek(), first.detach(), first.alive] == [199, None, None, None, False]
    second = weakref.finalize(thing, total, 1)
    assert second.detach() == (thing, total, (1,), {}) and second() is None
    third = weakref.finalize(thing, total, a=7)
    del thing
    assert not third.alive and third() is None and log == [199, 7]


def case_26_wrong_arguments():
    thing = Thing()
    finalizer = weakref.finalize(thing, note, 1, func=2, obj=3)
    assert finalizer.peek() == (thing, note, (1,), {"func": 2, "obj": 3})
    assert finalizer() is None and log == [((1,), {"func": 2, "obj": 3})]
    for wrong in [lambda: weakref.finalize(thing, func=note), lambda: weakref.finalize(func=note, obj=thing),
                  lambda: weakref.finalize(thing), lambda: weakref.finalize()]:
        try: wrong()
        except TypeError: log.append("refused")
    assert log[1:] == ["refused"] * 4


def case_28_all_freed():
    class Finalizer(weakref.finalize): pass

    def function(): log.append("ran")
    thing = Thing()
    finalizer = Finalizer(thing, function)
    alive = [weakref.ref(finalizer), weakref.ref(function)]
    del finalizer, function
    assert all(reference() for reference in alive)
    del thing
    assert log == ["ran"] and not any(reference() for reference in alive)


def case_30_no_collection():
    gc.disable()
    thing = Thing()
    weakref.finalize(thing, log.append, "at once")
    del thing
    gc.enable()
    assert log == ["at once"]


def case_27_order():
    thing = Thing()
    made = [weakref.finalize(thing, log.append, number) for number in (1, 2, 3, 4, 5)]
    made[4].detach(), made[2]()
    del made[3], made[0]
    log.append("C")
    del thing
    assert log == [3, "C", 4, 2, 1]


def checks():
    for name, function in list(globals().items()):
        if name.startswith(("case_", "an_", "a_")):
            atexit._clear(), log.clear()
            function()
            print(name)
    print("case_13: in a process of its own, since the handlers of others are gone")


def without_memory():  # 22
    import _testcapi
    atexit.register(print, "never")
    _testcapi.set_nomemory(0)


# 14, 17, 29, and what registers meanwhile
def ends():
    def say(text): os.write(1, (text + "\n").encode())

    def starts():
        def work():
            say("thread begins"), time.sleep(0.01), say("thread ends")
        thread = threading.Thread(target=work)
        thread.start(), thread.join()
    things = [Thing() for _ in range(3)]
    atexit.register(say, "one")
    weakref.finalize(things[0], say, "first finalizer")
    weakref.finalize(things[1], say, "left out").atexit = False
    weakref.finalize(things[2], lambda: weakref.finalize(things[0], say, "from a finalizer") and say("last finalizer"))
    atexit.register(say, "two")
    if sys.version_info[:2] != (3, 12): atexit.register(starts)
    atexit.register(lambda: atexit.register(say, "registered in a handler"))
    globals()["things"] = things


if sys.argv[2] == "checks":
    checks()
elif sys.argv[2] == "memory":
    without_memory()
else:
    ends()
    if sys.argv[2] == "libc": ctypes.CDLL(None).exit(5)
