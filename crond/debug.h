/* debug: what the log is told at log-level=debug: why something happens, or does not.
 * Flow: load, start, adopt and the loop pass by here; at any other level each costs one look. */
#ifndef CROND_DEBUG_H
#define CROND_DEBUG_H

#include <stdint.h>
#include <sys/epoll.h>

#include "crond/core/admit.h"

struct crond;
struct live_run;
struct run_progress;
struct source;
struct start;

/* A file was looked at: what is in force of it, and when its jobs with options are due. */
void debug_loaded(struct crond *c, const struct source *s);
/* A start was judged; why: "" where nothing is in its way. */
void debug_judged(const struct start *s, const struct admit *v, const char *why);
/* A scheduler before us left it. */
void debug_adopted(struct crond *c, const struct live_run *run, const struct run_progress *p);
/* What has ended a sleep: descriptors, and of deadlines those that have passed. */
void debug_woken(struct crond *c, const struct epoll_event *events, int n);
void debug_expired(struct crond *c, uint32_t laters);

#endif
