/* webhooks: own template files of crond.conf's webhooks.
 * Flow: a configuration that has been parsed -> its webhooks with their templates' text. */
#include "config.h"

#include "crond/webhooks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/core/conf.h"
#include "crond/core/template.h"

/* All of them go to crond-notify in one message. */
enum { ALL_MOST = 128 * 1024 };

/* What is sent in root's name, with root's secrets beside it, nobody else may have written. */
static const char *distrust(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "is not root's";
	return st->st_mode & (S_IWGRP | S_IWOTH) ? "can be written by others than its owner" : NULL;
}

static int template_read(const char *path, struct buf *out, struct diag *d)
{
	struct stat st;
	int fd = file_open(AT_FDCWD, path, 1, &st), bad = 0;

	if (fd < 0)
		return diag_error(d, 0, 0, "%s", strerror(errno));
	if (distrust(&st))
		bad = diag_error(d, 0, 0, "%s", distrust(&st));
	else if (file_read(fd, TEMPLATE_MOST, out) == 0)
		bad = template_check((struct slice){ out->data, out->len }, TEMPLATE_ALL, d);
	else if (errno == EFBIG)
		bad = diag_error(d, 1, 1, "longer than %d bytes", TEMPLATE_MOST);
	else
		bad = diag_error(d, 0, 0, "%s", strerror(errno));
	close(fd);
	return bad;
}

static const char *text_before(const struct conf *before, const struct webhook *h)
{
	for (size_t i = 0; i < before->webhook_count; i++) {
		const struct webhook *was = &before->webhooks[i];

		if (was->template == WEBHOOK_OWN && strcmp(was->name, h->name) == 0 &&
		        strcmp(was->template_file, h->template_file) == 0)
			return was->template_text;
	}
	return NULL;
}

/* 0 and h->template_text, or -1 with *d. */
static int own_read(struct webhook *h, size_t *all, struct arena *arena, struct diag *d)
{
	struct buf text = { 0 };
	int bad = template_read(h->template_file, &text, d);

	*all += text.len;
	if (!bad && *all > ALL_MOST)
		bad = diag_error(
		        d, 0, 0, "all templates together are longer than %d bytes", ALL_MOST);
	if (!bad) {
		h->template_text = arena_copy(arena, text.len ? text.data : "", text.len);
		bad = h->template_text ? 0 : diag_error(d, 0, 0, "out of memory");
	}
	buf_free(&text);
	return bad;
}

/* What it had goes on; without that it is left out. */
static bool own_keep(struct webhook *h, const struct conf *before, struct arena *arena,
        const struct diag *why, struct diag *d)
{
	const char *was = text_before(before, h);

	h->template_text = was ? arena_copy(arena, was, strlen(was)) : NULL;
	diag_error(d, why->line, why->column, "%.150s; webhook %s %s", why->text, h->name,
	        h->template_text ? "goes on with what it had" : "is left out");
	return h->template_text;
}

void webhooks_read(struct conf *c, const struct conf *before, struct arena *arena,
        void (*say)(void *arg, const char *path, const struct diag *d), void *arg, uint32_t *errors)
{
	size_t kept = 0, all = 0;

	for (size_t i = 0; i < c->webhook_count; i++) {
		struct webhook h = c->webhooks[i];
		struct diag why, d;
		bool keep = true;

		if (h.template == WEBHOOK_OWN && own_read(&h, &all, arena, &why)) {
			keep = own_keep(&h, before, arena, &why, &d);
			say(arg, h.template_file, &d);
			++*errors;
		}
		if (keep)
			c->webhooks[kept++] = h;
	}
	c->webhook_count = kept;
}
