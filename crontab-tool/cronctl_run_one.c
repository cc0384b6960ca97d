/* cronctl_run_one: all that is on record of a run.
 * Flow: crond-history's line of it -> a fact a line, with what it wrote to standard error. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/text.h"
#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_asked.h"

enum { NAME_WIDTH = 15, TEXT_MOST = 128 };

static void put_fact(const char *name, const char *text)
{
	talk_fact(NAME_WIDTH, name, text);
}

/* "2025-11-20T13:00:05.123Z" in local time; what looks otherwise as it is. */
static void put_instant(const json_t *o, const char *member, const char *name)
{
	const char *text = talk_text(o, member);
	char day[48], zone[16], shown[TEXT_MOST];
	struct tm tm = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	uint64_t ms;
	bool exact;
	time_t t;

	if (!rest) {
		put_fact(name, text);
		return;
	}
	exact = *rest == '.' && text_number((struct slice){ rest + 1, strspn(rest + 1, "0123456789") }, 999, &ms) == 0;
	t = timegm(&tm);
	if (!localtime_r(&t, &tm) || !strftime(day, sizeof(day), "%a %Y-%m-%d %H:%M:%S", &tm) ||
		!strftime(zone, sizeof(zone), "%z", &tm))
		return;
	if (exact)
		snprintf(shown, sizeof(shown), "%s.%03u %s", day, (unsigned)ms, zone);
	else
		snprintf(shown, sizeof(shown), "%s %s", day, zone);
	put_fact(name, shown);
}

static void put_uses(const json_t *o)
{
	double cpu = talk_real(o, "cpu_s", -1);
	json_int_t kb = talk_number(o, "memory_kb", -1), bytes = talk_number(o, "output_bytes", -1);
	char text[TEXT_MOST];

	if (cpu >= 0 && kb >= 0) {
		snprintf(text, sizeof(text), "%.3f s of processor, %" PRId64 " KB at most", cpu, (int64_t)kb);
		put_fact("used", text);
	}
	if (bytes >= 0) {
		snprintf(text, sizeof(text), "%" PRId64 " byte%s%s", (int64_t)bytes, bytes == 1 ? "" : "s",
			talk_true(o, "truncated") ? ", of which not all were kept" : "");
		put_fact("output", text);
	}
}

static void put_result(const json_t *o)
{
	char text[TEXT_MOST], took[32] = "";
	double seconds = talk_real(o, "duration_s", -1);
	const char *result = asked_result(o, text, sizeof(text));

	put_fact("result", result);
	put_fact("reason", talk_text(o, "reason"));
	if (seconds < 0)
		return;
	columns_took((int64_t)(seconds * 1000 + 0.5), took, sizeof(took));
	put_fact("took", took);
}

static void put_attempt(const json_t *o)
{
	char text[TEXT_MOST];

	snprintf(text, sizeof(text), "%" PRId64, (int64_t)talk_number(o, "attempt", 1));
	put_fact("attempt", text);
}

void cronctl_run_show(void *arg, const json_t *o)
{
	const char *text = talk_text(o, "stderr");

	(void)arg;
	put_fact("run", talk_text(o, "run_id"));
	put_fact("job", talk_text(o, "job"));
	put_fact("user", talk_text(o, "user"));
	put_fact("host", talk_text(o, "host"));
	put_fact("started by", talk_text(o, "cause"));
	put_attempt(o);
	put_instant(o, "scheduled_at", "due");
	put_instant(o, "started_at", "started");
	put_instant(o, "finished_at", "finished");
	put_result(o);
	put_uses(o);
	put_fact("log", talk_text(o, "log"));
	put_fact("artifacts", talk_text(o, "artifacts"));
	if (text && *text) {
		printf("standard error\n");
		asked_put_lines(text);
	}
}

int cronctl_run_one(const char *id, const char *socket, bool json, bool *found)
{
	struct talk t = { .fd = -1, .path = socket, .at_socket = CTLMSG_OF_HISTORY, .json = json };
	struct buf request = { 0 };
	int status;

	talk_begin(&request, CTLMSG_RUNS);
	ctlmsg_text(&request, "run", id);
	ctlmsg_bool(&request, "stderr", true);
	status = talk_each(&t, &request, cronctl_run_show, NULL, NULL);
	*found = t.lines > 0;
	return status;
}
