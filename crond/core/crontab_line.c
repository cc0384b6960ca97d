/* crontab_line: one entry of a crontab: time fields, user, flags, command.
 * Flow: crontab hands in each line that is neither comment nor setting; schedule
 * judges the fields, this what stands around them. */
#include "crond/core/crontab_line.h"

#include "crond/base/text.h"

/* A line as long as this cannot be good whatever stands in it. */
enum { LINE_MOST = 2 * CRONTAB_TEXT_MOST };

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool word_char(char c)
{
	return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void cut(struct slice *s, size_t n)
{
	s->s += n;
	s->n -= n;
}

static void skip_blanks(struct slice *s)
{
	while (s->n && blank(*s->s))
		cut(s, 1);
}

static struct slice take_word(struct slice *rest)
{
	struct slice word = { rest->s, 0 };

	while (word.n < rest->n && !blank(word.s[word.n]))
		word.n++;
	cut(rest, word.n);
	return word;
}

/* --- junk behind a value, which Debian's daemon reads over (0.5, 5*, 1-5-7, *foo) */

static bool skip_run(struct slice *s, bool (*is)(char))
{
	size_t n = 0;

	while (n < s->n && is(s->s[n]))
		n++;
	cut(s, n);
	return n > 0;
}

static bool skip_char(struct slice *s, char c)
{
	if (!s->n || *s->s != c)
		return false;
	cut(s, 1);
	return true;
}

/* Takes one element of a list. Only the form: the values have been judged. */
static bool skip_element(struct slice *field)
{
	if (!skip_char(field, '*')) {
		if (!skip_run(field, word_char))
			return false;
		if (skip_char(field, '-') && !skip_run(field, word_char))
			return false;
	}
	return !skip_char(field, '/') || skip_run(field, digit);
}

static bool field_clean(struct slice field)
{
	do {
		if (!skip_element(&field))
			return false;
	} while (skip_char(&field, ','));
	return field.n == 0;
}

static void find_loose(struct crontab_time *t, bool seconds)
{
	static const char *const bad[] = { "bad second", "bad minute", "bad hour",
		"bad day-of-month", "bad month", "bad day-of-week" };
	struct slice rest = { t->text.s, t->fields };

	t->loose = NULL;
	if (*rest.s == '@')
		return;
	for (size_t i = seconds ? 0 : 1; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slice field;

		skip_blanks(&rest);
		field = take_word(&rest);
		if (field_clean(field))
			continue;
		t->loose = bad[i];
		t->loose_column = (uint32_t)(field.s - t->text.s);
		return;
	}
}

/* --- the time */

/* The text that the last line had, not the beginning of a longer one? */
static bool same_time(const struct crontab_time *t, struct slice line)
{
	return t->kept && line.n >= t->text.n && memcmp(line.s, t->text.s, t->text.n) == 0 &&
		(line.n == t->text.n || !blank(line.s[t->text.n])) && blank(line.s[t->text.n - 1]);
}

/* Random fields differ from line to line but not from reload to reload. */
static uint64_t line_seed(const struct crontab_rules *rules, struct slice line)
{
	return memchr(line.s, '~', line.n) ? text_hash(rules->seed, line.s, line.n) : rules->seed;
}

static int read_time(struct crontab_reader *r, struct slice line, struct diag *d)
{
	enum grammar grammar = r->rules->dialect->grammar;
	struct crontab_time *t = &r->last;
	size_t used = 0;

	if (same_time(t, line))
		return 0;
	t->kept = false;
	if (schedule_parse_line(&t->schedule, line, grammar, r->seconds, line_seed(r->rules, line),
		    r->arena, &used, d) < 0)
		return -1;
	t->text = (struct slice){ line.s, used };
	t->fields = used;
	while (t->fields && blank(line.s[t->fields - 1]))
		t->fields--;
	t->loose = NULL;
	if (grammar == GRAMMAR_DEBIAN)
		find_loose(t, r->seconds);
	t->lint = schedule_lint(&t->schedule);
	t->kept = !memchr(line.s, '~', used);
	return 0;
}

static void warn(struct crontab_reader *r, uint32_t line, uint32_t column, const char *text,
	const char *more)
{
	struct diag d;

	diag_warning(&d, line, column, "%s%s", text, more);
	if (r->sink->diag)
		r->sink->diag(r->sink->arg, &d);
}

/* Tells what is doubtful about the time. An existing table with junk in a field goes on
 * under Debian's rule; a new one, or one with seconds, is ours to refuse. */
static int judge_time(struct crontab_reader *r, uint32_t line, uint32_t column, struct diag *d)
{
	const struct crontab_time *t = &r->last;

	if (t->loose && (r->rules->install || r->seconds))
		return diag_error(d, line, column + t->loose_column, "%s", t->loose);
	if (t->loose)
		warn(r, line, column + t->loose_column, t->loose,
			": what follows the value is ignored, as Debian's cron does");
	if (t->lint)
		warn(r, line, column, t->lint, "");
	return 0;
}

/* --- the rest */

/* "-n" before the command, once. */
static int read_flags(struct crontab_entry *e, struct slice *rest, const char **error)
{
	while (rest->n && *rest->s == '-') {
		*error = "bad option";
		if (rest->n < 3 || rest->s[1] != 'n' || !blank(rest->s[2]) || e->mail_on_failure)
			return -1;
		e->mail_on_failure = true;
		cut(rest, 2);
		skip_blanks(rest);
		*error = "bad command";
		if (!rest->n)
			return -1;
	}
	return 0;
}

static int read_command(const struct crontab_rules *rules, struct slice *rest,
	struct crontab_entry *e, const char **error)
{
	*error = "bad command";
	/* A star here is a sixth field: a slip that both families catch. */
	if (rest->n && *rest->s == '*')
		return -1;
	if (rules->system) {
		e->user = take_word(rest);
		/* Debian's empty command still has a blank before it here. */
		if (!e->user.n || !rest->n)
			return -1;
		cut(rest, 1);
		if (!rules->dialect->command_keeps_blanks)
			skip_blanks(rest);
	}
	if (!rest->n && !rules->dialect->command_may_be_empty)
		return -1;
	if (rules->dialect->dash_flag && read_flags(e, rest, error) < 0)
		return -1;
	e->command = *rest;
	*error = "command too long";
	return rest->n > CRONTAB_TEXT_MOST ? -1 : 0;
}

int crontab_line_read(struct crontab_reader *r, struct slice line, uint32_t column,
	struct crontab_entry *e, struct diag *d)
{
	const char *start = line.s, *error;

	if (line.n > LINE_MOST)
		return diag_error(
			d, e->line, column, "command too long (most: %d bytes)", CRONTAB_TEXT_MOST);
	if (r->rules->dialect->dash_flag && skip_char(&line, '-')) {
		if (r->rules->unprivileged)
			return diag_error(d, e->line, column, "bad option");
		e->quiet = true;
		if (!line.n || blank(*line.s))
			return diag_error(d, e->line, column + 1, "bad minute");
	}
	column += (uint32_t)(line.s - start);
	start = line.s;
	if (read_time(r, line, d) < 0) {
		d->line = e->line;
		d->column = d->column ? column + d->column - 1 : column;
		return -1;
	}
	if (judge_time(r, e->line, column, d) < 0)
		return -1;
	e->schedule = r->last.schedule;
	e->time_text = (struct slice){ line.s, r->last.fields };
	cut(&line, r->last.text.n);
	if (read_command(r->rules, &line, e, &error) < 0)
		return diag_error(d, e->line, column + (uint32_t)(line.s - start), "%s", error);
	return 0;
}
