/* options_value: is this text a value of that option?
 * Flow: the option table asks, for each value that a parser hands in. */
#include "crond/core/options_value.h"

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/cpus.h"
#include "crond/core/hosts.h"
#include "crond/core/logpath.h"
#include "crond/core/mailtext.h"
#include "crond/core/options.h"
#include "crond/core/taskfile.h"
#include "crond/core/zone.h"

enum { USER_MOST = 256, PATH_MOST = 4095, SHOWN_MOST = 48 };

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

OPTION_JUDGE(any)
{
	(void)def;
	(void)value;
	(void)d;
	return 0;
}

OPTION_JUDGE(line)
{
	for (size_t i = 0; i < value.n; i++) {
		if (is_control(value.s[i]))
			return option_bad(def->name, value, "one line without control characters is needed",
				d);
	}
	return 0;
}

OPTION_JUDGE(tag)
{
	for (size_t i = 0; i < value.n; i++) {
		if (is_blank(value.s[i]) || is_control(value.s[i]) || value.s[i] == ',')
			return option_bad(def->name, value, "a tag is one word without commas", d);
	}
	return 0;
}

OPTION_JUDGE(command)
{
	for (size_t i = 0; i < value.n; i++) {
		if (!is_blank(value.s[i]))
			return 0;
	}
	return diag_error(d, 0, 0, "'%s' is empty", def->name);
}

OPTION_JUDGE(timezone)
{
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

OPTION_JUDGE(user)
{
	if (option_user_ok(value))
		return 0;
	return option_bad(def->name, value, "a user's name is needed, not a number", d);
}

OPTION_JUDGE(group)
{
	if (option_user_ok(value))
		return 0;
	return option_bad(def->name, value, "a group's name is needed, not a number", d);
}

OPTION_JUDGE(name)
{
	if (taskfile_name_ok(value))
		return 0;
	return option_bad(def->name, value, "letters, digits, '.', '_' and '-' are allowed, at most 64, "
		"and a letter or digit comes first", d);
}

/* A file or program: nothing is expanded. */
OPTION_JUDGE(path)
{
	if (value.s[0] != '/')
		return option_bad(def->name, value, value.s[0] == '~' ?
			"'~' is not expanded, an absolute path is needed" : "an absolute path is needed", d);
	if (value.n > PATH_MOST)
		return option_bad(def->name, value, "longer than a path can be", d);
	return option_judge_line(def, value, d);
}


/* What is set may be a secret: the message shows the name alone. */
OPTION_JUDGE(env)
{
	size_t n = 0;

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

OPTION_JUDGE(host)
{
	(void)def;
	return hosts_pattern_check(value, d);
}

/* 0,2-3,8-15 */
OPTION_JUDGE(cpus)
{
	if (cpus_parse(value, NULL, NULL) < 0)
		return option_bad(def->name, value, "numbers and ranges such as 0,2-3 are needed", d);
	return 0;
}

/* A '-' in front: it may be missing. */
OPTION_JUDGE(env_file)
{
	if (value.n > 1 && *value.s == '-')
		value = (struct slice){ value.s + 1, value.n - 1 };
	return option_judge_path(def, value, d);
}

/* Below the directory of logs, or absolute; "yes" is the path that goes without saying. */
OPTION_JUDGE(log)
{
	struct diag why;

	if (slice_is(value, "yes"))
		return 0;
	if (slice_is(value, "no"))
		return option_bad(def->name, value, "'none' is meant, or yes, or a path", d);
	if (logpath_check(value, &why) < 0)
		return option_bad(def->name, value, why.text, d);
	return option_judge_line(def, value, d);
}

OPTION_JUDGE(mail)
{
	if (mailtext_safe(value))
		return 0;
	return option_bad(def->name, value, "no mail address that may be written to", d);
}

OPTION_JUDGE(alert)
{
	const char *colon = memchr(value.s, ':', value.n);
	struct slice kind = { value.s, colon ? (size_t)(colon - value.s) : 0 };
	struct slice target = { value.s + kind.n + 1, value.n - kind.n - 1 };

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
