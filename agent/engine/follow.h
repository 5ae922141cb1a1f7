/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules in force follow addresses that move by a short road: only the elements that name such an address are compiled,
 * and changed in the kernel (nanoseg/part.h, shift.h), for all endpoints before anything else is done. What the kernel
 * holds is then compiled as a whole, read back, recorded, and what it forbids cut, endpoint by endpoint, by the turns
 * that follow: until then the endpoint is `behind`, and its addresses that moved stay in motion.
 *
 * The book that an endpoint's rules in the kernel were compiled with is kept until they have followed: an edition.
 */
#ifndef NANOSEG_ENGINE_FOLLOW_H
#define NANOSEG_ENGINE_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

struct ns_attachment;
struct ns_book;
struct ns_engine;

/* Who has not followed when so many other books have come is compiled whole. */
#define NS_EDITIONS_MAX 4

struct ns_edition {
	struct ns_book *book; /* the edition's own, but the engine's while it is the present one */
	size_t users;         /* endpoints */
};

struct ns_follow {
	struct ns_edition editions[NS_EDITIONS_MAX];
	size_t n;
};

/* Peers of an endpoint move, and nothing else of its rules does: it will follow. False: it cannot, and is to be
 * reconciled. To be called while the engine has the book before. */
bool ns_follow_mark(struct ns_attachment *attachment);
/* It is reconciled otherwise, or ends. */
void ns_follow_drop(struct ns_attachment *attachment);
/* The engine has another book: frees this one, now or when it is used no more. */
void ns_follow_retire(struct ns_engine *engine, struct ns_book *book);
void ns_follow_release(struct ns_engine *engine);

/* All that are marked follow. Who cannot is dirty. */
void ns_follow_all(struct ns_engine *engine);

#endif
