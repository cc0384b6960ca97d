/* conf_parse: what the files that read crond.conf share.
 * Flow: conf.c goes through the parts, conf_value.c judges, conf_webhook.c fills one
 * kind of section. */
#ifndef CORE_CONF_PARSE_H
#define CORE_CONF_PARSE_H

#include "crond/base/buf.h"
#include "crond/core/conf.h"
#include "crond/core/section_settings.h"

struct section;

struct conf_parser {
	struct conf conf; /* being filled; the caller's is replaced at the end */
	struct arena *arena;
	const struct diag_sink *sink;
	uint32_t errors;
	struct buf hooks;     /* of struct webhook */
	struct buf task_dirs; /* of struct conf_dir */
	struct options *defaults; /* two, by enum job_kind, in the arena; NULL: no such section yet */
	const char *path;
	bool no_memory;
};

/* One setting of any section: its name, what it takes and where it goes. */
struct conf_def {
	struct setting_def name;
	/* Judges the value and fills *field; texts live in the arena. 0, or -1 with *d. */
	int (*take)(const struct conf_def *def, const struct setting *s, struct arena *arena, void *field,
		struct diag *d);
	size_t at;             /* of the field */
	const char *const *words; /* of conf_take_word, NULL-terminated */
	uint64_t least, most;  /* of numbers, sizes and durations */
};

enum { CONF_DEFS_MOST = 32 };

/* Reads a section by its definitions (ended by a NULL name) into *into. 0; 1 when there
 * was an error, reported; memory's end is noted in p. */
int conf_read(struct conf_parser *p, const struct section *s, const struct conf_def *defs, void *into);
void conf_report(struct conf_parser *p, struct diag *d, uint32_t line, uint32_t column);
void conf_webhook(struct conf_parser *p, const struct section *s);

#define CONF_TAKE(name) \
	int name(const struct conf_def *def, const struct setting *s, struct arena *arena, void *field, \
		struct diag *d)
CONF_TAKE(conf_take_dialect);
CONF_TAKE(conf_take_path);
CONF_TAKE(conf_take_mailer);
CONF_TAKE(conf_take_cgroup);  /* auto, off or a path */
CONF_TAKE(conf_take_bool);
CONF_TAKE(conf_take_word);    /* const char *: one of words */
CONF_TAKE(conf_take_level);   /* int: a syslog priority */
CONF_TAKE(conf_take_size);    /* uint64_t */
CONF_TAKE(conf_take_count);   /* uint32_t */
CONF_TAKE(conf_take_duration); /* uint64_t, milliseconds */
CONF_TAKE(conf_take_retention); /* struct conf_retention */
CONF_TAKE(conf_take_user);
CONF_TAKE(conf_take_group);
CONF_TAKE(conf_take_url);
CONF_TAKE(conf_take_secret);  /* const char *: one line; no message repeats it */
CONF_TAKE(conf_take_targets); /* const char *const *, NULL-terminated; NULL: none */
CONF_TAKE(conf_take_headers); /* const char *const *, NULL-terminated */

#endif
