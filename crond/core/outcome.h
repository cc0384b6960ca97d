/* outcome: how a run ended.
 * Flow: the keeper (or whoever adopts a dead keeper's run) writes it, the scheduler
 * takes it in; log, alerts and history say it in the same words. */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct diag;

enum result {
	RESULT_OK,
	RESULT_EXIT,
	RESULT_SIGNAL,
	RESULT_OOM,
	RESULT_SPAWN,
	RESULT_TIMEOUT,
	RESULT_WATCHDOG,
	RESULT_KILLED,
	RESULT_SKIPPED,
	RESULT_MISSED,
	RESULT_LOST,
	RESULTS
};

/* For what a run was stopped by us before its end (core/stop_order). */
enum stop_reason {
	STOP_NONE,     /* it was not, or its own timeout did it */
	STOP_PERSON,   /* cronctl kill */
	STOP_REPLACE,  /* concurrency=replace: a later start takes its place */
	STOP_SHUTDOWN,
	STOP_WATCHDOG, /* its heartbeats were missing */
	STOP_RESTART,  /* cronctl restart */
	STOP_REMOVED,  /* its task is gone, or not for this host any more */
	STOP_REASONS
};

enum { OUTCOME_MAGIC = 0x6f6e7243, OUTCOME_VERSION = 1, OUTCOME_TAIL = 4096,
	OUTCOME_HEAD_LINES = 200, OUTCOME_PATH_MOST = 8192 };

struct outcome {
	enum result result;
	int exit_code;            /* of RESULT_OK, RESULT_EXIT; -1 otherwise */
	int signal;               /* 0: none */
	enum stop_reason stopped;
	const char *reason;       /* NULL: none */
	int64_t started_ns, finished_ns; /* realtime; 0: never started */
	int64_t took_ns;          /* monotonic */
	uint64_t cpu_us, memory_kb;      /* of the job and what it waited for */
	uint64_t output_bytes;    /* all it printed */
	bool truncated;           /* some of it was not kept */
	int32_t job_pid;
	struct slice stdout_tail, stderr_tail; /* at most OUTCOME_TAIL bytes each */
	struct slice stderr_head; /* as outcome_head() has it; empty where the tail begins at the start */
	bool one_stream;          /* its two are one: stdout_tail and stderr_head are of both */
	const char *log;          /* path of the file that it was logged to; NULL: none */
	const char *artifacts;    /* the directory that holds what it has left; NULL: none */
};

const char *result_name(enum result r);  /* "ok", "exit", ... */
const char *result_event(enum result r); /* "run.success", ... */
int result_find(struct slice name);      /* or -1 */
bool result_alerts(enum result r);       /* marked in the vocabulary's table */
bool result_failed(enum result r);       /* gets a FAIL line */

/* The first OUTCOME_HEAD_LINES lines of s, at most OUTCOME_TAIL bytes, no half character. */
struct slice outcome_head(struct slice s);
/* What it said first of its errors, as outcome_head(): standard error, or all of one stream. */
struct slice outcome_errors(const struct outcome *o);

void outcome_encode(const struct outcome *o, struct buf *out);
/* In no more than most bytes (160 or more): without what it printed, used and left, and with as
 * much of its reason as there is room for. */
void outcome_encode_short(const struct outcome *o, size_t most, struct buf *out);
/* Texts and slices point into bytes. 0 or -1 with *d. */
int outcome_decode(struct outcome *o, struct slice bytes, struct diag *d);

#endif
