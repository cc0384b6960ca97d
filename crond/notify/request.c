/* request: what is sent to a webhook for one event.
 * Flow: post makes one up for each try, since signatures bear the time. */
#include "config.h"

#include "crond/notify/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/core/template.h"
#include "crond/core/webhook.h"
#include "crond/notify/body.h"
#include "crond/notify/robot.h"
#include "crond/notify/sign.h"
#include "crond/notify/values.h"

static const char type_json[] = "application/json", type_text[] = "text/plain; charset=utf-8";

static bool is(const char *text, const char *what)
{
	return text && strcmp(text, what) == 0;
}

/* --- the address */

/* What stands in front of the query, and the query; a fragment is of no use to a receiver. */
static void url_split(const char *url, struct slice *path, struct slice *query)
{
	size_t n = strcspn(url, "#");
	const char *mark = memchr(url, '?', n);

	*path = (struct slice){ url, mark ? (size_t)(mark - url) : n };
	*query = (struct slice){ mark ? mark + 1 : NULL, mark ? n - path->n - 1 : 0 };
}

/* The path with more behind it, the query with more behind it. */
static void url_join(const char *url, const char *suffix, const char *more, struct buf *out)
{
	struct slice path, query;

	url_split(url, &path, &query);
	while (suffix[0] && path.n > 0 && path.s[path.n - 1] == '/')
		path.n--;
	buf_append(out, path.s, path.n);
	buf_puts(out, suffix);
	if (query.s || more[0])
		buf_putc(out, '?');
	buf_append(out, query.s, query.n);
	if (query.n > 0 && more[0])
		buf_putc(out, '&');
	buf_puts(out, more);
}

static int url_signed(const struct webhook *h, const char *secret, int64_t now_ms, struct buf *out,
        struct diag *d)
{
	struct buf more = { 0 };
	char sign[SIGN_ROOM];

	if (!secret) {
		url_join(h->url, "", "", out);
		return 0;
	}
	if (sign_dingtalk(now_ms, secret, sign))
		return diag_error(d, 0, 0, "its secret is too long");
	buf_printf(&more, "timestamp=%" PRId64 "&sign=", now_ms);
	template_escaped(slice_of(sign), TEMPLATE_URL, &more);
	url_join(h->url, "", buf_text(&more) ? more.data : "", out);
	out->failed |= more.failed;
	buf_free(&more);
	return 0;
}

/* --- pings */

static const char *ping_suffix(const struct event *e, char room[16])
{
	bool ran = strncmp(e->event, "run.", 4) == 0;

	if (is(e->event, "run.start"))
		return "/start";
	if (is(e->status, "ok") && (ran || is(e->event, "job.recovered")))
		return "";
	if (is(e->event, "daemon.failed"))
		return "/fail";
	if (!ran || is(e->event, "run.skipped"))
		return "/log";
	if (!is(e->status, "exit") || e->exit_code < 1 || e->exit_code > 255)
		return "/fail";
	snprintf(room, 16, "/%d", e->exit_code);
	return room;
}

static void ping_url(const struct webhook *h, const struct event *e, struct buf *out)
{
	char uuid[SIGN_UUID], rid[SIGN_UUID + 8] = "", code[16];
	struct buf url = { 0 };

	if (e->run_id && e->run_id[0]) {
		sign_uuid(e->host ? e->host : "", e->run_id, uuid);
		snprintf(rid, sizeof(rid), "rid=%s", uuid);
	}
	values_expand(slice_of(h->url), TEMPLATE_URL, e, NULL, &url);
	url_join(buf_text(&url) ? url.data : "", ping_suffix(e, code), rid, out);
	out->failed |= url.failed;
	buf_free(&url);
}

/* The sentence where something went wrong, and what the run printed. */
static void ping_body(const struct event *e, struct buf *out)
{
	struct buf text = { 0 };

	if (!is(e->status, "ok") && !is(e->event, "run.start")) {
		values_put(e, NULL, VALUE_TEXT, &text);
		buf_putc(&text, '\n');
	}
	buf_append(&text, e->stdout_tail.s, e->stdout_tail.n);
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		buf_putc(&text, '\n');
	buf_append(&text, e->stderr_tail.s, e->stderr_tail.n);
	body_clean(out, (struct slice){ text.data, text.len });
	out->failed |= text.failed;
	buf_free(&text);
}

/* --- the whole */

static int feishu(const struct event *e, const char *link, const char *secret, int64_t now_ms,
        struct buf *out, struct diag *d)
{
	char sign[SIGN_ROOM];

	if (secret && sign_feishu(now_ms / 1000, secret, sign))
		return diag_error(d, 0, 0, "its secret is too long");
	robot_feishu(e, link, now_ms / 1000, secret ? sign : NULL, out);
	return 0;
}

static int make(struct request *r, const struct webhook *h, const char *secret,
        const struct event *e, const char *link, int64_t now_ms, struct diag *d)
{
	r->type = h->template == WEBHOOK_HEALTHCHECKS ? type_text : type_json;
	if (h->template == WEBHOOK_HEALTHCHECKS)
		ping_url(h, e, &r->url);
	else if (h->template != WEBHOOK_DINGTALK)
		url_join(h->url, "", "", &r->url);
	else if (url_signed(h, secret, now_ms, &r->url, d))
		return -1;
	switch (h->template) {
	case WEBHOOK_JSON:
		body_json(e, link, &r->body);
		return 0;
	case WEBHOOK_SLACK:
		robot_slack(e, link, &r->body);
		return 0;
	case WEBHOOK_FEISHU:
		return feishu(e, link, secret, now_ms, &r->body, d);
	case WEBHOOK_DINGTALK:
		robot_dingtalk(e, link, &r->body);
		return 0;
	case WEBHOOK_WECOM:
		robot_wecom(e, link, &r->body);
		return 0;
	case WEBHOOK_HEALTHCHECKS:
		ping_body(e, &r->body);
		return 0;
	case WEBHOOK_OWN:
		values_expand(slice_of(h->template_text), TEMPLATE_JSON, e, link, &r->body);
		return 0;
	case WEBHOOK_TEMPLATES:
		break;
	}
	return diag_error(d, 0, 0, "its template is not known");
}

int request_make(struct request *r, const struct webhook *h, const char *secret,
        const struct event *e, int64_t now_ms, struct diag *d)
{
	struct buf link = { 0 };
	int bad;

	*r = (struct request){ 0 };
	if (h->link && e->job && e->job[0])
		values_expand(slice_of(h->link), TEMPLATE_URL, e, NULL, &link);
	bad = make(r, h, secret, e, link.len ? buf_text(&link) : NULL, now_ms, d);
	if (!bad && (link.failed || r->body.failed || !buf_text(&r->url)))
		bad = diag_error(d, 0, 0, "out of memory");
	buf_free(&link);
	return bad;
}

void request_free(struct request *r)
{
	if (r->url.data)
		explicit_bzero(r->url.data, r->url.cap);
	buf_free(&r->url);
	buf_free(&r->body);
}
