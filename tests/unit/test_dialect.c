/* Tests of the dialect table: names, the values that break a switch when they are
 * wrong, and which names in the system directory are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crond/core/dialect.h"

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < DIALECTS; i++) {
		const struct dialect *d = dialect_get((enum dialect_id)i);

		assert_int_equal(d->id, i);
		assert_ptr_equal(dialect_find(slice_of(d->name)), d);
	}
	assert_string_equal(dialect_get(DIALECT_DEBIAN)->name, "debian");
	assert_string_equal(dialect_get(DIALECT_CRONIE)->name, "cronie");
	assert_null(dialect_find(slice_of("Debian")));
	assert_null(dialect_find(slice_of("debian ")));
	assert_null(dialect_find(slice_of("cron")));
	assert_null(dialect_find(slice_of("")));
}

/* Every text of every dialect is there, so that nobody prints or opens NULL. */
static void test_complete(void **state)
{
	(void)state;
	for (int i = 0; i < DIALECTS; i++) {
		const struct dialect *d = dialect_get((enum dialect_id)i);
		const char *texts[] = { d->name, d->spool_dir, d->system_tab, d->system_dir,
			d->reboot_lock, d->allow, d->deny, d->path, d->pam_service, d->daemon_tag,
			d->job_tag };

		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			assert_non_null(texts[k]);
			assert_true(texts[k][0] != '\0');
		}
		assert_int_equal(d->table_mode & ~d->table_mode_mask, 0);
	}
}

static bool mode_ok(enum dialect_id id, unsigned mode)
{
	const struct dialect *d = dialect_get(id);

	return (mode & d->table_mode_mask) == d->table_mode;
}

static void test_table_modes(void **state)
{
	(void)state;
	assert_true(mode_ok(DIALECT_DEBIAN, 0600));
	assert_false(mode_ok(DIALECT_DEBIAN, 0400));
	assert_false(mode_ok(DIALECT_DEBIAN, 0640));
	assert_false(mode_ok(DIALECT_DEBIAN, 0700));
	assert_false(mode_ok(DIALECT_DEBIAN, 04600));
	assert_true(mode_ok(DIALECT_CRONIE, 0600));
	assert_true(mode_ok(DIALECT_CRONIE, 0400));
	assert_true(mode_ok(DIALECT_CRONIE, 0644));
	assert_false(mode_ok(DIALECT_CRONIE, 0664));
	assert_false(mode_ok(DIALECT_CRONIE, 0700));
	assert_false(mode_ok(DIALECT_CRONIE, 0200));
}

static void test_policies(void **state)
{
	const struct dialect *d = dialect_get(DIALECT_DEBIAN), *c = dialect_get(DIALECT_CRONIE);

	(void)state;
	assert_true(d->bad_line_drops_file && !c->bad_line_drops_file);
	assert_true(d->everyone_without_lists && !c->everyone_without_lists);
	assert_true(!d->env_user && c->env_user);
	assert_true(!d->cron_tz && c->cron_tz);
	assert_true(!d->random_delay && c->random_delay);
	assert_true(!d->chdir_must_work && c->chdir_must_work);
	assert_string_equal(d->path, "/usr/bin:/bin");
	assert_string_equal(d->job_tag, "CRON");
	assert_string_equal(c->job_tag, "CROND");
	assert_string_equal(d->reboot_lock, "/run/crond.reboot");
	assert_string_equal(c->reboot_lock, "/run/cron.reboot");
}

static void test_system_names(void **state)
{
	static const struct {
		const char *name;
		bool debian, cronie;
	} names[] = {
		{ "backup", true, true },
		{ "e2scrub_all", true, true },
		{ "0hourly", true, true },
		{ "-x-", true, true },
		{ "backup.sh", false, true },
		{ "foo.dpkg-dist", false, true },
		{ ".placeholder", false, false },
		{ ".cron.hostname", false, false },
		{ "#foo#", false, false },
		{ "foo~", false, false },
		{ "~", false, false },
		{ "a.rpmsave", false, false },
		{ "a.rpmorig", false, false },
		{ "a.rpmnew", false, false },
		{ "a.rpmnew2", false, true },
		{ "rpmnew", true, true },
		{ "a b", false, true },
		{ "caf\xc3\xa9", false, true },
		{ ".", false, false },
		{ "..", false, false },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool d = dialect_system_name_ok(dialect_get(DIALECT_DEBIAN), names[i].name, false);
		bool c = dialect_system_name_ok(dialect_get(DIALECT_CRONIE), names[i].name, false);

		if (d != names[i].debian || c != names[i].cronie)
			fail_msg("'%s': debian %d, cronie %d", names[i].name, d, c);
	}
}

/* The three expressions of Debian's run-parts, as its -l has them. */
static void test_lsb_names(void **state)
{
	static const char *const good[] = { "backup", "0hourly", "a-b", "foo-", "a--b", "foo.bar-baz",
		"org.example_x-job", "_foo-bar", "_x-dpkg-old", "dpkg-old", "a.b-c-d" };
	static const char *const bad[] = { "", ".foo-bar", "Foo", "foo_bar", "foo.bar", "foo-Bar",
		"foo-dpkg-old", "foo.dpkg-dist", "x.dpkg-old", "-foo", "_foo", "a b-c", "foo-b.r", "_-" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!dialect_system_name_ok(dialect_get(DIALECT_DEBIAN), good[i], true))
			fail_msg("'%s' is not taken", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dialect_system_name_ok(dialect_get(DIALECT_DEBIAN), bad[i], true))
			fail_msg("'%s' is taken", bad[i]);
}

static void test_spool_names(void **state)
{
	const struct dialect *d = dialect_get(DIALECT_DEBIAN), *c = dialect_get(DIALECT_CRONIE);

	(void)state;
	assert_true(dialect_spool_name_ok(d, "root") && dialect_spool_name_ok(c, "root"));
	assert_true(dialect_spool_name_ok(d, "a.b") && dialect_spool_name_ok(c, "a.b"));
	assert_true(dialect_spool_name_ok(d, "a~") && !dialect_spool_name_ok(c, "a~"));
	assert_false(dialect_spool_name_ok(d, ".x") || dialect_spool_name_ok(c, ".cron.hostname"));
	assert_false(dialect_spool_name_ok(d, "tmp.XyZ") || dialect_spool_name_ok(c, "tmp.XyZ"));
}

static void test_addresses(void **state)
{
	static const char *const good[] = { "root", "a@b.c", "a@b,c@d", "x!y%z:1-2_3+4" };
	static const char *const bad[] = { "", "-oQ/tmp", "@a", "a b", "a@b, c@d", "a;b", "a|b",
		"a\nb", "$(x)", "<a@b>", "\303\251@b", "a\\b" };

	(void)state;
	for (int id = 0; id < DIALECTS; id++) {
		const struct dialect *d = dialect_get((enum dialect_id)id);

		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
			assert_true(dialect_address_ok(d, slice_of(good[i])));
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			assert_false(dialect_address_ok(d, slice_of(bad[i])));
		assert_false(dialect_address_ok(d, (struct slice){ "a\0b", 3 }));
		assert_int_equal(dialect_address_ok(d, slice_of("a=b/c")), id == DIALECT_DEBIAN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_table_modes),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_system_names),
		cmocka_unit_test(test_lsb_names),
		cmocka_unit_test(test_spool_names),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
