/* heartbeat: tells a URL that the scheduler lives.
 * Flow: the scheduler asks for each single one, from a turn of its loop; post has it, and what
 * comes of it is said when it changes. */
#include "config.h"

#include "crond/notify/heartbeat.h"

#include <syslog.h>

#include "crond/base/diag.h"
#include "crond/base/report.h"
#include "crond/core/event.h"

static void failed(struct beat *b, struct report *r, const char *why)
{
	if (!b->failing)
		report_log(r, LOG_WARNING, "heartbeat to %s: %s", b->shown, why);
	b->failing = true;
}

void heartbeat_take(struct beat *b, struct post *p, struct report *r, struct slice record)
{
	struct webhook to = { .name = "heartbeat" };
	char host[POST_HOST];
	struct diag d;

	if (b->under_way)
		return;
	if (notice_heartbeat_decode(&to.url, &to.timeout_ms, record, &d)) {
		report_log(r, LOG_ERR, "a heartbeat is refused: %s", d.text);
		return;
	}
	if (post_url(to.url, host, b->shown, &d) || post_ping(p, &to, &d))
		failed(b, r, d.text);
	else
		b->under_way = true;
}

void heartbeat_ended(struct beat *b, struct report *r, const struct post_result *result)
{
	b->under_way = false;
	if (!result->accepted) {
		failed(b, r, result->why);
		return;
	}
	if (b->failing)
		report_log(r, LOG_NOTICE, "heartbeat to %s: accepted again", b->shown);
	b->failing = false;
}
