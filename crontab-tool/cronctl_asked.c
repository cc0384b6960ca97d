/* cronctl_asked: what runs, stats and alerts have in common.
 * Flow: options into requests, members of answers into cells. */
#include "config.h"

#include "crontab-tool/cronctl_asked.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/text.h"
#include "crond/core/outcome.h"
#include "crontab-tool/columns.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/when.h"

int asked_bad(const char *option, const char *value, const char *wants)
{
	struct buf shown = { 0 };

	talk_show(&shown, value);
	fprintf(stderr, "cronctl: bad %s \"%s\": %s\n", option, buf_text(&shown) ? shown.data : "?", wants);
	buf_free(&shown);
	return -1;
}

void asked_filter_begin(struct asked_filter *f, int64_t now)
{
	*f = (struct asked_filter){ .now = now, .since = INT64_MIN, .until = INT64_MAX };
}

int asked_filter_option(struct asked_filter *f, int option, const char *value)
{
	static const char wants[] = "a time like 2h, 7d, 14:00, yesterday, 2025-11-20, \"2025-11-20 14:00\" or"
				    " seconds since 1970 is wanted";

	if (option == 'j')
		f->job = value;
	else if (option == 's' && when_parse(value, f->now, &f->since) < 0)
		return asked_bad("--since", value, wants);
	else if (option == 'u' && when_parse(value, f->now, &f->until) < 0)
		return asked_bad("--until", value, wants);
	return 0;
}

void asked_filter_put(const struct asked_filter *f, struct buf *request)
{
	ctlmsg_text(request, "job", f->job);
	if (f->since != INT64_MIN)
		ctlmsg_number(request, "since", f->since);
	if (f->until != INT64_MAX)
		ctlmsg_number(request, "until", f->until);
}

bool asked_result_known(const char *word)
{
	return strcmp(word, "running") == 0 || result_find(slice_of(word)) >= 0;
}

const char *asked_result(const json_t *o, char *out, size_t room)
{
	const char *status = talk_text(o, "status");
	json_int_t code = talk_number(o, "exit_code", -1), number = talk_number(o, "signal", 0);

	if (!status)
		return NULL;
	if (strcmp(status, "exit") == 0 && code >= 0)
		snprintf(out, room, "exit %d", (int)code);
	else if (strcmp(status, "signal") == 0 && number > 0)
		snprintf(out, room, "SIG%s", text_signal((int)number));
	else
		snprintf(out, room, "%s", status);
	return out;
}

const char *asked_colour(const json_t *o)
{
	const char *status = talk_text(o, "status");
	int result = status ? result_find(slice_of(status)) : -1;

	if (status && strcmp(status, "running") == 0)
		return GRID_GREEN;
	if (result < 0 || result == RESULT_OK)
		return NULL;
	return result_failed((enum result)result) ? GRID_RED : GRID_YELLOW;
}

void asked_time(int64_t at, int64_t now, char *out, size_t room)
{
	int64_t away = at < now ? now - at : at - now;
	time_t t = (time_t)at;
	struct tm tm;
	size_t n;

	columns_time(at, now, out, room);
	n = strlen(out);
	if (away >= 86400 && away < 180 * 86400 && localtime_r(&t, &tm))
		snprintf(out + n, room - n, " %02d:%02d", tm.tm_hour, tm.tm_min);
	else if (away >= 86400 && localtime_r(&t, &tm))
		snprintf(out + n, room - n, "-%02d", tm.tm_mday);
}

void asked_put_lines(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		struct buf line = { 0 }, shown = { 0 };

		buf_append(&line, text, n);
		if (buf_text(&line))
			talk_show(&shown, line.data);
		printf("    %s\n", buf_text(&shown) ? shown.data : "?");
		buf_free(&line);
		buf_free(&shown);
		text += n + (text[n] == '\n');
	}
}

int asked_flush(int status)
{
	if (fflush(stdout) == 0)
		return status;
	perror("cronctl: standard output");
	return CRONCTL_FAILED;
}
