/* event: something that somebody is to be told.
 * Flow: the scheduler encodes one from a run and its outcome, crond-notify spools it
 * and tells the targets. */
#include "crond/core/event.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"
#include "crond/base/text.h"
#include "crond/core/mailtext.h"

enum event_tag {
	EVENT_ID = 1,
	EVENT_EVENT,
	EVENT_STATUS,
	EVENT_JOB,
	EVENT_RUN_ID,
	EVENT_HOST,
	EVENT_OWNER,
	EVENT_USER,
	EVENT_SCHEDULE,
	EVENT_COMMAND,
	EVENT_DESCRIPTION,
	EVENT_REASON,
	EVENT_TAGS,
	EVENT_TARGETS,
	EVENT_SCHEDULED,
	EVENT_STARTED,
	EVENT_FINISHED,
	EVENT_TOOK,
	EVENT_EXIT_CODE,
	EVENT_SIGNAL,
	EVENT_ATTEMPT,
	EVENT_FAILURES,
	EVENT_STDOUT,
	EVENT_STDERR,
	EVENT_FLAGS,
	EVENT_UID,
	EVENT_MAIL_TO,
	EVENT_NOTE,
	EVENT_TAGS_END
};

enum { FLAG_TRUNCATED = 1, FLAG_TRUSTED = 2 };
enum { RUN_PART = 120, MARK_PART = 32 }; /* of an id */

enum cut { CUT_TAIL, CUT_HEAD, CUT_WORDS };

/* The sum of `most` and of the heads stays below EVENT_MOST. */
static const struct text_field {
	size_t offset;
	size_t most;
} texts[EVENT_TAGS_END] = {
	[EVENT_ID] = { offsetof(struct event, id), EVENT_ID_MOST },
	[EVENT_EVENT] = { offsetof(struct event, event), 64 },
	[EVENT_STATUS] = { offsetof(struct event, status), 64 },
	[EVENT_JOB] = { offsetof(struct event, job), 1024 },
	[EVENT_RUN_ID] = { offsetof(struct event, run_id), 256 },
	[EVENT_HOST] = { offsetof(struct event, host), 256 },
	[EVENT_OWNER] = { offsetof(struct event, owner), 1024 },
	[EVENT_USER] = { offsetof(struct event, user), 256 },
	[EVENT_SCHEDULE] = { offsetof(struct event, schedule), 1024 },
	[EVENT_COMMAND] = { offsetof(struct event, command), 4096 },
	[EVENT_DESCRIPTION] = { offsetof(struct event, description), 4096 },
	[EVENT_REASON] = { offsetof(struct event, reason), 4096 },
	[EVENT_MAIL_TO] = { offsetof(struct event, mail_to), 1024 },
	[EVENT_NOTE] = { offsetof(struct event, note), 1024 },
};

static const struct slice_field {
	size_t offset;
	size_t most;
	enum cut cut;
} slices[EVENT_TAGS_END] = {
	[EVENT_TAGS] = { offsetof(struct event, tags), 4096, CUT_WORDS },
	[EVENT_TARGETS] = { offsetof(struct event, targets), 24 * 1024, CUT_WORDS },
	[EVENT_STDOUT] = { offsetof(struct event, stdout_tail), 8192, CUT_HEAD },
	[EVENT_STDERR] = { offsetof(struct event, stderr_tail), 8192, CUT_HEAD },
};

static const char **text_at(struct event *e, uint16_t tag)
{
	return (const char **)(void *)((char *)e + texts[tag].offset);
}

static struct slice *slice_at(struct event *e, uint16_t tag)
{
	return (struct slice *)(void *)((char *)e + slices[tag].offset);
}

static bool is_id(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '.' || c == '_' || c == '-';
}

bool event_id_ok(struct slice id)
{
	if (id.n == 0 || id.n >= EVENT_ID_MOST || id.s[0] == '.' || id.s[0] == '-')
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!is_id(id.s[i]))
			return false;
	return true;
}

/* As much of it as an id may have; false: that is not all there is. */
static bool id_part(char *out, const char *s, size_t most)
{
	size_t n = 0;
	bool same = *s != '.' && *s != '-';

	for (; n < most && s[n]; n++) {
		out[n] = is_id(s[n]) ? s[n] : '_';
		same &= out[n] == s[n];
	}
	out[n] = '\0';
	if (*out == '.' || *out == '-')
		*out = '_';
	return same && !s[n];
}

void event_id(char out[EVENT_ID_MOST], const char *run_id, const char *mark)
{
	char run[RUN_PART + 1], what[MARK_PART + 1];

	id_part(what, mark, MARK_PART);
	if (id_part(run, run_id, RUN_PART))
		snprintf(out, EVENT_ID_MOST, "%s.%s", run, what);
	else /* bob:x is not bob_x */
		snprintf(out, EVENT_ID_MOST, "%s_%08" PRIx32 ".%s", run,
			(uint32_t)text_hash(0, run_id, strlen(run_id)), what);
}

const char *event_mail_to(const char *owner, const char *mail, const char *user)
{
	if (owner && strchr(owner, '@') && mailtext_safe(slice_of(owner)))
		return owner;
	if (!mail)
		mail = user;
	return mail && *mail ? mail : NULL;
}

/* The longest head of at most `most` bytes that ends between two characters. */
static size_t text_cut(const char *s, size_t most)
{
	size_t n = most;

	while (n > 0 && n + 4 > most && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return ((unsigned char)s[n] & 0xc0) == 0x80 ? most : n;
}

static struct slice slice_cut(struct slice v, const struct slice_field *f)
{
	if (v.n <= f->most)
		return v;
	if (f->cut == CUT_HEAD)
		return (struct slice){ v.s + v.n - f->most, f->most };
	v.n = f->most;
	if (f->cut == CUT_WORDS)
		while (v.n > 0 && v.s[v.n - 1] != '\0')
			v.n--;
	return v;
}

static bool put_text(struct buf *out, uint16_t tag, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	char cut[4096];

	if (n < texts[tag].most) {
		record_put_text(out, tag, text);
		return false;
	}
	n = text_cut(text, texts[tag].most - 1);
	memcpy(cut, text, n);
	cut[n] = '\0';
	record_put(out, tag, cut, n + 1);
	return true;
}

static bool put_slice(struct buf *out, uint16_t tag, struct slice v)
{
	struct slice kept = slice_cut(v, &slices[tag]);

	if (kept.n > 0)
		record_put(out, tag, kept.s, kept.n);
	return kept.n < v.n;
}

static void put_i64(struct buf *out, uint16_t tag, int64_t value)
{
	record_put_u64(out, tag, (uint64_t)value);
}

void event_encode(const struct event *e, struct buf *out)
{
	struct event copy = *e;
	bool cut = e->truncated;

	if (!e->id || !event_id_ok(slice_of(e->id)) || !e->event) {
		out->failed = true;
		return;
	}
	record_begin(out, EVENT_MAGIC, EVENT_VERSION);
	for (unsigned i = 1; i < EVENT_TAGS_END; i++) {
		const uint16_t tag = (uint16_t)i;

		if (texts[tag].most)
			cut |= put_text(out, tag, *text_at(&copy, tag));
		if (slices[tag].most)
			cut |= put_slice(out, tag, *slice_at(&copy, tag));
	}
	put_i64(out, EVENT_SCHEDULED, e->scheduled);
	put_i64(out, EVENT_STARTED, e->started_ns);
	put_i64(out, EVENT_FINISHED, e->finished_ns);
	put_i64(out, EVENT_TOOK, e->took_ns);
	put_i64(out, EVENT_EXIT_CODE, e->exit_code);
	put_i64(out, EVENT_SIGNAL, e->signal);
	put_i64(out, EVENT_ATTEMPT, e->attempt);
	put_i64(out, EVENT_FAILURES, e->failures);
	put_i64(out, EVENT_UID, e->uid);
	put_i64(out, EVENT_FLAGS, (cut ? FLAG_TRUNCATED : 0) | (e->trusted ? FLAG_TRUSTED : 0));
}

static int get_number(struct event *e, uint16_t tag, uint64_t raw)
{
	int64_t v = (int64_t)raw;
	bool fits = true;

	switch (tag) {
	case EVENT_SCHEDULED: e->scheduled = v; break;
	case EVENT_STARTED: e->started_ns = v; break;
	case EVENT_FINISHED: e->finished_ns = v; break;
	case EVENT_TOOK: e->took_ns = v; break;
	case EVENT_EXIT_CODE: fits = v >= -1 && v <= INT_MAX; e->exit_code = (int)v; break;
	case EVENT_SIGNAL: fits = v >= 0 && v <= INT_MAX; e->signal = (int)v; break;
	case EVENT_ATTEMPT: fits = raw <= UINT32_MAX; e->attempt = (uint32_t)raw; break;
	case EVENT_FAILURES: fits = raw <= UINT32_MAX; e->failures = (uint32_t)raw; break;
	case EVENT_UID: fits = raw <= UINT32_MAX; e->uid = (uint32_t)raw; break;
	case EVENT_FLAGS:
		e->truncated = raw & FLAG_TRUNCATED;
		e->trusted = raw & FLAG_TRUSTED;
		break;
	default: break; /* of a later minor addition: nothing we know */
	}
	return fits ? 0 : -1;
}

static int get_field(struct event *e, const struct record_field *f)
{
	uint64_t number;
	const char *text;

	if (f->tag >= EVENT_TAGS_END)
		return 0;
	if (texts[f->tag].most) {
		text = record_text(f);
		*text_at(e, f->tag) = text;
		return text ? 0 : -1;
	}
	if (slices[f->tag].most) {
		*slice_at(e, f->tag) = f->value;
		return 0;
	}
	return record_u64(f, &number) == 0 ? get_number(e, f->tag, number) : -1;
}

int event_decode(struct event *e, struct slice bytes, struct diag *d)
{
	struct record r;
	struct record_field f;
	int more;

	*e = (struct event){ .exit_code = -1, .uid = EVENT_NOBODY };
	if (bytes.n > EVENT_MOST)
		return diag_error(d, 0, 0, "event of %zu bytes is too long", bytes.n);
	if (record_open(&r, bytes.s, bytes.n, EVENT_MAGIC, EVENT_VERSION, d))
		return -1;
	while ((more = record_next(&r, &f)) > 0)
		if (get_field(e, &f))
			return diag_error(d, 0, 0, "event has a bad field %u", (unsigned)f.tag);
	if (more < 0)
		return diag_error(d, 0, 0, "event is cut off or damaged");
	if (!e->id || !e->event)
		return diag_error(d, 0, 0, "event has no %s", e->id ? "name" : "id");
	if (!event_id_ok(slice_of(e->id)))
		return diag_error(d, 0, 0, "event has an id that is no file's name");
	return 0;
}
