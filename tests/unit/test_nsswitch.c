/* test_nsswitch: sources of accounts and names, as the C library reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/nsswitch.h"

static void put(void *arg, const char *database, const char *source)
{
	char *out = arg;
	size_t n = strlen(out);

	snprintf(out + n, 256 - n, "%s=%s ", database, source);
}

static void lines_are_taken_apart(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "passwd: files", "passwd=files " },
		{ "passwd:\tfiles  systemd\n", "passwd=files passwd=systemd " },
		{ "  group:files sss # and ldap", "group=files group=sss " },
		{ "group : files", "group=files " },
		{ "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
			"hosts=files hosts=mdns4_minimal hosts=dns " },
		{ "hosts: resolve [ !UNAVAIL=return  TRYAGAIN = continue ] dns", "hosts=resolve hosts=dns " },
		{ "passwd: [SUCCESS=merge] files[NOTFOUND=return]ldap", "passwd=files passwd=ldap " },
		{ "passwd: files [NOTFOUND=return] [SUCCESS=merge] sss", "passwd=files passwd=sss " },
		{ "passwd: files [NOTFOUND=return ldap", "passwd=files " },
		{ "passwd:", "" },
		{ "passwd", "" },
		{ ": files", "" },
		{ "", "" },
		{ "\n", "" },
		{ "# passwd: ldap", "" },
		{ "#passwd: ldap", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[128], got[256] = "";

		snprintf(line, sizeof(line), "%s", cases[i].line);
		nsswitch_line(line, &(struct nsswitch_sink){ put, got });
		assert_string_equal(got, cases[i].want);
	}
}

static void files_are_read_whole(void **state)
{
	char path[] = "/tmp/test_nsswitch.XXXXXX", got[256] = "";
	struct nsswitch_sink sink = { put, got };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "# of this host\n\npasswd: files\ngroup: %2000s\nhosts: dns", "sss") > 0);
	close(fd);
	assert_int_equal(nsswitch_read(path, &sink), 0);
	assert_string_equal(got, "passwd=files group=sss hosts=dns ");
	unlink(path);
	assert_int_equal(nsswitch_read(path, &sink), -1);
	assert_string_equal(got, "passwd=files group=sss hosts=dns ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_apart),
		cmocka_unit_test(files_are_read_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
