/* cronctl_runs: what has run, and how it went.
 * Flow: options become a request of crond-history, its lines become rows; one run that is named
 * is shown whole (cronctl_run_one.c). */
#include "config.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/text.h"
#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_asked.h"
#include "crontab-tool/sheet.h"
#include "crontab-tool/when.h"

enum { RESULTS_GIVEN = 16, CELL = 64 };

enum column { COLUMN_RUN, COLUMN_WHEN, COLUMN_RESULT, COLUMN_TOOK, COLUMN_CPU, COLUMN_MEMORY, COLUMN_WHY };

/* All but the last are the same in both. */
#define COLUMNS_FIRST \
	[COLUMN_RUN] = { "RUN", false, 24, 2 }, [COLUMN_WHEN] = { "WHEN", true, 0, 0 }, \
	[COLUMN_RESULT] = { "RESULT", false, 0, 0 }, [COLUMN_TOOK] = { "TOOK", true, 0, 0 }, \
	[COLUMN_CPU] = { "CPU", true, 0, 0 }, [COLUMN_MEMORY] = { "MEMORY", true, 0, 0 }

static const struct grid_column columns[] = { COLUMNS_FIRST, [COLUMN_WHY] = { "WHY", false, 8, 1 } };
static const struct grid_column columns_kept[] = { COLUMNS_FIRST,
	[COLUMN_WHY] = { "ARTIFACTS", false, 12, 1 } };

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct runs {
	struct asked_filter filter;
	bool json, wide, with_stderr, artifacts;
	const char *socket;
	uint64_t limit;
	bool limited;        /* by --limit */
	bool has_exit;
	uint64_t exit_code;
	const char *results[RESULTS_GIVEN + 1];
	size_t result_count;
	/* of the answer */
	struct sheet sheet;
	int64_t now;
	size_t shown;
};

/* --- the command line */

/* --result may be given more than once, and name several. */
static int take_results(struct runs *r, char *text)
{
	for (char *rest = text, *word; (word = strsep(&rest, ","));) {
		if (r->result_count == RESULTS_GIVEN || !asked_result_known(word))
			return asked_bad("--result", word, "ok, exit, signal, oom, spawn, timeout, watchdog, killed,"
				" skipped, missed, lost, running");
		r->results[r->result_count++] = word;
	}
	return 0;
}

static int take_option(struct runs *r, int c)
{
	switch (c) {
	case 'R':
		return take_results(r, optarg);
	case 'e':
		r->has_exit = true;
		return text_number(slice_of(optarg), 255, &r->exit_code) == 0 ? 0 :
			asked_bad("--exit", optarg, "a number from 0 to 255");
	case 'n':
		r->limited = true;
		return text_number(slice_of(optarg), CTLMSG_LIMIT_MOST, &r->limit) == 0 ? 0 :
			asked_bad("--limit", optarg, "a number; 0 is all");
	case 'o':
		r->json = true;
		return 0;
	case 'w':
		r->wide = true;
		return 0;
	case 'E':
		r->with_stderr = true;
		return 0;
	case 'a':
		r->artifacts = true;
		return 0;
	case 'S':
		r->socket = optarg;
		return 0;
	default:
		return asked_filter_option(&r->filter, c, optarg);
	}
}

static int options_read(struct runs *r, int argc, char **argv)
{
	static const struct option known[] = {
		{ "job", required_argument, NULL, 'j' },
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' },
		{ "result", required_argument, NULL, 'R' },
		{ "exit", required_argument, NULL, 'e' },
		{ "limit", required_argument, NULL, 'n' },
		{ "artifacts", no_argument, NULL, 'a' },
		{ "stderr", no_argument, NULL, 'E' },
		{ "json", no_argument, NULL, 'o' },
		{ "wide", no_argument, NULL, 'w' },
		{ "socket", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "n:", known, NULL)) != -1) {
		if (c == '?' || take_option(r, c) < 0)
			return -1;
	}
	return argc - optind > 1 || (argc - optind == 1 && r->filter.job) ? -1 : 0;
}

/* --- rows */

/* A quarter of a gigabyte is "244M". */
static const char *memory_text(json_int_t kb, char *out)
{
	if (kb < 0)
		return NULL;
	if (kb < 10000)
		snprintf(out, CELL, "%dK", (int)kb);
	else if (kb < 10000 * 1024LL)
		snprintf(out, CELL, "%dM", (int)(kb / 1024));
	else
		snprintf(out, CELL, "%lldG", (long long)(kb / 1024 / 1024));
	return out;
}

static const char *seconds_text(double seconds, char *out)
{
	if (seconds < 0)
		return NULL;
	columns_took((int64_t)(seconds * 1000 + 0.5), out, CELL);
	return out;
}

static void take_run(void *arg, const json_t *o)
{
	struct runs *r = arg;
	char when[CELL], took[CELL], cpu[CELL], memory[CELL], result[CELL];
	json_int_t at = talk_number(o, "scheduled", 0);
	struct sheet_cell cells[COLUMNS] = {
		[COLUMN_RUN] = { talk_text(o, "run_id"), NULL },
		[COLUMN_WHEN] = { when, NULL },
		[COLUMN_RESULT] = { asked_result(o, result, sizeof(result)), asked_colour(o) },
		[COLUMN_TOOK] = { seconds_text(talk_real(o, "duration_s", -1), took), NULL },
		[COLUMN_CPU] = { seconds_text(talk_real(o, "cpu_s", -1), cpu), NULL },
		[COLUMN_MEMORY] = { memory_text(talk_number(o, "memory_kb", -1), memory), NULL },
		[COLUMN_WHY] = { talk_text(o, r->artifacts ? "artifacts" : "reason"), NULL },
	};

	asked_time(at, r->now, when, sizeof(when));
	sheet_row(&r->sheet, cells);
	r->shown++;
}

/* --- what is asked */

static void request_fill(const struct runs *r, struct buf *request)
{
	talk_begin(request, CTLMSG_RUNS);
	asked_filter_put(&r->filter, request);
	if (r->result_count)
		ctlmsg_list(request, "result", r->results);
	if (r->has_exit)
		ctlmsg_number(request, "exit", (int64_t)r->exit_code);
	if (r->limited)
		ctlmsg_number(request, "limit", (int64_t)r->limit);
	if (r->with_stderr)
		ctlmsg_bool(request, "stderr", true);
	if (r->artifacts)
		ctlmsg_bool(request, "artifacts", true);
}

/* What a run wrote needs room: then each is shown whole. */
static void take_whole(void *arg, const json_t *o)
{
	struct runs *r = arg;

	if (r->shown++)
		putchar('\n');
	cronctl_run_show(NULL, o);
}

/* What is not shown, and what is on no record. */
static void say_end(const struct runs *r, const json_t *end)
{
	json_int_t left_out = talk_number(end, "left_out", 0);
	const char *aside = talk_text(end, "aside");

	if (!r->shown)
		fprintf(stderr, "cronctl: no such run is on record\n");
	if (!r->limited && talk_true(end, "limited"))
		fprintf(stderr, "cronctl: the newest %zu; --limit 0 shows all\n", r->shown);
	if (left_out)
		fprintf(stderr, "cronctl: %" PRId64 " run%s on no record: crond's log says why\n",
			(int64_t)left_out, left_out == 1 ? " is" : "s are");
	if (aside)
		fprintf(stderr, "cronctl: the record before was damaged, and is kept as %.128s\n", aside);
}

static int list(struct runs *r)
{
	struct talk t = { .fd = -1, .path = r->socket, .at_socket = CTLMSG_OF_HISTORY, .json = r->json };
	struct buf request = { 0 };
	json_t *end = NULL;
	bool table = !r->json && !r->with_stderr;
	int status;

	request_fill(r, &request);
	if (table)
		sheet_begin(&r->sheet, r->artifacts ? columns_kept : columns, COLUMNS, r->wide);
	status = talk_each(&t, &request, table ? take_run : take_whole, r, &end);
	if (table && (!status || r->shown))
		sheet_end(&r->sheet);
	if (!status && !r->json)
		say_end(r, end);
	json_decref(end);
	return status;
}

int cronctl_runs(int argc, char **argv)
{
	struct runs r = { .now = time(NULL) };
	const char *named;
	int status = CRONCTL_OK;
	bool found = false;

	asked_filter_begin(&r.filter, r.now);
	if (options_read(&r, argc, argv) < 0)
		return cronctl_usage(argv[0]);
	named = argv[optind];
	if (named)
		status = cronctl_run_one(named, r.socket, r.json, &found);
	r.filter.job = named ? named : r.filter.job;
	if (!status && !found)
		status = list(&r);
	return asked_flush(status);
}
