/* world: a whole scheduler in a world whose clocks are made up.
 * Flow: tests write task files, let time pass, set the clock, put the host to sleep, kill the
 * scheduler and start another one; what was started, said and told is theirs to look at. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "crond/crond.h"

enum { WORLD_STARTS = 4096, WORLD_TOLD = 1024, WORLD_NAME = 48, WORLD_LIVES = 512 };

/* How the runs of a job go: without such a row each is a success at once. */
struct world_job {
	const char *name;
	int64_t lasts_ms;
	const char *results; /* of one run after the other: 'o' success, 'x' failure; the last goes on */
	size_t next;
};

struct world_start {
	char job[WORLD_NAME], id[RUN_ID_MOST];
	int64_t scheduled, at; /* epoch seconds */
	unsigned ends; /* records of how it ended */
};

struct world_left {
	char job[WORLD_NAME], reason[160];
	int64_t scheduled;
	enum result result;
};

struct world_told {
	char event[32], job[WORLD_NAME], id[256], reason[256];
	uint32_t failures;
	int64_t at;
};

/* How nobody is there to start anything; of a clock that is set, how its times are passed over. */
enum world_outage { WORLD_KILLED, WORLD_BOOTED, WORLD_ASLEEP, WORLD_SET, WORLD_OUTAGES };

struct world_run;
struct world {
	char dir[64];
	struct crond *c;    /* that lives; NULL: none */
	size_t records_read[WORLD_LIVES]; /* bytes of each segment, by its number */
	int runs, log;
	size_t log_from;    /* what world_said() looks at begins there */
	int64_t real_ns, mono_ns, boot_ns;
	struct world_job *jobs;
	size_t job_count;
	LIST_HEAD(, world_run) live;
	struct world_start starts[WORLD_STARTS];
	struct world_told told[WORLD_TOLD];
	struct world_left left[WORLD_STARTS]; /* on record as not started: the first so many */
	size_t start_count, told_count, left_count, live_most;
	uint32_t catchup_max; /* of crond.conf */
	bool booted;          /* once at least */
	bool launcher_stuck;  /* takes no names */
	int64_t stalled;      /* s: that late is the scheduler that world_die_due() kills */
};

/* More than nothing: what is called now is called by the world itself, not by the scheduler. */
extern int world_ours;

/* An empty one, at that epoch second; at most one at a time. */
struct world *world_open(int64_t now);
void world_close(struct world *w);
/* tab: a crontab with a user column; else a task file. */
void world_write(struct world *w, bool tab, const char *text);
void world_remove(struct world *w, bool tab);
void world_up(struct world *w);
/* false: it said why, and ended. */
bool world_try(struct world *w);
void world_stop(struct world *w);
void world_kill(struct world *w);
/* All runs end now, and the scheduler dies at that call of those by which it leaves something on
 * file while it hears of them, or behind the last one: false. Another one follows. */
bool world_die(struct world *w, unsigned call);
/* The same at the next second that something is due in, while that is started. launcher: it takes
 * what had been sent by then, else that is gone, too. */
bool world_die_due(struct world *w, unsigned call, bool launcher);
/* The host: all that is in memory is gone. */
void world_boot(struct world *w);
void world_pass(struct world *w, int64_t s);  /* time goes on */
void world_set(struct world *w, int64_t s);   /* the clock is set by that much */
void world_sleep(struct world *w, int64_t s); /* the host is suspended */
/* So many seconds of that; behind it there is a scheduler. */
void world_outage(struct world *w, enum world_outage kind, int64_t s);
int64_t world_now(const struct world *w);
/* What stands on file by now is taken (world_seen.c). */
void world_see(struct world *w);
/* What has happened so far is forgotten. */
void world_forget(struct world *w);
/* How many lines since world_forget() have this text. */
size_t world_said(struct world *w, const char *text);
size_t world_started(const struct world *w, const char *job);
/* How often for that time of it; as how many records say that it was not. */
size_t world_started_at(const struct world *w, const char *job, int64_t scheduled);
size_t world_left_at(const struct world *w, const char *job, int64_t scheduled);
/* Of an event about a job, NULL: of any. */
size_t world_heard(const struct world *w, const char *event, const char *job);
void world_show(struct world *w);

#endif
