/* words: an event as a sentence.
 * Flow: the text of a webhook's body, the subject and first line of a mail. */
#include "config.h"

#include "crond/notify/words.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/notify/digest.h"

/* How a job is said to have fared; a status comes before the event it makes. */
static const struct phrase {
	const char *status, *event;
	const char *verb;
	const char *detail; /* NULL: taken from the exit code, the signal or the reason */
} phrases[] = {
	{ "exit", NULL, "failed", NULL },
	{ "signal", NULL, "failed", NULL },
	{ "oom", NULL, "failed", "killed for want of memory" },
	{ "spawn", NULL, "could not be started", NULL },
	{ "timeout", NULL, "timed out", NULL },
	{ "watchdog", NULL, "was stopped for missing heartbeats", NULL },
	{ "killed", NULL, "was stopped", NULL },
	{ "skipped", NULL, "was skipped", NULL },
	{ "missed", NULL, "was missed", NULL },
	{ "lost", NULL, "was lost", "how it ended is not known" },
	{ NULL, "job.recovered", "recovered", NULL },
	{ NULL, "job.removed", "was removed", NULL },
	{ NULL, "run.start", "was started", NULL },
	{ NULL, "run.success", "succeeded", NULL },
	{ NULL, "run.failure", "failed", NULL },
	{ NULL, "run.timeout", "timed out", NULL },
	{ NULL, "run.watchdog", "was stopped for missing heartbeats", NULL },
	{ NULL, "run.killed", "was stopped", NULL },
	{ NULL, "run.skipped", "was skipped", NULL },
	{ NULL, "run.missed", "was missed", NULL },
	{ NULL, "run.lost", "was lost", NULL },
	{ NULL, "daemon.restarted", "was restarted", NULL },
	{ NULL, "daemon.failed", "is down and no longer restarted", NULL },
	{ NULL, "custom", "says", NULL },
};

/* The names that a job may end by; others are told by number alone. */
static const char *const signal_names[] = {
	[SIGHUP] = "SIGHUP",
	[SIGINT] = "SIGINT",
	[SIGQUIT] = "SIGQUIT",
	[SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP",
	[SIGABRT] = "SIGABRT",
	[SIGBUS] = "SIGBUS",
	[SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL",
	[SIGUSR1] = "SIGUSR1",
	[SIGSEGV] = "SIGSEGV",
	[SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE",
	[SIGALRM] = "SIGALRM",
	[SIGTERM] = "SIGTERM",
	[SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ",
	[SIGSYS] = "SIGSYS",
};

static const char *signal_name(int number)
{
	if (number <= 0 || (size_t)number >= sizeof(signal_names) / sizeof(signal_names[0]))
		return NULL;
	return signal_names[number];
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* An event about the job, not about the one run whose status it has. */
static bool about_job(const struct event *e)
{
	return is_same(e->event, "job.recovered") || (e->event && strncmp(e->event, "daemon.", 7) == 0);
}

static const struct phrase *phrase_find(const struct event *e)
{
	bool job = about_job(e);

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if ((!job && is_same(phrases[i].status, e->status)) ||
			is_same(phrases[i].event, e->event))
			return &phrases[i];
	return NULL;
}

const char *words_verb(const struct event *e)
{
	const struct phrase *p = phrase_find(e);

	return p ? p->verb : NULL;
}

static bool is_plain(struct slice s, size_t n)
{
	unsigned char c = (unsigned char)s.s[0];

	return n > 0 && c >= 0x20 && c != 0x7f;
}

void words_line(struct buf *out, const char *text, size_t most)
{
	struct slice s = text ? slice_of(text) : (struct slice){ "", 0 };
	size_t start = out->len;

	while (s.n > 0) {
		size_t n = text_utf8(s);

		if (out->len - start > most) {
			buf_puts(out, "...");
			return;
		}
		if (is_plain(s, n))
			buf_append(out, s.s, n);
		else
			buf_puts(out, n > 0 ? " " : "\xef\xbf\xbd");
		n = n > 0 ? n : 1;
		s.s += n;
		s.n -= n;
	}
}

static bool ran(const struct event *e)
{
	return e->finished_ns > 0 || e->took_ns > 0;
}

bool words_detail(const struct event *e, struct buf *out)
{
	const struct phrase *p = phrase_find(e);
	size_t before = out->len;

	if (p && p->detail)
		buf_puts(out, p->detail);
	else if (is_same(e->status, "exit") && e->exit_code >= 0)
		buf_printf(out, "exit code %d", e->exit_code);
	else if (!is_same(e->status, "signal") && e->reason)
		; /* the reason says more than the signal that it led to */
	else if (signal_name(e->signal))
		buf_printf(out, "signal %d (%s)", e->signal, signal_name(e->signal));
	else if (e->signal > 0)
		buf_printf(out, "signal %d", e->signal);
	if (e->reason && e->reason[0]) {
		buf_puts(out, out->len > before ? ", " : "");
		words_line(out, e->reason, 300);
	}
	return out->len > before;
}

void words_duration(struct buf *out, int64_t ns)
{
	int64_t tenths = ns / 100000000;
	int64_t seconds = ns / 1000000000;

	if (seconds < 1)
		buf_printf(out, "%" PRId64 " ms", ns / 1000000);
	else if (seconds < 60)
		buf_printf(out, "%" PRId64 ".%" PRId64 " s", tenths / 10, tenths % 10);
	else if (seconds < 3600)
		buf_printf(out, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	else
		buf_printf(out, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
}

static void put_counts(const struct event *e, struct buf *out)
{
	const char *between = "";

	if (e->attempt == 0 && e->failures < 2)
		return;
	buf_puts(out, " (");
	if (e->attempt > 0) {
		buf_printf(out, "attempt %u", e->attempt);
		between = ", ";
	}
	if (e->failures > 1)
		buf_printf(out, "%s%u failures in a row", between, e->failures);
	buf_putc(out, ')');
}

/* Of the daemon itself: "crond on web-1: config.error: /etc/crond.conf:3: ...". */
static void put_other(const struct event *e, struct buf *out)
{
	buf_puts(out, "crond");
	if (e->host) {
		buf_puts(out, " on ");
		words_line(out, e->host, 255);
	}
	if (e->job && e->job[0]) {
		buf_puts(out, ", job ");
		words_line(out, e->job, 255);
	}
	buf_puts(out, ": ");
	words_line(out, e->event, 64);
	if (e->reason && e->reason[0]) {
		buf_puts(out, ": ");
		words_line(out, e->reason, 1000);
	}
}

void words_sentence(const struct event *e, struct buf *out)
{
	const char *verb = words_verb(e);
	size_t before;

	if (e->members) {
		digest_words(e, out);
		return;
	}
	if (!verb || !e->job || !e->job[0]) {
		put_other(e, out);
		buf_putc(out, '.');
		return;
	}
	buf_puts(out, "Job ");
	words_line(out, e->job, 255);
	buf_printf(out, " %s", verb);
	if (e->host) {
		buf_puts(out, " on ");
		words_line(out, e->host, 255);
	}
	before = out->len;
	buf_puts(out, ": ");
	if (!words_detail(e, out))
		out->len = before;
	if (ran(e)) {
		buf_puts(out, " after ");
		words_duration(out, e->took_ns);
	}
	put_counts(e, out);
	buf_putc(out, '.');
}
