/* values: what an event has for the names in templates.
 * Flow: own files, links and addresses become text for one event. */
#include "config.h"

#include "crond/notify/values.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/core/event.h"
#include "crond/notify/body.h"
#include "crond/notify/words.h"

static void put_text(const char *text, struct buf *out)
{
	if (text)
		buf_puts(out, text);
}

static void put_number(bool there, int64_t value, struct buf *out)
{
	if (there)
		buf_printf(out, "%" PRId64, value);
	else
		buf_puts(out, "null");
}

void values_time(int64_t seconds, int64_t ns, struct buf *out)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds <= 0 || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900)
		return;
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
	        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (ns >= 0)
		buf_printf(out, ".%03d", (int)(ns / 1000000 % 1000));
	buf_putc(out, 'Z');
}

static void put_time_ns(int64_t ns, struct buf *out)
{
	if (ns > 0)
		values_time(ns / 1000000000, ns % 1000000000, out);
}

static void put_duration(const struct event *e, struct buf *out)
{
	int64_t ms = e->took_ns / 1000000;

	if (e->took_ns <= 0 && e->finished_ns <= 0)
		buf_puts(out, "null");
	else
		buf_printf(out, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

static void put_tags(struct slice tags, struct buf *out)
{
	for (size_t i = 0; i < tags.n; i++) {
		if (tags.s[i])
			buf_putc(out, tags.s[i]);
		else if (i + 1 < tags.n)
			buf_puts(out, ", ");
	}
}

/* What is said of how a run went. */
static void put_of_run(const struct event *e, enum template_value v, struct buf *out)
{
	switch (v) {
	case VALUE_SCHEDULED_AT:
		values_time(e->scheduled, -1, out);
		break;
	case VALUE_STARTED_AT:
		put_time_ns(e->started_ns, out);
		break;
	case VALUE_FINISHED_AT:
		put_time_ns(e->finished_ns, out);
		break;
	case VALUE_DURATION_S:
		put_duration(e, out);
		break;
	case VALUE_EXIT_CODE:
		put_number(e->exit_code >= 0, e->exit_code, out);
		break;
	case VALUE_SIGNAL:
		put_number(e->signal > 0, e->signal, out);
		break;
	case VALUE_REASON:
		put_text(e->reason, out);
		break;
	case VALUE_ATTEMPT:
		put_number(e->attempt > 0, e->attempt, out);
		break;
	case VALUE_CONSECUTIVE_FAILURES:
		put_number(true, e->failures, out);
		break;
	case VALUE_STDOUT_TAIL:
		buf_append(out, e->stdout_tail.s, e->stdout_tail.n);
		break;
	case VALUE_STDERR_TAIL:
		buf_append(out, e->stderr_tail.s, e->stderr_tail.n);
		break;
	case VALUE_TRUNCATED:
		buf_puts(out, e->truncated ? "true" : "false");
		break;
	default:
		break;
	}
}

void values_put(const struct event *e, const char *link, enum template_value v, struct buf *out)
{
	switch (v) {
	case VALUE_VERSION:
		put_number(true, BODY_VERSION, out);
		break;
	case VALUE_ID:
		put_text(e->id, out);
		break;
	case VALUE_EVENT:
		put_text(e->event, out);
		break;
	case VALUE_STATUS:
		put_text(e->status, out);
		break;
	case VALUE_TEXT:
		words_sentence(e, out);
		break;
	case VALUE_JOB:
		put_text(e->job, out);
		break;
	case VALUE_RUN_ID:
		put_text(e->run_id, out);
		break;
	case VALUE_HOST:
		put_text(e->host, out);
		break;
	case VALUE_USER:
		put_text(e->user, out);
		break;
	case VALUE_OWNER:
		put_text(e->owner, out);
		break;
	case VALUE_TAGS:
		put_tags(e->tags, out);
		break;
	case VALUE_DESCRIPTION:
		put_text(e->description, out);
		break;
	case VALUE_SCHEDULE:
		put_text(e->schedule, out);
		break;
	case VALUE_URL:
		put_text(link, out);
		break;
	default:
		put_of_run(e, v, out);
	}
}

struct filling {
	const struct event *e;
	const char *link;
};

static void put(void *arg, enum template_value v, struct buf *out)
{
	const struct filling *f = arg;

	values_put(f->e, f->link, v, out);
}

void values_expand(struct slice text, enum template_escape usual, const struct event *e,
        const char *link, struct buf *out)
{
	struct filling f = { e, link };

	template_expand(text, usual, put, &f, out);
}
