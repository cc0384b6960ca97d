/* cronctl_show: one job, with every option in force and where it was set.
 * Flow: the daemon's lines, the job's own first, become three columns. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_talk.h"

enum { NAME_WIDTH = 17, VALUE_WIDTH = 34 };

static void put_padded(const char *text, int width)
{
	struct buf b = { 0 };

	talk_show(&b, text);
	printf("%-*s ", width, buf_text(&b) ? b.data : "?");
	buf_free(&b);
}

static void print_fact(const char *name, const char *text)
{
	talk_fact(NAME_WIDTH, name, text);
}

static void print_instant(const json_t *o, const char *member, const char *name)
{
	json_int_t at = talk_number(o, member, INT64_MIN);
	time_t t = (time_t)at;
	char text[64];
	struct tm tm;

	if (at != INT64_MIN && localtime_r(&t, &tm) &&
		strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %z", &tm))
		print_fact(name, text);
}

static void print_why(const json_t *o)
{
	if (talk_true(o, "paused"))
		print_fact("paused", "by hand: cronctl resume");
	print_fact("elsewhere", talk_text(o, "elsewhere"));
	print_fact("refused", talk_text(o, "refused"));
}

static void print_last(const json_t *o)
{
	const char *result = talk_text(o, "result"), *signal = talk_text(o, "signal");
	char text[96] = "", took[32] = "";
	json_int_t ms = talk_number(o, "took_ms", -1);

	print_instant(o, "last", "last start");
	print_instant(o, "ended", "last end");
	if (ms >= 0)
		columns_took(ms, took, sizeof(took));
	if (result && strcmp(result, "exit") == 0)
		snprintf(text, sizeof(text), "exit %d%s%s", (int)talk_number(o, "code", -1),
			*took ? ", took " : "", took);
	else if (result)
		snprintf(text, sizeof(text), "%.32s%s%.32s%s%s", result, signal ? " SIG" : "",
			signal ? signal : "", *took ? ", took " : "", took);
	if (result)
		print_fact("last result", text);
	if (talk_number(o, "fails", 0)) {
		snprintf(text, sizeof(text), "%d in a row", (int)talk_number(o, "fails", 0));
		print_fact("failures", text);
	}
}

/* Of the newest run, just now. */
static void print_usage(const json_t *o)
{
	json_int_t kb = talk_number(o, "memory_kb", -1), ms = talk_number(o, "cpu_ms", 0);
	json_int_t n = talk_number(o, "processes", 0);
	char text[96];

	if (kb < 0)
		return;
	snprintf(text, sizeof(text), "%lld KB, %lld.%lld s of processor, %lld process%s", (long long)kb,
		(long long)ms / 1000, (long long)ms % 1000 / 100, (long long)n, n == 1 ? "" : "es");
	print_fact("uses", text);
}

/* As it would be if it were started now. */
static void print_where(const json_t *o)
{
	const json_t *texts = json_object_get(o, "output"), *text;
	size_t i;

	print_fact("PATH", talk_text(o, "path"));
	json_array_foreach (texts, i, text)
		print_fact("output", json_string_value(text));
}

static void print_job(const json_t *o)
{
	const json_t *runs = json_object_get(o, "runs"), *run;
	size_t i;

	print_fact("job", talk_text(o, "job"));
	print_fact("state", talk_text(o, "state"));
	print_why(o);
	print_fact("says", talk_text(o, "says"));
	print_fact("status", talk_text(o, "status"));
	print_fact("batch", talk_text(o, "batch"));
	print_fact("file", talk_text(o, "place"));
	print_instant(o, "next", "next");
	json_array_foreach (runs, i, run)
		print_fact("run", json_string_value(run));
	print_usage(o);
	print_last(o);
	print_where(o);
	printf("\n");
	put_padded("OPTION", NAME_WIDTH);
	put_padded("VALUE", VALUE_WIDTH);
	printf("FROM\n");
}

static void print_option(const json_t *o)
{
	struct buf origin = { 0 };

	put_padded(talk_text(o, "option") ? talk_text(o, "option") : "?", NAME_WIDTH);
	put_padded(talk_text(o, "value") ? talk_text(o, "value") : "?", VALUE_WIDTH);
	talk_show(&origin, talk_text(o, "origin") ? talk_text(o, "origin") : "?");
	printf("%s\n", buf_text(&origin) ? origin.data : "?");
	buf_free(&origin);
}

int cronctl_show(int argc, char **argv)
{
	struct cronctl_options o = { .takes = CRONCTL_JSON };
	struct talk t = { .fd = -1 };
	struct buf request = { 0 };
	json_t *line;
	int status;

	if (cronctl_options(&o, argc, argv) < 0 || argc - o.rest != 1)
		return cronctl_usage(argv[0]);
	t.path = o.socket;
	talk_begin(&request, CTLMSG_SHOW);
	ctlmsg_text(&request, "job", argv[o.rest]);
	status = talk_open(&t);
	if (!status)
		status = talk_send(&t, &request);
	while (!status && (line = talk_next(&t, &status, NULL))) {
		if (o.json)
			printf("%.*s\n", (int)t.line.n, t.line.s);
		else if (talk_text(line, "option"))
			print_option(line);
		else
			print_job(line);
		json_decref(line);
	}
	talk_close(&t);
	buf_free(&request);
	if (fflush(stdout)) {
		perror("cronctl: standard output");
		return CRONCTL_FAILED;
	}
	return status;
}
