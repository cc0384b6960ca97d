/* scribe: a process that writes a run's log, so that no disk holds up the run's keeper.
 * Flow: the output hands on what it has read from the job's pipes; the scribe opens the file
 * (runlog_open) and writes into it (runlog), as long as the keeper holds the other end.
 *
 * It is no child of the keeper's: nobody takes it for a part of the job. What it cannot take in
 * time is left out and marked; who ends before the file is open does not wait for long. */
#ifndef CROND_SCRIBE_H
#define CROND_SCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spawn;

struct scribe {
	int fd;         /* to it; -1: none */
	bool opened;    /* its file is open, at path */
	bool over;      /* nothing more is heard of it */
	bool stuck;     /* it took none for a while: not waited for again until it does */
	uint64_t lost;  /* bytes that it was not given, and does not know of */
	int open_error, error; /* errno: of a log that there is not; of what else went wrong */
	char *path;     /* of the log, in room of the caller's, who puts there what to expect */
	size_t path_n;
};

/* What goes to the scribe in front of bytes, and what comes back. */
struct scribe_head {
	uint32_t stream, zero;
	uint64_t lost; /* before these bytes */
};
enum scribe_news { SCRIBE_OPENED, SCRIBE_OVER };
struct scribe_word {
	int32_t news, error; /* enum scribe_news, errno */
	char path[6 * 1024]; /* of SCRIBE_OPENED; as long as the message says */
};

/* Starts it. s begins as { .fd = -1, .path = ... }. 0 or -1 with errno. */
int scribe_begin(struct scribe *s, const struct spawn *as, int64_t started_ns);
/* A stream's next bytes; streams 0 and 1 are standard output and error. Waits a second once
 * where none are taken. */
void scribe_add(struct scribe *s, int stream, const char *bytes, size_t n);
/* Waits for a moment until the log is open, or is known not to be. */
void scribe_settle(struct scribe *s);
/* Nothing follows: waits for a while until all is written. */
void scribe_end(struct scribe *s);

#endif
