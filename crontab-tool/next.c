/* next: when an expression would fire, or a job will.
 * Flow: command line or lines of standard input -> schedule_parse -> schedule_next ->
 * standard output; the daemon knows the times of its jobs. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/schedule.h"
#include "crond/core/zone.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_talk.h"
#include "crontab-tool/zones.h"

enum {
	LINE_MOST = 1 << 20,
	COUNT_MOST = 100000,
	COUNT_DEFAULT = 5,
	OUTPUT_ENOUGH = 1 << 16,
};

#define EPOCH_MOST ((uint64_t)1 << 46)

struct next {
	enum grammar grammar;
	struct zones *zones;
	struct arena arena; /* of one expression */
	struct buf out;
};

/* --- both ways of asking */

static int parse_epoch(struct slice s, int64_t *epoch)
{
	bool negative = s.n && s.s[0] == '-';
	uint64_t v;

	if (negative) {
		s.s++;
		s.n--;
	}
	if (text_number(s, EPOCH_MOST, &v) < 0)
		return -1;
	*epoch = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* As what is to be installed is judged: what a dialect's daemon takes with a warning is
 * refused. */
static int parse_expression(struct next *x, struct slice text, struct schedule *s, struct diag *d)
{
	arena_free(&x->arena);
	if (schedule_parse(s, text, x->grammar, 0, &x->arena, d) < 0)
		return -1;
	return d->text[0] ? -1 : 0;
}

static int flush_output(struct next *x)
{
	const char *p = x->out.data;
	int bad = x->out.failed || (x->out.len && file_write(STDOUT_FILENO, p, x->out.len) < 0);

	if (bad)
		fprintf(stderr, "cronctl: standard output: %s\n",
			x->out.failed ? "out of memory" : strerror(errno));
	buf_clear(&x->out);
	return bad ? -1 : 0;
}

/* --- the filter: ZONE, BASE, COUNT and EXPRESSION, separated by tabs */

static void put_epoch(struct buf *out, int64_t epoch)
{
	uint64_t v = epoch < 0 ? 0 - (uint64_t)epoch : (uint64_t)epoch;
	char digits[24];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (epoch < 0)
		digits[--n] = '-';
	buf_append(out, digits + n, sizeof(digits) - n);
}

static int put_fires(struct next *x, const struct schedule *s, const struct zone *zone, int64_t at,
	uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		at = schedule_next(s, zone, STEP_CRONTAB, at);
		if (at == SCHEDULE_NEVER)
			break;
		if (i)
			buf_putc(&x->out, ' ');
		put_epoch(&x->out, at);
	}
	buf_putc(&x->out, '\n');
	return 0;
}

static int answer_fields(struct next *x, struct slice f[4], struct diag *d)
{
	const struct zone *zone = zones_get(x->zones, f[0], d);
	struct schedule s;
	int64_t base;
	uint64_t count;

	if (!zone)
		return -1;
	if (parse_epoch(f[1], &base) < 0)
		return diag_error(d, 0, 0, "bad base: seconds since 1970 are wanted");
	if (text_number(f[2], COUNT_MOST, &count) < 0)
		return diag_error(d, 0, 0, "bad count: 0 to %d is wanted", COUNT_MOST);
	if (parse_expression(x, f[3], &s, d) < 0)
		return -1;
	return put_fires(x, &s, zone, base, count);
}

static int answer(struct next *x, struct slice line, struct diag *d)
{
	struct slice f[4];

	if (line.n && line.s[line.n - 1] == '\r')
		line.n--;
	if (line.n && memchr(line.s, '\0', line.n))
		return diag_error(d, 0, 0, "bad line: it has a NUL byte");
	for (int i = 0; i < 3; i++) {
		const char *tab = line.n ? memchr(line.s, '\t', line.n) : NULL;

		if (!tab)
			return diag_error(d, 0, 0, "bad line: zone, base, count and expression "
				"are wanted, separated by tabs");
		f[i] = (struct slice){ line.s, (size_t)(tab - line.s) };
		line.n -= f[i].n + 1;
		line.s = tab + 1;
	}
	f[3] = line;
	return answer_fields(x, f, d);
}

/* One line of output for each line of input, whatever it is. */
static int answer_line(struct next *x, struct slice line)
{
	struct diag d = { .level = DIAG_ERROR };
	int bad = line.n > LINE_MOST ? diag_error(&d, 0, 0, "bad line: longer than %d bytes", LINE_MOST)
				     : answer(x, line, &d);

	if (bad) {
		buf_puts(&x->out, "ERROR ");
		buf_puts(&x->out, d.text);
		buf_putc(&x->out, '\n');
	}
	return x->out.len > OUTPUT_ENOUGH || x->out.failed ? flush_output(x) : 0;
}

struct input {
	char *data; /* LINE_MOST + 2 bytes */
	size_t len;
	bool overlong; /* the rest of a line that was answered */
};

/* Answers the whole lines that are there; keeps the rest of one for later. */
static int answer_lines(struct next *x, struct input *in, size_t scanned)
{
	size_t start = 0;
	char *newline;

	while ((newline = memchr(in->data + scanned, '\n', in->len - scanned))) {
		size_t end = (size_t)(newline - in->data);

		if (!in->overlong &&
			answer_line(x, (struct slice){ in->data + start, end - start }) < 0)
			return -1;
		in->overlong = false;
		start = scanned = end + 1;
	}
	in->len -= start;
	memmove(in->data, in->data + start, in->len);
	if (in->overlong)
		in->len = 0;
	if (in->len <= LINE_MOST + 1)
		return 0;
	in->overlong = true; /* answered now, so that a peer that waits is not left waiting */
	start = in->len;
	in->len = 0;
	return answer_line(x, (struct slice){ in->data, start });
}

/* Writes before each read: whoever feeds line by line gets answer by answer. */
static int filter(struct next *x)
{
	struct input in = { .data = malloc(LINE_MOST + 2) };
	int bad = -1;
	ssize_t n;

	if (!in.data) {
		fprintf(stderr, "cronctl: out of memory\n");
		return -1;
	}
	for (;;) {
		size_t had = in.len;

		if (flush_output(x) < 0)
			goto out;
		n = read(STDIN_FILENO, in.data + in.len, LINE_MOST + 2 - in.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		in.len += (size_t)n;
		if (answer_lines(x, &in, had) < 0)
			goto out;
	}
	if (n < 0)
		fprintf(stderr, "cronctl: standard input: %s\n", strerror(errno));
	else if (in.len && answer_line(x, (struct slice){ in.data, in.len }) < 0)
		goto out;
	if (n == 0)
		bad = flush_output(x);
out:
	free(in.data);
	return bad;
}

/* --- for people */

static void put_local(struct buf *out, int64_t at, int32_t offset)
{
	char sign = offset < 0 ? '-' : '+';
	int32_t east = offset < 0 ? -offset : offset;
	time_t local = at + offset;
	char text[64];
	struct tm tm;

	if (!gmtime_r(&local, &tm) || !strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, sizeof(text), "-");
	buf_printf(out, "%s %c%02d%02d", text, sign, east / 3600, east / 60 % 60);
	if (east % 60)
		buf_printf(out, ":%02d", east % 60);
	buf_printf(out, "  %" PRId64 "\n", at);
}

static int show(struct next *x, struct slice text, struct slice zone_name, int64_t at,
	uint64_t count)
{
	struct diag d = { .level = DIAG_ERROR };
	const struct zone *zone = zones_get(x->zones, zone_name, &d);
	struct schedule s;

	if (!zone || parse_expression(x, text, &s, &d) < 0) {
		fprintf(stderr, "cronctl: %s\n", d.text);
		return -1;
	}
	if (s.flags & SCHEDULE_REBOOT)
		fprintf(stderr, "cronctl: @reboot fires when the system has started, not by the clock\n");
	else if (schedule_lint(&s))
		fprintf(stderr, "cronctl: %s\n", schedule_lint(&s));
	else if (schedule_next(&s, zone, STEP_CRONTAB, at) == SCHEDULE_NEVER)
		fprintf(stderr, "cronctl: this fires no more\n");
	for (uint64_t i = 0; i < count; i++) {
		at = schedule_next(&s, zone, STEP_CRONTAB, at);
		if (at == SCHEDULE_NEVER)
			break;
		put_local(&x->out, at, zone_span(zone, at).offset);
	}
	return flush_output(x);
}

/* The words of an expression that was not quoted, joined by blanks. */
static const char *join(struct buf *b, char **words)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			buf_putc(b, ' ');
		buf_puts(b, words[i]);
	}
	return buf_text(b);
}

struct asked {
	uint64_t count;
	int64_t from;
	struct slice zone;
	enum grammar grammar;
	bool plain; /* none of count, from and zone was given */
	bool from_given;
	bool expression; /* zone or dialect was: what only an expression has */
	bool json;
	const char *socket;
};

static int option_dialect(const char *name, enum grammar *grammar)
{
	if (strcmp(name, "debian") == 0)
		*grammar = GRAMMAR_DEBIAN;
	else if (strcmp(name, "cronie") == 0)
		*grammar = GRAMMAR_CRONIE;
	else
		return -1;
	return 0;
}

/* 0, or -1 after a complaint; getopt's own included. */
static int options(int argc, char **argv, struct asked *a)
{
	static const struct option names[] = {
		{ "dialect", required_argument, NULL, 'd' },
		{ "timezone", required_argument, NULL, 'z' },
		{ "from", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+n:", names, NULL)) != -1) {
		const char *bad = NULL;

		if (c != 'd')
			a->plain = false;
		a->expression |= c == 'd' || c == 'z';
		a->json |= c == 'j';
		a->from_given |= c == 'f';
		if (c == 's')
			a->socket = optarg;
		if (c == 'n' && text_number(slice_of(optarg), COUNT_MOST, &a->count) < 0)
			bad = "-n takes a count of at most 100000";
		else if (c == 'd' && option_dialect(optarg, &a->grammar) < 0)
			bad = "--dialect takes debian or cronie";
		else if (c == 'f' && parse_epoch(slice_of(optarg), &a->from) < 0)
			bad = "--from takes seconds since 1970";
		else if (c == 'z')
			a->zone = slice_of(optarg);
		else if (c == '?')
			return -1;
		if (bad) {
			fprintf(stderr, "cronctl: %s, not \"%s\"\n", bad, optarg);
			return -1;
		}
	}
	return 0;
}

/* A job has a name; an expression has several fields, or is an @word. */
static bool is_job(char **words)
{
	return words[0] && !words[1] && words[0][0] != '@' && !strpbrk(words[0], " \t");
}

static int next_of_job(const struct asked *a, const char *job)
{
	struct talk t = { .fd = -1, .path = a->socket };
	struct buf request = { 0 }, out = { 0 };
	json_t *o;
	bool fires = a->count == 0;
	int status = talk_open(&t);

	talk_begin(&request, CTLMSG_NEXT);
	ctlmsg_text(&request, "job", job);
	ctlmsg_number(&request, "count", (int64_t)a->count);
	if (a->from_given)
		ctlmsg_number(&request, "after", a->from);
	if (!status)
		status = talk_send(&t, &request);
	while (!status && (o = talk_next(&t, &status, NULL))) {
		if (a->json)
			printf("%.*s\n", (int)t.line.n, t.line.s);
		else
			put_local(&out, talk_number(o, "at", 0), (int32_t)talk_number(o, "offset", 0));
		json_decref(o);
		fires = true;
	}
	if (!status && !fires)
		fprintf(stderr, "cronctl: %s fires no more\n", job);
	if (out.len)
		fwrite(out.data, 1, out.len, stdout);
	talk_close(&t);
	buf_free(&request);
	buf_free(&out);
	return status;
}

int cronctl_next(int argc, char **argv)
{
	struct asked a = { .count = COUNT_DEFAULT, .from = time(NULL), .zone = slice_of(""),
		.grammar = GRAMMAR_EXTENDED, .plain = true };
	struct next x = { .zones = NULL };
	struct buf words = { 0 };
	bool stream;
	int bad = -1;

	if (options(argc, argv, &a) < 0 || optind == argc)
		return cronctl_usage(argv[0]);
	stream = optind + 1 == argc && strcmp(argv[optind], "-") == 0;
	if (stream && !a.plain)
		return cronctl_usage(argv[0]);
	if (!stream && !a.expression && is_job(argv + optind))
		return next_of_job(&a, argv[optind]);
	if (a.json || a.socket) {
		fprintf(stderr, "cronctl: --json and --socket go with a job\n");
		return CRONCTL_USAGE;
	}
	x.grammar = a.grammar;
	x.zones = zones_new();
	if (!x.zones || !join(&words, argv + optind))
		fprintf(stderr, "cronctl: out of memory\n");
	else
		bad = stream ? filter(&x) : show(&x, slice_of(words.data), a.zone, a.from, a.count);
	buf_free(&words);
	buf_free(&x.out);
	arena_free(&x.arena);
	zones_free(x.zones);
	return bad ? CRONCTL_FAILED : CRONCTL_OK;
}
