/* test_hosts: which hosts a job belongs on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/hosts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct hosts_address addresses[] = {
	{ 4, { 127, 0, 0, 1 }, "lo" },
	{ 4, { 10, 1, 2, 3 }, "eth0" },
	{ 6, { 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x15 }, "eth1" },
	{ 6, { [10] = 0xff, 0xff, 192, 168, 7, 9 }, "tun0" },
};

static const struct hosts_self self = { "Web-7", "web-7.Example.org", addresses, COUNT(addresses) };

static void matches(void **state)
{
	static const struct {
		const char *patterns[4];
		bool want;
	} cases[] = {
		{ { NULL }, true },
		{ { "10.1.2.3" }, true }, { { "10.1.2.4" }, false },
		{ { "10.0.0.0/8" }, true }, { { "10.9.9.9/8" }, true }, { { "10.2.0.0/16" }, false },
		{ { "10.1.2.0/30" }, true }, { { "10.1.2.4/30" }, false },
		{ { "10.1.2.2/31" }, true }, { { "0.0.0.0/0" }, true }, { { "10.1.2.3/32" }, true },
		{ { "fd00::15" }, true }, { { "fd00:0:0::15" }, true }, { { "fd00::/8" }, true },
		{ { "fd00::14/127" }, true }, { { "fd00::16/127" }, false }, { { "fe80::/10" }, false },
		{ { "::/0" }, true },
		{ { "::ffff:10.1.2.3" }, true }, { { "::ffff:10.0.0.0/104" }, true },
		{ { "192.168.7.9" }, true }, { { "192.168.0.0/16" }, true },
		{ { "eth0" }, true }, { { "eth9" }, false }, { { "ETH0" }, false }, { { "eth*" }, false },
		{ { "web-7" }, true }, { { "WEB-7.example.ORG" }, true }, { { "web-*" }, true },
		{ { "web" }, false }, { { "*.example.org" }, true }, { { "web-[0-5]" }, false },
		{ { "web-[!0-5]" }, true }, { { "*" }, true }, { { "web-?" }, true },
		{ { "db-*", "web-*" }, true }, { { "db-*", "10.2.0.0/16" }, false },
		{ { "!web-7" }, false }, { { "!web-8" }, true }, { { "!db-*", "!eth9" }, true },
		{ { "web-*", "!10.1.2.3" }, false }, { { "!10.1.2.3", "web-*" }, false },
		{ { "web-*", "!10.1.2.4" }, true }, { { "db-*", "!10.1.2.4" }, false },
		{ { "!eth0" }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (const char *const *p = cases[i].patterns; *p; p++)
			assert_int_equal(hosts_pattern_check(slice_of(*p), NULL), 0);
		if (hosts_match(cases[i].patterns, &self) != cases[i].want)
			fail_msg("%s should%s match", cases[i].patterns[0], cases[i].want ? "" : " not");
	}
	assert_true(hosts_match(NULL, &self));
}

static void bare_host(void **state)
{
	static const char *const any[] = { "*", NULL }, *const not_web[] = { "!web-7", NULL };
	struct hosts_self bare = { 0 };

	(void)state;
	assert_false(hosts_match(any, &bare));
	assert_true(hosts_match(not_web, &bare));
	assert_true(hosts_match(NULL, &bare));
}

static void bad_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
	} cases[] = {
		{ "", "bad hosts '': empty" },
		{ "!", "bad hosts '!': empty" },
		{ "10.0.0.1/33", "bad hosts '10.0.0.1/33': the length of a network is 0 to 32" },
		{ "10.0.0.1/", "bad hosts '10.0.0.1/': the length of a network is 0 to 32" },
		{ "fd00::/129", "bad hosts 'fd00::/129': the length of a network is 0 to 128" },
		{ "10.0.0.0/8/8", "bad hosts '10.0.0.0/8/8': the length of a network is 0 to 32" },
		{ "10.0.0.0/255.0.0.0",
			"bad hosts '10.0.0.0/255.0.0.0': the length of a network is 0 to 32" },
		{ "web/8", "bad hosts 'web/8': no network, ADDRESS/LENGTH is needed" },
		{ "1.2.3", "bad hosts '1.2.3': no address" },
		{ "1.2.3.4.5", "bad hosts '1.2.3.4.5': no address" },
		{ "256.1.1.1", "bad hosts '256.1.1.1': no address" },
		{ "010.0.0.1", "bad hosts '010.0.0.1': no address" },
		{ ":::", "bad hosts ':::': no address" },
		{ "fe80::1%eth0", "bad hosts 'fe80::1%eth0': no address" },
		{ "10.0.*", "bad hosts '10.0.*': addresses take no wildcard, a network such as 10.0.0.0/8 does it" },
		{ "web-[0-9", "bad hosts 'web-[0-9': a '[' without its ']'" },
		{ "web-[]", "bad hosts 'web-[]': a '[' without its ']'" },
		{ "a b", "bad hosts 'a b': no address, network, interface, host name or glob" },
		{ "a,b", "bad hosts 'a,b': no address, network, interface, host name or glob" },
		{ "web\\*", "bad hosts 'web\\*': no address, network, interface, host name or glob" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diag d = { 0 };

		assert_int_equal(hosts_pattern_check(slice_of(cases[i].pattern), &d), -1);
		assert_string_equal(d.text, cases[i].text);
	}
	assert_int_equal(hosts_pattern_check((struct slice){ "a\0b", 3 }, NULL), -1);
	assert_int_equal(hosts_pattern_check((struct slice){ "1.2.3.4\0", 8 }, NULL), -1);
	assert_int_equal(hosts_pattern_check((struct slice){ NULL, 0 }, NULL), -1);
}

static void why_not(void **state)
{
	static const struct {
		const char *patterns[4];
		const char *text;
	} cases[] = {
		{ { NULL }, "" }, { { "eth0" }, "" }, { { "!db-*" }, "" },
		{ { "10.2.0.0/16", "db-*" }, "none of 10.2.0.0/16, db-* matches web-7.Example.org "
			"(10.1.2.3, fd00::15, ::ffff:192.168.7.9)" },
		{ { "web-*", "!10.0.0.0/8" }, "!10.0.0.0/8 excludes web-7.Example.org "
			"(10.1.2.3, fd00::15, ::ffff:192.168.7.9)" },
	};
	static const struct hosts_self bare = { "a", "a", NULL, 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = { 0 };

		hosts_why(cases[i].patterns, &self, &b);
		assert_string_equal(buf_text(&b), cases[i].text);
		buf_clear(&b);
		hosts_why((const char *const[]){ "b", NULL }, &bare, &b);
		assert_string_equal(buf_text(&b), "none of b matches a");
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(bare_host),
		cmocka_unit_test(bad_patterns),
		cmocka_unit_test(why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
