/* journal: a line in the native protocol of systemd's journal, with fields to search by.
 * Flow: log puts a line and what it is about in here and sends the parts in one datagram. */
#ifndef CROND_JOURNAL_H
#define CROND_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "crond/base/slice.h"

/* What a line is about; NULL, 0 and, for exit_code, -1 are left out. */
struct log_about {
	const char *job, *run, *user;
	const char *result, *reason, *command;
	const char *signal; /* "KILL" */
	int exit_code;
	uint32_t attempt, failures;
	int64_t scheduled;  /* epoch second */
};

enum { JOURNAL_FIELDS = 16, JOURNAL_PARTS = JOURNAL_FIELDS * 5, JOURNAL_VALUE_MOST = 32 * 1024 };

/* One entry, as parts that point into what was put in and into itself: it stays where it is.
 * Zero-initialised is empty. */
struct journal {
	struct iovec parts[JOURNAL_PARTS];
	size_t count;
	uint64_t sizes[JOURNAL_FIELDS]; /* of values in the binary form, little-endian */
	size_t sizes_used;
	char numbers[JOURNAL_FIELDS][24];
	size_t numbers_used;
};

/* Adds NAME=value, in the form that bears any byte where it has to be; of a longer value the
 * first JOURNAL_VALUE_MOST bytes. false: there is no room for another field. */
bool journal_put(struct journal *j, const char *name, struct slice value);
bool journal_number(struct journal *j, const char *name, int64_t value);
/* MESSAGE, PRIORITY, SYSLOG_FACILITY, SYSLOG_IDENTIFIER and SYSLOG_PID, and of about (may be NULL)
 * CRON_JOB, CRON_RUN_ID, CRON_USER, CRON_RESULT, ... priority: with its facility. */
void journal_line(struct journal *j, int priority, const char *tag, pid_t pid, struct slice text,
	const struct log_about *about);

#endif
