// SPDX-License-Identifier: Apache-2.0
//
// From an object to its finalizers (ties.c). With the lock held.

#ifndef CEXIT_TIES_H
#define CEXIT_TIES_H

#include "core.h"

#pragma GCC visibility push(hidden)

enum { TIE_PLACE = 3, TIE_SWEPT = 4, TIE_FLAGS = 7 };

struct tie {      // beside each entry, in the memory of its chunk
  uintptr_t word; // the object, and flags below its address: where to run, whether its class is not watched. 0: none
  uint32_t generation; // of the entry. An entry of another generation has left, and its tie stays until the object dies
  uint32_t next;       // by its index and 1; 0: none
};

struct found {         // a finalizer whose tie was taken away
  void *object;        // NULL: none
  uint32_t index;      // of the entry, which is pending; NONE
  uint32_t references; // grows by the ties that were taken away, the stale ones included
  uint8_t place;
  bool unwatched; // the class of the object is not watched
  bool more;      // the object has more ties
};

// Returns the object of a tie that was left in this place, whose reference is the caller's from now on; NULL.
void *cexit__tie(uint32_t index, uint32_t generation, uintptr_t word);
void cexit__tie_take(struct found *found); // the newest one of `object`
void cexit__tie_take_dead(bool (*is_dead)(void *object),
                          struct found *found); // of an object whose class is not watched
void *cexit__tie_object(uint32_t index);        // NULL: the entry is not tied
bool cexit__ties_leave(unsigned chunk);         // the chunk has no tie and no chain, and gets none, until
extern uint32_t cexit__ties_limit;              // is UINT32_MAX again
void cexit__ties_lost(void);                    // alone, or with the lock held

#pragma GCC visibility pop
#endif
