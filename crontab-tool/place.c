/* place: whose rules hold here, and where tables are.
 * Flow: see place.h. The daemon reads all of crond.conf; this program, which may run with
 * rights of its own, looks for two settings only and needs no library for it. */
#include "config.h"

#include "crontab-tool/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/core/section.h"

enum { CONFIG_MOST = 1 << 20 };

/* The value of a setting that has one, not a list: appended to out. */
static int value_read(const struct section *s, struct buf *out)
{
	struct token_scanner tokens = { s->body.s, s->body.s + s->body.n, s->body.s, s->body_line };
	struct token name, set, value;
	struct diag d;

	if (token_next(&tokens, &name, &d) <= 0 || token_next(&tokens, &set, &d) <= 0 ||
	        token_next(&tokens, &value, &d) <= 0 || !token_is_text(&value))
		return -1;
	return token_decode(&value, out, &d);
}

static const char *take_dialect(struct place *p, struct slice value)
{
	const struct dialect *d = dialect_find(value);

	if (!d)
		return "'dialect' is neither debian nor cronie";
	p->dialect = d;
	return NULL;
}

static const char *take_spool(struct place *p, struct slice value)
{
	if (value.n == 0 || value.s[0] != '/' || value.n >= sizeof(p->spool))
		return "'spool-dir' is no absolute path";
	memcpy(p->spool, value.s, value.n);
	p->spool[value.n] = '\0';
	return NULL;
}

static const struct {
	const char *name;
	const char *(*take)(struct place *p, struct slice value);
} settings[] = {
	{ "dialect", take_dialect },
	{ "spool-dir", take_spool },
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* As the daemon takes them: the first of two stands. */
static const char *take(struct place *p, const struct section *s, bool taken[SETTINGS])
{
	struct buf value = { 0 };
	const char *why = NULL;

	for (size_t i = 0; i < SETTINGS; i++) {
		if (!s->setting || taken[i] || !slice_is(s->type, settings[i].name))
			continue;
		taken[i] = true;
		if (value_read(s, &value) != 0 || value.failed)
			why = "a setting that cannot be read";
		else
			why = settings[i].take(
			        p, (struct slice){ value.data ? value.data : "", value.len });
	}
	buf_free(&value);
	return why;
}

int place_parse(struct place *p, struct slice bytes, const char **why)
{
	bool taken[SETTINGS] = { false };
	struct section_scanner scanner;
	struct section section;
	struct diag d;
	int rc = 0;

	*why = NULL;
	section_start(&scanner, bytes);
	while (!*why && (rc = section_next(&scanner, &section, &d)) > 0)
		*why = take(p, &section, taken);
	if (!*why && rc < 0)
		*why = "a quote, comment or brace that does not end";
	return *why ? -1 : 0;
}

/* It decides where a program with rights of its own writes. */
static const char *distrust(const struct stat *st)
{
	if (st->st_uid != 0)
		return "is not root's";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "can be written by others than its owner";
	return NULL;
}

static int refuse(const char *path, const char *why)
{
	fprintf(stderr, "crontab: %s: %s\n", path, why);
	return -1;
}

static int config_read(struct place *p, const char *path)
{
	struct buf bytes = { 0 };
	struct stat st;
	const char *why;
	int fd = file_open(AT_FDCWD, path, 1, &st), rc = -1;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : refuse(path, strerror(errno));
	if (distrust(&st))
		refuse(path, distrust(&st));
	else if (file_read(fd, CONFIG_MOST, &bytes) != 0)
		refuse(path, strerror(errno));
	else if (place_parse(p, (struct slice){ bytes.data ? bytes.data : "", bytes.len }, &why) !=
	        0)
		refuse(path, why);
	else
		rc = 0;
	close(fd);
	buf_free(&bytes);
	return rc;
}

int place_read(struct place *p, const char *path)
{
	p->dialect = dialect_find(slice_of(DEFAULT_DIALECT));
	p->spool[0] = '\0';
	if (config_read(p, path) != 0)
		return -1;
	if (!p->spool[0])
		snprintf(p->spool, sizeof(p->spool), "%s", p->dialect->spool_dir);
	return 0;
}
