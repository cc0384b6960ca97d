/* pulse: does a helper still work.
 * Flow: who sends it something and who hears it say so here; one that was sent something and keeps
 * silent is asked, and where it does not answer it is killed, so that another one is started. */
#include "config.h"

#include "crond/crond.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "crond/base/moment.h"
#include "crond/core/event.h"
#include "crond/core/histrec.h"

enum { SILENT_MS = 60 * 1000, ANSWER_MS = 5 * 1000 };

void pulse_sent(struct crond *c, struct pulse *p)
{
	if (p->sent_ms)
		return;
	*p = (struct pulse){ .sent_ms = wait_now_ms() };
	if (!c->later[LATER_PULSE])
		wait_later(c, LATER_PULSE, SILENT_MS);
}

void pulse_felt(struct pulse *p)
{
	p->sent_ms = 0;
}

/* What is stopped or hangs uses none; what looks through a large file, or waits for a lock and looks
 * again and again, does. */
static int64_t processor_ns(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) == 0 ? moment_ns(clock) : -1;
}

/* No room on the wire is no answer either. */
static void ask(struct pulse *p, int fd, pid_t pid)
{
	static_assert((int)NOTICE_PULSE == (int)HISTORY_PULSE, "one wire's word for it");
	const char pulse = NOTICE_PULSE;

	(void)!send(fd, &pulse, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	p->asked = true;
	p->used_ns = processor_ns(pid);
}

/* When to look again, in ms; -1: nothing is expected of it. */
static int64_t look_at(struct crond *c, struct pulse *p, const struct watch *wire, pid_t pid,
	const char *silent)
{
	int64_t left = p->sent_ms + SILENT_MS - wait_now_ms(), used;

	if (!p->sent_ms || pid <= 0 || wire->fd < 0)
		return -1;
	if (left > 0)
		return left;
	if (!p->asked) { /* we may have been stopped ourselves: it has some time from now on */
		ask(p, wire->fd, pid);
		return ANSWER_MS;
	}
	used = processor_ns(pid);
	if (used != p->used_ns) {
		p->used_ns = used;
		return SILENT_MS;
	}
	trouble_say(c, silent, "it is killed and started again");
	kill(pid, SIGKILL);
	return -1;
}

void pulse_look(struct crond *c)
{
	int64_t notify = look_at(c, &c->notify_pulse, &c->w_notify, c->notify,
		"crond-notify does not answer");
	int64_t history = look_at(c, &c->history_pulse, &c->w_history, c->history,
		"crond-history does not answer");

	if (notify >= 0)
		wait_later(c, LATER_PULSE, notify);
	if (history >= 0)
		wait_later(c, LATER_PULSE, history);
}
