# SPDX-License-Identifier: Apache-2.0
# CPython's weakref.finalize, measured as the Swift program measures ExitKit. Prints one number: nanoseconds.
import os
import sys
import time
import weakref

case, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
now = lambda: time.clock_gettime_ns(time.CLOCK_THREAD_CPUTIME_ID)


class Thing:
    pass


def nothing():
    pass


def done(value):
    print(value)
    sys.stdout.flush()
    os._exit(0)  # without the run at exit


weakref.finalize(Thing(), nothing)  # the first one sets things up
if case == "create":
    objects = [Thing() for _ in range(count)]
    start = now()
    for thing in objects:
        weakref.finalize(thing, nothing)
    done((now() - start) / count)
if case == "die":
    objects = [Thing() for _ in range(count)]
    for thing in objects:
        weakref.finalize(thing, nothing)
    del thing
    start = now()
    objects.clear()
    done((now() - start) / count)
if case == "churn":
    start = now()
    for _ in range(count):
        weakref.finalize(Thing(), nothing)
    done((now() - start) / count)
