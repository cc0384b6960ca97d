/* report: what an unprivileged helper says to the scheduler.
 * Flow: acknowledgements and log lines go back through the socket, and wait here while
 * it is full. */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first byte of a log line: a priority digit and the line follow. */
enum { REPORT_LOG = 'l' };

struct message;

struct report {
	int fd;
	bool closed; /* nobody reads any more: all is dropped */
	struct message *first, *last;
	size_t waiting;
	unsigned tokens;     /* lines that may be said now */
	int64_t refilled_ms; /* monotonic */
	unsigned left_out;
};

void report_open(struct report *r, int fd, int64_t now_ms);
/* A message of that type. Dropped only with the connection. */
void report_send(struct report *r, char type, const void *bytes, size_t n);
/* One line for the log, control bytes replaced. Lines beyond a burst of 40 and two a
 * second are counted and left out, so that a broken receiver does not fill the log;
 * debug lines are neither counted nor limited, but dropped first. */
void report_log(struct report *r, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Sends what the socket takes, and says how many lines were left out. Never waits. */
void report_flush(struct report *r, int64_t now_ms);
/* So much waits that nothing more should be read from a peer that does not read. */
bool report_full(const struct report *r);
void report_free(struct report *r);

#endif
