/* wait: descriptors and deadlines that the loop sleeps on.
 * Flow: every room says here what it wants to hear of; the loop hears it and calls. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "crond/base/moment.h"

int64_t wait_now_ms(void)
{
	return moment_ms(CLOCK_MONOTONIC);
}

int64_t wait_awake_ms(void)
{
	return moment_ms(CLOCK_BOOTTIME);
}

int wait_for(struct crond *c, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data = { .ptr = w } };

	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, w->fd, &e);
}

int wait_change(struct crond *c, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data = { .ptr = w } };

	return epoll_ctl(c->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void wait_end(struct crond *c, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(c->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

void wait_drop(struct crond *c, struct watch *w)
{
	wait_end(c, w);
	w->keeper = NULL;
	w->client = NULL;
	SLIST_INSERT_HEAD(&c->ended, w, ended);
}

void wait_tidy(struct crond *c)
{
	struct watch *w;

	while ((w = SLIST_FIRST(&c->ended))) {
		SLIST_REMOVE_HEAD(&c->ended, ended);
		free(w);
	}
}

static void later_arm(struct crond *c)
{
	struct itimerspec at = { 0 };
	int64_t first = 0;

	for (int i = 0; i < LATERS; i++) {
		if (c->later[i] && (!first || c->later[i] < first))
			first = c->later[i];
	}
	at.it_value.tv_sec = first / 1000;
	at.it_value.tv_nsec = first % 1000 * 1000000;
	timerfd_settime(c->w_later.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void wait_later(struct crond *c, enum later what, int64_t in_ms)
{
	int64_t at = wait_now_ms() + in_ms;

	if (c->later[what] && c->later[what] <= at)
		return;
	c->later[what] = at;
	later_arm(c);
}

void wait_not(struct crond *c, enum later what)
{
	if (!c->later[what])
		return;
	c->later[what] = 0;
	later_arm(c);
}

uint32_t wait_expired(struct crond *c)
{
	int64_t now = wait_now_ms();
	uint32_t expired = 0;
	uint64_t ticks;

	if (read(c->w_later.fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return 0;
	for (int i = 0; i < LATERS; i++) {
		if (!c->later[i] || c->later[i] > now)
			continue;
		c->later[i] = 0;
		expired |= 1u << i;
	}
	later_arm(c);
	return expired;
}
