/* crontab_told: a parse whose results are told as one text, for tests: "LINE:COMMAND;" for
 * an entry, "!LINE:TEXT;" for an error, "?LINE:TEXT;" for a warning. */
#ifndef TESTS_UNIT_CRONTAB_TOLD_H
#define TESTS_UNIT_CRONTAB_TOLD_H

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/core/crontab.h"

struct parse {
	struct crontab_rules rules;
	struct crontab_result result;
	struct arena arena;
	struct buf told;
	struct crontab_entry last;
	int stop_after; /* entries; 0: never */
};

/* A daemon's parse of a user's table. */
struct parse parser(enum dialect_id id);
int parse_bytes(struct parse *p, struct slice bytes);
void parse_free(struct parse *p);
/* Parses text and looks for part in what is told. */
bool told_has(struct parse *p, const char *text, const char *part);
/* Fails, naming the test's line, unless exactly this was told. */
void check_told(const struct parse *p, const char *want, int line);
/* Parses text and does so; p is used up. */
void check(struct parse p, const char *text, const char *want, int line);

#define DEBIAN(text, want) check(parser(DIALECT_DEBIAN), text, want, __LINE__)
#define CRONIE(text, want) check(parser(DIALECT_CRONIE), text, want, __LINE__)
#define EITHER(text, want) (DEBIAN(text, want), CRONIE(text, want))

#endif
