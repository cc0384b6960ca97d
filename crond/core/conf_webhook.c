/* conf_webhook: a webhook section of crond.conf.
 * Flow: conf.c hands the section in, the webhook joins those of the configuration. */
#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/conf_parse.h"
#include "crond/core/options_value.h"
#include "crond/core/section.h"
#include "crond/core/taskfile.h"
#include "crond/core/template.h"

enum { HOOKS_MOST = 256, RATE_MOST = 10000 };

#define RATE_UNSAID UINT64_MAX
#define RATE_MOST_MS ((uint64_t)24 * 60 * 60 * 1000)

static CONF_TAKE(take_template)
{
	struct webhook *h = field;

	h->template = webhook_template_find(s->values[0]);
	if (h->template == WEBHOOK_OWN)
		return conf_take_path(def, s, arena, &h->template_file, d);
	if (h->template < WEBHOOK_OWN)
		return 0;
	return option_bad(def->name.name, s->values[0], "json, slack, feishu, dingtalk, wecom, "
		"healthchecks or a file's absolute path is needed", d);
}

static CONF_TAKE(take_rate)
{
	struct webhook *h = field;
	struct slice text = s->values[0];
	const char *slash = memchr(text.s, '/', text.n);
	size_t n = slash ? (size_t)(slash - text.s) : 0;
	uint64_t count;

	(void)arena;
	h->rate_ms = 0;
	if (slice_is(text, "none"))
		return 0;
	if (!slash || text_number((struct slice){ text.s, n }, RATE_MOST, &count) || count == 0 ||
		text_duration((struct slice){ slash + 1, text.n - n - 1 }, &h->rate_ms) ||
		h->rate_ms == 0 || h->rate_ms > RATE_MOST_MS)
		return option_bad(def->name.name, text,
			"a count and a time such as 20/1m, at most 1d, or none, are needed", d);
	h->rate = (uint32_t)count;
	return 0;
}

#define AT(field) .at = offsetof(struct webhook, field)
static const struct conf_def defs[] = {
	{ { "url", false }, conf_take_url, AT(url) },
	{ { "link", false }, conf_take_url, AT(link) },
	{ { "template", false }, take_template, .at = 0 },
	{ { "headers", true }, conf_take_headers, AT(headers) },
	{ { "secret-file", false }, conf_take_path, AT(secret_file) },
	{ { "secret", false }, conf_take_secret, AT(secret) },
	{ { "timeout", false }, conf_take_duration, AT(timeout_ms), .least = 1000,
		.most = WEBHOOK_TIMEOUT_MOST_MS },
	{ { "retries", false }, conf_take_count, AT(retries), .least = 0,
		.most = WEBHOOK_RETRIES_MOST },
	{ { "rate", false }, take_rate, .at = 0 },
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

/* Names stand behind the host: it is nothing that an event may choose. */
static int check_address(const char *setting, const char *url, uint32_t allowed, struct diag *d)
{
	const char *host = strstr(url, "://") + 3;
	struct diag why;

	if (memchr(host, '$', strcspn(host, "/?#")))
		return diag_error(d, 0, 0, "bad %s: a '$' in its host", setting);
	if (template_check(slice_of(url), allowed | TEMPLATE_ADDRESS, &why))
		return diag_error(d, 0, 0, "bad %s: %s", setting, why.text);
	return 0;
}

static int check_addresses(const struct webhook *h, struct diag *d)
{
	const uint32_t in_link = TEMPLATE_ALL & ~((uint32_t)1 << VALUE_URL);

	if (h->template != WEBHOOK_HEALTHCHECKS && strstr(h->url, "${job}"))
		return diag_error(d, 0, 0, "bad url: ${job} is taken in link, or where template "
			"is healthchecks");
	if (h->template == WEBHOOK_HEALTHCHECKS &&
		check_address("url", h->url, (uint32_t)1 << VALUE_JOB, d))
		return -1;
	return h->link ? check_address("link", h->link, in_link, d) : 0;
}

/* What its settings say together. */
static int check_hook(const struct conf_parser *p, const struct webhook *h, struct diag *d)
{
	if (!h->url)
		return diag_error(d, 0, 0, "'url' is missing");
	if (h->secret && h->secret_file)
		return diag_error(d, 0, 0, "'secret' and 'secret-file' exclude each other");
	if (h->secret && !p->conf.keeps_secrets)
		return diag_error(d, 0, 0, "'secret' is refused, since others may read this file: keep it "
			"from them (mode 0600 or 0640), or use 'secret-file'");
	if (h->template == WEBHOOK_WECOM && (h->secret || h->secret_file))
		return diag_error(d, 0, 0, "a secret is of no use to wecom: what it knows us by is the key in "
			"its url");
	return check_addresses(h, d);
}

void conf_webhook(struct conf_parser *p, const struct section *s)
{
	struct webhook hook = { .retries = WEBHOOK_RETRIES, .rate_ms = RATE_UNSAID };
	struct diag d;

	if (check_title(p, s, &d)) {
		conf_report(p, &d, s->title.s ? s->title_line : s->line,
			s->title.s ? s->title_column : s->column);
		return;
	}
	if (conf_read(p, s, defs, &hook))
		return;
	if (check_hook(p, &hook, &d)) {
		conf_report(p, &d, s->line, s->column);
		return;
	}
	if (hook.rate_ms == RATE_UNSAID)
		webhook_rate_default(&hook);
	hook.name = arena_copy(p->arena, s->title.s, s->title.n);
	if (!hook.name)
		p->no_memory = true;
	else
		buf_append(&p->hooks, &hook, sizeof(hook));
}
