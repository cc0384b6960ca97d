/* crontab_told: a parse whose results are told as one text, for tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/crontab_told.h"

static int take_entry(void *arg, const struct crontab_entry *e)
{
	struct parse *p = arg;

	p->last = *e;
	buf_printf(&p->told, "%u:%.*s;", e->line, (int)(e->command.n < 40 ? e->command.n : 40),
		e->command.s);
	return p->stop_after && --p->stop_after == 0 ? -1 : 0;
}

static void take_diag(void *arg, const struct diag *d)
{
	struct parse *p = arg;

	buf_printf(&p->told, "%c%u:%s;", d->level == DIAG_ERROR ? '!' : '?', d->line, d->text);
}

int parse_bytes(struct parse *p, struct slice bytes)
{
	const struct crontab_sink sink = { take_entry, take_diag, p };

	buf_clear(&p->told);
	return crontab_parse(bytes, &p->rules, &p->arena, &sink, &p->result);
}

void parse_free(struct parse *p)
{
	buf_free(&p->told);
	arena_free(&p->arena);
}

struct parse parser(enum dialect_id id)
{
	return (struct parse){ .rules = { .dialect = dialect_get(id), .seed = 1 } };
}

void check_told(const struct parse *p, const char *want, int line)
{
	struct buf told = p->told;

	if (strcmp(buf_text(&told), want) != 0)
		fail_msg("line %d: told '%s', wanted '%s'", line, told.data, want);
}

void check(struct parse p, const char *text, const char *want, int line)
{
	assert_int_equal(parse_bytes(&p, slice_of(text)), 0);
	buf_text(&p.told);
	check_told(&p, want, line);
	parse_free(&p);
}

bool told_has(struct parse *p, const char *text, const char *part)
{
	assert_int_equal(parse_bytes(p, slice_of(text)), 0);
	return strstr(buf_text(&p->told), part) != NULL;
}
