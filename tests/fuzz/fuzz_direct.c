/* Any bytes as command and environment: what is cut must be the command again, made of
 * plain characters only, and an accepted environment must consist of plain names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/core/direct.h"

static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static void demand(int holds)
{
	if (!holds)
		abort();
}

static size_t skip_blanks(struct slice s, size_t at)
{
	while (at < s.n && (s.s[at] == ' ' || s.s[at] == '\t'))
		at++;
	return at;
}

static void check_words(struct slice command)
{
	char *out = malloc(command.n + 1);
	size_t words, i, at = 0, from = 0;

	demand(out != NULL);
	memset(out, 'x', command.n + 1);
	words = direct_words(command, out);
	demand(words <= DIRECT_WORDS_MOST);
	for (i = 0; i < words; i++) {
		size_t n;

		demand(memchr(out + at, '\0', command.n + 1 - at) != NULL);
		n = strlen(out + at);
		from = skip_blanks(command, from);
		demand(n > 0 && strspn(out + at, plain) == n);
		demand(from + n <= command.n && memcmp(command.s + from, out + at, n) == 0);
		at += n + 1;
		from += n;
		demand(from == command.n || command.s[from] == ' ' || command.s[from] == '\t');
	}
	demand(words == 0 || skip_blanks(command, from) == command.n);
	demand(words == 0 ||
	        (!strchr(out, '=') && strcmp(out, "echo") != 0 && strcmp(out, ".") != 0));
	free(out);
}

static void check_environment(const char *const *env)
{
	size_t i;

	if (!direct_environment(env))
		return;
	demand(env[0] != NULL);
	for (i = 0; env[i]; i++) {
		size_t n = strspn(env[i], name_bytes);

		demand(n > 0 && env[i][n] == '=' && strchr("0123456789", env[i][0]) == NULL);
		demand(strncmp(env[i], "PWD=", 4) != 0);
		demand(strncmp(env[i], "PATH=", 5) != 0 || env[i][5] == '/');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The command, then a NUL before each entry of the environment. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *env[300];
	char *text = malloc(size + 1);
	size_t command, at, n = 0;

	demand(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	command = strlen(text);
	for (at = command + 1; at <= size && n < 299; at += strlen(text + at) + 1)
		env[n++] = text + at;
	env[n] = NULL;
	check_words((struct slice){ text, command });
	check_words((struct slice){ text, size });
	check_environment(env);
	free(text);
	return 0;
}
