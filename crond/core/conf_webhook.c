/* conf_webhook: a webhook section of crond.conf.
 * Flow: conf.c hands the section in, the webhook joins those of the configuration. */
#include "crond/base/arena.h"
#include "crond/core/conf_parse.h"
#include "crond/core/options_value.h"
#include "crond/core/section.h"
#include "crond/core/taskfile.h"

enum { HOOKS_MOST = 256, RETRIES = 4, RETRIES_MOST = 20, TIMEOUT_MOST = 120000 };

static const char *const templates[] = { "json", NULL };

#define AT(field) .at = offsetof(struct webhook, field)
static const struct conf_def defs[] = {
	{ { "url", false }, conf_take_url, AT(url) },
	{ { "template", false }, conf_take_word, AT(template_name), .words = templates },
	{ { "headers", true }, conf_take_headers, AT(headers) },
	{ { "secret-file", false }, conf_take_path, AT(secret_file) },
	{ { "timeout", false }, conf_take_duration, AT(timeout_ms), .least = 1000,
		.most = TIMEOUT_MOST },
	{ { "retries", false }, conf_take_count, AT(retries), .least = 0, .most = RETRIES_MOST },
	{ { "users", false }, conf_take_bool, AT(users) },
	{ .name = { NULL, false } },
};

/* What is wrong with the section's title, if anything. */
static int check_title(const struct conf_parser *p, const struct section *s, struct diag *d)
{
	const struct webhook *hooks = (const struct webhook *)(const void *)p->hooks.data;
	size_t n = p->hooks.len / sizeof(*hooks);

	if (!s->title.s)
		return diag_error(d, 0, 0, "a webhook without a name");
	if (!taskfile_name_ok(s->title))
		return option_bad("name of a webhook", s->title, "letters, digits, '.', '_' and '-' are "
			"allowed, at most 64, and a letter or digit comes first", d);
	if (n >= HOOKS_MOST)
		return diag_error(d, 0, 0, "more than %d webhooks", HOOKS_MOST);
	for (size_t i = 0; i < n; i++) {
		if (slice_is(s->title, hooks[i].name))
			return diag_error(d, 0, 0, "a second webhook '%s'", hooks[i].name);
	}
	return 0;
}

void conf_webhook(struct conf_parser *p, const struct section *s)
{
	struct webhook hook = { .template_name = templates[0], .retries = RETRIES };
	struct diag d;

	if (check_title(p, s, &d)) {
		conf_report(p, &d, s->title.s ? s->title_line : s->line,
			s->title.s ? s->title_column : s->column);
		return;
	}
	if (conf_read(p, s, defs, &hook))
		return;
	if (!hook.url) {
		diag_error(&d, 0, 0, "'url' is missing");
		conf_report(p, &d, s->line, s->column);
		return;
	}
	hook.name = arena_copy(p->arena, s->title.s, s->title.n);
	if (!hook.name)
		p->no_memory = true;
	else
		buf_append(&p->hooks, &hook, sizeof(hook));
}
