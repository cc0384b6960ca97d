/* follow: a log that somebody may be writing to, from its beginning to its end.
 * Flow: cronctl log opens it; what is new is shown, also when the middle of it has been cut
 * out meanwhile (crond/runlog). */
#ifndef TOOL_FOLLOW_H
#define TOOL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { FOLLOW_KNOWN = 64 };

/* Begins as { .fd = ... }, harmless where a terminal is to obey nothing of it. */
struct follow {
	int fd;
	bool harmless;
	/* its own */
	uint64_t at;    /* in the file */
	uint64_t mark, left_out; /* what was cut out of it when that was last looked for */
	bool looked;
	char known[FOLLOW_KNOWN]; /* what stood in front of at */
	unsigned known_n;
	char half[8];   /* of a character */
	unsigned half_n;
};

/* Appends the next piece to out. 1: there may be more; 0: nothing is new; -1 with errno. */
int follow_next(struct follow *f, struct buf *out);
/* Appends a text of n bytes as a terminal is to see it. */
void follow_harmless(struct buf *out, const char *s, size_t n);
/* Appends what was held back: nothing follows. */
void follow_end(struct follow *f, struct buf *out);

#endif
