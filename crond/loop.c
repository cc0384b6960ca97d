/* loop: sleep until the next second at which something is due, take what is due,
 * start it, take in what has ended, reload if asked.
 * Flow: everything the scheduler hears of comes in here, one thing at a time. */
#include "config.h"

#include "crond/crond.h"
#include "crond/debug.h"
#include "crond/metrics.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 64, LOG_SAY_MS = 5000, ADOPT_AFTER_MS = 200 };

static void look_unwatched(struct crond *c)
{
	reload_poll(c);
	if (c->outbox_wd < 0)
		outbox_look(c);
	if (c->mails_wd < 0)
		mails_look(c);
}

static void launch_again(struct crond *c)
{
	launch_start(c);
}

static void clients_expire(struct crond *c)
{
	control_expire(c, wait_now_ms());
}

/* NULL: who set it looks at the clock itself. */
static void (*const later_calls[LATERS])(struct crond *c) = {
	[LATER_RELOAD] = reload_all,
	[LATER_GONE] = reload_gone,
	[LATER_GRACE] = grace_look,
	[LATER_REMOVED] = removed_due,
	[LATER_SETTLE] = reload_settled,
	[LATER_POLL] = look_unwatched,
	[LATER_LAUNCHER] = launch_again,
	[LATER_NOTIFY] = alert_resume,
	[LATER_HISTORY] = history_again,
	[LATER_ADOPT] = adopt_unstarted,
	[LATER_WAITING] = adopt_waiting, /* a keeper that died before it could say a word */
	[LATER_ALERTS] = alert_again,
	[LATER_ZONES] = clock_zones,
	[LATER_UNWATCHED] = run_unwatched,
	[LATER_SERVICE] = service_alive,
	[LATER_DAEMONS] = daemon_check,
	[LATER_REPORTS] = reports_ready,
	[LATER_CONTROL_TURN] = control_rested,
	[LATER_CONTROL] = clients_expire,
	[LATER_PENDING] = pending_due,
	[LATER_HOLD] = drain_due,
	[LATER_METRICS] = metrics_turn,
	[LATER_HEARTBEAT] = heartbeat_turn,
	[LATER_PULSE] = pulse_look,
	[LATER_BACKLOG] = NULL, /* backlog_flush() comes with each turn */
	[LATER_LOOKUP] = lookup_turn,
	[LATER_USERS] = reload_awaited,
	[LATER_MAILS] = mails_look,
};

static void later_fire(struct crond *c)
{
	uint32_t expired = wait_expired(c);

	debug_expired(c, expired);
	for (int i = 0; i < LATERS; i++) {
		if (expired & 1u << i && later_calls[i])
			later_calls[i](c);
	}
}

/* What found no room in the log is said as soon as there is some. */
static void say_lost_lines(struct crond *c)
{
	uint64_t lost = atomic_load(&c->shared->log_lost), after;

	if (lost == c->log_lost_said)
		return;
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (%llu log lines were lost: the log did not take them)",
		(unsigned long long)(lost - c->log_lost_said));
	after = atomic_load(&c->shared->log_lost);
	if (after == lost)
		c->log_lost_said = lost;
	else
		c->log_lost_said += after - lost; /* our own line does not count */
	/* where nobody is there at all, it is said with the next thing that happens */
	if (c->log.target != LOG_TO_SYSLOG || c->log.fd >= 0)
		wait_later(c, LATER_LOG, LOG_SAY_MS);
}

/* Reaps the launcher, the helpers and, as PID 1, whoever is left to us. */
static void children_reap(struct crond *c)
{
	int status = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == c->launcher)
			launch_ended(c);
		else if (pid == c->notify)
			alert_ended(c);
		else if (pid == c->history)
			history_ended(c);
		else if (pid == c->lookups.pid)
			lookup_ended(c);
		else if (c->metrics && pid == c->metrics->helper)
			metrics_put(c, status);
	}
	c->stop.alone = pid < 0 && errno == ECHILD;
}

static void signal_take(struct crond *c)
{
	struct signalfd_siginfo s;

	while (read(c->w_signal.fd, &s, sizeof(s)) == sizeof(s)) {
		switch (s.ssi_signo) {
		case SIGTERM:
		case SIGINT:
		case SIGQUIT:
			stop_asked(c);
			break;
		case SIGUSR2:
		case SIGHUP:
			reload_asked(c, s.ssi_signo == SIGHUP ? "SIGHUP" : "SIGUSR2", NULL);
			break;
		case SIGURG:
			if (c->set.dialect->id == DIALECT_CRONIE)
				reload_asked(c, "SIGURG", NULL);
			break;
		case SIGCHLD:
			children_reap(c);
			break;
		default:
			break;
		}
	}
}

static void loop_take(struct crond *c, struct watch *w, uint32_t events)
{
	uint64_t ticks;

	switch (w->kind) {
	case WATCH_CLOCK: /* ECANCELED: the clock was set; clock_advance sees it */
		if (read(w->fd, &ticks, sizeof(ticks)) < 0 && errno != ECANCELED && errno != EAGAIN)
			trouble_say(c, "timer", strerror(errno));
		break;
	case WATCH_LATER:
		later_fire(c);
		break;
	case WATCH_SIGNAL:
		signal_take(c);
		break;
	case WATCH_FILES:
		watch_read(c);
		break;
	case WATCH_REPORT: /* taken before anything else */
		break;
	case WATCH_QUEUE:
		launch_flush(c);
		break;
	case WATCH_KEEPER:
		if (w->keeper)
			run_keeper_gone(c, w->keeper);
		break;
	case WATCH_OLD_LAUNCHER:
		wait_end(c, w);
		wait_later(c, LATER_ADOPT, ADOPT_AFTER_MS); /* its last keepers are on their way */
		break;
	case WATCH_NOTIFY:
		alert_ready(c, events);
		break;
	case WATCH_HISTORY:
		history_ready(c, events);
		break;
	case WATCH_HISTORY_ASKED:
		history_asked(c);
		break;
	case WATCH_ALERTS_ASKED:
		alert_asked(c);
		break;
	case WATCH_LOOKUP:
		lookup_ready(c);
		break;
	case WATCH_ADDRESSES:
		host_addresses_changed(c);
		break;
	case WATCH_NAME:
		host_name_changed(c);
		break;
	case WATCH_CONTROL:
		control_accept(c);
		break;
	case WATCH_CLIENT:
		if (w->client)
			control_heard(c, w->client, events);
		break;
	}
}

/* Reports of ended runs before pidfds of their keepers: the order they happened in. */
static void loop_take_all(struct crond *c, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (w->kind == WATCH_REPORT)
			reports_ready(c);
	}
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (w->kind != WATCH_REPORT)
			loop_take(c, w, events[i].events);
	}
}

static void signals_taken(sigset_t *set)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR2, SIGHUP, SIGURG, SIGCHLD };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(set, taken[i]);
}

int loop_hold_signals(void)
{
	sigset_t set;

	signals_taken(&set);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	return sigprocmask(SIG_SETMASK, &set, NULL);
}

static int signals_open(void)
{
	sigset_t set;

	signals_taken(&set);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int loop_open(struct crond *c)
{
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->w_clock = (struct watch){ .kind = WATCH_CLOCK,
		.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK) };
	c->w_later = (struct watch){ .kind = WATCH_LATER,
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) };
	c->w_signal = (struct watch){ .kind = WATCH_SIGNAL, .fd = signals_open() };
	if (c->epoll < 0 || c->w_clock.fd < 0 || c->w_later.fd < 0 || c->w_signal.fd < 0)
		return -1;
	if (wait_for(c, &c->w_clock, EPOLLIN) < 0 || wait_for(c, &c->w_later, EPOLLIN) < 0)
		return -1;
	return wait_for(c, &c->w_signal, EPOLLIN);
}

int loop_run(struct crond *c)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (!c->stopping) {
		bool more = control_busy(c) || (c->places_freed && !c->stop.stage);
		int n;

		if (!c->stop.stage)
			clock_arm(c);
		n = epoll_wait(c->epoll, events, EVENTS_AT_ONCE, more ? 0 : -1);
		if (n < 0 && errno != EINTR)
			return 1;
		debug_woken(c, events, n);
		loop_take_all(c, events, n < 0 ? 0 : n);
		clock_advance(c);
		pending_look(c);
		if (c->stop.stage)
			stop_step(c);
		control_turn(c);
		backlog_flush(c);
		run_sweep(c);
		alert_flush(c);
		if (!c->later[LATER_LOG])
			say_lost_lines(c);
		wait_tidy(c);
	}
	return 0;
}
