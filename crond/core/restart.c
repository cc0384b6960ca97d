/* restart: when a daemon that ended is started again, and when no more.
 * Flow: crond/daemon.c says what became of a copy and at which time, and does what stands
 * here then; the options say the policy. */
#include "crond/core/restart.h"

enum { SETTLED_LEAST_MS = 10 * 1000, AGAIN_LEAST_MS = 100 };

static const char *const names[RESTART_PHASES] = {
	[RESTART_WAITING] = "waiting",
	[RESTART_UP] = "up",
	[RESTART_OVER] = "over",
	[RESTART_STOPPED] = "stopped",
	[RESTART_FAILED] = "failed",
};

const char *restart_phase_name(enum restart_phase phase)
{
	return (unsigned)phase < RESTART_PHASES ? names[phase] : "?";
}

uint64_t restart_settled_ms(const struct restart_policy *p)
{
	return p->max_delay_ms > SETTLED_LEAST_MS ? p->max_delay_ms : SETTLED_LEAST_MS;
}

void restart_begin(struct restart_state *r, int64_t now)
{
	*r = (struct restart_state){ .phase = RESTART_WAITING, .at = now };
}

void restart_up(struct restart_state *r)
{
	r->phase = RESTART_UP;
}

void restart_settle(struct restart_state *r, const struct restart_policy *p, uint64_t up_ms)
{
	if (up_ms >= restart_settled_ms(p))
		r->delay_ms = 0;
}

/* This delay, and the next one made of it. A delay of nothing is that for the first restart
 * only: what ends at once must not turn in a circle. */
static uint64_t delay_take(struct restart_state *r, const struct restart_policy *p)
{
	uint64_t most = p->max_delay_ms > p->delay_ms ? p->max_delay_ms : p->delay_ms;
	uint64_t delay = r->delay_ms ? r->delay_ms : p->delay_ms;

	if (delay > most) /* a changed definition may have less */
		delay = most;
	r->delay_ms = delay > most / 2 ? most : delay * 2;
	if (r->delay_ms < AGAIN_LEAST_MS)
		r->delay_ms = AGAIN_LEAST_MS;
	return delay;
}

/* A window begins with the first restart that no earlier one holds. */
static bool limit_reached(struct restart_state *r, const struct restart_policy *p, int64_t now)
{
	if (!r->window || (uint64_t)(now - r->window) >= p->window_ms) {
		r->window = now;
		r->restarts = 0;
	}
	return p->count && r->restarts >= p->count;
}

static void restart_after(struct restart_state *r, const struct restart_policy *p, int64_t now)
{
	if (limit_reached(r, p, now)) {
		r->phase = RESTART_FAILED;
		return;
	}
	r->restarts++;
	r->at = now + (int64_t)delay_take(r, p);
	r->phase = RESTART_WAITING;
}

void restart_ended(struct restart_state *r, const struct restart_policy *p, enum restart_end how,
	uint64_t up_ms, int64_t now)
{
	restart_settle(r, p, up_ms);
	switch (how) {
	case RESTART_END_STOPPED:
		*r = (struct restart_state){ .phase = RESTART_STOPPED };
		break;
	case RESTART_END_AGAIN:
		restart_begin(r, now);
		break;
	case RESTART_END_SHUTDOWN: /* not its own doing, and no hurry */
		r->phase = RESTART_WAITING;
		r->at = now + (int64_t)p->delay_ms;
		break;
	case RESTART_END_OK:
	case RESTART_END_FAILED:
	case RESTART_ENDS:
		if (p->when == RESTART_NEVER ||
			(p->when == RESTART_ON_FAILURE && how == RESTART_END_OK))
			r->phase = RESTART_OVER;
		else
			restart_after(r, p, now);
		break;
	}
}

void restart_repair(struct restart_state *r, const struct restart_policy *p, int64_t now)
{
	uint64_t most = p->max_delay_ms > p->delay_ms ? p->max_delay_ms : p->delay_ms;

	if (r->phase >= RESTART_PHASES || r->window > now ||
		(r->phase == RESTART_WAITING && r->at > now && (uint64_t)(r->at - now) > most))
		restart_begin(r, now);
}
