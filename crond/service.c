/* service: what a service manager is told of the scheduler, by the sd_notify protocol.
 * Flow: main opens it and says when jobs can be relied on; loop says when it reloads,
 * that it lives, and that it ends. */
#include "config.h"

#include "crond/service.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/moment.h"
#include "crond/base/text.h"
#include "crond/crond.h"

enum { AGAIN_MS = 1000, WATCHDOG_LEAST_MS = 20 };

static const char *const states[] = {
	[SERVICE_STARTING] = "", /* nothing is said yet */
	[SERVICE_READY] = "READY=1\n",
	[SERVICE_RELOADING] = "RELOADING=1\n",
	[SERVICE_STOPPING] = "STOPPING=1\n",
};

/* A path, or a name in the abstract namespace, written with @. */
static int address(struct service *s, const char *name)
{
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(s->to.sun_path))
		return -1;
	s->to.sun_family = AF_UNIX;
	memcpy(s->to.sun_path, name, n + 1);
	if (name[0] == '@')
		s->to.sun_path[0] = '\0';
	s->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] == '/'));
	return 0;
}

/* Twice as often as is wanted, as sd_watchdog_enabled(3) advises. */
static int64_t watchdog_ms(const char *usec, const char *pid)
{
	uint64_t us, who;

	if (!usec || text_number(slice_of(usec), INT64_MAX, &us) < 0 || us == 0)
		return 0;
	if (pid && (text_number(slice_of(pid), INT32_MAX, &who) < 0 || who != (uint64_t)getpid()))
		return 0;
	return us / 2000 > WATCHDOG_LEAST_MS ? (int64_t)(us / 2000) : WATCHDOG_LEAST_MS;
}

void service_open(struct crond *c)
{
	struct service *s = &c->service;
	const char *name = getenv("NOTIFY_SOCKET");

	*s = (struct service){ .fd = -1 };
	if (name && address(s, name) == 0)
		s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0)
		s->every_ms = watchdog_ms(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* ", next at ..."; by date where that is not today. */
static void next_text(const struct crond *c, char *out, size_t n)
{
	time_t next = (time_t)due_first(&c->due), now = c->clock.real.tv_sec;
	struct tm then, today;

	*out = '\0';
	if (due_first(&c->due) == SCHEDULE_NEVER || !localtime_r(&next, &then) || !localtime_r(&now, &today))
		return;
	strftime(out, n, then.tm_yday == today.tm_yday && then.tm_year == today.tm_year ?
		", next at %H:%M:%S" : ", next at %Y-%m-%d %H:%M:%S", &then);
}

static void service_send(struct crond *c)
{
	struct service *s = &c->service;
	char text[256], next[64];
	int n;

	next_text(c, next, sizeof(next));
	n = snprintf(text, sizeof(text),
	        "%sSTATUS=%zu job%s in force, %zu run%s under way%s\nWATCHDOG=1",
	        s->told ? "" : states[s->state], c->reload.jobs, c->reload.jobs == 1 ? "" : "s", c->running,
	        c->running == 1 ? "" : "s", next);
	if (!s->told && s->state == SERVICE_RELOADING)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "\nMONOTONIC_USEC=%" PRId64,
		        moment_us(CLOCK_MONOTONIC));
	s->told = sendto(s->fd, text, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&s->to,
	                  s->to_len) >= 0;
	if (!s->told)
		wait_later(c, LATER_SERVICE, AGAIN_MS);
	if (s->every_ms)
		wait_later(c, LATER_SERVICE, s->every_ms);
}

void service_tell(struct crond *c, enum service_state state)
{
	if (c->service.fd < 0)
		return;
	c->service.state = state;
	c->service.told = false;
	service_send(c);
}

void service_alive(struct crond *c)
{
	if (c->service.fd >= 0)
		service_send(c);
}
