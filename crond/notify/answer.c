/* answer: has a receiver taken what it was sent?
 * Flow: post asks once a transfer has ended; robots answer 200 whatever became of it. */
#include "config.h"

#include "crond/notify/answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"

enum { QUOTE_MOST = 100, WAIT_S = 60, WAIT_DINGTALK_S = 600 };

/* What robots answer that means something else than "try again". */
static const struct verdict_row {
	enum webhook_template template;
	int code;
	bool final;
	int wait_s;
} rows[] = {
	{ WEBHOOK_FEISHU, 11232, false, WAIT_S }, /* too often */
	{ WEBHOOK_FEISHU, 19001, true, 0 },       /* no such robot */
	{ WEBHOOK_FEISHU, 19021, true, 0 },       /* signature, or a clock an hour off */
	{ WEBHOOK_FEISHU, 19022, true, 0 },       /* address not allowed */
	{ WEBHOOK_FEISHU, 19024, true, 0 },       /* keyword missing */
	{ WEBHOOK_DINGTALK, 130101, false,
	        WAIT_DINGTALK_S }, /* too often: ten minutes of silence */
	{ WEBHOOK_DINGTALK, 410100, false, WAIT_DINGTALK_S },
	{ WEBHOOK_DINGTALK, 300001, true, 0 }, /* no such robot */
	{ WEBHOOK_DINGTALK, 300005, true, 0 },
	{ WEBHOOK_DINGTALK, 310000, true, 0 },   /* signature, keyword, address */
	{ WEBHOOK_DINGTALK, 400101, true, 0 },   /* no token */
	{ WEBHOOK_DINGTALK, 400102, true, 0 },   /* switched off */
	{ WEBHOOK_WECOM, 45009, false, WAIT_S }, /* too often */
	{ WEBHOOK_WECOM, 45033, false, WAIT_S },
	{ WEBHOOK_WECOM, 93000, true, 0 }, /* no such robot */
};

/* What Slack says, with 403, 404 or 410, of an address that is no more. */
static const char *const slack_final[] = { "action_prohibited", "channel_is_archived",
	"channel_not_found", "invalid_token", "no_active_hooks", "no_service", "no_service_id",
	"no_team", "team_disabled", "user_not_found" };

static struct slice trimmed(struct slice s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.s[s.n - 1]) && s.s[s.n - 1])
		s.n--;
	while (s.n > 0 && strchr(" \t\r\n", s.s[0]) && s.s[0]) {
		s.s++;
		s.n--;
	}
	return s;
}

/* "answered 200: ..." */
static void quote(struct answer *a, const char *what, struct slice text)
{
	struct buf shown = { 0 };

	text_visible(&shown, trimmed(text), QUOTE_MOST);
	snprintf(a->why, sizeof(a->why), "%s%s%s", what, shown.len ? ": " : "",
	        shown.len && buf_text(&shown) ? shown.data : "");
	buf_free(&shown);
}

static void judge_code(
        enum webhook_template t, json_int_t code, const char *message, struct answer *a)
{
	char what[64];

	a->accepted = code == 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].template == t && rows[i].code == code) {
			a->final = rows[i].final;
			a->wait_s = rows[i].wait_s;
		}
	}
	if (a->accepted)
		return;
	snprintf(what, sizeof(what), "answered %s %lld", t == WEBHOOK_FEISHU ? "code" : "errcode",
	        (long long)code);
	quote(a, what, slice_of(message ? message : ""));
}

/* {"code": 0, "msg": ...} or {"errcode": 0, "errmsg": ...} */
static void judge_robot(enum webhook_template t, struct slice body, struct answer *a)
{
	const char *code = t == WEBHOOK_FEISHU ? "code" : "errcode";
	const char *message = t == WEBHOOK_FEISHU ? "msg" : "errmsg";
	json_t *j = body.n ? json_loadb(body.s, body.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *value = json_object_get(j, code);

	if (json_is_integer(value)) {
		judge_code(t, json_integer_value(value),
		        json_string_value(json_object_get(j, message)), a);
	} else {
		char what[64];

		snprintf(what, sizeof(what), "answered 200, but no %s", code);
		quote(a, what, body);
	}
	json_decref(j);
}

/* "ok", or {"ok": true} as its look-alikes say. */
static void judge_slack(struct slice body, struct answer *a)
{
	json_t *j = body.n ? json_loadb(body.s, body.n, JSON_REJECT_DUPLICATES, NULL) : NULL;

	a->accepted = slice_is(trimmed(body), "ok") || json_is_true(json_object_get(j, "ok")) ||
	        json_is_true(json_object_get(j, "success"));
	json_decref(j);
	if (!a->accepted)
		quote(a, "answered 200, but not ok", body);
}

/* Checks that it does not have, and pings that it leaves out, are OK to it as well. */
static void judge_ping(struct slice body, struct answer *a)
{
	body = trimmed(body);
	a->accepted = body.n < 4 || memcmp(body.s, "OK (", 4) != 0;
	a->final = slice_is(body, "OK (not found)");
	a->wait_s = slice_is(body, "OK (rate limited)") ? WAIT_S : 0;
	if (!a->accepted)
		quote(a, "answered 200", body);
}

static void judge_status(enum webhook_template t, long status, struct slice body, struct answer *a)
{
	char what[64];

	snprintf(what, sizeof(what), "answered %ld%s", status,
	        status >= 300 && status < 400 ? " (redirects are not followed)" : "");
	a->accepted = false;
	if (t == WEBHOOK_JSON || t == WEBHOOK_OWN || t == WEBHOOK_HEALTHCHECKS)
		snprintf(a->why, sizeof(a->why), "%s", what);
	else
		quote(a, what, body);
	if (t != WEBHOOK_SLACK)
		return;
	for (size_t i = 0; i < sizeof(slack_final) / sizeof(slack_final[0]); i++)
		a->final |= slice_is(trimmed(body), slack_final[i]);
}

bool answer_in_body(enum webhook_template t)
{
	return t == WEBHOOK_SLACK || t == WEBHOOK_FEISHU || t == WEBHOOK_DINGTALK ||
	        t == WEBHOOK_WECOM || t == WEBHOOK_HEALTHCHECKS;
}

void answer_judge(enum webhook_template t, long status, struct slice body, struct answer *a)
{
	bool robot = t == WEBHOOK_FEISHU || t == WEBHOOK_DINGTALK || t == WEBHOOK_WECOM;

	*a = (struct answer){ 0 };
	if (robot)
		judge_robot(t, body, a);
	if (status < 200 || status > 299 || (robot && status != 200))
		judge_status(t, status, body, a);
	else if (robot)
		return;
	else if (t == WEBHOOK_SLACK)
		judge_slack(body, a);
	else if (t == WEBHOOK_HEALTHCHECKS)
		judge_ping(body, a);
	else
		a->accepted = true;
}
