/* heartbeat: an outgoing sign of life, for somebody who misses it when we are gone.
 * Flow: a turn of the loop, at most one in each interval, hands it to crond-notify: no other
 * process says that the scheduler lives. */
#include "config.h"

#include "crond/crond.h"

#include "crond/core/event.h"

void heartbeat_turn(struct crond *c)
{
	const struct heartbeat *h = &c->set.conf.heartbeat;
	struct buf b = { 0 };

	if (!h->url || c->stop.stage)
		return;
	wait_later(c, LATER_HEARTBEAT, (int64_t)h->interval_ms);
	if (!alert_begin(c)) /* it is being started again: the next one goes */
		return;
	buf_putc(&b, NOTICE_HEARTBEAT);
	notice_heartbeat_encode(h->url, h->timeout_ms, &b);
	alert_send(c, &b);
	buf_free(&b);
}

void heartbeat_config(struct crond *c)
{
	if (c->set.conf.heartbeat.url)
		wait_later(c, LATER_HEARTBEAT, 0);
	else
		wait_not(c, LATER_HEARTBEAT);
}
