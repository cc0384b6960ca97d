/* daemon_ask: what people ask of daemons: to run, to start anew, to stop, how they are.
 * Flow: control asks; what is to be done is noted for each copy, stops go to its keeper, and
 * the next check starts what is to be started. */
#include "config.h"

#include "crond/daemon.h"

#include "crond/base/diag.h"
#include "crond/crond.h"

/* May it be started by hand at all? With as many copies as it is to have. */
static struct daemon *to_start(struct crond *c, const struct job *job, struct diag *why)
{
	const struct options *o = job->common->options;
	const struct job_state *state = state_find(c, job->identity);
	struct daemon *d = daemon_find(c, job->identity);

	if (!o->enabled)
		diag_error(why, 0, 0, "it is not enabled: its file says enabled=no");
	else if (o->hosts && !hosts_match(o->hosts, host_self(c)))
		diag_error(why, 0, 0, "it does not belong on this host");
	else if (state && state->paused)
		diag_error(why, 0, 0, "it is paused: resume it first");
	else if (!d || daemon_copies(d, o->max ? o->max : 1) < 0)
		diag_error(why, 0, 0, "out of memory");
	else
		return d;
	return NULL;
}

static void copy_begin(struct crond *c, const struct daemon *d, struct daemon_copy *copy)
{
	restart_begin(&copy->state, wait_now_ms());
	daemon_copy_changed(c, d, copy);
}

int daemon_run(struct crond *c, const struct job *job, struct diag *why)
{
	struct daemon *d = to_start(c, job, why);
	size_t begun = 0;

	for (size_t i = 0; d && i < d->count; i++) {
		if (d->copies[i].state.phase == RESTART_UP)
			continue;
		copy_begin(c, d, &d->copies[i]);
		begun++;
	}
	if (!d)
		return -1;
	if (!begun)
		return diag_error(why, 0, 0, "it is running: %zu of %zu", d->count, d->count);
	daemon_look_at(c, d);
	return 0;
}

int daemon_restart(struct crond *c, const struct job *job, const char *by, struct diag *why)
{
	struct daemon *d = to_start(c, job, why);

	if (!d)
		return -1;
	for (size_t i = 0; i < d->count; i++) {
		if (d->copies[i].state.phase == RESTART_UP)
			daemon_copy_stop(c, &d->copies[i], STOP_RESTART, by);
		else
			copy_begin(c, d, &d->copies[i]);
	}
	daemon_look_at(c, d);
	return 0;
}

int daemon_kill(struct crond *c, const struct job *job, const char *by, struct diag *why)
{
	struct daemon *d = daemon_find(c, job->identity);
	size_t stopped = 0;

	for (size_t i = 0; d && i < d->count; i++) {
		struct daemon_copy *copy = &d->copies[i];

		if (copy->state.phase == RESTART_UP) {
			daemon_copy_stop(c, copy, STOP_PERSON, by);
		} else if (copy->state.phase == RESTART_WAITING) {
			copy->state = (struct restart_state){ .phase = RESTART_STOPPED };
			daemon_copy_changed(c, d, copy);
		} else {
			continue;
		}
		stopped++;
	}
	if (!stopped)
		return diag_error(why, 0, 0, "it is not running");
	return 0;
}

bool daemon_show(struct crond *c, uint64_t identity, struct daemon_view *v)
{
	const struct daemon *d = daemon_find(c, identity);
	int64_t now = wait_now_ms();

	*v = (struct daemon_view){ .next_ms = -1 };
	if (!d)
		return false;
	v->wanted = daemon_wanted(c, d);
	for (size_t i = 0; i < d->count; i++) {
		const struct restart_state *r = &d->copies[i].state;

		v->phases[r->phase < RESTART_PHASES ? r->phase : RESTART_WAITING]++;
		v->restarts += r->restarts;
		v->changed |= r->phase == RESTART_UP && d->job &&
			d->copies[i].definition != d->definition;
		if (r->phase == RESTART_WAITING && v->wanted &&
			(v->next_ms < 0 || r->at - now < v->next_ms))
			v->next_ms = r->at > now ? r->at - now : 0;
	}
	return true;
}
