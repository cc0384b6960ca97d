/* Any bytes as a crontab, the first choosing dialect and rules: what comes out must lie in what
 * went in, add up, not depend on the line before, and be the same a second time. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/crontab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
	struct slice bytes;
	const struct crontab_rules *rules;
	uint32_t entries, errors, line;
	uint64_t hash;
};

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void add(struct tally *t, const void *bytes, size_t n)
{
	t->hash = text_hash(t->hash, bytes, n);
}

static void check_inside(const struct tally *t, struct slice s)
{
	demand(s.n == 0 || (s.s >= t->bytes.s && s.s + s.n <= t->bytes.s + t->bytes.n));
	demand(s.n == 0 || memchr(s.s, '\n', s.n) == NULL);
	demand(s.n == 0 || memchr(s.s, '\0', s.n) == NULL);
}

/* Read without its neighbours, the time is the same (random and added seconds apart). */
static void check_time(const struct tally *t, const struct crontab_entry *e)
{
	bool seconds = e->schedule.flags & (SCHEDULE_SECONDS | SCHEDULE_EVERY);
	struct arena arena = { 0 };
	struct schedule alone;
	struct diag d;
	size_t used;

	if (memchr(e->time_text.s, '~', e->time_text.n) || e->options)
		return;
	demand(schedule_parse_line(&alone, e->time_text, t->rules->dialect->grammar, seconds, 0,
		       &arena, &used, &d) == 0);
	demand(used == e->time_text.n);
	demand(schedule_equal(&alone, &e->schedule));
	arena_free(&arena);
}

static void check_split(struct tally *t, struct slice command)
{
	struct arena arena = { 0 };
	const char *text;
	struct slice input;

	demand(crontab_split(command, t->rules->dialect, &arena, &text, &input) == 0);
	demand(strlen(text) <= command.n);
	demand(!input.s == !memchr(command.s, '%', command.n) || input.s == NULL);
	demand(input.n <= command.n);
	add(t, text, strlen(text));
	if (input.s)
		add(t, input.s, input.n);
	arena_free(&arena);
}

static void check_env(struct tally *t, const struct crontab_env *env)
{
	size_t n = 0;

	for (; env && n < 64; env = env->before, n++) {
		demand(env->assignment[env->name_length] == '=');
		demand(!memchr(env->assignment, '=', env->name_length));
		demand(strlen(env->assignment) <= CRONTAB_TEXT_MOST);
		add(t, env->assignment, strlen(env->assignment));
	}
}

static int take_entry(void *arg, const struct crontab_entry *e)
{
	struct tally *t = arg;

	demand(e->line > t->line);
	t->line = e->line;
	t->entries++;
	check_inside(t, e->time_text);
	check_inside(t, e->user);
	check_inside(t, e->command);
	demand(e->time_text.n > 0 && e->command.n <= CRONTAB_TEXT_MOST);
	demand(e->command.n > 0 || t->rules->dialect->command_may_be_empty);
	demand((e->user.n > 0) == t->rules->system);
	demand(!(e->quiet && t->rules->unprivileged));
	check_time(t, e);
	check_split(t, e->command);
	check_env(t, e->env);
	add(t, e->time_text.s, e->time_text.n);
	add(t, &e->line, sizeof(e->line));
	return 0;
}

static void take_diag(void *arg, const struct diag *d)
{
	struct tally *t = arg;

	demand(d->line > 0);
	demand(d->text[0] != '\0');
	demand(memchr(d->text, '\0', sizeof(d->text)) != NULL);
	t->errors += d->level == DIAG_ERROR;
	add(t, d->text, strlen(d->text));
}

static uint64_t parse(struct slice bytes, const struct crontab_rules *rules)
{
	struct tally t = { .bytes = bytes, .rules = rules };
	const struct crontab_sink sink = { take_entry, take_diag, &t };
	struct crontab_result r;
	struct arena arena = { 0 };

	demand(crontab_parse(bytes, rules, &arena, &sink, &r) == 0);
	demand(r.entries == t.entries && r.errors == t.errors);
	demand(!r.errors == !r.first.line);
	demand(r.lines >= r.entries);
	demand(!r.rejected || r.errors > 0);
	demand(r.rejected || !r.errors || !(rules->install || rules->dialect->bad_line_drops_file));
	arena_free(&arena);
	return t.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crontab_rules rules = { .seed = 1 };
	struct slice bytes;

	if (!size)
		return 0;
	rules.dialect = dialect_get(data[0] & 1 ? DIALECT_CRONIE : DIALECT_DEBIAN);
	rules.system = data[0] & 2;
	rules.install = data[0] & 4;
	rules.unprivileged = data[0] & 8;
	bytes = (struct slice){ (const char *)data + 1, size - 1 };
	demand(parse(bytes, &rules) == parse(bytes, &rules));
	return 0;
}
