/* Any bytes as an event: what is taken must be the same after it was written again, its
 * JSON must be JSON, and its mail must have the headers we wrote and no others. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/notify/body.h"
#include "crond/notify/request.h"

static const char own[] = "{\"a\": \"${text} ${stdout_tail} ${url}\", \"b\": ${exit_code}, \"c\": "
	"\"${stderr_tail|url}\", \"${job}\": \"$${job}\"}";

static void demand(int holds)
{
	if (!holds)
		abort();
}

static int same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_again(const struct event *e)
{
	struct buf out = { 0 };
	struct event again;
	struct diag d;

	event_encode(e, &out);
	demand(!out.failed && out.len <= EVENT_MOST);
	demand(event_decode(&again, (struct slice){ out.data, out.len }, &d) == 0);
	demand(same_text(e->id, again.id));
	demand(e->scheduled == again.scheduled && e->exit_code == again.exit_code);
	demand(e->failures == again.failures && e->trusted == again.trusted);
	if (!again.truncated)
		demand(same_text(e->job, again.job) && same_text(e->reason, again.reason) &&
			slice_equal(e->targets, again.targets) &&
			slice_equal(e->stdout_tail, again.stdout_tail));
	buf_free(&out);
}

/* Whatever stands in an event, what is posted is strict JSON. */
static void check_post(const struct event *e, enum webhook_template t)
{
	const struct webhook hook = { .name = "x", .url = "https://h/a?b=c", .template = t,
		.link = "https://l/${job}?${stdout_tail}", .template_text = t == WEBHOOK_OWN ? own : NULL };
	struct request r;
	struct diag d;
	json_t *j;

	demand(request_make(&r, &hook, "secret", e, 1700000000123, &d) == 0);
	demand(r.url.len > 0 && strlen(r.url.data) == r.url.len && r.url.data[strcspn(r.url.data, " \"<>")] == 0);
	if (t != WEBHOOK_HEALTHCHECKS) {
		j = json_loadb(r.body.data, r.body.len, JSON_REJECT_DUPLICATES, NULL);
		demand(json_is_object(j));
		json_decref(j);
	}
	request_free(&r);
}

static int is_ours(const char *line)
{
	static const char *const names[] = { "From: ", "To: ", "Subject: ", "Date: ",
		"MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: ",
		"Auto-Submitted: ", "X-Cronward-Id: ", " " };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return 1;
	return 0;
}

static void check_mail(const struct event *e)
{
	struct buf out = { 0 };
	char *line, *end;

	body_mail(e, slice_of("ops@example.org"), "host", 1700000000, &out);
	demand(buf_text(&out) != NULL && strlen(out.data) == out.len);
	end = strstr(out.data, "\n\n");
	demand(end != NULL);
	*end = '\0';
	for (line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n"))
		demand(is_ours(line));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event e, members[2];
	struct diag d;

	if (event_decode(&e, (struct slice){ (const char *)data, size }, &d))
		return 0;
	check_again(&e);
	for (int t = 0; t < WEBHOOK_TEMPLATES; t++)
		check_post(&e, (enum webhook_template)t);
	members[0] = members[1] = e;
	e.members = members;
	e.member_count = 2;
	for (int t = 0; t < WEBHOOK_TEMPLATES; t++)
		check_post(&e, (enum webhook_template)t);
	e.member_count = 0;
	check_mail(&e);
	return 0;
}
