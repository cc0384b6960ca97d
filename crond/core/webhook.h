/* webhook: a receiver of alerts, as crond.conf has it.
 * Flow: conf_webhook fills it, notice carries it to crond-notify, which posts to it. */
#ifndef CORE_WEBHOOK_H
#define CORE_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

/* What is posted, and what answer counts as accepted. */
enum webhook_template {
	WEBHOOK_JSON,
	WEBHOOK_SLACK,
	WEBHOOK_FEISHU,
	WEBHOOK_DINGTALK,
	WEBHOOK_WECOM,
	WEBHOOK_HEALTHCHECKS,
	WEBHOOK_OWN,      /* a file of root's */
	WEBHOOK_TEMPLATES /* none of these: of a later version */
};

enum { WEBHOOK_RETRIES = 4, WEBHOOK_RETRIES_MOST = 20, WEBHOOK_TIMEOUT_MOST_MS = 120000 };

struct webhook {
	const char *name, *url;
	const char *link; /* where people look at a run; as a template, or NULL */
	enum webhook_template template;
	const char *template_file;  /* of WEBHOOK_OWN: an absolute path */
	const char *template_text;  /* what root read from it and found good; NULL: not yet */
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	const char *secret_file;
	const char *secret;  /* given inline, or what root read for crond-notify; NULL: it reads
	                        itself */
	uint64_t timeout_ms; /* 0: the default, 10 s */
	uint32_t retries;    /* tries after the first */
	uint32_t rate;       /* at most so many deliveries ... */
	uint64_t rate_ms;    /* ... in that time; 0: no limit */
	bool users;
};

/* The rate of its template, where nobody gave another. */
void webhook_rate_default(struct webhook *h);
/* "feishu"; NULL for WEBHOOK_OWN and what is none. */
const char *webhook_template_name(enum webhook_template t);
/* The word's template, WEBHOOK_OWN for a path, WEBHOOK_TEMPLATES where it is neither. */
enum webhook_template webhook_template_find(struct slice word);

#endif
