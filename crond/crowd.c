/* crowd: one user's many jobs of one second, which delay his own starts and nobody else's.
 * Flow: between due and start; what is put off is started in the same advance of the clock,
 * and waits in launch where the launcher has enough of that user's. */
#include "config.h"

#include "crond/crond.h"

#include "crond/base/buf.h"

/* A claim is some tens of microseconds of everybody's time. */
enum { DUE_EACH = 32, LOOK_MS = 2000 };

struct due_one {
	const struct job *job;
	const struct timer *timer;
	int64_t scheduled;
};

bool crowd_put_off(struct crond *c, const struct job *job, const struct due_found *found)
{
	struct job_user *u = (struct job_user *)job->common->user; /* its count is ours */
	const struct due_one one = { job, found->timer, found->scheduled };
	size_t before = c->crowd.len;

	if (u->due_turn != c->due_turn)
		u->due = 0;
	u->due_turn = c->due_turn;
	if (u->due < DUE_EACH || found->more) {
		u->due++;
		return false;
	}
	buf_append(&c->crowd, &one, sizeof(one));
	if (!c->crowd.failed)
		return true;
	c->crowd.failed = false; /* out of turn, then */
	c->crowd.len = before;
	return false;
}

/* Time goes on meanwhile: what falls due of others is not behind it, for a while. */
void crowd_start(struct crond *c)
{
	const int64_t until = c->crowd.len ? wait_now_ms() + LOOK_MS : 0;

	for (size_t at = 0; at < c->crowd.len; at += sizeof(struct due_one)) {
		const struct due_one *one = (const void *)(c->crowd.data + at);
		const struct due_found found = { .timer = one->timer, .start = true,
			.scheduled = one->scheduled, .first = one->scheduled, .until = one->scheduled };

		start_due_job(c, one->job, &found);
		if (at / sizeof(*one) % DUE_EACH == 0 && wait_now_ms() < until)
			clock_meanwhile(c);
	}
	buf_free(&c->crowd);
}
