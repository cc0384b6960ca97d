/* sdnotify: what a job says of itself, in the words of systemd's notify protocol.
 * Flow: a datagram that came to the keeper's socket -> what it asks for; heart.c acts. */
#ifndef CORE_SDNOTIFY_H
#define CORE_SDNOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"

enum { SDNOTIFY_MOST = 4096 }; /* bytes of a datagram; systemd takes no more either */

/* Slices point into the datagram, s NULL where the variable was not there. */
struct sdnotify {
	bool ready, stopping;
	bool watchdog; /* a heartbeat */
	bool trigger;  /* WATCHDOG=trigger: treat it as if none had come */
	bool has_interval;
	uint64_t interval_us; /* WATCHDOG_USEC=: another interval from here on; 0: no watchdog */
	bool has_extend;
	uint64_t extend_us; /* EXTEND_TIMEOUT_USEC= */
	struct slice status, alert, batch_start, batch_end;
	unsigned bad; /* variables of ours whose value makes no sense: left out */
};

/* Of a variable that comes twice the first counts, as with systemd; those that mean nothing
 * here (MAINPID=, FDSTORE=, BARRIER=, ...) are passed over. 0; -1: no message at all (empty,
 * too long, or with a NUL inside; one at its end is forgiven). */
int sdnotify_parse(struct sdnotify *m, struct slice datagram);

/* The text in room for n bytes (at least 8), NUL-terminated, fit to be shown: whole
 * characters of UTF-8, control characters and bytes that are none as \xNN, "..." at its
 * end where it was cut. */
void sdnotify_text(struct slice text, char *out, size_t n);

#endif
