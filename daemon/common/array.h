/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow. */
#ifndef SMC_POLICY_ARRAY_H
#define SMC_POLICY_ARRAY_H

#include <errno.h>
#include <stdlib.h>

#define ARRAY_ROOM_FIRST 16

/*
 * Let the array @items, of which the first @n are in use and which has space for @room (unsigned,
 * 0 at first, with @items NULL), take one more.  0, or -ENOMEM with all as it was.
 */
#define array_grow(items, n, room)                                                           \
	({                                                                                   \
		__typeof__(room) wanted_ = (room) ? (room) : ARRAY_ROOM_FIRST / 2;           \
		__typeof__(items) grown_ = (items);                                          \
		if ((n) >= (room)) {                                                         \
			grown_ = __builtin_mul_overflow(wanted_, 2, &wanted_)                \
					 ? NULL                                              \
					 : reallocarray((items), wanted_, sizeof(*(items))); \
			if (grown_)                                                          \
				(items) = grown_, (room) = wanted_;                          \
		}                                                                            \
		grown_ ? 0 : -ENOMEM;                                                        \
	})

#endif
