// SPDX-License-Identifier: Apache-2.0
// A handler is registered by an attribute, in another file, and by no line of this one.

print("starting main program")
