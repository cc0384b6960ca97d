/* outcome: how a run ended.
 * Flow: the keeper (or whoever adopts a dead keeper's run) writes it, the scheduler
 * takes it in; log, alerts and history say it in the same words. */
#include "crond/core/outcome.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"

enum { REASON_SHORT = 256 };

static const struct result_row {
	const char *name, *event;
	bool alerts, failed;
} results[RESULTS] = {
	[RESULT_OK] = { "ok", "run.success", false, false },
	[RESULT_EXIT] = { "exit", "run.failure", true, true },
	[RESULT_SIGNAL] = { "signal", "run.failure", true, true },
	[RESULT_OOM] = { "oom", "run.failure", true, true },
	[RESULT_SPAWN] = { "spawn", "run.failure", true, true },
	[RESULT_TIMEOUT] = { "timeout", "run.timeout", true, true },
	[RESULT_WATCHDOG] = { "watchdog", "run.watchdog", true, true },
	[RESULT_KILLED] = { "killed", "run.killed", false, false },
	[RESULT_SKIPPED] = { "skipped", "run.skipped", false, false },
	[RESULT_MISSED] = { "missed", "run.missed", true, true },
	[RESULT_LOST] = { "lost", "run.lost", true, true },
};

enum outcome_tag {
	OUTCOME_RESULT = 1, OUTCOME_EXIT_CODE, OUTCOME_SIGNAL, OUTCOME_REASON, OUTCOME_STARTED,
	OUTCOME_FINISHED, OUTCOME_TOOK, OUTCOME_CPU, OUTCOME_MEMORY, OUTCOME_OUTPUT,
	OUTCOME_TRUNCATED, OUTCOME_JOB_PID, OUTCOME_STDOUT, OUTCOME_STDERR, OUTCOME_STOPPED,
	OUTCOME_STDERR_HEAD, OUTCOME_ONE_STREAM, OUTCOME_LOG, OUTCOME_ARTIFACTS,
};

const char *result_name(enum result r)
{
	return (unsigned)r < RESULTS ? results[r].name : "unknown";
}

const char *result_event(enum result r)
{
	return (unsigned)r < RESULTS ? results[r].event : "unknown";
}

int result_find(struct slice name)
{
	for (int r = 0; r < RESULTS; r++)
		if (slice_is(name, results[r].name))
			return r;
	return -1;
}

bool result_alerts(enum result r)
{
	return (unsigned)r < RESULTS && results[r].alerts;
}

bool result_failed(enum result r)
{
	return (unsigned)r < RESULTS && results[r].failed;
}

/* Bytes at the end of s that begin a character and do not end it. */
static size_t half_character(struct slice s)
{
	for (size_t i = 1; i <= 3 && i <= s.n; i++) {
		unsigned char c = (unsigned char)s.s[s.n - i];

		if ((c & 0xc0) == 0x80)
			continue;
		return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : c >= 0xc0 ? 2u : 1u) > i ? i : 0;
	}
	return 0;
}

struct slice outcome_head(struct slice s)
{
	const char *at = s.s;
	size_t left = s.n;

	if (s.n >= OUTCOME_TAIL) {
		s.n = left = OUTCOME_TAIL;
		s.n = left -= half_character(s);
	}
	for (int lines = 0; lines < OUTCOME_HEAD_LINES && left; lines++) {
		const char *end = memchr(at, '\n', left);
		size_t n = end ? (size_t)(end + 1 - at) : left;

		at += n;
		left -= n;
	}
	s.n -= left;
	return s;
}

struct slice outcome_errors(const struct outcome *o)
{
	return outcome_head(o->stderr_head.n ? o->stderr_head
		: o->one_stream ? o->stdout_tail : o->stderr_tail);
}

static void put_tail(struct buf *out, uint16_t tag, struct slice tail)
{
	size_t n = tail.n < OUTCOME_TAIL ? tail.n : OUTCOME_TAIL;

	if (n)
		record_put(out, tag, tail.s + tail.n - n, n);
}

/* Nothing is what a missing number stands for: most outcomes are short. */
static void put_number(struct buf *out, uint16_t tag, uint64_t value)
{
	if (value)
		record_put_u64(out, tag, value);
}

void outcome_encode(const struct outcome *o, struct buf *out)
{
	record_begin(out, OUTCOME_MAGIC, OUTCOME_VERSION);
	record_put_u64(out, OUTCOME_RESULT, o->result);
	record_put_u64(out, OUTCOME_EXIT_CODE, (uint64_t)(int64_t)o->exit_code);
	put_number(out, OUTCOME_SIGNAL, (uint64_t)(int64_t)o->signal);
	record_put_text(out, OUTCOME_REASON, o->reason);
	put_number(out, OUTCOME_STARTED, (uint64_t)o->started_ns);
	put_number(out, OUTCOME_FINISHED, (uint64_t)o->finished_ns);
	put_number(out, OUTCOME_TOOK, (uint64_t)o->took_ns);
	put_number(out, OUTCOME_CPU, o->cpu_us);
	put_number(out, OUTCOME_MEMORY, o->memory_kb);
	put_number(out, OUTCOME_OUTPUT, o->output_bytes);
	put_number(out, OUTCOME_TRUNCATED, o->truncated);
	put_number(out, OUTCOME_JOB_PID, (uint64_t)(int64_t)o->job_pid);
	put_number(out, OUTCOME_STOPPED, o->stopped);
	put_tail(out, OUTCOME_STDOUT, o->stdout_tail);
	put_tail(out, OUTCOME_STDERR, o->stderr_tail);
	if (o->stderr_head.n)
		record_put(out, OUTCOME_STDERR_HEAD, o->stderr_head.s,
			o->stderr_head.n < OUTCOME_TAIL ? o->stderr_head.n : OUTCOME_TAIL);
	put_number(out, OUTCOME_ONE_STREAM, o->one_stream);
	record_put_text(out, OUTCOME_LOG, o->log);
	record_put_text(out, OUTCOME_ARTIFACTS, o->artifacts);
}

void outcome_encode_short(const struct outcome *o, size_t most, struct buf *out)
{
	const size_t before = out->len, head = 8; /* of a field, see record.h */
	struct outcome s = *o;
	char reason[REASON_SHORT] = "";
	size_t room;

	s.cpu_us = s.memory_kb = s.output_bytes = 0;
	s.truncated |= s.stdout_tail.n || s.stderr_tail.n;
	s.stdout_tail.n = s.stderr_tail.n = s.stderr_head.n = 0;
	s.one_stream = false;
	s.log = s.artifacts = NULL;
	s.reason = NULL;
	outcome_encode(&s, out);
	room = before + most > out->len + head ? before + most - out->len - head : 0;
	if (!o->reason || room < 2)
		return;
	snprintf(reason, room < sizeof(reason) ? room : sizeof(reason), "%s", o->reason);
	record_put_text(out, OUTCOME_REASON, reason);
}

static int field_number(const struct record_field *f, int64_t least, int64_t most, int64_t *value)
{
	uint64_t u64;

	if (record_u64(f, &u64) < 0)
		return -1;
	*value = (int64_t)u64;
	return *value < least || *value > most ? -1 : 0;
}

static int field_int(const struct record_field *f, int least, int most, int *value)
{
	int64_t v;

	if (field_number(f, least, most, &v) < 0)
		return -1;
	*value = (int)v;
	return 0;
}

static int field_path(const struct record_field *f, const char **path)
{
	*path = record_text(f);
	return *path && f->value.n <= OUTCOME_PATH_MOST ? 0 : -1;
}

static int field_decode(struct outcome *o, const struct record_field *f)
{
	int value = 0, bad;

	switch ((enum outcome_tag)f->tag) {
	case OUTCOME_RESULT:
		bad = field_int(f, 0, RESULTS - 1, &value);
		o->result = (enum result)value;
		return bad;
	case OUTCOME_EXIT_CODE:
		return field_int(f, -1, 255, &o->exit_code);
	case OUTCOME_SIGNAL:
		return field_int(f, 0, 128, &o->signal);
	case OUTCOME_REASON:
		o->reason = record_text(f);
		return o->reason ? 0 : -1;
	case OUTCOME_STARTED:
		return field_number(f, 0, INT64_MAX, &o->started_ns);
	case OUTCOME_FINISHED:
		return field_number(f, 0, INT64_MAX, &o->finished_ns);
	case OUTCOME_TOOK:
		return field_number(f, 0, INT64_MAX, &o->took_ns);
	case OUTCOME_CPU:
		return record_u64(f, &o->cpu_us);
	case OUTCOME_MEMORY:
		return record_u64(f, &o->memory_kb);
	case OUTCOME_OUTPUT:
		return record_u64(f, &o->output_bytes);
	case OUTCOME_TRUNCATED:
		bad = field_int(f, 0, 1, &value);
		o->truncated = value != 0;
		return bad;
	case OUTCOME_JOB_PID:
		return field_int(f, 0, INT_MAX, &o->job_pid);
	case OUTCOME_STOPPED:
		bad = field_int(f, 0, STOP_REASONS - 1, &value);
		o->stopped = (enum stop_reason)value;
		return bad;
	case OUTCOME_STDERR_HEAD:
		o->stderr_head = f->value;
		return f->value.n > OUTCOME_TAIL ? -1 : 0;
	case OUTCOME_ONE_STREAM:
		bad = field_int(f, 0, 1, &value);
		o->one_stream = value != 0;
		return bad;
	case OUTCOME_LOG:
		return field_path(f, &o->log);
	case OUTCOME_ARTIFACTS:
		return field_path(f, &o->artifacts);
	case OUTCOME_STDOUT:
		o->stdout_tail = f->value;
		return f->value.n > OUTCOME_TAIL ? -1 : 0;
	case OUTCOME_STDERR:
		o->stderr_tail = f->value;
		return f->value.n > OUTCOME_TAIL ? -1 : 0;
	}
	return 0; /* a field of a later day: not ours to judge */
}

int outcome_decode(struct outcome *o, struct slice bytes, struct diag *d)
{
	struct record rec;
	struct record_field f;
	bool has_result = false;
	int more;

	memset(o, 0, sizeof(*o));
	o->exit_code = -1;
	if (record_open(&rec, bytes.s, bytes.n, OUTCOME_MAGIC, OUTCOME_VERSION, d) < 0)
		return -1;
	while ((more = record_next(&rec, &f)) > 0) {
		if (field_decode(o, &f) < 0)
			return diag_error(d, 0, 0, "outcome with a bad field (tag %u)",
				(unsigned)f.tag);
		has_result |= f.tag == OUTCOME_RESULT;
	}
	if (more < 0)
		return diag_error(d, 0, 0, "outcome is cut short");
	return has_result ? 0 : diag_error(d, 0, 0, "outcome without a result");
}
