/* crontab_split: what of a command is the shell's and what its standard input's.
 * Flow: load splits each entry's command once; the run's record carries both parts. */
#include "crond/base/arena.h"
#include "crond/core/crontab.h"

/* Copies text up to its first unescaped '%' into out. Both families let a backslash take
 * the next character out of the running, even a second backslash; they differ in
 * whether of such a pair one or both stay. Returns how much was read; *n is written. */
static size_t split_command(struct slice text, bool halve, char *out, size_t *n)
{
	bool escaped = false;
	size_t i;

	*n = 0;
	for (i = 0; i < text.n; i++) {
		char c = text.s[i];

		if (escaped && (c == '%' || (halve && c == '\\')))
			(*n)--;
		else if (!escaped && c == '%')
			break;
		out[(*n)++] = c;
		escaped = !escaped && c == '\\';
	}
	return i;
}

/* In the input "\%" is '%', '%' a newline; any other backslash stays. Here a backslash behind a
 * backslash does escape, so "\\%" is "\%", unlike in the command. The last line is
 * ended, unless nothing at all or only a lone backslash stands on it. */
static size_t split_input(struct slice text, char *out)
{
	bool escaped = false, open = false;
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.s[i];

		if (escaped && c != '%')
			out[n++] = '\\';
		else if (!escaped && c == '%')
			c = '\n';
		escaped = c == '\\';
		if (escaped)
			continue;
		out[n++] = c;
		open = c != '\n';
	}
	if (escaped)
		out[n++] = '\\';
	if (open)
		out[n++] = '\n';
	return n;
}

int crontab_split(struct slice text, const struct dialect *dialect, struct arena *arena,
	const char **command, struct slice *input)
{
	char *out = arena_text(arena, text.n + 2);
	size_t n, used;

	if (!out)
		return -1;
	used = split_command(text, dialect->backslash_pair_halved, out, &n);
	out[n] = '\0';
	*command = out;
	*input = (struct slice){ NULL, 0 };
	if (used == text.n)
		return 0;
	/* What the command did not use of `out` is enough: it had at least the '%'. */
	input->s = out + n + 1;
	input->n = split_input((struct slice){ text.s + used + 1, text.n - used - 1 }, out + n + 1);
	return 0;
}
