/* stop_order: why a run is stopped before its end, and at whose wish.
 * Flow: the scheduler writes runs/ID/stop, the keeper reads it and puts it into the
 * outcome. */
#include "crond/core/stop_order.h"

#include <stdio.h>
#include <string.h>

#include "crond/base/buf.h"

static const struct reason_row {
	const char *name, *said;
	enum result result;
} reasons[STOP_REASONS] = {
	[STOP_NONE] = { "none", "stopped", RESULT_KILLED },
	[STOP_PERSON] = { "person", "stopped by hand", RESULT_KILLED },
	[STOP_REPLACE] = { "replace", "replaced by a later start", RESULT_KILLED },
	[STOP_SHUTDOWN] = { "shutdown", "shutdown", RESULT_KILLED },
	[STOP_WATCHDOG] = { "watchdog", "no heartbeat", RESULT_WATCHDOG },
	[STOP_RESTART] = { "restart", "restarted by hand", RESULT_KILLED },
	[STOP_REMOVED] = { "removed", "not wanted any more", RESULT_KILLED },
};

const char *stop_reason_name(enum stop_reason why)
{
	return reasons[(unsigned)why < STOP_REASONS ? why : STOP_NONE].name;
}

enum result stop_reason_result(enum stop_reason why)
{
	return reasons[(unsigned)why < STOP_REASONS ? why : STOP_NONE].result;
}

void stop_order_say(const struct stop_order *o, char *out, size_t n)
{
	snprintf(out, n, "%s%s%s", reasons[o->why].said, o->text[0] ? ": " : "", o->text);
}

void stop_order_set(struct stop_order *o, enum stop_reason why, const char *text)
{
	*o = (struct stop_order){ .why = why };
	if (text)
		snprintf(o->text, sizeof(o->text), "%s", text);
	for (char *s = o->text; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
}

void stop_order_encode(const struct stop_order *o, struct buf *out)
{
	buf_printf(out, "%s %s\n", stop_reason_name(o->why), o->text);
}

int stop_order_decode(struct stop_order *o, struct slice bytes)
{
	const char *blank = memchr(bytes.s, ' ', bytes.n);
	struct slice name = { bytes.s, blank ? (size_t)(blank - bytes.s) : 0 };
	char text[STOP_TEXT_MOST];

	if (!blank || bytes.s[bytes.n - 1] != '\n')
		return -1;
	for (unsigned why = STOP_NONE + 1; why < STOP_REASONS; why++) {
		if (!slice_is(name, reasons[why].name))
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)(bytes.n - name.n - 2), blank + 1);
		stop_order_set(o, (enum stop_reason)why, text);
		return 0;
	}
	return -1;
}
