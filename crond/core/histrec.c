/* histrec: what is put on record of each run, and what scheduler and crond-history say to
 * each other.
 * Flow: the scheduler appends records to a segment in the run-time directory (backlog),
 * crond-history reads them from there into its database. */
#include "crond/core/histrec.h"

#include <stddef.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"

enum { FRAME_HEAD = 8 };

enum form { FORM_NONE, FORM_TEXT, FORM_U64, FORM_U32, FORM_BYTES };

/* Tags: the numbers are what is on file. */
enum histrec_tag {
	TAG_RUN_ID = 1, TAG_SCHEDULED, TAG_ATTEMPT, TAG_JOB, TAG_USER, TAG_IDENTITY, TAG_UID, TAG_CAUSE,
	TAG_RETENTION, TAG_RETENTION_COUNT, TAG_HOST, TAG_BOOT, TAG_AT, TAG_OUTCOME, TAG_RESULT,
	TAG_REASON, TAG_COUNT, TAGS
};

_Static_assert(sizeof(enum start_cause) == 4 && sizeof(enum result) == 4, "read as 32 bits");

static const struct histrec_row {
	enum form form;
	size_t at;
	uint64_t most; /* of numbers; of a text, with its NUL */
} rows[TAGS] = {
	[TAG_RUN_ID] = { FORM_TEXT, offsetof(struct histrec, run_id), 256 },
	[TAG_SCHEDULED] = { FORM_U64, offsetof(struct histrec, scheduled), UINT64_MAX },
	[TAG_ATTEMPT] = { FORM_U32, offsetof(struct histrec, attempt), UINT32_MAX },
	[TAG_JOB] = { FORM_TEXT, offsetof(struct histrec, job), 1024 },
	[TAG_USER] = { FORM_TEXT, offsetof(struct histrec, user), 256 },
	[TAG_IDENTITY] = { FORM_U64, offsetof(struct histrec, identity), UINT64_MAX },
	[TAG_UID] = { FORM_U32, offsetof(struct histrec, uid), UINT32_MAX },
	[TAG_CAUSE] = { FORM_U32, offsetof(struct histrec, cause), START_CATCHUP },
	[TAG_RETENTION] = { FORM_U64, offsetof(struct histrec, retention_ms), UINT64_MAX },
	[TAG_RETENTION_COUNT] = { FORM_U32, offsetof(struct histrec, retention_count), UINT32_MAX },
	[TAG_HOST] = { FORM_TEXT, offsetof(struct histrec, host), 256 },
	[TAG_BOOT] = { FORM_TEXT, offsetof(struct histrec, boot), 64 },
	[TAG_AT] = { FORM_U64, offsetof(struct histrec, at_ns), UINT64_MAX },
	[TAG_OUTCOME] = { FORM_BYTES, offsetof(struct histrec, outcome), 0 },
	[TAG_RESULT] = { FORM_U32, offsetof(struct histrec, result), RESULTS - 1 },
	[TAG_REASON] = { FORM_TEXT, offsetof(struct histrec, reason), 4096 },
	[TAG_COUNT] = { FORM_U64, offsetof(struct histrec, count), UINT64_MAX },
};

void histrec_begin(struct buf *out)
{
	record_begin(out, HISTREC_MAGIC, HISTREC_VERSION);
}

int histrec_open(struct slice segment, struct diag *d)
{
	struct record r;

	return record_open(&r, segment.s, segment.n, HISTREC_MAGIC, HISTREC_VERSION, d);
}

/* --- out */

static void put_text(struct buf *out, uint16_t tag, const char *text)
{
	char cut[4096];
	size_t n = text ? strnlen(text, rows[tag].most) : 0;

	if (n < rows[tag].most) {
		record_put_text(out, tag, text);
		return;
	}
	n = rows[tag].most - 1;
	memcpy(cut, text, n);
	cut[n] = '\0';
	record_put(out, tag, cut, n + 1);
}

/* What is nothing is left out. */
static void put_field(struct buf *out, uint16_t tag, const void *field)
{
	const char *text;
	struct slice bytes;
	uint64_t u64 = 0;
	uint32_t u32;

	switch (rows[tag].form) {
	case FORM_TEXT:
		memcpy(&text, field, sizeof(text));
		put_text(out, tag, text);
		return;
	case FORM_BYTES:
		memcpy(&bytes, field, sizeof(bytes));
		if (bytes.n)
			record_put(out, tag, bytes.s, bytes.n);
		return;
	case FORM_U64:
		memcpy(&u64, field, sizeof(u64));
		break;
	case FORM_U32:
		memcpy(&u32, field, sizeof(u32));
		u64 = u32;
		break;
	case FORM_NONE:
		return;
	}
	if (u64)
		record_put_u64(out, tag, u64);
}

int histrec_encode(const struct histrec *h, struct buf *out)
{
	const size_t before = out->len;
	uint32_t head[2] = { 0, h->kind };

	buf_append(out, head, sizeof(head));
	for (unsigned tag = 1; tag < TAGS; tag++)
		put_field(out, (uint16_t)tag, (const char *)h + rows[tag].at);
	if (!out->failed && out->len - before <= HISTREC_MOST) {
		head[0] = (uint32_t)(out->len - before - sizeof(head[0]));
		memcpy(out->data + before, head, sizeof(head));
		return 0;
	}
	out->len = before;
	out->failed = false;
	return -1;
}

/* --- in */

int32_t histrec_frame(struct slice bytes)
{
	uint32_t length;

	if (bytes.n < sizeof(length))
		return 0;
	memcpy(&length, bytes.s, sizeof(length));
	if (length < FRAME_HEAD - sizeof(length) || length > HISTREC_MOST - sizeof(length))
		return -1;
	return bytes.n - sizeof(length) < length ? 0 : (int32_t)(sizeof(length) + length);
}

static int get_number(const struct histrec_row *row, const struct record_field *f, void *field)
{
	uint64_t u64;
	uint32_t u32;

	if (record_u64(f, &u64) < 0 || u64 > row->most)
		return -1;
	u32 = (uint32_t)u64;
	if (row->form == FORM_U32)
		memcpy(field, &u32, sizeof(u32));
	else
		memcpy(field, &u64, sizeof(u64));
	return 0;
}

static int get_field(struct histrec *h, const struct record_field *f)
{
	const struct histrec_row *row = &rows[f->tag < TAGS ? f->tag : 0];
	void *field = (char *)h + row->at;
	const char *text;

	switch (row->form) {
	case FORM_TEXT:
		text = record_text(f);
		if (!text || f->value.n > row->most)
			return -1;
		memcpy(field, &text, sizeof(text));
		return 0;
	case FORM_BYTES:
		memcpy(field, &f->value, sizeof(f->value));
		return 0;
	case FORM_U64:
	case FORM_U32:
		return get_number(row, f, field);
	case FORM_NONE:
		break; /* a field of a later day: not ours to judge */
	}
	return 0;
}

/* What a reader of that kind counts on. */
static const char *lacks(const struct histrec *h)
{
	switch (h->kind) {
	case HISTREC_START:
	case HISTREC_NONE:
		return !h->run_id ? "run id" : !h->job ? "job" : !h->user ? "user" : !h->host ? "host" :
			!h->boot ? "boot" : NULL;
	case HISTREC_END:
		return !h->run_id ? "run id" : !h->outcome.n ? "outcome" : NULL;
	case HISTREC_BOOT:
		return !h->boot ? "boot" : !h->host ? "host" : NULL;
	default:
		return NULL;
	}
}

int histrec_decode(struct histrec *h, struct slice frame, struct diag *d)
{
	struct record rec = { (const unsigned char *)frame.s + FRAME_HEAD,
		(const unsigned char *)frame.s + frame.n };
	struct record_field f;
	uint32_t kind;
	int more;

	*h = (struct histrec){ 0 };
	if (histrec_frame(frame) != (int32_t)frame.n || frame.n < FRAME_HEAD)
		return diag_error(d, 0, 0, "record is cut short");
	memcpy(&kind, frame.s + sizeof(uint32_t), sizeof(kind));
	if (kind < HISTREC_START || kind >= HISTREC_KINDS)
		return diag_error(d, 0, 0, "record of a kind that is not known (%u)", (unsigned)kind);
	h->kind = (enum histrec_kind)kind;
	while ((more = record_next(&rec, &f)) > 0) {
		if (get_field(h, &f) < 0)
			return diag_error(d, 0, 0, "record with a bad field (tag %u)", (unsigned)f.tag);
	}
	if (more < 0)
		return diag_error(d, 0, 0, "record with a field that is cut short");
	return lacks(h) ? diag_error(d, 0, 0, "record lacks its %s", lacks(h)) : 0;
}

const char *histrec_cause(enum start_cause cause)
{
	static const char *const names[] = { [START_DUE] = "due", [START_REBOOT] = "reboot",
		[START_HAND] = "hand", [START_RETRY] = "retry", [START_DAEMON] = "daemon",
		[START_CATCHUP] = "catchup" };

	return (unsigned)cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "unknown";
}

/* --- what crond-history is told of crond.conf */

enum config_tag { CONFIG_BOOT = 1, CONFIG_HOST, CONFIG_RETENTION, CONFIG_RETENTION_COUNT, CONFIG_GROUP,
	CONFIG_SIZE_MAX };

void history_config_encode(const struct history_config *c, struct buf *out)
{
	record_begin(out, HISTORY_MAGIC, HISTORY_VERSION);
	record_put_text(out, CONFIG_BOOT, c->boot);
	record_put_text(out, CONFIG_HOST, c->host);
	record_put_u64(out, CONFIG_RETENTION, c->retention_ms);
	record_put_u64(out, CONFIG_RETENTION_COUNT, c->retention_count);
	record_put_u64(out, CONFIG_SIZE_MAX, c->size_max);
	if (c->group >= 0)
		record_put_u64(out, CONFIG_GROUP, (uint64_t)c->group);
}

static int config_field(struct history_config *c, const struct record_field *f)
{
	uint64_t n = 0;

	switch ((enum config_tag)f->tag) {
	case CONFIG_BOOT:
		return (c->boot = record_text(f)) ? 0 : -1;
	case CONFIG_HOST:
		return (c->host = record_text(f)) ? 0 : -1;
	case CONFIG_RETENTION:
		return record_u64(f, &c->retention_ms);
	case CONFIG_SIZE_MAX:
		return record_u64(f, &c->size_max);
	case CONFIG_RETENTION_COUNT:
		if (record_u64(f, &n) < 0 || n > UINT32_MAX)
			return -1;
		c->retention_count = (uint32_t)n;
		return 0;
	case CONFIG_GROUP:
		if (record_u64(f, &n) < 0 || n > UINT32_MAX)
			return -1;
		c->group = (int64_t)n;
		return 0;
	}
	return 0;
}

int history_config_decode(struct history_config *c, struct slice bytes, struct diag *d)
{
	struct record rec;
	struct record_field f;
	int more;

	*c = (struct history_config){ .boot = "", .host = "", .group = -1 };
	if (record_open(&rec, bytes.s, bytes.n, HISTORY_MAGIC, HISTORY_VERSION, d) < 0)
		return -1;
	while ((more = record_next(&rec, &f)) > 0) {
		if (config_field(c, &f) < 0)
			return diag_error(d, 0, 0, "configuration with a bad field (tag %u)",
				(unsigned)f.tag);
	}
	return more < 0 ? diag_error(d, 0, 0, "configuration is cut short") : 0;
}
