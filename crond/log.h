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

enum log_target { LOG_TO_SYSLOG, LOG_TO_STDERR };

struct log {
	enum log_target target;
	int level;             /* syslog priority; what is above it is left out */
	int fd;                /* /dev/log, or 2; -1: not connected */
	const char *path;      /* "/dev/log" */
	_Atomic uint64_t *lost; /* shared; may be NULL */
	int64_t tried;          /* second after the last try to connect, 0: none */
};

void log_open(struct log *l, enum log_target target, int level, _Atomic uint64_t *lost);
void log_close(struct log *l);
/* One line as TAG[PID]: text, facility cron. as: the pid whose credentials it carries
 * (SCM_CREDENTIALS, root only), 0: the caller's own. Control bytes are escaped by
 * the caller. Safe between vfork and exec: no memory is allocated. */
void log_line(struct log *l, int priority, const char *tag, pid_t pid, pid_t as, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The classic form, TAG[PID]: (USER) WHAT (DETAIL), info; detail is escaped (^X, \303)
 * and cut at 1,000 bytes. Safe between vfork and exec. */
void log_classic(struct log *l, const char *tag, pid_t pid, pid_t as, const char *user,
	const char *what, const char *detail);

#endif
