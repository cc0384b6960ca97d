/* cronctl_stats: how jobs have been doing.
 * Flow: a line a job from crond-history, and one of all, become rows. */
#include "config.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_asked.h"
#include "crontab-tool/sheet.h"

enum { CELL = 64 };

enum column { COLUMN_JOB, COLUMN_RUNS, COLUMN_FAILED, COLUMN_RATE, COLUMN_P50, COLUMN_P95, COLUMN_MAX,
	COLUMN_LAST };

static const struct grid_column columns[] = {
	[COLUMN_JOB] = { "JOB", false, 12, 1 },
	[COLUMN_RUNS] = { "RUNS", true, 0, 0 },
	[COLUMN_FAILED] = { "FAILED", true, 0, 0 },
	[COLUMN_RATE] = { "SUCCESS", true, 0, 0 },
	[COLUMN_P50] = { "P50", true, 0, 0 },
	[COLUMN_P95] = { "P95", true, 0, 0 },
	[COLUMN_MAX] = { "MAX", true, 0, 0 },
	[COLUMN_LAST] = { "LAST SUCCESS", true, 0, 0 },
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct stats {
	struct asked_filter filter;
	bool json, wide;
	const char *socket;
	struct sheet sheet;
	uint64_t jobs;
};

static const char *seconds_text(const json_t *o, const char *member, char *out)
{
	double seconds = talk_real(o, member, -1);

	if (seconds < 0)
		return NULL;
	columns_took((int64_t)(seconds * 1000 + 0.5), out, CELL);
	return out;
}

/* Never 100 % where one of them failed. */
static const char *rate_text(const json_t *o, char *out)
{
	double rate = talk_real(o, "success_rate", -1);

	if (rate < 0)
		return NULL;
	snprintf(out, CELL, "%.1f%%", rate * 100);
	return out;
}

static void take_job(void *arg, const json_t *o)
{
	struct stats *s = arg;
	char runs[CELL], failed[CELL], rate[CELL], p50[CELL], p95[CELL], most[CELL], last[CELL];
	json_int_t at = talk_number(o, "last_success", INT64_MIN), bad = talk_number(o, "failed", 0);
	const char *job = talk_text(o, "job");
	struct sheet_cell cells[COLUMNS] = {
		[COLUMN_JOB] = { job ? job : "(all)", NULL },
		[COLUMN_RUNS] = { runs, NULL },
		[COLUMN_FAILED] = { failed, bad ? GRID_RED : NULL },
		[COLUMN_RATE] = { rate_text(o, rate), NULL },
		[COLUMN_P50] = { seconds_text(o, "p50_s", p50), NULL },
		[COLUMN_P95] = { seconds_text(o, "p95_s", p95), NULL },
		[COLUMN_MAX] = { seconds_text(o, "max_s", most), NULL },
		[COLUMN_LAST] = { at != INT64_MIN ? last : NULL, NULL },
	};

	if (!job && s->jobs == 1) /* that would be the same once more */
		return;
	s->jobs += job != NULL;
	snprintf(runs, CELL, "%" PRId64, (int64_t)talk_number(o, "runs", 0));
	snprintf(failed, CELL, "%" PRId64, (int64_t)bad);
	if (at != INT64_MIN)
		asked_time(at, s->filter.now, last, CELL);
	sheet_row(&s->sheet, cells);
}

static int options_read(struct stats *s, int argc, char **argv)
{
	static const struct option known[] = {
		{ "job", required_argument, NULL, 'j' },
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'o' },
		{ "wide", no_argument, NULL, 'w' },
		{ "socket", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == '?' || asked_filter_option(&s->filter, c, optarg) < 0)
			return -1;
		s->json |= c == 'o';
		s->wide |= c == 'w';
		if (c == 'S')
			s->socket = optarg;
	}
	if (argc - optind > 1 || (argc - optind == 1 && s->filter.job))
		return -1;
	if (argc - optind == 1)
		s->filter.job = argv[optind];
	return 0;
}

int cronctl_stats(int argc, char **argv)
{
	struct stats s = { .json = false };
	struct talk t = { .fd = -1, .at_socket = CTLMSG_OF_HISTORY };
	struct buf request = { 0 };
	int status;

	asked_filter_begin(&s.filter, time(NULL));
	if (options_read(&s, argc, argv) < 0)
		return cronctl_usage(argv[0]);
	t.path = s.socket;
	t.json = s.json;
	talk_begin(&request, CTLMSG_STATS);
	asked_filter_put(&s.filter, &request);
	if (!s.json)
		sheet_begin(&s.sheet, columns, COLUMNS, s.wide);
	status = talk_each(&t, &request, take_job, &s, NULL);
	if (!s.json && (!status || s.jobs))
		sheet_end(&s.sheet);
	return asked_flush(status);
}
