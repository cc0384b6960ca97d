/* Which commands and environments may do without a shell; tests/system/direct_test.c
 * holds the same rule against the shell itself. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crond/core/direct.h"

/* Words joined by '|', for comparing; "" stands for: the shell. */
static const char *words_of(struct slice command)
{
	static char joined[8192];
	char *out = malloc(command.n + 1);
	size_t i, at = 0, n;

	assert_non_null(out);
	n = direct_words(command, out);
	joined[0] = '\0';
	for (i = 0; i < n; i++) {
		strcat(joined, i ? "|" : "");
		strcat(joined, out + at);
		at += strlen(out + at) + 1;
	}
	assert_true(at <= command.n + 1);
	free(out);
	return joined;
}

static void expect(const char *command, const char *words)
{
	assert_string_equal(words_of(slice_of(command)), words);
}

static void test_plain_commands_are_cut(void **state)
{
	(void)state;
	expect("/usr/bin/true", "/usr/bin/true");
	expect("backup", "backup");
	expect("./run.sh -v", "./run.sh|-v");
	expect("  \tbackup \t --all\t", "backup|--all");
	expect("/srv/gold/run.sh --date=2024-01-01 a:b,c @x +1 50%",
	        "/srv/gold/run.sh|--date=2024-01-01|a:b,c|@x|+1|50%");
	expect("env A=1 cmd", "env|A=1|cmd");
	expect("7z a x.7z", "7z|a|x.7z");
	expect("_x", "_x");
	/* a shell's word further behind, or as part of a path, is an ordinary one */
	expect("nice echo if", "nice|echo|if");
	expect("/bin/echo .", "/bin/echo|.");
	expect("echo2 x", "echo2|x");
	expect("ech x", "ech|x");
	expect("../x", "../x");
}

static void test_shell_syntax_goes_to_the_shell(void **state)
{
	static const char special[] = "|&;<>()$`\\\"'*?[]#~!{}^\n\r\v\f\a\x7f\x01\x81\x88\xc3\xff";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof special; i++) { /* with the NUL at its end */
		char within[] = "/bin/x ab cd";
		char alone[] = "/bin/x . y", first[] = "/bin/x y", last[] = "/bin/x y.";

		within[8] = alone[7] = last[8] = special[i];
		first[1] = special[i];
		expect("/bin/x y", "/bin/x|y");
		assert_string_equal(words_of((struct slice){ within, 12 }), "");
		assert_string_equal(words_of((struct slice){ alone, 10 }), "");
		assert_string_equal(words_of((struct slice){ first, 8 }), "");
		assert_string_equal(words_of((struct slice){ last, 9 }), "");
	}
	expect("", "");
	expect(" \t ", "");
	expect("A=1", "");
	expect("A=1 cmd", "");
	expect("a/b=1 cmd", "");
	expect("-x y", "");
	expect("%1", "");
	expect("+x", "");
	expect("@x", "");
	expect(",x", "");
	expect("=x", "");
	expect("cmd ~/x", "");
	expect("cmd a=~/x", "");
}

/* What a shell executes does not lead the session; what is executed in its place does. */
static void test_programs_that_ask_for_their_session(void **state)
{
	(void)state;
	expect("setsid cmd", "");
	expect("/usr/bin/setsid cmd", "");
	expect("nice /usr/bin/setsid cmd", "");
	expect("busybox setsid cmd", "");
	expect("setsid2 cmd", "setsid2|cmd");
	expect("setsid/cmd", "setsid/cmd");
	expect("a/ ./", "a/|./");
}

static void test_words_of_shells_go_to_the_shell(void **state)
{
	/* dash 0.5.12, bash 5.2 and POSIX 2.9.1, as each lists its own */
	static const char *const list[] = { ".", ":", "alias", "bg", "break", "cd", "chdir",
		"command", "continue", "echo", "eval", "exec", "exit", "export", "false", "fc",
		"fg", "getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read",
		"readonly", "return", "set", "shift", "test", "times", "trap", "true", "type",
		"ulimit", "umask", "unalias", "unset", "wait", "bind", "builtin", "caller",
		"compgen", "complete", "compopt", "declare", "dirs", "disown", "enable", "help",
		"history", "let", "logout", "mapfile", "popd", "pushd", "readarray", "shopt",
		"source", "suspend", "typeset", "if", "then", "else", "elif", "fi", "case", "esac",
		"for", "select", "while", "until", "do", "done", "in", "function", "time", "coproc",
		"alloc", "autoload", "bindkey", "bye", "cap", "clone", "comparguments", "compcall",
		"compctl", "compdescribe", "compfiles", "compgroups", "compound", "compquote",
		"comptags", "comptry", "compvalues", "disable", "dosh", "echotc", "echoti", "enum",
		"float", "hist", "integer", "login", "map", "namespace", "newgrp", "print",
		"repeat", "savehistory", "stop", "whence" };
	char text[64], words[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof list / sizeof *list; i++) {
		expect(list[i], "");
		snprintf(text, sizeof text, " %s x", list[i]);
		expect(text, "");
		snprintf(text, sizeof text, "nice %s", list[i]);
		snprintf(words, sizeof words, "nice|%s", list[i]);
		expect(text, words);
		snprintf(text, sizeof text, "%szz", list[i]);
		if (list[i][0] != ':')
			expect(text, text);
	}
}

static void test_number_of_words_is_bounded(void **state)
{
	char text[2 * DIRECT_WORDS_MOST + 2], out[sizeof text + 1];

	(void)state;
	memset(text, ' ', sizeof text);
	for (size_t i = 0; i <= DIRECT_WORDS_MOST; i++)
		text[2 * i] = 'x';
	assert_int_equal(direct_words((struct slice){ text, 2 * DIRECT_WORDS_MOST }, out),
	        DIRECT_WORDS_MOST);
	assert_int_equal(direct_words((struct slice){ text, sizeof text }, out), 0);
}

static bool env_ok(const char *a, const char *b)
{
	return direct_environment(
	        (const char *const[]){ "SHELL=/bin/sh", "HOME=/root", a, b, NULL });
}

static void test_ordinary_environments(void **state)
{
	(void)state;
	assert_true(env_ok("PATH=/usr/bin:/bin", "LOGNAME=root"));
	assert_true(env_ok("PATH=/", NULL));
	assert_true(env_ok("MAILTO=ops@example.org", "PATH=/usr/bin"));
	assert_true(env_ok("PATH=/usr/bin", "LC_ALL=C"));
	assert_true(env_ok("PATH=/usr/bin", "X="));
	assert_true(env_ok("PATH=/usr/bin", "X9_=a b$c\n*"));
	/* names that only begin like a special one, or end before it does */
	assert_true(env_ok("PATH=/usr/bin", "PATHS=x"));
	assert_true(env_ok("PATH=/usr/bin", "PS11=x"));
	assert_true(env_ok("PATH=/usr/bin", "PW=x"));
	assert_true(env_ok("PATH=/usr/bin", "__=x"));
}

static void test_names_that_shells_use(void **state)
{
	static const char *const names[] = { "PWD", "OLDPWD", "IFS", "OPTIND", "PPID", "PS1", "PS2",
		"PS4", "ENV", "LINENO", "MAIL", "MAILPATH", "MAILCHECK", "SHLVL", "_", "SHELLOPTS",
		"BASHOPTS", "BASH_ENV", "BASH_FUNC_x", "POSIXLY_CORRECT", "RANDOM", "UID",
		"FUNCNAME", "HISTSIZE", "ATTY", "LD_PRELOAD", "LD_LIBRARY_PATH", "MALLOC_PERTURB_",
		"GLIBC_TUNABLES", "TMOUT", "CDPATH", "HOSTNAME", "SECONDS" };
	char entry[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(entry, sizeof entry, "%s=/tmp", names[i]);
		assert_false(env_ok("PATH=/usr/bin", entry));
		snprintf(entry, sizeof entry, "%s=", names[i]);
		assert_false(env_ok(entry, "PATH=/usr/bin"));
	}
}

static void test_entries_that_shells_drop(void **state)
{
	static const char *const bad[] = { "=", "=x", "X", "", "1X=1", "A.B=1", "A B=1", "A-B=1",
		"BASH_FUNC_f%%=() { :; }", "\xc3\xa4=1", "HOME=/other", "SHELL=/bin/sh" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(env_ok("PATH=/usr/bin", bad[i]));
	assert_false(env_ok("PATH=/usr/bin", "PATH=/usr/bin"));
}

static void test_search_paths(void **state)
{
	static const char *const bad[] = { "PATH=", "PATH=:/bin",
		"PATH=/bin:", "PATH=/bin::/usr/bin", "PATH=bin", "PATH=/bin:.", "PATH=/bin:bin",
		"PATH=~/bin", "PATH=/bin%func", "PATH=%builtin:/bin" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(env_ok(bad[i], "X=1"));
	assert_false(env_ok("X=1", "Y=2")); /* no PATH at all */
	assert_true(env_ok("PATH=/bin:/a b:/~x", "X=1"));
}

static void test_huge_environment_is_left_to_the_shell(void **state)
{
	static char text[600][16];
	const char *env[601];
	size_t i;

	(void)state;
	for (i = 0; i < 600; i++) {
		snprintf(text[i], sizeof text[i], "V%zu=x", i);
		env[i] = text[i];
	}
	env[0] = "PATH=/bin";
	env[200] = NULL;
	assert_true(direct_environment(env));
	env[200] = text[200];
	env[600] = NULL;
	assert_false(direct_environment(env));
}

static void test_what_the_shell_says_of_a_death(void **state)
{
	char line[64];

	(void)state;
	assert_int_equal(direct_death(SIGKILL, false, line, sizeof line), 137);
	assert_string_equal(line, "Killed\n");
	assert_int_equal(direct_death(SIGSEGV, true, line, sizeof line), 139);
	assert_string_equal(line, "Segmentation fault (core dumped)\n");
	assert_int_equal(direct_death(SIGINT, false, line, sizeof line), 130);
	assert_string_equal(line, "");
	assert_int_equal(direct_death(SIGPIPE, false, line, sizeof line), 141);
	assert_string_equal(line, "");
	assert_int_equal(direct_death(SIGTERM, false, line, 5), 143);
	assert_string_equal(line, "Term");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_commands_are_cut),
		cmocka_unit_test(test_shell_syntax_goes_to_the_shell),
		cmocka_unit_test(test_programs_that_ask_for_their_session),
		cmocka_unit_test(test_words_of_shells_go_to_the_shell),
		cmocka_unit_test(test_number_of_words_is_bounded),
		cmocka_unit_test(test_ordinary_environments),
		cmocka_unit_test(test_names_that_shells_use),
		cmocka_unit_test(test_entries_that_shells_drop),
		cmocka_unit_test(test_search_paths),
		cmocka_unit_test(test_huge_environment_is_left_to_the_shell),
		cmocka_unit_test(test_what_the_shell_says_of_a_death),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
