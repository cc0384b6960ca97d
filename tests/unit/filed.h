/* filed: the stage for records of runs on file; see filed.c. Include it behind cmocka.h. */
#ifndef TEST_FILED_H
#define TEST_FILED_H

#include <limits.h>

#include "crond/core/histrec.h"
#include "crond/crond.h"

extern struct crond crond;
extern char dir[PATH_MAX];

/* Of a test: a directory and a scheduler that keeps records there; both gone. */
int begin(void **state);
int end(void **state);
/* Its crond-history is there and is not started: what stands on file is seen. made: the backlog is
 * not opened; begin: it is on. */
void scheduler_made(void);
void scheduler_open(void);
void scheduler_begin(void);
void scheduler_end(void);

struct found {
	int kinds[HISTREC_KINDS];
	uint64_t left_out;
	char starts[4096], ends[4096]; /* ids with a blank behind each */
	struct histrec last;
	struct buf bytes;
};

/* Adds what the frames are; asserts that they are whole. */
void frames_read(struct slice rest, struct found *f);
/* All segments that the scheduler knows of, in its order. Static. */
struct found *read_all(void);
size_t segments_count(void);

/* A run, and what the scheduler knows of a live one: the caller's to free. */
struct run a_run(const char *id);
struct live_run *live(const char *id);
void start(struct live_run *run);
void end_ok(struct live_run *run);

#endif
