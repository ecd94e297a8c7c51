# SPDX-License-Identifier: Apache-2.0
"""Commands of gdb that show the exit stacks of a live process or of a core file, without the help of the process.

exit-stack   what is pending, the next handler first; nested stacks indented; the stack of quick_exit, stacks of their own
exit-run     what the exiter is running, the innermost handler first

The stacks are found by the ELF note "CExitShim", type 2 (Sources/CExitShim/copies/layout.c), so stripped programs work.
"""
import struct

import gdb

NONE = 0xFFFFFFFF
VERSION = 1
NESTED, ASLEEP = 4, 3
PHASES = ["", " early", " late"]  # by number; the order of a run is early, normal, late, asleep
ORDER = [1, 0, 2, ASLEEP]


class Unreadable(gdb.GdbError):
    pass


def read(address, size):
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except gdb.MemoryError:
        raise Unreadable("cannot read %d bytes at 0x%x" % (size, address))


def number(address, size):
    return int.from_bytes(read(address, size), "little")


def text(address):
    """At most 255 bytes; what would steer the terminal becomes a question mark."""
    if address == 0:
        return None
    out = b""
    while len(out) < 255:
        byte = read(address + len(out), 1)
        if byte == b"\0":
            break
        out += byte
    return "".join(c if c.isprintable() else "?" for c in out.decode("utf-8", "replace"))


class Layout:
    """`struct layout` of layout.c, read field by field in its order."""

    def __init__(self, address):
        self.at = address
        self.version, self.size = self.take("II")
        if self.version != VERSION:
            raise gdb.GdbError("the library's layout has version %d; these commands know %d" % (self.version, VERSION))
        end = address + self.size
        self.copy, self.entries, self.stacks, self.process, self.leaving = self.take("QQQQQ")
        self.slab_fresh, self.slab_chunk = self.fields(2)
        (self.first_chunk,) = self.take("I")
        (self.entry_size,) = self.take("I")
        names = "function context release name file newer older generation epoch bits"
        self.entry = dict(zip(names.split(), self.fields(10)))
        names = "stack kind phase inherited asleep_from line owner"
        pairs = self.take("14B")
        self.bits = dict(zip(names.split(), zip(pairs[::2], pairs[1::2])))
        self.at += -self.at % 4
        (self.stack_size,) = self.take("I")
        names = "newest index parent count runner place references name"
        self.stack = dict(zip(names.split(), self.fields(8)))
        self.epoch, self.born = self.fields(2)
        self.owner, self.status, self.status_known = self.fields(3)
        (self.running,) = self.fields(1)
        self.outer, self.frame_entry, self.started = self.fields(3)
        self.at += -self.at % 8 + 16  # the settings
        self.kinds = None
        if self.at + 20 <= end:
            self.kinds, self.kind_size = self.take("QI")
            self.kind_noun, self.kind_shows = self.fields(2)

    def take(self, form):
        form = "<" + form
        values = struct.unpack(form, read(self.at, struct.calcsize(form)))
        self.at += struct.calcsize(form)
        return values

    def fields(self, count):
        numbers = self.take("%dH" % (2 * count))
        return list(zip(numbers[::2], numbers[1::2]))

    def get(self, base, field):
        return number(base + field[0], field[1])

    def kind_function(self, kind):
        """The field with the function that names an entry of this kind, or None."""
        shows = self.get(self.kinds + kind * self.kind_size, self.kind_shows) if self.kinds else 0
        return {1: "function", 2: "release"}.get(shows)

    def kind_text(self, kind):
        """The word for an entry without a name, such as "closure"."""
        return text(self.get(self.kinds + kind * self.kind_size, self.kind_noun)) if self.kinds else "closure"

    def element(self, slab, size, index):
        """Chunk k holds 1 << k elements, and is addressed as if the chunks before stood in front."""
        biased = index + self.first_chunk
        chunk = biased.bit_length() - 1
        return number(slab + self.slab_chunk[0] + 8 * chunk, 8) + biased * size

    def entry_at(self, index):
        return self.element(self.entries, self.entry_size, index)

    def stack_at(self, index):
        return self.element(self.stacks, self.stack_size, index)


def notes():
    """Addresses of the contents of our notes of type 2 in memory."""
    for line in gdb.execute("maint info sections -all-objects", to_string=True).splitlines():
        if ".note.CExitShim" not in line:
            continue
        begin, end = line.split("]", 1)[-1].split()[0].split("->")
        begin, end = int(begin, 16), int(end.rstrip(":"), 16)
        while begin + 12 <= end:
            name, size, kind = struct.unpack("<III", read(begin, 12))
            contents = begin + 12 + (name + 3) // 4 * 4
            if kind == 2 and size == 8:
                yield contents
            begin = contents + (size + 3) // 4 * 4


def layout():
    """Of the leader: the copy whose stacks all copies use."""
    found = []
    for contents in notes():
        way = struct.unpack("<i", read(contents, 4))[0]
        candidate = Layout(contents + way)
        found.append(candidate)
        if number(candidate.copy + 8, 4) != 0:
            return candidate
    if found:
        raise gdb.GdbError("ExitKit is there, and nothing was registered")
    raise gdb.GdbError("no ExitKit in this program, or its memory is not there: start the program, or load a core file")


class Entry:
    def __init__(self, shape, address):
        self.shape, self.address = shape, address
        self.word = shape.get(address, shape.entry["bits"])

    def bit(self, name):
        low, width = self.shape.bits[name]
        return self.word >> low & ((1 << width) - 1)

    def field(self, name):
        return self.shape.get(self.address, self.shape.entry[name])

    def is_nested(self):
        return self.bit("kind") == NESTED

    def is_parents(self):
        shape = self.shape
        return not self.bit("inherited") and self.field("epoch") < shape.get(shape.process, shape.born)

    def title(self):
        has_file = self.bit("phase") == ASLEEP or self.bit("asleep_from") != ASLEEP
        name, file = text(self.field("name")), text(self.field("file")) if has_file else None
        words = ["stack"] if self.is_nested() and name else []
        function = self.shape.kind_function(self.bit("kind"))
        if name is None and function:
            function = self.field(function)
            symbol = gdb.execute("info symbol 0x%x" % function, to_string=True).strip()
            name = symbol.split(" in section")[0] if "No symbol" not in symbol else "0x%x" % function
        elif name is None and not file:
            name = "a " + self.shape.kind_text(self.bit("kind"))
        words += [name] if name else []
        words += ["(%s:%d)" % (file, self.bit("line"))] if file else []
        return " ".join(words)


def show_stack(shape, stack, depth, seen):
    if stack in seen or depth > 64:
        return
    seen.add(stack)
    newest, size = shape.stack["newest"]
    count = shape.get(stack, shape.stack["count"])
    fresh = shape.get(shape.entries, shape.slab_fresh)
    steps = 0
    for phase in ORDER:
        index = number(stack + newest + 4 * phase, 4)
        while index != NONE and index < fresh and steps <= fresh:
            steps += 1
            entry = Entry(shape, shape.entry_at(index))
            asleep, parents = phase == ASLEEP, entry.is_parents()
            mark = "- " if asleep or parents else "%d " % count
            count -= 0 if asleep or parents else 1
            line = "  " * (depth + 1) + mark + entry.title()
            line += PHASES[entry.bit("asleep_from") if asleep else phase]
            line += " inherited" if entry.bit("inherited") else ""
            line += " asleep" if asleep else ""
            line += " a parent's" if parents else ""
            print(line)
            if entry.is_nested():
                show_stack(shape, entry.field("context"), depth + 1, seen)
            index = entry.field("older")


def show_other_stacks(shape, seen):
    """The stack of quick_exit, and stacks that the program runs by hand; then nested stacks whose entry has been taken."""
    fresh = shape.get(shape.stacks, shape.slab_fresh)
    newest = shape.stack["newest"][0]
    for nested in False, True:
        for index in range(1, fresh):
            stack = shape.stack_at(index)
            lists = [number(stack + newest + 4 * phase, 4) for phase in ORDER]
            used = shape.get(stack, shape.stack["references"]) != 0 and any(i != NONE for i in lists)
            if not used or stack in seen or (shape.get(stack, shape.stack["parent"]) != NONE) != nested:
                continue
            name = text(shape.get(stack, shape.stack["name"]))
            name = "stack " + name if name else "a stack"
            name += ", taken off its stack" if nested else " of its own"
            print(("on quick_exit" if index == 1 else name) + ":")
            show_stack(shape, stack, 0, seen)


class ExitStack(gdb.Command):
    """Shows the pending exit handlers, the next one first."""

    def __init__(self):
        super().__init__("exit-stack", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        shape = layout()
        print("pending, the next one first:")
        seen = set()
        show_stack(shape, shape.stack_at(0), 0, seen)
        show_other_stacks(shape, seen)


class ExitRun(gdb.Command):
    """Shows the handlers that the exiter is running, the innermost first."""

    def __init__(self):
        super().__init__("exit-run", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        shape = layout()
        thread = shape.get(shape.leaving, shape.owner) & ~3  # the two lowest bits say how far the exit is
        if thread == 0:
            print("the process is not exiting")
            return
        known = shape.get(shape.leaving, shape.status_known)
        status = shape.get(shape.leaving, shape.status) & 255
        print("the process is exiting" + (" with status %d" % status if known else ""))
        frame, steps = shape.get(thread, shape.running), 0
        if frame == 0:
            print("  no handler is running")
        while frame != 0 and steps < 64:
            entry = Entry(shape, shape.get(frame, shape.frame_entry))
            print("  runs " + entry.title())
            if entry.is_nested():
                show_stack(shape, entry.field("context"), 2, set())
            frame, steps = shape.get(frame, shape.outer), steps + 1


ExitStack()
ExitRun()
