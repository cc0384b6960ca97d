/* run: what is to be run, and how far it has come.
 * Flow: the scheduler writes runs/ID/run, the keeper reads it and marks its
 * progress in the file's head; who adopts reads both. */
#include "crond/core/run.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"
#include "crond/base/text.h"
#include "crond/core/dialect.h"
#include "crond/core/run_first.h"

enum kind {
	KIND_NONE, /* tag not known here: skipped */
	KIND_TEXT,
	KIND_NEEDED, /* a text that must be there */
	KIND_U32,
	KIND_U64,
	KIND_BOOL,
	KIND_LIST,  /* NUL-separated, the last one ended too */
	KIND_BYTES,
	KIND_GROUPS,
};

enum run_tag {
	RUN_ID = 1, RUN_JOB_IDENTITY, RUN_JOB, RUN_PLACE, RUN_SCHEDULED, RUN_ATTEMPT, RUN_FLAGS,
	RUN_DIALECT,
	RUN_USER = 16, RUN_UID, RUN_GID, RUN_GROUPS, RUN_DIR, RUN_FALLBACK_DIR, RUN_UMASK,
	RUN_DRESS, RUN_NICE, RUN_IONICE, RUN_OWN_UMASK, RUN_CPUS, RUN_LIMITS,
	RUN_SHELL = 32, RUN_COMMAND, RUN_WORDS, RUN_ARGV_ONLY, RUN_ENV, RUN_INPUT,
	RUN_SUCCESS, RUN_ENV_FILE, RUN_PRE, RUN_POST, RUN_ON_SUCCESS, RUN_ON_FAILURE,
	RUN_TIMEOUT = 48, RUN_KILL_AFTER, RUN_OUTPUT_MOST, RUN_STOP_SIGNAL, RUN_CGROUP, RUN_MEMORY_MAX,
	RUN_CPU_QUOTA, RUN_TASKS_MAX,
	RUN_MAIL_TO = 64, RUN_MAIL_FROM, RUN_MAILER, RUN_HOST, RUN_MAIL_TYPE, RUN_MAIL_ENCODING,
	RUN_PAM_SERVICE,
	RUN_NOTIFY = 72, RUN_WATCHDOG, RUN_WATCHDOG_MISS,
	RUN_ALERT = 80, RUN_TAGS, RUN_OWNER, RUN_DESCRIPTION, RUN_SCHEDULE,
	RUN_ALERT_ON, RUN_ALERT_AFTER, RUN_ALERT_EVERY, RUN_POOL,
	RUN_LOG_DIR = 96, RUN_LOG, RUN_LOG_MOST, RUN_HOME, RUN_RETENTION, RUN_RETENTION_COUNT,
	RUN_FAILURES,
	RUN_TAGS_END
};

#define AT(member) offsetof(struct run, member)

static const struct field {
	enum kind kind;
	size_t offset;
	const char *name;
} fields[RUN_TAGS_END] = {
	[RUN_ID] = { KIND_NEEDED, AT(id), "id" },
	[RUN_JOB_IDENTITY] = { KIND_U64, AT(identity), "identity" },
	[RUN_JOB] = { KIND_TEXT, AT(job), "job" },
	[RUN_PLACE] = { KIND_TEXT, AT(place), "place" },
	[RUN_SCHEDULED] = { KIND_U64, AT(scheduled), "scheduled" },
	[RUN_ATTEMPT] = { KIND_U32, AT(attempt), "attempt" },
	[RUN_FLAGS] = { KIND_U32, AT(flags), "flags" },
	[RUN_DIALECT] = { KIND_U32, AT(dialect), "dialect" },
	[RUN_USER] = { KIND_NEEDED, AT(user), "user" },
	[RUN_UID] = { KIND_U32, AT(uid), "uid" },
	[RUN_GID] = { KIND_U32, AT(gid), "gid" },
	[RUN_GROUPS] = { KIND_GROUPS, AT(groups), "groups" },
	[RUN_DIR] = { KIND_NEEDED, AT(dir), "dir" },
	[RUN_FALLBACK_DIR] = { KIND_TEXT, AT(fallback_dir), "fallback-dir" },
	[RUN_UMASK] = { KIND_U32, AT(umask), "umask" },
	[RUN_DRESS] = { KIND_U32, AT(dress.given), "dress" },
	[RUN_NICE] = { KIND_U32, AT(dress.nice), "nice" },
	[RUN_IONICE] = { KIND_U32, AT(dress.ionice), "ionice" },
	[RUN_OWN_UMASK] = { KIND_U32, AT(dress.umask), "own-umask" },
	[RUN_CPUS] = { KIND_TEXT, AT(dress.cpus), "cpus" },
	[RUN_LIMITS] = { KIND_BYTES, AT(dress.limits), "limits" },
	[RUN_SHELL] = { KIND_NEEDED, AT(shell), "shell" },
	[RUN_COMMAND] = { KIND_NEEDED, AT(command), "command" },
	[RUN_WORDS] = { KIND_LIST, AT(words), "words" },
	[RUN_ARGV_ONLY] = { KIND_BOOL, AT(argv_only), "argv-only" },
	[RUN_ENV] = { KIND_LIST, AT(env), "env" },
	[RUN_INPUT] = { KIND_BYTES, AT(input), "input" },
	[RUN_SUCCESS] = { KIND_BYTES, AT(dress.success), "success" },
	[RUN_ENV_FILE] = { KIND_TEXT, AT(dress.env_file), "env-file" },
	[RUN_PRE] = { KIND_TEXT, AT(dress.pre), "pre" },
	[RUN_POST] = { KIND_TEXT, AT(dress.post), "post" },
	[RUN_ON_SUCCESS] = { KIND_TEXT, AT(dress.on_success), "on-success" },
	[RUN_ON_FAILURE] = { KIND_TEXT, AT(dress.on_failure), "on-failure" },
	[RUN_TIMEOUT] = { KIND_U64, AT(timeout_ms), "timeout" },
	[RUN_KILL_AFTER] = { KIND_U64, AT(kill_after_ms), "kill-after" },
	[RUN_OUTPUT_MOST] = { KIND_U64, AT(output_most), "output-most" },
	[RUN_STOP_SIGNAL] = { KIND_U32, AT(stop_signal), "stop-signal" },
	[RUN_CGROUP] = { KIND_TEXT, AT(cgroup), "cgroup" },
	[RUN_MEMORY_MAX] = { KIND_U64, AT(memory_max), "memory-max" },
	[RUN_CPU_QUOTA] = { KIND_U64, AT(cpu_quota), "cpu-quota" },
	[RUN_TASKS_MAX] = { KIND_U64, AT(tasks_max), "tasks-max" },
	[RUN_MAIL_TO] = { KIND_TEXT, AT(mail_to), "mail-to" },
	[RUN_MAIL_FROM] = { KIND_TEXT, AT(mail_from), "mail-from" },
	[RUN_MAILER] = { KIND_TEXT, AT(mailer), "mailer" },
	[RUN_HOST] = { KIND_TEXT, AT(host), "host" },
	[RUN_MAIL_TYPE] = { KIND_TEXT, AT(mail_type), "mail-type" },
	[RUN_MAIL_ENCODING] = { KIND_TEXT, AT(mail_encoding), "mail-encoding" },
	[RUN_PAM_SERVICE] = { KIND_TEXT, AT(pam_service), "pam-service" },
	[RUN_NOTIFY] = { KIND_TEXT, AT(notify), "notify" },
	[RUN_WATCHDOG] = { KIND_U64, AT(watchdog_ms), "watchdog" },
	[RUN_WATCHDOG_MISS] = { KIND_U32, AT(watchdog_miss), "watchdog-miss" },
	[RUN_ALERT] = { KIND_LIST, AT(alert), "alert" },
	[RUN_TAGS] = { KIND_LIST, AT(tags), "tags" },
	[RUN_OWNER] = { KIND_TEXT, AT(owner), "owner" },
	[RUN_DESCRIPTION] = { KIND_TEXT, AT(description), "description" },
	[RUN_SCHEDULE] = { KIND_TEXT, AT(schedule), "schedule" },
	[RUN_ALERT_ON] = { KIND_U32, AT(alert_on), "alert-on" },
	[RUN_ALERT_AFTER] = { KIND_U32, AT(alert_after), "alert-after" },
	[RUN_ALERT_EVERY] = { KIND_U64, AT(alert_every_ms), "alert-every" },
	[RUN_LOG_DIR] = { KIND_TEXT, AT(dress.log_dir), "log-dir" },
	[RUN_LOG] = { KIND_TEXT, AT(dress.log), "log" },
	[RUN_LOG_MOST] = { KIND_U64, AT(dress.log_most), "log-most" },
	[RUN_HOME] = { KIND_TEXT, AT(dress.home), "home" },
	[RUN_RETENTION] = { KIND_U64, AT(dress.retention_ms), "retention" },
	[RUN_RETENTION_COUNT] = { KIND_U32, AT(dress.retention_count), "retention-count" },
	[RUN_FAILURES] = { KIND_U32, AT(dress.failures), "failures" },
	[RUN_POOL] = { KIND_TEXT, AT(pool), "pool" },
};

static void field_encode(struct buf *out, uint16_t tag, const struct run *r)
{
	const void *at = (const char *)r + fields[tag].offset;
	const struct slice *s = at;
	uint32_t u32;
	uint64_t u64;

	switch (fields[tag].kind) {
	case KIND_NONE:
		break;
	case KIND_TEXT:
	case KIND_NEEDED:
		record_put_text(out, tag, *(const char *const *)at);
		break;
	case KIND_U32:
		memcpy(&u32, at, sizeof(u32));
		if (u32)
			record_put_u64(out, tag, u32);
		break;
	case KIND_U64:
		memcpy(&u64, at, sizeof(u64));
		if (u64)
			record_put_u64(out, tag, u64);
		break;
	case KIND_BOOL:
		if (*(const bool *)at)
			record_put_u64(out, tag, 1);
		break;
	case KIND_LIST:
		if (s->n)
			record_put(out, tag, s->s, s->n);
		break;
	case KIND_BYTES:
		if (s->s)
			record_put(out, tag, s->s, s->n);
		break;
	case KIND_GROUPS:
		if (r->group_count)
			record_put(out, tag, r->groups, r->group_count * sizeof(*r->groups));
		break;
	}
}

void run_encode(const struct run *r, struct buf *out)
{
	record_begin(out, RUN_MAGIC, RUN_VERSION);
	for (unsigned tag = 0; tag < RUN_TAGS_END; tag++)
		field_encode(out, (uint16_t)tag, r);
}

static int number_decode(const struct record_field *f, uint64_t most, uint64_t *value)
{
	return record_u64(f, value) < 0 || *value > most ? -1 : 0;
}

static int field_decode(struct run *r, const struct record_field *f)
{
	void *at = (char *)r + fields[f->tag].offset;
	uint64_t value;
	uint32_t u32;

	switch (fields[f->tag].kind) {
	case KIND_NONE:
		return 0;
	case KIND_TEXT:
	case KIND_NEEDED:
		*(const char **)at = record_text(f);
		return *(const char **)at ? 0 : -1;
	case KIND_U32:
		if (number_decode(f, UINT32_MAX, &value) < 0)
			return -1;
		u32 = (uint32_t)value;
		memcpy(at, &u32, sizeof(u32));
		return 0;
	case KIND_U64:
		return record_u64(f, at);
	case KIND_BOOL:
		if (number_decode(f, 1, &value) < 0)
			return -1;
		*(bool *)at = value != 0;
		return 0;
	case KIND_LIST:
		*(struct slice *)at = f->value;
		return f->value.n == 0 || f->value.s[f->value.n - 1] == '\0' ? 0 : -1;
	case KIND_BYTES:
		*(struct slice *)at = f->value;
		return 0;
	case KIND_GROUPS:
		/* pointer arithmetic only: it may stand unaligned */
		r->groups = (const uint32_t *)(const void *)f->value.s;
		r->group_count = (uint32_t)(f->value.n / sizeof(uint32_t));
		return f->value.n % sizeof(uint32_t) ? -1 : 0;
	}
	return -1;
}

static int run_judge(const struct run *r, struct diag *d)
{
	for (size_t tag = 0; tag < RUN_TAGS_END; tag++) {
		const char *const *at = (const void *)((const char *)r + fields[tag].offset);

		if (fields[tag].kind == KIND_NEEDED && !*at)
			return diag_error(d, 0, 0, "run record without %s", fields[tag].name);
	}
	if (!run_id_ok(r->id, strlen(r->id)))
		return diag_error(d, 0, 0, "run record with a bad id");
	if (r->dialect >= DIALECTS)
		return diag_error(d, 0, 0, "run record of an unknown dialect (%u)", r->dialect);
	if (r->argv_only && r->words.n == 0)
		return diag_error(d, 0, 0, "run record with neither words nor a shell");
	if (r->umask > 0777)
		return diag_error(d, 0, 0, "run record with a bad umask (%o)", r->umask);
	if (r->dress.limits.n % sizeof(struct dress_limit) || (r->dress.success.n && r->dress.success.n != 32))
		return diag_error(d, 0, 0, "run record with bad limits or exit codes");
	if (r->dress.umask > 0777)
		return diag_error(d, 0, 0, "run record with a bad umask (%o)", r->dress.umask);
	return 0;
}

int run_decode(struct run *r, struct slice record, struct diag *d)
{
	struct record rec;
	struct record_field f;
	int more;

	memset(r, 0, sizeof(*r));
	if (record_open(&rec, record.s, record.n, RUN_MAGIC, RUN_VERSION, d) < 0)
		return -1;
	while ((more = record_next(&rec, &f)) > 0) {
		if (f.tag >= RUN_TAGS_END)
			continue;
		if (field_decode(r, &f) < 0)
			return diag_error(d, 0, 0, "run record with a bad %s", fields[f.tag].name);
	}
	if (more < 0)
		return diag_error(d, 0, 0, "run record is cut short");
	return run_judge(r, d);
}

int run_progress_decode(struct run_progress *p, struct slice file, struct diag *d)
{
	if (run_first_is(file))
		return run_first_decode(p, file) ? 0 : diag_error(d, 0, 0, "run file of the first version is damaged");
	if (file.n < sizeof(*p))
		return diag_error(d, 0, 0, "run file too short (%zu bytes)", file.n);
	memcpy(p, file.s, sizeof(*p));
	if (p->magic != RUN_PROGRESS_MAGIC)
		return diag_error(d, 0, 0, "not a run file");
	if (p->version != RUN_PROGRESS_VERSION)
		return diag_error(d, 0, 0, "run file version %u is not known (this is version %u)",
			(unsigned)p->version, (unsigned)RUN_PROGRESS_VERSION);
	if (p->phase > RUN_PENDING)
		return diag_error(d, 0, 0, "run file with an unknown phase (%u)", (unsigned)p->phase);
	if (p->outcome_n > sizeof(p->outcome) || (p->phase == RUN_ENDED) != (p->outcome_n > 0))
		return diag_error(d, 0, 0, "run file with a bad outcome (%u bytes)", (unsigned)p->outcome_n);
	return 0;
}

struct slice run_record(const struct run_progress *p, struct slice file)
{
	size_t head = p->version == RUN_PROGRESS_FIRST ? sizeof(struct run_first) : sizeof(*p);

	return file.n < head ? (struct slice){ file.s, 0 } : (struct slice){ file.s + head, file.n - head };
}

int run_file_decode(struct run_progress *p, struct run *r, struct slice file, struct diag *d)
{
	if (run_progress_decode(p, file, d) < 0 || run_decode(r, run_record(p, file), d) < 0)
		return -1;
	if (p->version == RUN_PROGRESS_FIRST)
		run_first_complete(r);
	return 0;
}

const char *run_session_name(enum run_session session)
{
	static const char *const names[RUN_SESSIONS] = {
		[RUN_SESSION_NONE] = "PAM",
		[RUN_SESSION_START] = "PAM",
		[RUN_SESSION_ACCOUNT] = "PAM account",
		[RUN_SESSION_CREDENTIALS] = "PAM credentials",
		[RUN_SESSION_OPEN] = "PAM session",
	};

	return session < RUN_SESSIONS ? names[session] : "PAM";
}

bool run_session_reason(const struct run_progress *p, char *out, size_t n)
{
	const char *name = run_session_name((enum run_session)p->session);

	if (p->phase != RUN_STARTED || p->session == RUN_SESSION_NONE)
		return false;
	if (p->session_end == RUN_SESSION_LATE)
		snprintf(out, n, "%s: no answer within %u s", name, (unsigned)p->session_s);
	else if (p->session_end == RUN_SESSION_RIGHTS)
		snprintf(out, n, "%s: a module gave up the keeper's rights", name);
	else
		snprintf(out, n, "%s: the keeper died in it", name);
	return true;
}

int run_id(char *out, const char *job, int64_t scheduled, uint32_t attempt)
{
	int n = snprintf(out, RUN_ID_MOST, "%s-%lld-%u", job, (long long)scheduled, attempt);

	return n > 0 && n < RUN_ID_MOST && run_id_ok(out, (size_t)n) ? 0 : -1;
}

uint32_t run_id_number(const char *id)
{
	const char *dash = strrchr(id, '-');
	unsigned long n = dash ? strtoul(dash + 1, NULL, 10) : 0;

	return n < UINT32_MAX ? (uint32_t)n : 0;
}

bool run_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c && strchr("._-+@:,=%~", c));
}

bool run_id_ok(const char *id, size_t n)
{
	if (n == 0 || n >= RUN_ID_MOST || id[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!run_id_char(id[i]))
			return false;
	return true;
}

int32_t run_signal_value(const char *id, int sig)
{
	uint32_t run = (uint32_t)text_hash(0, id, strlen(id)) & INT32_MAX >> RUN_SIGNAL_BITS;

	return (int32_t)(run << RUN_SIGNAL_BITS | (uint32_t)sig);
}

const char *run_list_next(struct slice *list)
{
	const char *text = list->s, *end;

	if (list->n == 0)
		return NULL;
	end = memchr(text, 0, list->n);
	if (!end) { /* the last one has no end: not a text */
		list->n = 0;
		return NULL;
	}
	list->n -= (size_t)(end + 1 - text);
	list->s = end + 1;
	return text;
}
