/* test_section: files cut into sections, sections into settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/section.h"
#include "crond/core/section_settings.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a file is cut into, as one text: "type[title]LINE:COL{body}LINE:COL". */
static void cut(struct slice file, struct buf *out)
{
	struct section_scanner scanner;
	struct section s;
	struct diag d;
	int rc;

	buf_clear(out);
	section_start(&scanner, file);
	while ((rc = section_next(&scanner, &s, &d)) > 0) {
		buf_append(out, s.type.s, s.type.n);
		if (s.title.s)
			buf_printf(out, "[%.*s]", (int)s.title.n, s.title.s);
		buf_printf(out, "%u:%u", s.line, s.column);
		if (s.wrong)
			buf_printf(out, "!%s", s.wrong);
		else
			buf_printf(out, "%c%.*s%c%u:%u", s.setting ? '<' : '{', (int)s.body.n, s.body.s,
				s.setting ? '>' : '}', s.body_line, s.body_column);
		buf_putc(out, ';');
	}
	if (rc < 0)
		buf_printf(out, "BROKEN %u:%u %s", d.line, d.column, d.text);
}

static void cuts(void **state)
{
	static const struct {
		const char *file, *want;
	} cases[] = {
		{ "", "" },
		{ " \n\t# only\n// comments\n/* here\n*/ ", "" },
		{ "task \"a\" {x}", "task[a]1:1{x}1:11;" },
		{ "\xef\xbb\xbftask a {x}", "task[a]1:1{x}1:9;" },
		{ "task a { }task 'b'\n{\n y\n}\n", "task[a]1:1{ }1:9;task[b]1:11{\n y\n}2:2;" },
		{ "\r\ntask \"a\"\r\n{\r\n}\r\n", "task[a]2:1{\r\n}3:2;" },
		{ "defaults { a = {b} }", "defaults1:1{ a = {b} }1:11;" },
		{ "task \"}\\\"{\" { x = \"}\" y = '\"}' # }\n /* } */ // }\n}",
			"task[}\\\"{]1:1{ x = \"}\" y = '\"}' # }\n /* } */ // }\n}1:14;" },
		{ "a = b\nc += { d, e }\n f=\"g h\"",
			"a1:1<a = b>1:1;c2:1<c += { d, e }>2:1;f3:2<f=\"g h\">3:2;" },
		{ "a = /x//y#z b=1", "a1:1<a = /x//y#z>1:1;b1:13<b=1>1:13;" },
		/* what is wrong costs itself only */
		{ "task a { } junk\ntask b { }",
			"task[a]1:1{ }1:9;junk1:12!text that belongs to nothing;task[b]2:1{ }2:9;" },
		{ "junk junk junk\ntask b { }",
			"junk[junk]1:1!a section without its '{';task[b]2:1{ }2:9;" },
		{ "task a\ntask b { }",
			"task[a]1:1!a section without its '{';task[b]2:1{ }2:9;" },
		{ "task \"a\" \"b\" { x }\ntask c { }",
			"task[a]1:1!a section without its '{';task[c]2:1{ }2:9;" },
		{ "{ x } task c { }", "{1:1!a '{' without a name before it;task[c]1:7{ }1:15;" },
		{ "a =\nb = 1", "a1:1<a =\nb>1:1;=2:3!text that belongs to nothing;" },
		{ "a = = b\nc = 1", "a1:1!a setting without a value;c2:1<c = 1>2:1;" },
		{ "a =", "a1:1!a setting without a value;" },
		{ "task", "task1:1!text that belongs to nothing;" },
		{ "task a", "task[a]1:1!a section without its '{';" },
		{ "\"task\" a { }", "task1:1!text that belongs to nothing;" },
		{ ", , ( ) \ntask a { }", ",1:1!text that belongs to nothing;task[a]2:1{ }2:9;" },
		/* what is broken costs the file */
		{ "task a { }\n }", "task[a]1:1{ }1:9;BROKEN 2:2 a '}' that closes nothing" },
		{ "task a {\n x = { 1 }\ntask b { }", "BROKEN 1:8 a '{' that is never closed" },
		{ "task a {\n x = \"1\n}\n", "BROKEN 2:6 a quote (\") that is never closed" },
		{ "task a {\n x = '1\\'\n}\n", "BROKEN 2:6 a quote (') that is never closed" },
		{ "task a { } \"\\", "task[a]1:1{ }1:9;BROKEN 1:12 a quote (\") that is never closed" },
		{ "task a { }\n /* x", "task[a]1:1{ }1:9;BROKEN 2:2 a comment that is never closed" },
		{ "a = { {", "BROKEN 1:5 a '{' that is never closed" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		cut(slice_of(cases[i].file), &b);
		assert_string_equal(buf_text(&b), cases[i].want);
	}
	cut((struct slice){ "task a {\n x\0 }", 14 }, &b);
	assert_string_equal(buf_text(&b), "BROKEN 2:3 a NUL byte in the file");
	buf_free(&b);
}

static const struct setting_def defs[] = {
	{ "one", false }, { "list", true }, { "two", false }, { NULL, false }
};

static void take(void *arg, const struct setting *s)
{
	buf_printf(arg, "%s@%u:%u", defs[s->def].name, s->line, s->column);
	for (size_t i = 0; i < s->count; i++)
		buf_printf(arg, "<%.*s>", (int)s->values[i].n, s->values[i].s);
	buf_putc(arg, ';');
}

static void complain(void *arg, const struct diag *d)
{
	buf_printf(arg, "E%u:%u %s;", d->line, d->column, d->text);
}

/* The body stands in line 3, from column 5. */
static void read_is(const char *body, const char *want)
{
	struct buf b = { 0 };
	struct settings_sink sink = { take, complain, &b };
	struct section s = { .line = 3, .column = 1, .body_line = 3, .body_column = 5 };
	char *copy = malloc(strlen(body) + 4); /* so that ASan sees the end */
	int rc;

	assert_non_null(copy);
	memcpy(copy, "a b{", 4);
	memcpy(copy + 4, body, strlen(body));
	s.body = (struct slice){ copy + 4, strlen(body) };
	rc = section_settings(&s, defs, "option", &sink);
	assert_string_equal(b.len ? buf_text(&b) : "", want);
	assert_int_equal(rc, want[0] == 'E');
	buf_free(&b);
	free(copy);
}

static void reads(void **state)
{
	(void)state;
	read_is("", "");
	read_is(" # nothing\n", "");
	read_is("one = x", "one@3:5<x>;");
	read_is("\n  one=\"a b\"\n\ttwo = 'c'", "one@4:3<a b>;two@5:2<c>;");
	read_is("list = { a, \"b c\", 'd' }", "list@3:5<a><b c><d>;");
	read_is("list = a", "list@3:5<a>;");
	read_is("list += {a,}", "list@3:5<a>;");
	read_is("list = {}", "list@3:5;");
	read_is("list = {\n a\n ,b\n}\none = x", "list@3:5<a><b>;one@7:1<x>;");
	read_is("one = \"\"", "one@3:5<>;");
	read_is("\"one\" = x", "one@3:5<x>;");
	read_is("two = x /* one = y */ # one = z\n", "two@3:5<x>;");
}

/* Each is a habit of libconfuse that must not show. */
static void fences(void **state)
{
	(void)state;
	setenv("CRONWARD_TEST", "expanded", 1);
	read_is("one = \"${CRONWARD_TEST} $HOME ${NONE:-x}\"",
		"one@3:5<${CRONWARD_TEST} $HOME ${NONE:-x}>;");
	read_is("one = '${CRONWARD_TEST}'", "one@3:5<${CRONWARD_TEST}>;");
	read_is("one = 010", "one@3:5<010>;");
	read_is("one = http://x//y/*", "one@3:5<http://x//y/*>;");
	read_is("one = \"a\\\"b\\\\c\\td\\x41\\101\\$e\"", "one@3:5<a\"b\\c\tdAA$e>;");
	read_is("one = \"a\\\nb\nc\" two = x", "one@3:5<ab\nc>;two@5:4<x>;");
	read_is("one = 'a\\d \\' \\\\'", "one@3:5<a\\d ' \\>;");
	read_is("one = \"\xff\xc3\"", "one@3:5<\xff\xc3>;");
	read_is("one = a+b\r\ntwo = c\r\n", "one@3:5<a+b>;two@4:1<c>;");
	read_is("one = 1\none = 2", "E4:1 'one' is given twice, first in line 3;");
	read_is("list = 1\nlist += 2", "E4:1 'list' is given twice, first in line 3;");
	read_is("one = \"a\n \\d\"", "E4:2 unknown escape '\\d' (a backslash is written \\\\);");
	read_is("one = \"\\400\"", "E3:12 unknown escape '\\4' (a backslash is written \\\\);");
	read_is("one = \"a\\0\"", "E3:11 a NUL byte in a value;");
}

static void refuses(void **state)
{
	(void)state;
	read_is("tow = x oen = y\nzzzzz = 1 two = 2",
		"E3:5 unknown option 'tow', did you mean 'two'?;"
		"E3:13 unknown option 'oen', did you mean 'one'?;E4:1 unknown option 'zzzzz';");
	read_is("one = x y", "E3:13 'y' belongs to no option;");
	read_is("one = x \"\"", "E3:13 '' belongs to no option;");
	read_is("one = x 'a|b'", "E3:13 'a|b' belongs to no option;");
	read_is("y", "E3:5 'y' belongs to no option;");
	read_is("one x", "E3:9 missing equal sign after option 'one';");
	read_is("one = {x}", "E3:11 'one' takes one value, not a list;");
	read_is("one =", "E3:9 something is missing behind '=';");
	read_is("one", "E3:5 something is missing behind 'one';");
	read_is("two = 2\nlist = {a b}", "E4:11 unexpected token 'b';");
	read_is("list = {{a}}", "E3:13 unexpected token '{';");
	read_is("one = (a)", "E3:11 unexpected token '(';");
	read_is("= x", "E3:5 unexpected token '=';");
	read_is("one = , two = 1", "E3:11 unexpected token ',';");
	read_is("task \"b\" { one = x }", "E3:5 'task' belongs to no option;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts),
		cmocka_unit_test(reads),
		cmocka_unit_test(fences),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
