/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scope-bound ownership: declare with NS_CLEANUP(fn), hand on with NS_TAKE().
 * A destructor `T *x_free(T *)` accepts NULL and returns NULL. ns_unconst() is for what is borrowed.
 */
#ifndef NANOSEG_CLEANUP_H
#define NANOSEG_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#define NS_CLEANUP(fn) __attribute__((cleanup(fn)))

#define NS_TAKE(ptr)                                                                                                   \
	({                                                                                                             \
		__typeof__(ptr) _p = (ptr);                                                                            \
		(ptr) = NULL;                                                                                          \
		_p;                                                                                                    \
	})
#define NS_TAKE_FD(fd)                                                                                                 \
	({                                                                                                             \
		int _f = (fd);                                                                                         \
		(fd) = -1;                                                                                             \
		_f;                                                                                                    \
	})

/* Defines `name##p(T **)` for use with NS_CLEANUP. */
#define NS_DEFINE_CLEANUP(type, name)                                                                                  \
	static inline __attribute__((unused)) void name##p(type *p)                                                    \
	{                                                                                                              \
		if (*p)                                                                                                \
			(void)name(*p);                                                                                \
	}

/* The pointer without its const: for functions that take a non-const one and leave what it points to alone. */
static inline void *ns_unconst(const void *p)
{
	const union {
		const void *in;
		void *out;
	} same = { .in = p };

	return same.out;
}

static inline void ns_freep(void *p)
{
	free(*(void **)p);
}

static inline void ns_closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void ns_json_decrefp(json_t **json)
{
	json_decref(*json);
}

#define NS_FREE  NS_CLEANUP(ns_freep)
#define NS_CLOSE NS_CLEANUP(ns_closep)
#define NS_JSON  NS_CLEANUP(ns_json_decrefp)

#endif
