/* cronctl_alerts: what people were to be told and were not yet.
 * Flow: crond-notify's lines become rows; retry and drop say what was done. */
#include "config.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_asked.h"
#include "crontab-tool/sheet.h"

enum { CELL = 64 };

enum column { COLUMN_ID, COLUMN_TARGET, COLUMN_STATE, COLUMN_TRIES, COLUMN_SINCE, COLUMN_NEXT, COLUMN_WHY };

static const struct grid_column columns[] = {
	[COLUMN_ID] = { "ID", false, 20, 3 },
	[COLUMN_TARGET] = { "TARGET", false, 12, 2 },
	[COLUMN_STATE] = { "STATE", false, 0, 0 },
	[COLUMN_TRIES] = { "TRIES", true, 0, 0 },
	[COLUMN_SINCE] = { "SINCE", true, 0, 0 },
	[COLUMN_NEXT] = { "NEXT", true, 0, 0 },
	[COLUMN_WHY] = { "WHY", false, 8, 1 },
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct alerts {
	bool json, wide, all;
	const char *socket;
	const char *action;     /* NULL: list */
	struct sheet sheet;
	int64_t now;
	size_t shown;
};

static void take_alert(void *arg, const json_t *o)
{
	struct alerts *a = arg;
	const char *state = talk_text(o, "state");
	char tries[CELL], since[CELL], next[CELL];
	json_int_t at = talk_number(o, "at", INT64_MIN), due = talk_number(o, "next", INT64_MIN);
	struct sheet_cell cells[COLUMNS] = {
		[COLUMN_ID] = { talk_text(o, "id"), NULL },
		[COLUMN_TARGET] = { talk_text(o, "target"), NULL },
		[COLUMN_STATE] = { state, state && strcmp(state, "failed") == 0 ? GRID_RED : NULL },
		[COLUMN_TRIES] = { tries, NULL },
		[COLUMN_SINCE] = { at != INT64_MIN ? since : NULL, NULL },
		[COLUMN_NEXT] = { due != INT64_MIN ? next : NULL, NULL },
		[COLUMN_WHY] = { talk_text(o, "why"), NULL },
	};

	snprintf(tries, CELL, "%" PRId64, (int64_t)talk_number(o, "tries", 0));
	if (at != INT64_MIN)
		asked_time(at, a->now, since, CELL);
	if (due != INT64_MIN)
		asked_time(due, a->now, next, CELL);
	sheet_row(&a->sheet, cells);
	a->shown++;
}

static int options_read(struct alerts *a, int argc, char **argv)
{
	static const struct option known[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'o' },
		{ "wide", no_argument, NULL, 'w' },
		{ "socket", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == '?')
			return -1;
		a->all |= c == 'a';
		a->json |= c == 'o';
		a->wide |= c == 'w';
		if (c == 'S')
			a->socket = optarg;
	}
	a->action = argv[optind];
	if (!a->action || strcmp(a->action, "list") == 0)
		return argc - optind > 1 || a->all ? -1 : 0;
	if (strcmp(a->action, "retry") != 0 && strcmp(a->action, "drop") != 0)
		return -1;
	return a->all == (argc - optind > 1) || argc - optind - 1 > CTLMSG_NAMES_MOST ? -1 : 0;
}

static void request_fill(const struct alerts *a, char *const *ids, struct buf *request)
{
	talk_begin(request, CTLMSG_ALERTS);
	ctlmsg_text(request, "action", a->action);
	if (a->all)
		ctlmsg_bool(request, "all", true);
	else if (*ids)
		ctlmsg_list(request, "ids", (const char *const *)ids);
}

/* What was done is said; for programs the status does. */
static void say_done(const struct alerts *a, const json_t *end)
{
	json_int_t count = talk_number(end, "count", 0);
	const char *what = strcmp(a->action, "drop") == 0 ? "dropped" : "to be tried again";

	if (a->json)
		printf("{\"count\":%" PRId64 "}\n", (int64_t)count);
	else
		printf("%" PRId64 " deliver%s %s\n", (int64_t)count, count == 1 ? "y" : "ies", what);
}

int cronctl_alerts(int argc, char **argv)
{
	struct alerts a = { .now = time(NULL) };
	struct talk t = { .fd = -1, .at_socket = CTLMSG_OF_ALERTS };
	struct buf request = { 0 };
	json_t *end = NULL;
	bool list;
	int status;

	if (options_read(&a, argc, argv) < 0)
		return cronctl_usage(argv[0]);
	t.path = a.socket;
	t.json = a.json;
	list = !a.action || strcmp(a.action, "list") == 0;
	request_fill(&a, a.action ? argv + optind + 1 : argv + optind, &request);
	if (list && !a.json)
		sheet_begin(&a.sheet, columns, COLUMNS, a.wide);
	status = talk_each(&t, &request, take_alert, &a, &end);
	if (list && !a.json && (!status || a.shown))
		sheet_end(&a.sheet);
	if (!list && !status)
		say_done(&a, end);
	json_decref(end);
	return asked_flush(status);
}
