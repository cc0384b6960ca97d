/* control: people asking the scheduler, among its own rooms.
 * Flow: control.c takes connections and their lines, control_verbs.c begins what they ask for,
 * each verb answers in steps, one a turn of the loop. */
#ifndef CROND_CONTROL_H
#define CROND_CONTROL_H

#include "crond/crond.h"

#include "crond/base/buf.h"
#include "crond/core/ctlmsg.h"

struct control_client;

enum control_step { CONTROL_MORE, CONTROL_WAIT, CONTROL_DONE };

/* Where a walk over all jobs has come to: by path and place, so that a reload in between
 * does no harm. Zero-initialised: at the beginning. */
struct control_walk {
	char *path; /* of the file under way; NULL: before the first */
	size_t at;
	bool over;
};

/* What became of looking for a name. */
struct control_found {
	size_t count;       /* jobs that the name fits as well as it fits any */
	unsigned fit;       /* how well: control_jobs.c */
	char *path;         /* of the last */
	size_t at;
	uint64_t identity;
	char names[2][JOB_NAME_MOST]; /* the last, and the one before */
};

struct control_client {
	TAILQ_ENTRY(control_client) link, turn;
	struct watch *watch;
	const struct control_verb *verb; /* NULL: no request is being answered */
	uid_t uid;
	gid_t gid;
	bool group;        /* of control-group */
	bool queued;       /* in turns */
	bool last;         /* nothing more is read: it goes once all is sent */
	int64_t deadline;  /* monotonic ms; 0: none */
	struct buf in, out;
	size_t sent;       /* of out */
	struct ctlmsg_request asked;
	struct control_walk walk;
	struct control_found found;
	uint64_t changes;  /* of due, when the answer began */
	int64_t after;     /* next: behind this second */
	uint64_t left;     /* next: so many more */
	char run[RUN_ID_MOST]; /* run: waits for its end; "": does not */
};

/* What answers a verb: step is called until it is done. */
struct control_verb {
	bool all_only; /* for root and control-group */
	enum control_step (*step)(struct crond *c, struct control_client *k);
};

const struct control_verb *control_verb_get(enum ctlmsg_verb verb);
/* The end of an answer: an error, always CONTROL_DONE. */
enum control_step control_fail(struct control_client *k, enum ctlmsg_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
enum control_step control_ok(struct control_client *k);

int64_t control_now_us(void); /* monotonic */
int64_t control_opened(const struct crond *c); /* epoch second */
size_t control_clients(const struct crond *c);

/* control_show.c: the next run of a job behind `run` (NULL: its first). */
struct live_run *control_run_next(struct crond *c, struct live_run *run, const char *name,
	const struct job_state *state);

/* control_where.c: members of the job's own line. */
void control_where(struct crond *c, struct buf *b, const struct job *job);

/* control_steer.c: run --wait's answer. */
void control_run_ended(struct control_client *k, const struct outcome *o);

/* control_jobs.c: which jobs there are for whom. */
bool control_all(const struct crond *c, const struct control_client *k);
bool control_sees(const struct crond *c, const struct control_client *k, const struct job *job);
bool control_steers(const struct crond *c, const struct control_client *k, const struct job *job);
/* Calls visit for jobs that the client sees, until it says false or the piece of work is
 * done; walk.over: these were all. */
void control_walk(struct crond *c, struct control_client *k,
	bool (*visit)(struct crond *c, struct control_client *k, const struct job *job));
void control_walk_end(struct control_walk *w);
/* Looks for asked.job. CONTROL_MORE: call again; CONTROL_DONE: *job, or NULL and answered. */
enum control_step control_find(struct crond *c, struct control_client *k, const struct job **job);
/* The same for what is to be done to it: it must be the client's to steer. */
enum control_step control_find_own(struct crond *c, struct control_client *k,
	const struct job **job);
/* The timer that a job hangs on; NULL: none. */
const struct timer *control_timer(struct crond *c, const struct job *job);
/* "uid 1000 (alice)" */
void control_who(const struct crond *c, const struct control_client *k, char *out, size_t n);

/* The verbs. */
enum control_step control_list(struct crond *c, struct control_client *k);
enum control_step control_show(struct crond *c, struct control_client *k);
enum control_step control_next(struct crond *c, struct control_client *k);
enum control_step control_run(struct crond *c, struct control_client *k);
enum control_step control_kill(struct crond *c, struct control_client *k);
enum control_step control_restart(struct crond *c, struct control_client *k);
enum control_step control_signal(struct crond *c, struct control_client *k);
enum control_step control_pause(struct crond *c, struct control_client *k);
enum control_step control_reload(struct crond *c, struct control_client *k);
enum control_step control_status(struct crond *c, struct control_client *k);

#endif
