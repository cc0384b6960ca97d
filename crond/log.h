/* log: lines to syslog or standard error, without ever waiting.
 * Flow: scheduler and keepers write here; what could not be written is counted in
 * memory they share, and said by the scheduler when there is room again. */
#ifndef CROND_LOG_H
#define CROND_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/base/slice.h"
#include "crond/journal.h"

enum log_target { LOG_TO_SYSLOG, LOG_TO_STDERR, LOG_TO_JSON, LOG_TO_JOURNAL, LOG_TARGETS };

struct log {
	enum log_target target;
	int level;             /* syslog priority; what is above it is left out */
	int fd;                /* /dev/log or the journal's socket; -1: not connected */
	const char *path;      /* "/dev/log" */
	const struct log_about *about; /* what all lines are about for now; NULL: nothing particular */
	_Atomic uint64_t *lost; /* shared; may be NULL */
	int64_t tried;          /* second after the last try to connect, 0: none */
	int err;                /* standard error, opened anew where that makes it never wait */
	bool err_socket;
};

/* "syslog", "stderr", "json", "journal", as crond.conf and the launcher's command line have them;
 * LOG_TARGETS: no such word. */
const char *log_target_name(enum log_target target);
enum log_target log_target_find(const char *name);
/* Where the journal has no socket l->target is LOG_TO_SYSLOG after it. */
void log_open(struct log *l, enum log_target target, int level, _Atomic uint64_t *lost);
/* Is /dev/log the journal's? What goes there in its own protocol comes to the same places. */
bool log_is_journal(void);
/* Connects it if it is not: what copies it then (a child) need not try. */
void log_ready(struct log *l);
void log_close(struct log *l);
/* One line as TAG[PID]: text; facility cron, if the priority names none. as: the pid whose
 * credentials it carries (SCM_CREDENTIALS, root only), 0: the caller's own. Control bytes
 * come out as ? or spelled out. Safe between vfork and exec: no memory is allocated. */
void log_line(struct log *l, int priority, const char *tag, pid_t pid, pid_t as, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The same, and where the target has fields what it is about. */
void log_about(struct log *l, const struct log_about *about, int priority, const char *tag,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The classic form, TAG[PID]: (USER) WHAT (DETAIL), info; detail is escaped (^X, \303)
 * and cut at 1,000 bytes. Safe between vfork and exec. */
void log_classic(struct log *l, const char *tag, pid_t pid, pid_t as, const char *user,
	const char *what, const char *detail);
/* What a job printed, to standard error whatever the target: as one line, or several
 * where it is too long for one. more: it goes on, and half a character at its end is
 * left for later. How many bytes were said. */
size_t log_output(struct log *l, const char *job, const char *run, const char *stream,
	struct slice text, bool more);

#endif
