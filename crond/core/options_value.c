/* options_value: is this text a value of that option?
 * Flow: the option table asks, for each value that a parser hands in. */
#include "crond/core/options_value.h"

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/hosts.h"
#include "crond/core/mailtext.h"
#include "crond/core/options.h"
#include "crond/core/taskfile.h"
#include "crond/core/zone.h"

enum { MAX_MOST = 100000, USER_MOST = 256, SHOWN_MOST = 48 };

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How much of a value a message shows: never half a character. */
static size_t shown(struct slice s)
{
	size_t n = 0;

	if (s.n <= SHOWN_MOST)
		return s.n;
	while (n < SHOWN_MOST) {
		size_t one = text_utf8((struct slice){ s.s + n, s.n - n });

		n += one ? one : 1;
	}
	return n;
}

int option_bad(const char *name, struct slice value, const char *expected, struct diag *d)
{
	size_t n = shown(value);

	return diag_error(d, 0, 0, "bad %s '%.*s%s': %s", name, (int)n, value.s,
		n < value.n ? "..." : "", expected);
}

int option_judge_any(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	(void)def;
	(void)value;
	(void)field;
	(void)d;
	return 0;
}

int option_judge_line(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	(void)field;
	for (size_t i = 0; i < value.n; i++) {
		if (is_control(value.s[i]))
			return option_bad(def->name, value, "one line without control characters is needed",
				d);
	}
	return 0;
}

int option_judge_tag(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	(void)field;
	for (size_t i = 0; i < value.n; i++) {
		if (is_blank(value.s[i]) || is_control(value.s[i]) || value.s[i] == ',')
			return option_bad(def->name, value, "a tag is one word without commas", d);
	}
	return 0;
}

int option_judge_command(const struct option_def *def, struct slice value, void *field,
	struct diag *d)
{
	(void)field;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_blank(value.s[i]))
			return 0;
	}
	return diag_error(d, 0, 0, "'%s' is empty", def->name);
}

int option_judge_timezone(const struct option_def *def, struct slice value, void *field,
	struct diag *d)
{
	(void)field;
	if (zone_name_ok(value))
		return 0;
	return option_bad(def->name, value, "a zone's name such as Europe/Berlin or UTC is needed", d);
}

bool option_user_ok(struct slice name)
{
	bool number = true;

	if (name.n == 0 || name.n > USER_MOST || name.s[0] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.s[i];

		if (is_blank(c) || is_control(c) || c == '/' || c == ':')
			return false;
		number = number && is_digit(c);
	}
	return !number;
}

int option_judge_user(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	(void)field;
	if (option_user_ok(value))
		return 0;
	return option_bad(def->name, value, "a user's name is needed, not a number", d);
}

int option_judge_dir(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	(void)field;
	if (value.s[0] == '/')
		return 0;
	if (value.s[0] == '~')
		return option_bad(def->name, value, "'~' is not expanded, an absolute path is needed", d);
	return option_bad(def->name, value, "an absolute path is needed", d);
}

/* What is set may be a secret: the message shows the name alone. */
int option_judge_env(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	size_t n = 0;

	(void)field;
	while (n < value.n && (is_letter(value.s[n]) || value.s[n] == '_' ||
				      (n && is_digit(value.s[n]))))
		n++;
	if (n && n < value.n && value.s[n] == '=')
		return 0;
	if (!memchr(value.s, '=', value.n))
		return diag_error(d, 0, 0, "bad %s: an entry without '=', NAME=value is needed", def->name);
	value.n = (size_t)((const char *)memchr(value.s, '=', value.n) - value.s);
	return option_bad(def->name, value,
		"a variable's name has letters, digits and '_', no digit first", d);
}

int option_judge_host(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	(void)def;
	(void)field;
	return hosts_pattern_check(value, d);
}

int option_judge_alert(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	const char *colon = memchr(value.s, ':', value.n);
	struct slice kind = { value.s, colon ? (size_t)(colon - value.s) : 0 };
	struct slice target = { value.s + kind.n + 1, value.n - kind.n - 1 };

	(void)field;
	if (slice_is(kind, "mail")) {
		/* a list in one target would be delivered or fail as one */
		if (mailtext_safe(target) && !memchr(target.s, ',', target.n))
			return 0;
		return option_bad(def->name, value, "no mail address that may be written to", d);
	}
	if (slice_is(kind, "webhook")) {
		if (taskfile_name_ok(target))
			return 0;
		return option_bad(def->name, value, "no name of a webhook", d);
	}
	return option_bad(def->name, value, "mail:ADDRESS or webhook:NAME is needed", d);
}

int option_judge_bool(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	if (text_bool(value, field) == 0)
		return 0;
	return option_bad(def->name, value, "yes or no is needed", d);
}

int option_judge_max(const struct option_def *def, struct slice value, void *field, struct diag *d)
{
	uint64_t v;

	if (text_number(value, MAX_MOST, &v) || v == 0)
		return option_bad(def->name, value, "a number from 1 to 100000 is needed", d);
	*(uint32_t *)field = (uint32_t)v;
	return 0;
}

int option_judge_concurrency(const struct option_def *def, struct slice value, void *field,
	struct diag *d)
{
	static const char *const names[] = {
		[CONCURRENCY_ALLOW] = "allow",
		[CONCURRENCY_FORBID] = "forbid",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_is(value, names[i])) {
			*(enum concurrency *)field = (enum concurrency)i;
			return 0;
		}
	}
	return option_bad(def->name, value, "allow or forbid is needed", d);
}

int option_judge_duration(const struct option_def *def, struct slice value, void *field,
	struct diag *d)
{
	if (text_duration(value, field) == 0)
		return 0;
	return option_bad(def->name, value, "a duration such as 90s, 15m or 1h30m is needed", d);
}

int option_judge_timeout(const struct option_def *def, struct slice value, void *field,
	struct diag *d)
{
	uint64_t ms;

	if (option_judge_duration(def, value, &ms, d))
		return -1;
	if (ms == 0)
		return option_bad(def->name, value, "it must be above 0", d);
	*(uint64_t *)field = ms;
	return 0;
}
