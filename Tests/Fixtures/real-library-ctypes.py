# SPDX-License-Identifier: Apache-2.0
"""Loads a Swift library that has an exit handler: real-library-ctypes.py LIBRARY stack|libc WAY-OUT"""
import atexit
import ctypes
import os
import signal
import sys
import threading

library = ctypes.CDLL(sys.argv[1])
handler, way = sys.argv[2:]


def say(text):
    os.write(1, (text + "\n").encode())


def wait():
    while True:
        signal.pause()


if way.startswith("callback"):
    callback = ctypes.CFUNCTYPE(None)(lambda: say("a callback into Python"))
    library.register_callback(callback)
library.register_handler() if handler == "stack" else library.register_with_libc()
atexit.register(say, "Python's atexit")

if way == "sys.exit":
    sys.exit(3)
elif way == "exception":
    raise RuntimeError("an error")
elif way == "_exit":
    os._exit(3)
elif way == "libc":
    ctypes.CDLL(None).exit(3)
elif way in ("door", "callback"):
    library.leave(3)
elif way in ("thread", "callback on a thread"):
    threading.Thread(target=library.leave, args=(3,)).start()
elif way == "signal":
    assert library.ask_for_signals() == 0
    os.kill(os.getpid(), signal.SIGTERM)
    wait()
elif way == "SIGTERM":
    os.kill(os.getpid(), signal.SIGTERM)
    wait()
elif way == "Python's signal":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.kill(os.getpid(), signal.SIGTERM)
    wait()
