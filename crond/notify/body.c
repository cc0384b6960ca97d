/* body: an event in words and in JSON.
 * Flow: from a spooled event to what is posted or mailed; knows no network. */
#include "config.h"

#include "crond/notify/body.h"

#include <jansson.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/core/event.h"
#include "crond/core/template.h"
#include "crond/notify/values.h"
#include "crond/notify/words.h"

void body_clean(struct buf *out, struct slice s)
{
	template_escaped(s, TEMPLATE_RAW, out);
}

void body_sentence(const struct event *e, struct buf *out)
{
	words_sentence(e, out);
}

static json_t *json_slice(struct slice s)
{
	struct buf clean = { 0 };
	json_t *j = NULL;

	body_clean(&clean, s);
	if (buf_text(&clean))
		j = json_stringn(clean.data, clean.len);
	buf_free(&clean);
	return j;
}

static json_t *json_text(const char *text)
{
	return text ? json_slice(slice_of(text)) : json_null();
}

static json_t *json_time(int64_t seconds, int64_t ns)
{
	struct buf text = { 0 };
	json_t *j;

	values_time(seconds, ns, &text);
	j = text.len ? json_stringn(text.data, text.len) : json_null();
	buf_free(&text);
	return j;
}

static json_t *json_time_ns(int64_t ns)
{
	return ns > 0 ? json_time(ns / 1000000000, ns % 1000000000) : json_null();
}

static json_t *json_tags(struct slice list)
{
	json_t *tags = json_array();

	while (tags && list.n > 0) {
		const char *end = memchr(list.s, 0, list.n);
		size_t n = end ? (size_t)(end - list.s) : list.n;

		if (json_array_append_new(tags, json_slice((struct slice){ list.s, n }))) {
			json_decref(tags);
			return NULL;
		}
		n += end != NULL;
		list.s += n;
		list.n -= n;
	}
	return tags;
}

static json_t *json_sentence(const struct event *e)
{
	struct buf text = { 0 };
	json_t *j = NULL;

	words_sentence(e, &text);
	if (buf_text(&text))
		j = json_slice((struct slice){ text.data, text.len });
	buf_free(&text);
	return j;
}

static json_t *json_duration(const struct event *e)
{
	const int64_t ms = e->took_ns / 1000000;

	if (e->took_ns <= 0 && e->finished_ns <= 0)
		return json_null();
	return json_real((double)ms / 1000.0);
}

static json_t *json_event(const struct event *e, const char *link);

/* What a digest stands for. */
static json_t *json_members(const struct event *e)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < e->member_count; i++)
		if (json_array_append_new(list, json_event(&e->members[i], NULL))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *json_event(const struct event *e, const char *link)
{
	json_t *j = json_object();
	int bad = !j;

	bad |= json_object_set_new(j, "version", json_integer(BODY_VERSION));
	bad |= json_object_set_new(j, "id", json_text(e->id));
	bad |= json_object_set_new(j, "event", json_text(e->event));
	bad |= json_object_set_new(j, "status", json_text(e->status));
	bad |= json_object_set_new(j, "text", json_sentence(e));
	bad |= json_object_set_new(j, "job", json_text(e->job));
	bad |= json_object_set_new(j, "run_id", json_text(e->run_id));
	bad |= json_object_set_new(j, "host", json_text(e->host));
	bad |= json_object_set_new(j, "owner", json_text(e->owner));
	bad |= json_object_set_new(j, "tags", json_tags(e->tags));
	bad |= json_object_set_new(j, "schedule", json_text(e->schedule));
	bad |= json_object_set_new(j, "scheduled_at", json_time(e->scheduled, -1));
	bad |= json_object_set_new(j, "started_at", json_time_ns(e->started_ns));
	bad |= json_object_set_new(j, "finished_at", json_time_ns(e->finished_ns));
	bad |= json_object_set_new(j, "duration_s", json_duration(e));
	bad |= json_object_set_new(j, "exit_code",
		e->exit_code >= 0 ? json_integer(e->exit_code) : json_null());
	bad |= json_object_set_new(j, "signal",
		e->signal > 0 ? json_integer(e->signal) : json_null());
	bad |= json_object_set_new(j, "reason", json_text(e->reason));
	bad |= json_object_set_new(j, "attempt",
		e->attempt > 0 ? json_integer(e->attempt) : json_null());
	bad |= json_object_set_new(j, "consecutive_failures", json_integer(e->failures));
	bad |= json_object_set_new(j, "stdout_tail", json_slice(e->stdout_tail));
	bad |= json_object_set_new(j, "stderr_tail", json_slice(e->stderr_tail));
	bad |= json_object_set_new(j, "truncated", json_boolean(e->truncated));
	bad |= json_object_set_new(j, "url", json_text(link));
	if (e->member_count > 0)
		bad |= json_object_set_new(j, "events", json_members(e));
	if (bad) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static int put_json(const char *bytes, size_t n, void *arg)
{
	buf_append(arg, bytes, n);
	return 0;
}

void body_json(const struct event *e, const char *link, struct buf *out)
{
	json_t *j = json_event(e, link);

	if (!j || json_dump_callback(j, put_json, out, JSON_COMPACT | JSON_REAL_PRECISION(15)))
		out->failed = true;
	json_decref(j);
}
