/* cronctl_steer: run, kill, restart, signal, pause, resume, reload, status.
 * Flow: one request, an answer of a few lines, an exit status. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/text.h"
#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_talk.h"

/* What is made of the lines of an answer: its part of the exit status. Any may be NULL. */
struct reader {
	int (*line)(const json_t *o, bool json);
	int (*end)(const json_t *o, bool json);
};

static void print_text(const char *before, const char *text, const char *after)
{
	struct buf b = { 0 };

	talk_show(&b, text ? text : "?");
	printf("%s%s%s", before, buf_text(&b) ? b.data : "?", after);
	buf_free(&b);
}

/* request: as talk_send() takes it; it is freed. */
static int ask(const struct cronctl_options *o, struct buf *request, const struct reader *reader)
{
	struct talk t = { .fd = -1, .path = o->socket };
	int status = talk_open(&t), said = CRONCTL_OK;
	json_t *line, *end = NULL;

	if (!status)
		status = talk_send(&t, request);
	while (!status && (line = talk_next(&t, &status, &end))) {
		if (o->json)
			printf("%.*s\n", (int)t.line.n, t.line.s);
		if (reader->line)
			said |= reader->line(line, o->json);
		json_decref(line);
		fflush(stdout);
	}
	if (end && reader->end)
		said |= reader->end(end, o->json);
	json_decref(end);
	talk_close(&t);
	buf_free(request);
	if (fflush(stdout)) {
		perror("cronctl: standard output");
		said = CRONCTL_FAILED;
	}
	return status ? status : said;
}

/* A verb that takes a job, and nothing else. */
static int ask_job(enum ctlmsg_verb verb, int argc, char **argv, unsigned takes,
	const struct reader *reader)
{
	struct cronctl_options o = { .takes = takes };
	struct buf request = { 0 };

	if (cronctl_options(&o, argc, argv) < 0 || argc - o.rest != 1)
		return cronctl_usage(argv[0]);
	talk_begin(&request, verb);
	ctlmsg_text(&request, "job", argv[o.rest]);
	if (o.wait)
		ctlmsg_bool(&request, "wait", true);
	return ask(&o, &request, reader);
}

static int ask_nothing(enum ctlmsg_verb verb, int argc, char **argv, const struct reader *reader)
{
	struct cronctl_options o = { .takes = CRONCTL_JSON };
	struct buf request = { 0 };

	if (cronctl_options(&o, argc, argv) < 0 || o.rest != argc)
		return cronctl_usage(argv[0]);
	talk_begin(&request, verb);
	return ask(&o, &request, reader);
}

/* --- run */

/* "ok, 12ms", "exit 3, 1.2s", "killed (who), 4m10s" */
static void print_result(const json_t *o, const char *result)
{
	json_int_t ms = talk_number(o, "took_ms", -1);
	char took[32];

	print_text("", result, "");
	if (strcmp(result, "exit") == 0)
		printf(" %" JSON_INTEGER_FORMAT, talk_number(o, "code", -1));
	if (talk_text(o, "signal"))
		print_text(" SIG", talk_text(o, "signal"), "");
	if (talk_text(o, "reason"))
		print_text(" (", talk_text(o, "reason"), ")");
	if (ms >= 0) {
		columns_took(ms, took, sizeof(took));
		printf(", %s", took);
	}
	printf("\n");
}

/* First that it was started, and with --wait how it ended. */
static int run_line(const json_t *o, bool json)
{
	const char *result = talk_text(o, "result");

	if (!json && result)
		print_result(o, result);
	else if (!json)
		print_text("", talk_text(o, "run"), talk_text(o, "waits") ? " waits: " : "\n");
	if (!json && !result && talk_text(o, "waits"))
		print_text("", talk_text(o, "waits"), "\n");
	return !result || strcmp(result, "ok") == 0 ? CRONCTL_OK : CRONCTL_FAILED;
}

int cronctl_run(int argc, char **argv)
{
	return ask_job(CTLMSG_RUN, argc, argv, CRONCTL_JSON | CRONCTL_WAIT,
		&(struct reader){ .line = run_line });
}

/* --- kill, signal, restart, pause, resume */

static int silent(const json_t *o, bool json)
{
	(void)o;
	(void)json;
	return CRONCTL_OK;
}

int cronctl_kill(int argc, char **argv)
{
	return ask_job(CTLMSG_KILL, argc, argv, CRONCTL_JSON, &(struct reader){ .line = run_line });
}

int cronctl_restart(int argc, char **argv)
{
	return ask_job(CTLMSG_RESTART, argc, argv, CRONCTL_JSON, &(struct reader){ .line = silent });
}

int cronctl_pause(int argc, char **argv)
{
	return ask_job(CTLMSG_PAUSE, argc, argv, CRONCTL_JSON, &(struct reader){ .line = silent });
}

int cronctl_resume(int argc, char **argv)
{
	return ask_job(CTLMSG_RESUME, argc, argv, CRONCTL_JSON, &(struct reader){ .line = silent });
}

int cronctl_signal(int argc, char **argv)
{
	struct cronctl_options o = { .takes = CRONCTL_JSON };
	struct buf request = { 0 };

	if (cronctl_options(&o, argc, argv) < 0 || argc - o.rest != 2)
		return cronctl_usage(argv[0]);
	if (!ctlmsg_signal(slice_of(argv[o.rest + 1]))) {
		fprintf(stderr, "cronctl: \"%s\" is no signal\n", argv[o.rest + 1]);
		return CRONCTL_USAGE;
	}
	talk_begin(&request, CTLMSG_SIGNAL);
	ctlmsg_text(&request, "job", argv[o.rest]);
	ctlmsg_text(&request, "signal", argv[o.rest + 1]);
	return ask(&o, &request, &(struct reader){ .line = run_line });
}

/* --- reload */

static int change_line(const json_t *o, bool json)
{
	const json_t *names = json_object_get(o, "names"), *name;
	json_int_t left = talk_number(o, "count", 0) - (json_int_t)json_array_size(names);
	size_t i;

	if (json)
		return CRONCTL_OK;
	json_array_foreach (names, i, name) {
		print_text("", talk_text(o, "change"), " ");
		print_text("", json_string_value(name), "\n");
	}
	if (left > 0) {
		print_text("", talk_text(o, "change"), " ");
		printf("%" JSON_INTEGER_FORMAT " more\n", left);
	}
	return CRONCTL_OK;
}

static int reload_end(const json_t *o, bool json)
{
	if (!json)
		printf("unchanged %" JSON_INTEGER_FORMAT "\n", talk_number(o, "unchanged", 0));
	return talk_number(o, "refused", 0) ? CRONCTL_FAILED : CRONCTL_OK;
}

int cronctl_reload(int argc, char **argv)
{
	return ask_nothing(CTLMSG_RELOAD, argc, argv,
		&(struct reader){ .line = change_line, .end = reload_end });
}

/* --- status */

static void print_time(const char *name, json_int_t at)
{
	time_t t = (time_t)at;
	char text[64];
	struct tm tm;

	if (localtime_r(&t, &tm) && strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %z", &tm))
		printf("%-12s %s\n", name, text);
}

static void print_number(const json_t *o, const char *member, const char *name, bool zero)
{
	json_int_t n = talk_number(o, member, 0);

	if (n || zero)
		printf("%-12s %" JSON_INTEGER_FORMAT "\n", name, n);
}

/* By when almost all began that were due. */
static void print_late(const json_t *o)
{
	json_int_t starts = talk_number(o, "starts", 0), ms = talk_number(o, "late_ms", -1);

	if (starts && ms >= 0)
		printf("%-12s 99%% of %" JSON_INTEGER_FORMAT " starts by at most %" JSON_INTEGER_FORMAT " ms\n",
			"late", starts, ms);
	else if (starts)
		printf("%-12s more than a minute, of %" JSON_INTEGER_FORMAT " starts\n", "late", starts);
}

/* What is not as it should be, and what waits for a helper. */
static void print_helpers(const json_t *o)
{
	const char *history = talk_text(o, "history");
	json_int_t waits = talk_number(o, "history_waits", 0), alerts = talk_number(o, "alerts_unsent", 0);

	if (!history)
		return;
	if (!talk_true(o, "launcher"))
		printf("%-12s does not run: nothing starts\n", "launcher");
	printf("%-12s %s", "history", strcmp(history, "up") == 0 ? "is written" : strcmp(history, "off") == 0 ?
		"off" : "crond-history does not run");
	if (waits)
		printf(", %" JSON_INTEGER_FORMAT " bytes wait", waits);
	if (talk_number(o, "history_left_out", 0))
		printf(", %" JSON_INTEGER_FORMAT " runs are left out", talk_number(o, "history_left_out", 0));
	putchar('\n');
	if (alerts)
		printf("%-12s %" JSON_INTEGER_FORMAT " wait for crond-notify%s\n", "alerts", alerts,
			talk_true(o, "notify") ? "" : ", which does not run");
}

static void print_metrics(const json_t *o)
{
	const char *file = talk_text(o, "metrics_file"), *error = talk_text(o, "metrics_error");

	if (!file)
		return;
	print_text("metrics      ", file, error ? ": " : "\n");
	if (error)
		print_text("", error, "\n");
	if (talk_number(o, "metrics_written", 0))
		print_time("written", talk_number(o, "metrics_written", 0));
}

static int status_line(const json_t *o, bool json)
{
	if (json)
		return CRONCTL_OK;
	print_text("crond        ", talk_text(o, "daemon"), "");
	print_text(", dialect ", talk_text(o, "dialect"), "");
	print_text(", on ", talk_text(o, "host"), "\n");
	print_number(o, "pid", "pid", true);
	print_time("up since", talk_number(o, "started", 0));
	print_number(o, "jobs", "jobs", true);
	print_number(o, "running", "running", true);
	if (talk_number(o, "next", 0))
		print_time("next", talk_number(o, "next", 0));
	print_number(o, "queued", "queued", false);
	print_number(o, "waiting", "waiting", false);
	if (talk_number(o, "reloaded", 0))
		print_time("reloaded", talk_number(o, "reloaded", 0));
	print_late(o);
	print_helpers(o);
	print_metrics(o);
	print_number(o, "files_refused", "refused", false);
	print_number(o, "log_lines_lost", "lines lost", false);
	if (talk_true(o, "stopping"))
		printf("%-12s it starts nothing any more\n", "stopping");
	return CRONCTL_OK;
}

int cronctl_status(int argc, char **argv)
{
	return ask_nothing(CTLMSG_STATUS, argc, argv, &(struct reader){ .line = status_line });
}
