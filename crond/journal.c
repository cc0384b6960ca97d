/* journal: a line in the native protocol of systemd's journal, with fields to search by.
 * Flow: log puts a line and what it is about in here and sends the parts in one datagram. */
#include "config.h"

#include "crond/journal.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MOST = 2048, PRIORITY_BITS = 3, FIELD_PARTS = 5 };

static void part(struct journal *j, const void *at, size_t n)
{
	j->parts[j->count++] = (struct iovec){ (void *)(uintptr_t)at, n };
}

/* What has control bytes or is long goes with its length in front. */
static bool is_text(struct slice value)
{
	if (value.n > TEXT_MOST)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if ((unsigned char)value.s[i] < 0x20 && value.s[i] != '\t')
			return false;
	}
	return true;
}

bool journal_put(struct journal *j, const char *name, struct slice value)
{
	if (j->count + FIELD_PARTS > JOURNAL_PARTS || j->sizes_used == JOURNAL_FIELDS)
		return false;
	if (value.n > JOURNAL_VALUE_MOST)
		value.n = JOURNAL_VALUE_MOST;
	part(j, name, strlen(name));
	if (is_text(value)) {
		part(j, "=", 1);
	} else {
		uint64_t *size = &j->sizes[j->sizes_used++];

		*size = htole64(value.n);
		part(j, "\n", 1);
		part(j, size, sizeof(*size));
	}
	part(j, value.s, value.n);
	part(j, "\n", 1);
	return true;
}

bool journal_number(struct journal *j, const char *name, int64_t value)
{
	char *text;

	if (j->numbers_used == JOURNAL_FIELDS)
		return false;
	text = j->numbers[j->numbers_used++];
	snprintf(text, sizeof(j->numbers[0]), "%" PRId64, value);
	return journal_put(j, name, slice_of(text));
}

static void put_text(struct journal *j, const char *name, const char *value)
{
	if (value && *value)
		journal_put(j, name, slice_of(value));
}

static void put_about(struct journal *j, const struct log_about *a)
{
	put_text(j, "CRON_JOB", a->job);
	put_text(j, "CRON_RUN_ID", a->run);
	put_text(j, "CRON_USER", a->user);
	put_text(j, "CRON_RESULT", a->result);
	put_text(j, "CRON_SIGNAL", a->signal);
	put_text(j, "CRON_REASON", a->reason);
	put_text(j, "CRON_COMMAND", a->command);
	if (a->exit_code >= 0)
		journal_number(j, "CRON_EXIT_CODE", a->exit_code);
	if (a->attempt)
		journal_number(j, "CRON_ATTEMPT", a->attempt);
	if (a->failures)
		journal_number(j, "CRON_FAILURES", a->failures);
	if (a->scheduled)
		journal_number(j, "CRON_SCHEDULED_AT", a->scheduled);
}

void journal_line(struct journal *j, int priority, const char *tag, pid_t pid, struct slice text,
	const struct log_about *about)
{
	journal_put(j, "MESSAGE", text);
	journal_number(j, "PRIORITY", priority & ((1 << PRIORITY_BITS) - 1));
	journal_number(j, "SYSLOG_FACILITY", priority >> PRIORITY_BITS);
	put_text(j, "SYSLOG_IDENTIFIER", tag);
	journal_number(j, "SYSLOG_PID", pid);
	if (about)
		put_about(j, about);
}
