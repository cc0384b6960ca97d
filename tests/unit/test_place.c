/* test_place: what crontab(1) takes from crond.conf.
 * Flow: bytes in, the dialect and the spool out; the rest of the file is not its business. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crontab-tool/place.h"

static void start(struct place *p)
{
	p->dialect = dialect_get(DIALECT_DEBIAN);
	p->spool[0] = '\0';
}

static void expect(const char *text, enum dialect_id id, const char *spool)
{
	struct place p;
	const char *why;

	start(&p);
	assert_int_equal(place_parse(&p, slice_of(text), &why), 0);
	assert_null(why);
	assert_int_equal(p.dialect->id, id);
	assert_string_equal(p.spool, spool);
}

static void settings_are_taken(void **state)
{
	(void)state;
	expect("", DIALECT_DEBIAN, "");
	expect("dialect = cronie\n", DIALECT_CRONIE, "");
	expect("dialect = \"cronie\" # theirs\nspool-dir='/srv/tabs'\n", DIALECT_CRONIE,
	        "/srv/tabs");
	expect("\xef\xbb\xbf"
	       "dialect=debian\nspool-dir = \"/a\\x62c\"",
	        DIALECT_DEBIAN, "/abc");
}

static void first_of_two_stands(void **state)
{
	(void)state;
	expect("dialect = cronie\ndialect = debian\n", DIALECT_CRONIE, "");
}

static void the_rest_is_not_looked_at(void **state)
{
	(void)state;
	expect("# dialect = cronie\nnonsense\nmailer = 7 8\nwebhook \"x\" {\n dialect = cronie\n}\n"
	       "spool-dir = /s\n",
	        DIALECT_DEBIAN, "/s");
	expect("dialects = cronie\n", DIALECT_DEBIAN, "");
}

static void refused(const char *text)
{
	struct place p;
	const char *why;

	start(&p);
	assert_int_equal(place_parse(&p, slice_of(text), &why), -1);
	assert_non_null(why);
}

static void doubt_is_refused(void **state)
{
	char path[PATH_MAX + 32] = "spool-dir = \"/";

	(void)state;
	refused("dialect = vixie\n");
	refused("dialect = { debian, cronie }\n");
	refused("dialect = \"\"\n");
	refused("dialect = Cronie\n");
	refused("spool-dir = tabs\n");
	refused("spool-dir = \"\"\n");
	refused("spool-dir = \"/a\\q\"\n");
	refused("dialect = cronie\nwebhook {\n");
	refused("dialect = \"cronie\n");
	memset(path + 14, 'x', PATH_MAX);
	path[14 + PATH_MAX] = '"';
	refused(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_taken),
		cmocka_unit_test(first_of_two_stands),
		cmocka_unit_test(the_rest_is_not_looked_at),
		cmocka_unit_test(doubt_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
