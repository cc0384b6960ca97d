/* ctlmsg: what people ask the scheduler and its helpers, and how it is answered.
 * Flow: a line's bytes in (jansson reads them), a request or a reason why not out. */
#include "crond/core/ctlmsg.h"

#include <jansson.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/outcome.h"

enum { SIGNAL_LAST = 64, EXIT_MOST = 255, COUNT_DEFAULT = 5, SHOWN_MOST = 40 };

#define AFTER_MOST ((json_int_t)1 << 46)

/* --- words */

enum member {
	MEMBER_VERSION = 1 << 0,
	MEMBER_VERB = 1 << 1,
	MEMBER_JOB = 1 << 2,
	MEMBER_NAMES = 1 << 3,
	MEMBER_COUNT = 1 << 4,
	MEMBER_AFTER = 1 << 5,
	MEMBER_SIGNAL = 1 << 6,
	MEMBER_WAIT = 1 << 7,
	MEMBER_RUN = 1 << 8,
	MEMBER_SINCE = 1 << 9,
	MEMBER_UNTIL = 1 << 10,
	MEMBER_RESULT = 1 << 11,
	MEMBER_EXIT = 1 << 12,
	MEMBER_LIMIT = 1 << 13,
	MEMBER_STDERR = 1 << 14,
	MEMBER_ARTIFACTS = 1 << 15,
	MEMBER_ACTION = 1 << 16,
	MEMBER_IDS = 1 << 17,
	MEMBER_ALL = 1 << 18,
	MEMBER_BRIEF = 1 << 19,
	MEMBERS_FILTER = MEMBER_JOB | MEMBER_SINCE | MEMBER_UNTIL | MEMBER_RESULT | MEMBER_EXIT,
};

static const struct {
	const char *name;
	unsigned needs, takes; /* beside version and verb */
	enum ctlmsg_socket of;
} verbs[CTLMSG_VERBS] = {
	[CTLMSG_LIST] = { "list", 0, MEMBER_NAMES | MEMBER_BRIEF, CTLMSG_OF_CONTROL },
	[CTLMSG_SHOW] = { "show", MEMBER_JOB, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_NEXT] = { "next", MEMBER_JOB, MEMBER_COUNT | MEMBER_AFTER, CTLMSG_OF_CONTROL },
	[CTLMSG_RUN] = { "run", MEMBER_JOB, MEMBER_WAIT, CTLMSG_OF_CONTROL },
	[CTLMSG_KILL] = { "kill", MEMBER_JOB, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_RESTART] = { "restart", MEMBER_JOB, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_SIGNAL] = { "signal", MEMBER_JOB | MEMBER_SIGNAL, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_PAUSE] = { "pause", MEMBER_JOB, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_RESUME] = { "resume", MEMBER_JOB, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_RELOAD] = { "reload", 0, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_STATUS] = { "status", 0, 0, CTLMSG_OF_CONTROL },
	[CTLMSG_RUNS] = { "runs", 0,
		MEMBERS_FILTER | MEMBER_RUN | MEMBER_LIMIT | MEMBER_STDERR | MEMBER_ARTIFACTS,
		CTLMSG_OF_HISTORY },
	[CTLMSG_STATS] = { "stats", 0, MEMBER_JOB | MEMBER_SINCE | MEMBER_UNTIL,
		CTLMSG_OF_HISTORY },
	[CTLMSG_ALERTS] = { "alerts", 0, MEMBER_ACTION | MEMBER_IDS | MEMBER_ALL,
		CTLMSG_OF_ALERTS },
};

static const char *const sockets[] = {
	[CTLMSG_OF_CONTROL] = CTLMSG_SOCKET,
	[CTLMSG_OF_HISTORY] = CTLMSG_SOCKET_HISTORY,
	[CTLMSG_OF_ALERTS] = CTLMSG_SOCKET_ALERTS,
};

static const char *const actions[CTLMSG_ACTIONS] = {
	[CTLMSG_ACTION_LIST] = "list",
	[CTLMSG_ACTION_RETRY] = "retry",
	[CTLMSG_ACTION_DROP] = "drop",
};

static const char *const codes[CTLMSG_CODES] = {
	[CTLMSG_BAD_REQUEST] = "bad-request",
	[CTLMSG_BAD_VERSION] = "bad-version",
	[CTLMSG_DENIED] = "denied",
	[CTLMSG_UNKNOWN] = "unknown",
	[CTLMSG_AMBIGUOUS] = "ambiguous",
	[CTLMSG_REFUSED] = "refused",
	[CTLMSG_BUSY] = "busy",
};

const char *ctlmsg_verb_name(enum ctlmsg_verb verb)
{
	return verbs[verb].name;
}

enum ctlmsg_socket ctlmsg_verb_socket(enum ctlmsg_verb verb)
{
	return verbs[verb].of;
}

const char *ctlmsg_socket_name(enum ctlmsg_socket s)
{
	return sockets[s];
}

const char *ctlmsg_code_name(enum ctlmsg_code code)
{
	return codes[code];
}

int ctlmsg_signal(struct slice s)
{
	uint64_t number;

	if (text_number(s, SIGNAL_LAST, &number) == 0)
		return (int)number;
	if (s.n > 3 && strncmp(s.s, "SIG", 3) == 0)
		s = (struct slice){ s.s + 3, s.n - 3 };
	for (int i = 1; i <= SIGNAL_LAST; i++) {
		if (!slice_is(s, "?") && slice_is(s, text_signal(i)))
			return i;
	}
	return 0;
}

/* Only the last star that was passed is ever gone back to. */
bool ctlmsg_match(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			from = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++from;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

/* --- a request */

static int take_version(const json_t *value, enum ctlmsg_code *code, struct diag *d)
{
	if (json_is_integer(value) && json_integer_value(value) == CTLMSG_VERSION)
		return 0;
	*code = CTLMSG_BAD_VERSION;
	if (!json_is_integer(value))
		return diag_error(d, 0, 0, "\"version\" must be a number: %d is spoken here", CTLMSG_VERSION);
	return diag_error(d, 0, 0, "version %" JSON_INTEGER_FORMAT " is not spoken here: %d is",
		json_integer_value(value), CTLMSG_VERSION);
}

static int take_verb(struct ctlmsg_request *r, const json_t *value, struct diag *d)
{
	const char *name = json_string_value(value);

	if (!name)
		return diag_error(d, 0, 0, "\"verb\" is missing, or is no text");
	for (r->verb = 0; r->verb < CTLMSG_VERBS; r->verb++) {
		if (strcmp(verbs[r->verb].name, name) == 0)
			return 0;
	}
	return diag_error(d, 0, 0, "unknown verb \"%.*s\"", SHOWN_MOST, name);
}

static int take_names(struct ctlmsg_request *r, const json_t *value)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value) || n > CTLMSG_NAMES_MOST)
		return -1;
	for (size_t i = 0; i < n; i++) {
		r->names[i] = json_string_value(json_array_get(value, i));
		if (!r->names[i] || strlen(r->names[i]) > CTLMSG_NAME_MOST)
			return -1;
	}
	r->name_count = n;
	return 0;
}

static int take_count(struct ctlmsg_request *r, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > CTLMSG_COUNT_MOST)
		return -1;
	r->count = (uint64_t)n;
	return 0;
}

static int time_take(const json_t *value, int64_t *at)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < -AFTER_MOST || n > AFTER_MOST)
		return -1;
	*at = n;
	return 0;
}

static int take_after(struct ctlmsg_request *r, const json_t *value)
{
	return time_take(value, &r->after);
}

static int take_since(struct ctlmsg_request *r, const json_t *value)
{
	return time_take(value, &r->since);
}

static int take_until(struct ctlmsg_request *r, const json_t *value)
{
	return time_take(value, &r->until);
}

static int take_job(struct ctlmsg_request *r, const json_t *value)
{
	r->job = json_string_value(value);
	return r->job && *r->job ? 0 : -1;
}

static int take_signal(struct ctlmsg_request *r, const json_t *value)
{
	const char *name = json_string_value(value);

	r->signal = name ? ctlmsg_signal(slice_of(name)) : 0;
	return r->signal ? 0 : -1;
}

static int take_wait(struct ctlmsg_request *r, const json_t *value)
{
	r->wait = json_is_true(value);
	return json_is_boolean(value) ? 0 : -1;
}

static int take_run(struct ctlmsg_request *r, const json_t *value)
{
	r->run = json_string_value(value);
	return r->run && *r->run ? 0 : -1;
}

static int take_result(struct ctlmsg_request *r, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *name = json_string_value(json_array_get(value, i));
		int result = name ? result_find(slice_of(name)) : -1;

		if (result < 0 && (!name || strcmp(name, "running") != 0))
			return -1;
		r->results |= result < 0 ? (unsigned)CTLMSG_RUNNING : 1u << result;
	}
	return r->results ? 0 : -1;
}

static int take_exit(struct ctlmsg_request *r, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > EXIT_MOST)
		return -1;
	r->exit_code = (int)n;
	return 0;
}

static int take_limit(struct ctlmsg_request *r, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > CTLMSG_LIMIT_MOST)
		return -1;
	r->limit = (uint64_t)n;
	return 0;
}

static int take_stderr(struct ctlmsg_request *r, const json_t *value)
{
	r->with_stderr = json_is_true(value);
	return json_is_boolean(value) ? 0 : -1;
}

static int take_artifacts(struct ctlmsg_request *r, const json_t *value)
{
	r->with_artifacts = json_is_true(value);
	return json_is_boolean(value) ? 0 : -1;
}

static int take_action(struct ctlmsg_request *r, const json_t *value)
{
	const char *name = json_string_value(value);

	for (r->action = 0; name && r->action < CTLMSG_ACTIONS; r->action++) {
		if (strcmp(actions[r->action], name) == 0)
			return 0;
	}
	return -1;
}

static int take_all(struct ctlmsg_request *r, const json_t *value)
{
	r->all = json_is_true(value);
	return json_is_boolean(value) ? 0 : -1;
}

static int take_brief(struct ctlmsg_request *r, const json_t *value)
{
	r->brief = json_is_true(value);
	return json_is_boolean(value) ? 0 : -1;
}

static const struct {
	enum member bit;
	const char *name;
	int (*take)(struct ctlmsg_request *r, const json_t *value); /* NULL: taken before */
	const char *wants;
} members[] = {
	{ MEMBER_VERSION, "version", NULL, NULL },
	{ MEMBER_VERB, "verb", NULL, NULL },
	{ MEMBER_JOB, "job", take_job, "a text" },
	{ MEMBER_NAMES, "names", take_names, "a list of at most 64 texts of at most 200 bytes" },
	{ MEMBER_COUNT, "count", take_count, "a number from 0 to 1000" },
	{ MEMBER_AFTER, "after", take_after, "seconds since 1970" },
	{ MEMBER_SIGNAL, "signal", take_signal, "the name or number of a signal, as text" },
	{ MEMBER_WAIT, "wait", take_wait, "true or false" },
	{ MEMBER_RUN, "run", take_run, "a text" },
	{ MEMBER_SINCE, "since", take_since, "seconds since 1970" },
	{ MEMBER_UNTIL, "until", take_until, "seconds since 1970" },
	{ MEMBER_RESULT, "result", take_result, "a list of results" },
	{ MEMBER_EXIT, "exit", take_exit, "a number from 0 to 255" },
	{ MEMBER_LIMIT, "limit", take_limit, "a number from 0 to 1000000000" },
	{ MEMBER_STDERR, "stderr", take_stderr, "true or false" },
	{ MEMBER_ARTIFACTS, "artifacts", take_artifacts, "true or false" },
	{ MEMBER_ACTION, "action", take_action, "list, retry or drop" },
	{ MEMBER_IDS, "ids", take_names, "a list of at most 64 texts of at most 200 bytes" },
	{ MEMBER_ALL, "all", take_all, "true or false" },
	{ MEMBER_BRIEF, "brief", take_brief, "true or false" },
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

/* A member that is not understood may be what the whole request hangs on. */
static int take_member(struct ctlmsg_request *r, const char *name, const json_t *value, unsigned *had,
	struct diag *d)
{
	const unsigned allowed = MEMBER_VERSION | MEMBER_VERB | verbs[r->verb].needs |
		verbs[r->verb].takes;

	for (size_t i = 0; i < MEMBERS; i++) {
		if (strcmp(members[i].name, name) != 0 || !(members[i].bit & allowed))
			continue;
		*had |= members[i].bit;
		if (members[i].take && members[i].take(r, value) < 0)
			return diag_error(d, 0, 0, "bad \"%s\": %s is wanted", name, members[i].wants);
		return 0;
	}
	return diag_error(d, 0, 0, "%s takes no \"%.*s\"", verbs[r->verb].name, SHOWN_MOST, name);
}

static int take_members(struct ctlmsg_request *r, json_t *object, struct diag *d)
{
	unsigned had = 0, lacks;
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value) {
		if (take_member(r, name, value, &had, d) < 0)
			return -1;
	}
	lacks = verbs[r->verb].needs & ~had;
	for (size_t i = 0; lacks && i < MEMBERS; i++) {
		if (members[i].bit & lacks)
			return diag_error(d, 0, 0, "%s needs a \"%s\"", verbs[r->verb].name,
				members[i].name);
	}
	return 0;
}

/* What is done to deliveries is done to some, or to all. */
static int check_alerts(const struct ctlmsg_request *r, struct diag *d)
{
	if (r->action != CTLMSG_ACTION_LIST && r->all == (r->name_count > 0))
		return diag_error(d, 0, 0, "alerts: %s needs \"ids\" or \"all\"", actions[r->action]);
	return 0;
}

/* A pattern is held against many names. */
static int check_filter(const struct ctlmsg_request *r, struct diag *d)
{
	if (r->job && strlen(r->job) > CTLMSG_NAME_MOST)
		return diag_error(d, 0, 0, "bad \"job\": longer than %d bytes", CTLMSG_NAME_MOST);
	return 0;
}

static int take_object(struct ctlmsg_request *r, json_t *object, enum ctlmsg_code *code,
	struct diag *d)
{
	if (!json_is_object(object))
		return diag_error(d, 0, 0, "bad request: an object is wanted");
	if (take_version(json_object_get(object, "version"), code, d) < 0)
		return -1;
	if (take_verb(r, json_object_get(object, "verb"), d) < 0)
		return -1;
	if (take_members(r, object, d) < 0)
		return -1;
	if (verbs[r->verb].of == CTLMSG_OF_HISTORY)
		return check_filter(r, d);
	return r->verb == CTLMSG_ALERTS ? check_alerts(r, d) : 0;
}

int ctlmsg_parse(struct ctlmsg_request *r, struct slice line, enum ctlmsg_code *code, struct diag *d)
{
	json_error_t error;
	json_t *object;

	*r = (struct ctlmsg_request){ .count = COUNT_DEFAULT, .after = INT64_MIN, .since = INT64_MIN,
		.until = INT64_MAX, .exit_code = -1, .limit = CTLMSG_LIMIT };
	*code = CTLMSG_BAD_REQUEST;
	if (line.n > CTLMSG_REQUEST_MOST)
		return diag_error(d, 0, 0, "bad request: longer than %d bytes", CTLMSG_REQUEST_MOST);
	object = json_loadb(line.n ? line.s : "", line.n, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return diag_error(d, 0, 0, "bad request: %s", error.text);
	r->json = object;
	if (take_object(r, object, code, d) == 0)
		return 0;
	ctlmsg_free(r);
	return -1;
}

int ctlmsg_asked(struct ctlmsg_request *r, struct slice line, enum ctlmsg_socket s, struct buf *out)
{
	enum ctlmsg_code code;
	struct diag d;

	if (ctlmsg_parse(r, line, &code, &d) == 0) {
		if (verbs[r->verb].of == s)
			return 0;
		code = CTLMSG_BAD_REQUEST;
		diag_error(&d, 0, 0, "%s is asked at %s, not at %s", verbs[r->verb].name,
			sockets[verbs[r->verb].of], sockets[s]);
		ctlmsg_free(r);
	}
	ctlmsg_error(out, code, d.text);
	return -1;
}

void ctlmsg_free(struct ctlmsg_request *r)
{
	json_decref(r->json);
	*r = (struct ctlmsg_request){ 0 };
}
