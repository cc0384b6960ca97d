/* options_trust: what a file that is not root's may not ask for.
 * Flow: the parsers ask for each job of such a file: its own words are judged, not what
 * root's crond.conf gives to all. */
#include "crond/core/options_trust.h"

#include <stdio.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/options_table.h"

enum { REALTIME = 1, CLASS_SHIFT = 13, SHOWN_MOST = 64 };

static int refuse(const struct options *o, enum option_id id, const char *why, struct diag *d)
{
	struct option_place at = option_place(o, id);

	return diag_error(d, at.line, at.column, "only root's files may have '%s' %s", option_row(id)->def.name, why);
}

/* What crond.conf has for all: nobody but root goes above it. NULL: nothing. */
static const void *default_of(const struct options_caps *caps, enum option_id id)
{
	if (!caps || !caps->defaults || !option_given(caps->defaults, id))
		return NULL;
	return (const char *)caps->defaults + option_row(id)->at;
}

static int refuse_above(const struct options *o, const struct options_caps *caps, enum option_id id,
	struct diag *d)
{
	struct buf most = { 0 };
	char why[SHOWN_MOST];

	option_print(caps->defaults, id, &most);
	snprintf(why, sizeof(why), "above the %s of crond.conf", buf_text(&most) ? most.data : "default");
	buf_free(&most);
	return refuse(o, id, why, d);
}

/* 0 is no limit at all. */
static int trust_most(const struct options *o, const struct options_caps *caps, enum option_id id,
	struct diag *d)
{
	const uint64_t *most = default_of(caps, id);
	uint64_t wanted = *(const uint64_t *)(const void *)((const char *)o + option_row(id)->at);

	if (!option_own(o, id) || !most || !*most || (wanted && wanted <= *most))
		return 0;
	return refuse_above(o, caps, id, d);
}

static int trust_limit(const struct options *o, const struct options_caps *caps, int resource,
	struct diag *d)
{
	enum option_id id = option_of_limit(resource);
	uint64_t hard = o->limits[resource].hard;
	const struct option_limit *most;

	if (id == OPTIONS || !option_own(o, id))
		return 0;
	most = default_of(caps, id);
	if (most)
		return hard > most->hard ? refuse_above(o, caps, id, d) : 0;
	if (caps && hard > caps->limits[resource])
		return refuse(o, id, "above the limit that the daemon itself has", d);
	return 0;
}

int options_trust(const struct options *o, const struct options_caps *caps, struct diag *d)
{
	if (option_own(o, OPTION_NICE) && o->nice < 0)
		return refuse(o, OPTION_NICE, "below 0", d);
	if (option_own(o, OPTION_IONICE) && o->ionice >> CLASS_SHIFT == REALTIME)
		return refuse(o, OPTION_IONICE, "of class realtime", d);
	if (trust_most(o, caps, OPTION_MEMORY_MAX, d) || trust_most(o, caps, OPTION_CPU_QUOTA, d) ||
		trust_most(o, caps, OPTION_TASKS_MAX, d))
		return -1;
	for (int i = 0; i < OPTION_LIMITS; i++) {
		if (trust_limit(o, caps, i, d))
			return -1;
	}
	return 0;
}
