/* webhook: a receiver of alerts, as crond.conf has it.
 * Flow: conf_webhook fills it, notice carries it to crond-notify, which posts to it. */
#include "crond/core/webhook.h"

#include <stddef.h>

/* The robots' own limit is 20 messages a minute; above it they are deaf for a while. */
static const struct {
	const char *name;
	uint32_t rate;
	uint64_t rate_ms;
} templates[WEBHOOK_TEMPLATES] = {
	[WEBHOOK_JSON] = { "json", 0, 0 },
	[WEBHOOK_SLACK] = { "slack", 0, 0 },
	[WEBHOOK_FEISHU] = { "feishu", 0, 0 },
	[WEBHOOK_DINGTALK] = { "dingtalk", 20, 60 * 1000 },
	[WEBHOOK_WECOM] = { "wecom", 20, 60 * 1000 },
	[WEBHOOK_HEALTHCHECKS] = { "healthchecks", 0, 0 },
};

void webhook_rate_default(struct webhook *h)
{
	bool known = h->template <WEBHOOK_TEMPLATES;

	h->rate = known ? templates[h->template].rate : 0;
	h->rate_ms = known ? templates[h->template].rate_ms : 0;
}

const char *webhook_template_name(enum webhook_template t)
{
	return t < WEBHOOK_TEMPLATES ? templates[t].name : NULL;
}

enum webhook_template webhook_template_find(struct slice word)
{
	if (word.n > 0 && word.s[0] == '/')
		return WEBHOOK_OWN;
	for (int i = 0; i < WEBHOOK_OWN; i++)
		if (slice_is(word, templates[i].name))
			return (enum webhook_template)i;
	return WEBHOOK_TEMPLATES;
}
