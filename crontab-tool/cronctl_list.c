/* cronctl_list: what jobs there are, and how they are.
 * Flow: the daemon's lines become rows, sorted by what comes next; columns.c shows them. Of a
 * table that is too long to be sorted what comes further goes out as it comes. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crond/base/arena.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_talk.h"

enum { SORTED_MOST = 100000, TRIES = 3, OUTPUT_ENOUGH = 1 << 16, DAEMON_MOST = 512 };

struct listing {
	struct columns columns;
	struct arena arena; /* of the rows' texts */
	struct buf rows;    /* of struct listed */
	struct buf out;
	bool json;
	bool loose;         /* rows go out as they come */
	bool lost; /* there was no memory for all of it */
};

struct listed {
	struct columns_row row;
	const char *line; /* under --json: as it came */
};

/* --- from the answer */

static const char *keep(struct listing *l, const char *text)
{
	struct buf b = { 0 };
	char *kept = NULL;

	talk_show(&b, text ? text : "?");
	if (!b.failed)
		kept = arena_copy(&l->arena, b.data ? b.data : "", b.len);
	buf_free(&b);
	return kept ? kept : "?";
}

/* "exit 3", "SIGTERM", else the word. */
static const char *result_text(struct listing *l, const json_t *o)
{
	const char *result = talk_text(o, "result"), *signal = talk_text(o, "signal");
	char text[64];

	if (!result || talk_number(o, "running", 0) > 0)
		return NULL;
	if (strcmp(result, "exit") == 0)
		snprintf(text, sizeof(text), "exit %d", (int)talk_number(o, "code", -1));
	else if (strcmp(result, "signal") == 0 && signal)
		snprintf(text, sizeof(text), "SIG%s", signal);
	else
		snprintf(text, sizeof(text), "%s", result);
	return keep(l, text);
}

/* A daemon has no schedule; how many copies run where that is not one of one, whether what
 * runs is what its file says now, and what it has to say. */
static const char *daemon_text(struct listing *l, const json_t *o)
{
	const char *status = talk_text(o, "status");
	json_int_t running = talk_number(o, "running", 0), copies = talk_number(o, "copies", 1);
	char text[DAEMON_MOST], count[48] = "";

	if (copies > 1 || running > 1)
		snprintf(count, sizeof(count), " %d of %d", (int)running, (int)copies);
	snprintf(text, sizeof(text), "daemon%s%s%s%s", count, talk_true(o, "changed") ? ", changed" : "",
		status ? ": " : "", status ? status : "");
	return keep(l, text);
}

static const char *schedule_text(struct listing *l, const json_t *o)
{
	const char *type = talk_text(o, "type");

	if (type && strcmp(type, "daemon") == 0)
		return daemon_text(l, o);
	return keep(l, talk_text(o, "schedule"));
}

static void row_fill(struct listing *l, const json_t *o, struct columns_row *r)
{
	*r = (struct columns_row){ .job = keep(l, talk_text(o, "job")),
		.state = keep(l, talk_text(o, "state")), .schedule = schedule_text(l, o),
		.result = result_text(l, o), .next = talk_number(o, "next", INT64_MIN),
		.last = talk_number(o, "last", INT64_MIN), .took_ms = talk_number(o, "took_ms", -1),
		.fails = talk_number(o, "fails", 0) };
	if (talk_number(o, "running", 0) > 0 && r->last != INT64_MIN)
		r->took_ms = r->last < l->columns.now ? (l->columns.now - r->last) * 1000 : 0;
}

/* --- out */

static void put_out(struct listing *l)
{
	l->lost |= l->out.failed;
	if (l->out.len)
		fwrite(l->out.data, 1, l->out.len, stdout);
	buf_clear(&l->out);
}

static void put_listed(struct listing *l, const struct listed *one)
{
	if (l->json) {
		buf_puts(&l->out, one->line);
		buf_putc(&l->out, '\n');
	} else {
		columns_put(&l->columns, &one->row, &l->out);
	}
	if (l->out.len > OUTPUT_ENOUGH)
		put_out(l);
}

static int by_next(const void *a, const void *b)
{
	const struct columns_row *x = &((const struct listed *)a)->row;
	const struct columns_row *y = &((const struct listed *)b)->row;
	int64_t m = x->next == INT64_MIN ? INT64_MAX : x->next;
	int64_t n = y->next == INT64_MIN ? INT64_MAX : y->next;

	return m != n ? (m > n) - (m < n) : strcmp(x->job, y->job);
}

static size_t listed_count(const struct listing *l)
{
	return l->rows.len / sizeof(struct listed);
}

/* All rows that there are, and they are forgotten. */
static void put_rows(struct listing *l)
{
	struct listed *all = (struct listed *)(void *)l->rows.data;
	size_t n = listed_count(l);
	struct columns_row *rows;

	if (!l->loose && n)
		qsort(all, n, sizeof(*all), by_next);
	if (!l->loose && !l->json) {
		rows = n ? malloc(n * sizeof(*rows)) : NULL;
		for (size_t i = 0; rows && i < n; i++)
			rows[i] = all[i].row;
		l->lost |= n && !rows;
		columns_fit(&l->columns, rows, rows ? n : 0);
		columns_head(&l->columns, &l->out);
		free(rows);
	}
	for (size_t i = 0; i < n; i++)
		put_listed(l, &all[i]);
	put_out(l);
	buf_clear(&l->rows);
	arena_free(&l->arena);
}

static void take_row(struct listing *l, struct talk *t, const json_t *o)
{
	struct listed one = { .line = NULL };

	row_fill(l, o, &one.row);
	if (l->json)
		one.line = arena_copy(&l->arena, t->line.s, t->line.n);
	if (!l->json || one.line)
		buf_append(&l->rows, &one, sizeof(one));
	l->lost |= l->rows.failed || (l->json && !one.line);
	if (!l->loose && listed_count(l) < SORTED_MOST)
		return;
	put_rows(l);
	l->loose = true;
}

/* One time through. *again: the table changed meanwhile. */
static int list_once(struct listing *l, struct talk *t, char *const *names, bool *again)
{
	struct buf request = { 0 };
	json_t *o, *end = NULL;
	int status = talk_open(t);

	talk_begin(&request, CTLMSG_LIST);
	if (*names)
		ctlmsg_list(&request, "names", (const char *const *)names);
	if (!l->json)
		ctlmsg_bool(&request, "brief", true);
	if (!status)
		status = talk_send(t, &request);
	while (!status && (o = talk_next(t, &status, &end))) {
		take_row(l, t, o);
		json_decref(o);
	}
	*again = !status && talk_true(end, "changed") && !l->loose;
	json_decref(end);
	talk_close(t);
	buf_free(&request);
	return status;
}

int cronctl_list(int argc, char **argv)
{
	struct cronctl_options o = { .takes = CRONCTL_JSON | CRONCTL_WIDE };
	struct talk t = { .fd = -1 };
	struct listing l = { 0 };
	bool again = true;
	int status = 0;

	if (cronctl_options(&o, argc, argv) < 0)
		return cronctl_usage(argv[0]);
	t.path = o.socket;
	l.json = o.json;
	for (int i = 0; i < TRIES && again && !status; i++) {
		buf_clear(&l.rows);
		arena_free(&l.arena);
		columns_begin(&l.columns, time(NULL), o.wide);
		status = list_once(&l, &t, argv + o.rest, &again);
	}
	if (!status)
		put_rows(&l);
	if (!status && l.lost) {
		fputs("cronctl: out of memory: not all of the list is here\n", stderr);
		status = CRONCTL_FAILED;
	}
	if (fflush(stdout)) {
		perror("cronctl: standard output");
		status = CRONCTL_FAILED;
	}
	buf_free(&l.rows);
	buf_free(&l.out);
	arena_free(&l.arena);
	return status;
}
