/* direct: can a command be executed without its shell, and nobody could tell?
 * Flow: asked once for each job when its run is written; the keeper executes the
 * words, and falls back to the shell when they cannot be executed. */
#include "crond/core/direct.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words that mean something of their own at the head of a command: to dash, to bash, or
 * (unspecified by POSIX 2.9.1) to some other shell. Sorted in byte order. */
static const char *const shell_words[] = { ".", ":", "alias", "alloc", "autoload", "bg", "bind",
	"bindkey", "break", "builtin", "bye", "caller", "cap", "case", "cd", "chdir", "clone",
	"command", "comparguments", "compcall", "compctl", "compdescribe", "compfiles", "compgen",
	"compgroups", "complete", "compopt", "compound", "compquote", "comptags", "comptry",
	"compvalues", "continue", "coproc", "declare", "dirs", "disable", "disown", "do", "done",
	"dosh", "echo", "echotc", "echoti", "elif", "else", "emulate", "enable", "end", "enum",
	"esac", "eval", "exec", "exit", "export", "false", "fc", "fg", "fi", "float", "for",
	"foreach", "function", "functions", "getln", "getopts", "global", "hash", "help", "hist",
	"history", "if", "in", "integer", "jobs", "kill", "let", "limit", "local", "login",
	"logout", "map", "mapfile", "namespace", "newgrp", "noglob", "popd", "print", "printf",
	"pushd", "pushln", "pwd", "read", "readarray", "readonly", "rehash", "repeat", "return",
	"savehistory", "sched", "select", "set", "setopt", "shift", "shopt", "source", "stop",
	"suspend", "test", "then", "time", "times", "trap", "true", "type", "typeset", "ulimit",
	"umask", "unalias", "unhash", "unlimit", "unset", "unsetopt", "until", "vared", "wait",
	"whence", "which-command", "while", "zmodload" };

/* Names that a shell sets, reads at its start, or does not hand on as they came. Sorted. */
static const char *const shell_names[] = { "ATTY", "CDPATH", "COLUMNS", "COMP_WORDBREAKS", "COPROC",
	"DIRSTACK", "ENV", "EPOCHREALTIME", "EPOCHSECONDS", "ERRNO", "EUID", "EXECIGNORE", "FCEDIT",
	"FIGNORE", "FPATH", "FUNCNAME", "FUNCNEST", "GLOBIGNORE", "GROUPS", "HISTCMD", "HISTFILE",
	"HISTSIZE", "HOSTNAME", "HOSTTYPE", "IFS", "LINENO", "LINES", "MACHTYPE", "MAIL",
	"MAILCHECK", "MAILPATH", "MAPFILE", "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE",
	"PIPESTATUS", "POSIXLY_CORRECT", "PPID", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3",
	"PS4", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "TIMEFORMAT",
	"TMOUT", "UID", "_" };

/* A name that begins so works on the shell itself before it works on the command:
 * ld.so's complaint about LD_PRELOAD, say, would come once and not twice. */
static const char *const loader_prefixes[] = { "BASH", "GLIBC_", "KSH_", "LD_", "MALLOC_" };

/* Programs that act by whether they lead their session: executed by a shell they do not. */
static const char *const session_words[] = { "chpst", "pgrphack", "s6-setsid", "setsid" };

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { ENVIRONMENT_MOST = 256 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes that no shell gives a meaning inside a word, whatever the locale. A tilde is
 * not among them, nor is any byte beyond ASCII. */
static bool is_plain(char c)
{
	return is_letter(c) || is_digit(c) || (c != '\0' && strchr("@%+=:,./-", c) != NULL);
}

static int compare_word(const void *key, const void *entry)
{
	const struct slice *k = key;
	const char *word = *(const char *const *)entry;
	int order = strncmp(k->s, word, k->n);

	return order != 0 || word[k->n] == '\0' ? order : -1;
}

static bool is_among(struct slice key, const char *const *list, size_t count)
{
	return bsearch(&key, list, count, sizeof *list, compare_word) != NULL;
}

/* The word in the command's place: neither an assignment nor anything but a file's name. */
static bool is_ordinary_command(struct slice w)
{
	if (!is_letter(w.s[0]) && !is_digit(w.s[0]) && w.s[0] != '/' && w.s[0] != '.')
		return false;
	return !memchr(w.s, '=', w.n) && !is_among(w, shell_words, COUNT(shell_words));
}

static bool is_of_session(struct slice w)
{
	size_t at = w.n;

	while (at > 0 && w.s[at - 1] != '/')
		at--;
	return is_among((struct slice){ w.s + at, w.n - at }, session_words, COUNT(session_words));
}

static bool is_ordinary_word(struct slice w, size_t place)
{
	return !is_of_session(w) && (place > 0 || is_ordinary_command(w));
}

size_t direct_words(struct slice command, char *out)
{
	const char *s = command.s, *end = command.s + command.n;
	size_t words = 0;

	for (;;) {
		const char *start;

		while (s < end && is_blank(*s))
			s++;
		if (s == end)
			return words;
		for (start = s; s < end && is_plain(*s); s++)
			;
		if (s == start || (s < end && !is_blank(*s)) || words == DIRECT_WORDS_MOST)
			return 0;
		if (!is_ordinary_word((struct slice){ start, (size_t)(s - start) }, words))
			return 0;
		memcpy(out, start, (size_t)(s - start));
		out += s - start;
		*out++ = '\0';
		words++;
	}
}

/* Each element absolute and without a percent sign, which dash reads as an option of
 * that element (/dir%func). */
static bool is_ordinary_path(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, ":%");

		if (path[0] != '/' || path[n] == '%')
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

/* Length of the name if a shell hands it on untouched, else 0. */
static size_t ordinary_name(const char *entry)
{
	size_t n = 0, i;

	while (is_letter(entry[n]) || (n > 0 && is_digit(entry[n])))
		n++;
	if (n == 0 || entry[n] != '=')
		return 0;
	for (i = 0; i < COUNT(loader_prefixes); i++)
		if (strncmp(entry, loader_prefixes[i], strlen(loader_prefixes[i])) == 0)
			return 0;
	return is_among((struct slice){ entry, n }, shell_names, COUNT(shell_names)) ? 0 : n;
}

bool direct_environment(const char *const *env)
{
	bool path = false;
	size_t i, j;

	for (i = 0; env[i]; i++) {
		size_t n = ordinary_name(env[i]);

		/* Of two entries with one name the shell hands on one. */
		for (j = 0; n > 0 && j < i; j++)
			if (strncmp(env[i], env[j], n + 1) == 0)
				return false;
		if (n == 0 || i == ENVIRONMENT_MOST)
			return false;
		if (strncmp(env[i], "PATH=", 5) != 0)
			continue;
		if (!is_ordinary_path(env[i] + 5))
			return false;
		path = true;
	}
	return path;
}

int direct_death(int sig, bool core_dumped, char *line, size_t size)
{
	line[0] = '\0';
	if (sig != SIGINT && sig != SIGPIPE)
		snprintf(line, size, "%s%s\n", strsignal(sig), core_dumped ? " (core dumped)" : "");
	return 128 + sig;
}
