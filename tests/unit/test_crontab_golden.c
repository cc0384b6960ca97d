/* Golden tests of the crontab parser: single lines and whole tables, with the answers that
 * Debian's cron 3.0pl1-162 and cronie 1.7.2 gave to them. What differs on purpose is
 * listed here, line by line; nothing else may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/crontab.h"

/* --- files */

static void load(struct buf *out, const char *name)
{
	const char *dir = getenv("srcdir");
	char path[512], chunk[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/golden/%s", dir ? dir : ".", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s cannot be opened", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(out, chunk, n);
	fclose(f);
	assert_false(out->failed);
}

/* The next line of *rest without its newline. */
static bool next_line(struct slice *rest, struct slice *line)
{
	const char *end;

	if (!rest->n)
		return false;
	end = memchr(rest->s, '\n', rest->n);
	line->s = rest->s;
	line->n = end ? (size_t)(end - rest->s) : rest->n;
	rest->s += line->n + (end ? 1 : 0);
	rest->n -= line->n + (end ? 1 : 0);
	return true;
}

/* --- one line's answer, in the words of the golden files */

static void put_set(struct buf *out, const char *name, uint64_t set, unsigned from, unsigned to)
{
	uint64_t all = (UINT64_C(2) << to) - (UINT64_C(1) << from);
	const char *comma = "";

	buf_printf(out, "%s=", name);
	if (set == all)
		buf_puts(out, "*");
	if (!set)
		buf_puts(out, "NONE");
	for (unsigned i = from; i <= to && set != all; i++) {
		if (!(set >> i & 1))
			continue;
		buf_printf(out, "%s%u", comma, i);
		comma = ",";
	}
	buf_putc(out, ' ');
}

static int put_entry(void *arg, const struct crontab_entry *e)
{
	const struct schedule *s = &e->schedule;
	struct buf *out = arg;
	bool reboot = s->flags & SCHEDULE_REBOOT;
	uint8_t flags = s->flags;

	put_set(out, "m", reboot ? 0 : s->minute, 0, 59);
	put_set(out, "h", reboot ? 0 : s->hour, 0, 23);
	put_set(out, "d", reboot ? 0 : s->dom, 1, 31);
	put_set(out, "mo", reboot ? 0 : s->month, 1, 12);
	put_set(out, "w", reboot ? 0 : s->dow | (s->dow & 1 ? 1u << 7 : 0), 0, 7);
	buf_printf(out, "fl=%s%s%s%s%s%s%s cmd=[%.*s]", flags & SCHEDULE_MINUTE_STAR ? "M" : "",
		flags & SCHEDULE_HOUR_STAR ? "H" : "", flags & SCHEDULE_DOM_STAR ? "D" : "",
		flags & SCHEDULE_DOW_STAR ? "W" : "", e->quiet ? "Q" : "",
		e->mail_on_failure ? "N" : "", reboot ? "R" : "", (int)e->command.n, e->command.s);
	if (e->env)
		buf_printf(out, "ENV [%s]", e->env->assignment);
	return 0;
}

static void put_error(void *arg, const struct diag *d)
{
	if (d->level == DIAG_ERROR)
		buf_printf(arg, "ERR %s", d->text);
}

/* A setting shows only in the entry below it, so each line is followed by one and what that
 * one adds is cut again. */
static void answer(struct buf *out, struct slice line, const struct crontab_rules *rules)
{
	static const char probe[] = "@reboot probe\n";
	static const char shown[] = "m=NONE h=NONE d=NONE mo=NONE w=NONE fl=R cmd=[probe]";
	const struct crontab_sink sink = { put_entry, put_error, out };
	struct crontab_result result;
	struct arena arena = { 0 };
	struct buf text = { 0 };
	char *cut;

	buf_clear(out);
	buf_append(&text, line.s, line.n);
	buf_putc(&text, '\n');
	buf_puts(&text, probe);
	assert_false(text.failed);
	assert_int_equal(
		crontab_parse((struct slice){ text.data, text.len }, rules, &arena, &sink, &result),
		0);
	cut = strstr(buf_text(out), shown);
	assert_non_null(cut);
	memmove(cut, cut + strlen(shown), strlen(cut + strlen(shown)) + 1);
	out->len = strlen(out->data);
	buf_free(&text);
	arena_free(&arena);
}

/* --- lines */

enum { DAEMON = 1, INSTALL = 2, BOTH = DAEMON | INSTALL };

struct deviation {
	enum dialect_id dialect;
	int judge;
	const char *line, *answer, *why;
};

static const char junk[] = "junk behind a value is refused when it is to be installed";

static const struct deviation deviations[] = {
	{ DIALECT_DEBIAN, INSTALL, "0~30 * * * * x", "ERR bad minute", junk },
	{ DIALECT_DEBIAN, INSTALL, "*1 * * * * x", "ERR bad minute", junk },
	{ DIALECT_DEBIAN, INSTALL, "*foo * * * * x", "ERR bad minute", junk },
	{ DIALECT_DEBIAN, INSTALL, "* * * * 1#2 x", "ERR bad day-of-week", junk },
	{ DIALECT_CRONIE, BOTH, "0 5-0 * * * x", "m=0 h=NONE d=* mo=* w=* fl=DW cmd=[x]",
		"cronie's repair of X-0 for weekdays is not extended to hours" },
};

/* cronie picks these anew at each start; we by the line, so the minute in the golden file is
 * one of many. */
static const struct {
	const char *line;
	unsigned from, to;
} random_minutes[] = {
	{ "~ * * * * x", 0, 59 },
	{ "0~30 * * * * x", 0, 30 },
};

static const struct deviation *deviation_find(const struct crontab_rules *rules, struct slice line)
{
	for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
		const struct deviation *v = &deviations[i];

		if (v->dialect == rules->dialect->id &&
			v->judge & (rules->install ? INSTALL : DAEMON) && slice_is(line, v->line))
			return v;
	}
	return NULL;
}

/* Puts the golden minute where ours, if it is a possible one, stands. */
static void unify_random(
	struct buf *got, struct slice line, const struct crontab_rules *rules, const char *golden)
{
	unsigned minute, theirs;
	char rest[128];

	if (rules->dialect->id != DIALECT_CRONIE)
		return;
	for (size_t i = 0; i < sizeof(random_minutes) / sizeof(random_minutes[0]); i++) {
		if (!slice_is(line, random_minutes[i].line))
			continue;
		assert_int_equal(sscanf(buf_text(got), "m=%u %127[^\n]", &minute, rest), 2);
		assert_in_range(minute, random_minutes[i].from, random_minutes[i].to);
		assert_int_equal(sscanf(golden, "m=%u", &theirs), 1);
		buf_clear(got);
		buf_printf(got, "m=%u %s", theirs, rest);
	}
}

static int check_line(struct slice line, struct slice golden, const struct crontab_rules *rules)
{
	enum { ANSWER_COLUMN = 41 };
	const struct deviation *v = deviation_find(rules, line);
	struct buf got = { 0 };
	char want[256];
	int bad;

	assert_true(golden.n > ANSWER_COLUMN);
	snprintf(want, sizeof(want), "%.*s", (int)golden.n - ANSWER_COLUMN,
		golden.s + ANSWER_COLUMN);
	answer(&got, line, rules);
	unify_random(&got, line, rules, want);
	/* A deviation that has gone must leave the list, too. */
	bad = strcmp(buf_text(&got), v ? v->answer : want) != 0 || (v && !strcmp(v->answer, want));
	if (bad)
		print_error("%s%s: '%.*s'\n  gives  %s\n  golden %s\n", rules->dialect->name,
			rules->install ? " install" : "", (int)line.n, line.s, buf_text(&got),
			want);
	buf_free(&got);
	return bad;
}

static void check_lines(enum dialect_id id, bool install, const char *answers)
{
	const struct crontab_rules rules = {
		.dialect = dialect_get(id), .install = install, .seed = 7
	};
	struct buf lines_text = { 0 }, golden_text = { 0 };
	struct slice lines, golden, line, want;
	int n = 0, bad = 0;

	load(&lines_text, "crontab-lines.txt");
	load(&golden_text, answers);
	lines = (struct slice){ lines_text.data, lines_text.len };
	golden = (struct slice){ golden_text.data, golden_text.len };
	while (next_line(&lines, &line)) {
		do {
			assert_true(next_line(&golden, &want));
		} while (want.n > 8 && memcmp(want.s, "Warning:", 8) == 0);
		bad += check_line(line, want, &rules);
		n++;
	}
	assert_false(next_line(&golden, &want));
	assert_int_equal(n, 85);
	assert_int_equal(bad, 0);
	buf_free(&lines_text);
	buf_free(&golden_text);
}

static void test_lines_debian(void **state)
{
	(void)state;
	check_lines(DIALECT_DEBIAN, false, "crontab-lines-debian.txt");
	check_lines(DIALECT_DEBIAN, true, "crontab-lines-debian.txt");
}

static void test_lines_cronie(void **state)
{
	(void)state;
	check_lines(DIALECT_CRONIE, false, "crontab-lines-cronie.txt");
	check_lines(DIALECT_CRONIE, true, "crontab-lines-cronie.txt");
}

/* --- whole tables: here no verdict differs */

struct verdict {
	bool accepted;
	uint32_t line; /* of the first error; 0: none, or the missing newline */
};

/* The accounts of the system on which the verdicts were taken, as far as these tables name
 * them. Debian's daemon drops a table that names another; it is the loader that asks. */
static const char *const accounts[] = { "root", "www-data", "minecraft", "openwrt", "app", "ubuntu",
	"scheduler", "rsync", "lutter", "operator", "drm", "curl", "bash" };

static int take_entry(void *arg, const struct crontab_entry *e)
{
	bool *stranger = arg, known = e->user.n == 0;

	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		known |= slice_is(e->user, accounts[i]);
	*stranger |= !known;
	return 0;
}

static struct verdict judge(struct slice table, const struct crontab_rules *rules)
{
	bool stranger = false;
	const struct crontab_sink sink = { take_entry, NULL, &stranger };
	struct crontab_result r;
	struct arena arena = { 0 };

	assert_int_equal(crontab_parse(table, rules, &arena, &sink, &r), 0);
	arena_free(&arena);
	if (rules->dialect->id == DIALECT_DEBIAN && stranger)
		r.rejected = true;
	return (struct verdict){ !r.rejected, r.unfinished && r.errors == 1 ? 0 : r.first.line };
}

enum column {
	COLUMN_ID,
	COLUMN_KIND,
	COLUMN_SOURCE,
	COLUMN_DEBIAN_INSTALL,
	COLUMN_DEBIAN_DAEMON,
	COLUMN_ERROR_LINE,
	COLUMN_CRONIE_INSTALL,
	COLUMN_CRONIE_DAEMON,
	COLUMNS
};

static void split_row(char row[COLUMNS][128], struct slice line)
{
	size_t column = 0, n = 0;

	memset(row, 0, COLUMNS * sizeof(row[0]));
	for (size_t i = 0; i < line.n; i++) {
		if (line.s[i] == '\t') {
			assert_true(++column < COLUMNS);
			n = 0;
			continue;
		}
		assert_true(n < sizeof(row[0]) - 1);
		row[column][n++] = line.s[i];
	}
}

static int check_verdict(
	char row[COLUMNS][128], struct slice table, enum dialect_id id, bool daemon)
{
	const struct crontab_rules rules = {
		.dialect = dialect_get(id), .system = daemon, .install = !daemon
	};
	enum column c = id == DIALECT_DEBIAN
		? (daemon ? COLUMN_DEBIAN_DAEMON : COLUMN_DEBIAN_INSTALL)
		: (daemon ? COLUMN_CRONIE_DAEMON : COLUMN_CRONIE_INSTALL);
	struct verdict v;
	uint64_t line = 0;
	bool same;

	if (!row[c][0])
		return 0;
	assert_true(!strcmp(row[c], "accept") || !strcmp(row[c], "reject"));
	v = judge(table, &rules);
	same = v.accepted == !strcmp(row[c], "accept");
	if (row[COLUMN_ERROR_LINE][0])
		assert_int_equal(
			text_number(slice_of(row[COLUMN_ERROR_LINE]), UINT32_MAX, &line), 0);
	if (!daemon && !v.accepted && v.line != line)
		same = false;
	if (same)
		return 0;
	print_error("%s (%s), %s %s: %s, line %u\n", row[COLUMN_ID], row[COLUMN_SOURCE],
		rules.dialect->name, daemon ? "daemon" : "install",
		v.accepted ? "accept" : "reject", v.line);
	return 1;
}

static void test_tables(void **state)
{
	struct buf expected = { 0 };
	struct slice rest, line;
	int n = 0, bad = 0;

	(void)state;
	load(&expected, "crontabs/expected.tsv");
	rest = (struct slice){ expected.data, expected.len };
	assert_true(next_line(&rest, &line)); /* the heads of the columns */
	while (next_line(&rest, &line)) {
		char row[COLUMNS][128], name[160];
		struct buf text = { 0 };
		struct slice table;

		split_row(row, line);
		snprintf(name, sizeof(name), "crontabs/%s", row[COLUMN_ID]);
		load(&text, name);
		table = (struct slice){ text.data, text.len };
		for (int id = 0; id < DIALECTS; id++) {
			bad += check_verdict(row, table, (enum dialect_id)id, false);
			bad += check_verdict(row, table, (enum dialect_id)id, true);
		}
		buf_free(&text);
		n++;
	}
	assert_true(n > 100);
	assert_int_equal(bad, 0);
	buf_free(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_debian),
		cmocka_unit_test(test_lines_cronie),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
