/* ctlmsg: what people ask the scheduler, and how it is answered.
 * Flow: a line's bytes in (jansson reads them), a request or a reason why not out; answers
 * are written member by member, since some are longer than anybody wants to hold. */
#include "crond/core/ctlmsg.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"

enum { SIGNAL_LAST = 64, COUNT_DEFAULT = 5, SHOWN_MOST = 40 };

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
};

static const struct {
	const char *name;
	unsigned needs, takes; /* beside version and verb */
} verbs[CTLMSG_VERBS] = {
	[CTLMSG_LIST] = { "list", 0, MEMBER_NAMES },
	[CTLMSG_SHOW] = { "show", MEMBER_JOB, 0 },
	[CTLMSG_NEXT] = { "next", MEMBER_JOB, MEMBER_COUNT | MEMBER_AFTER },
	[CTLMSG_RUN] = { "run", MEMBER_JOB, MEMBER_WAIT },
	[CTLMSG_KILL] = { "kill", MEMBER_JOB, 0 },
	[CTLMSG_RESTART] = { "restart", MEMBER_JOB, 0 },
	[CTLMSG_SIGNAL] = { "signal", MEMBER_JOB | MEMBER_SIGNAL, 0 },
	[CTLMSG_PAUSE] = { "pause", MEMBER_JOB, 0 },
	[CTLMSG_RESUME] = { "resume", MEMBER_JOB, 0 },
	[CTLMSG_RELOAD] = { "reload", 0, 0 },
	[CTLMSG_STATUS] = { "status", 0, 0 },
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

static int take_after(struct ctlmsg_request *r, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < -AFTER_MOST || n > AFTER_MOST)
		return -1;
	r->after = n;
	return 0;
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

static int take_object(struct ctlmsg_request *r, json_t *object, enum ctlmsg_code *code,
	struct diag *d)
{
	if (!json_is_object(object))
		return diag_error(d, 0, 0, "bad request: an object is wanted");
	if (take_version(json_object_get(object, "version"), code, d) < 0)
		return -1;
	if (take_verb(r, json_object_get(object, "verb"), d) < 0)
		return -1;
	return take_members(r, object, d);
}

int ctlmsg_parse(struct ctlmsg_request *r, struct slice line, enum ctlmsg_code *code, struct diag *d)
{
	json_error_t error;
	json_t *object;

	*r = (struct ctlmsg_request){ .count = COUNT_DEFAULT, .after = INT64_MIN };
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

void ctlmsg_free(struct ctlmsg_request *r)
{
	json_decref(r->json);
	*r = (struct ctlmsg_request){ 0 };
}

/* --- an answer */

/* U+0080 to U+009F, some of which a terminal would obey. */
static bool control_second(const char *s)
{
	return (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;
}

static size_t plain_length(struct slice s)
{
	size_t n = 0, one;

	while (n < s.n) {
		unsigned char c = (unsigned char)s.s[n];

		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			break;
		if (c < 0x80) {
			n++;
			continue;
		}
		one = text_utf8((struct slice){ s.s + n, s.n - n });
		if (!one || control_second(s.s + n))
			break;
		n += one;
	}
	return n;
}

static void put_text(struct buf *b, struct slice s)
{
	buf_putc(b, '"');
	while (s.n) {
		size_t n = plain_length(s);
		unsigned char c;

		buf_append(b, s.s, n);
		s = (struct slice){ s.s + n, s.n - n };
		if (!s.n)
			break;
		c = (unsigned char)*s.s;
		n = 1;
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x80)
			buf_printf(b, "\\u%04x", c);
		else if ((n = text_utf8(s)) == 2)
			buf_printf(b, "\\u%04x", (unsigned char)s.s[1]);
		else
			buf_puts(b, "\\ufffd");
		n = n ? n : 1;
		s = (struct slice){ s.s + n, s.n - n };
	}
	buf_putc(b, '"');
}

static void put_name(struct buf *b, const char *name)
{
	if (b->len && b->data[b->len - 1] != '{')
		buf_putc(b, ',');
	buf_putc(b, '"');
	buf_puts(b, name);
	buf_append(b, "\":", 2);
}

void ctlmsg_open(struct buf *b)
{
	buf_putc(b, '{');
}

void ctlmsg_slice(struct buf *b, const char *name, struct slice text)
{
	put_name(b, name);
	put_text(b, text);
}

void ctlmsg_text(struct buf *b, const char *name, const char *text)
{
	if (text)
		ctlmsg_slice(b, name, slice_of(text));
}

void ctlmsg_number(struct buf *b, const char *name, int64_t value)
{
	put_name(b, name);
	buf_printf(b, "%" PRId64, value);
}

void ctlmsg_bool(struct buf *b, const char *name, bool value)
{
	put_name(b, name);
	buf_puts(b, value ? "true" : "false");
}

void ctlmsg_list(struct buf *b, const char *name, const char *const *texts)
{
	put_name(b, name);
	buf_putc(b, '[');
	for (size_t i = 0; texts[i]; i++) {
		if (i)
			buf_putc(b, ',');
		put_text(b, slice_of(texts[i]));
	}
	buf_putc(b, ']');
}

void ctlmsg_close(struct buf *b)
{
	buf_append(b, "}\n", 2);
}

void ctlmsg_end(struct buf *b, bool ok)
{
	ctlmsg_open(b);
	ctlmsg_number(b, "version", CTLMSG_VERSION);
	ctlmsg_bool(b, "end", true);
	ctlmsg_bool(b, "ok", ok);
}

void ctlmsg_error(struct buf *b, enum ctlmsg_code code, const char *text)
{
	ctlmsg_end(b, false);
	ctlmsg_text(b, "code", codes[code]);
	ctlmsg_text(b, "error", text);
	ctlmsg_close(b);
}
