/* The files, commands and environments of direct_test. Everything stays below one
 * temporary directory, and no word is a number or a path outside: whatever the shell
 * makes of a command here, it harms nobody. */
#include "tests/system/direct_world.h"

#include <ctype.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct file {
	const char *name, *text; /* text NULL: a directory, or with link a symlink */
	const char *link;
	mode_t mode;
};

/* In this order; bin/tool and what is linked to it come besides. */
static const struct file files[] = {
	{ "bin", NULL, NULL, 0755 },
	{ "bad", NULL, NULL, 0755 },
	{ "shut", NULL, NULL, 0755 },
	{ "shut/inner", NULL, NULL, 0755 },
	{ "work", NULL, NULL, 0755 },
	{ "gone", NULL, NULL, 0755 },
	{ "link", NULL, "work", 0 },
	{ "work/a.txt", "a\n", NULL, 0644 },
	{ "work/b.txt", "b\n", NULL, 0644 },
	{ "work/a", "a\n", NULL, 0644 },
	{ "work/sub", NULL, NULL, 0755 },
	{ "work/tool", NULL, "../bin/tool", 0 },
	{ "bin/noexec", "#!/bin/sh\necho noexec\n", NULL, 0644 },
	{ "bin/adir", NULL, NULL, 0755 },
	{ "bin/script", "#!/bin/sh\necho \"$0\" \"$@\" $#; export -p; exit 7\n", NULL, 0755 },
	{ "bin/scriptarg", "#!/bin/sh -e\necho \"$0\" \"$@\"; false; echo not here\n", NULL, 0755 },
	{ "bin/scriptno", "echo plain \"$0\" \"$@\"; exit 3\n", NULL, 0755 },
	{ "bin/scriptgone", "#!/nonexistent/interpreter -x\n", NULL, 0755 },
	{ "bin/scriptcr", "#!/bin/sh\r\necho\r\n", NULL, 0755 },
	{ "bin/empty", "", NULL, 0755 },
	{ "bin/badelf", "\177ELF\2\1\1 and nothing more", NULL, 0755 },
	{ "bin/secret", "#!/bin/sh\necho secret\n", NULL, 0700 },
	{ "bin/xonly", "#!/bin/sh\necho xonly\n", NULL, 0111 },
	{ "bin/dangling", NULL, "nowhere", 0 },
	{ "bin/loop", NULL, "loop", 0 },
	{ "bad/tool", "echo not a program\n", NULL, 0644 },
	{ "bad/script", NULL, NULL, 0755 },
	{ "bad/adir", "#!/bin/sh\necho adir after all\n", NULL, 0755 },
	{ "bad/scriptno", "#!/nonexistent\n", NULL, 0755 },
	{ "bad/noexec", NULL, "../bin/tool", 0 },
	{ "bad/secret", NULL, "../bin/tool", 0 },
	{ "bad/empty", NULL, "loop", 0 },
};

static int make_file(const struct world *w, const struct file *f)
{
	char path[128];
	int fd, rc;

	snprintf(path, sizeof path, "%s/%s", w->root, f->name);
	if (f->link)
		return symlink(f->link, path);
	if (!f->text)
		return mkdir(path, f->mode) || chmod(path, f->mode);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	rc = write(fd, f->text, strlen(f->text)) != (ssize_t)strlen(f->text) || fchmod(fd, f->mode);
	return close(fd) || rc ? -1 : 0;
}

static char *slurp(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0 || fstat(fd, &st) || !(data = malloc((size_t)st.st_size + 1)))
		return NULL;
	*size = 0;
	while (*size < (size_t)st.st_size) {
		ssize_t n = read(fd, data + *size, (size_t)st.st_size - *size);

		if (n <= 0)
			return NULL;
		*size += (size_t)n;
	}
	close(fd);
	data[*size] = '\0';
	return data;
}

static int copy_tool(const char *tool, const char *to)
{
	size_t size;
	char *data = slurp(tool, &size);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	int rc = !data || fd < 0 || write(fd, data, size) != (ssize_t)size || fchmod(fd, 0755);

	free(data);
	return close(fd) || rc ? -1 : 0;
}

static bool is_word(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!islower((unsigned char)s[i]) && !strchr(".:[]{}!-_", s[i]))
			return false;
	return n > 0 && n <= 12;
}

static bool is_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isupper((unsigned char)s[i]) && s[i] != '_' &&
		        !(i > 0 && isdigit((unsigned char)s[i])))
			return false;
	return n > 0 && n <= 20;
}

static int keep(char ***list, size_t *count, const char *s, size_t n)
{
	char **more = realloc(*list, (*count + 2) * sizeof **list);
	size_t i;

	if (!more)
		return -1;
	*list = more;
	for (i = 0; i < *count; i++)
		if (strncmp(more[i], s, n) == 0 && more[i][n] == '\0')
			return 0;
	more[*count] = strndup(s, n);
	more[*count + 1] = NULL;
	return more[(*count)++] ? 0 : -1;
}

/* Every builtin, reserved word and special variable that the shell knows stands as a
 * string in its binary, or as the end of one (linkers fold "if" into "elif"): no list
 * of ours can forget one. */
static int read_shell(struct world *w)
{
	size_t size, at, words = 0, names = 0;
	char *data = slurp("/bin/sh", &size);

	if (!data)
		return -1;
	for (at = 0; at < size; at++) {
		const char *s = data + at;
		size_t name = strcspn(s, "=");

		if (is_word(s, strlen(s)) && keep(&w->words, &words, s, strlen(s)))
			return -1;
		if (is_name(s, name) && keep(&w->names, &names, s, name))
			return -1;
	}
	free(data);
	return w->words && w->names ? 0 : -1;
}

/* Names of shell words that no binary of this machine need hold. */
static const char *const more_words[] = { "echo", "test", "kill", "time", "if", "declare", "source",
	"function" };

static void link_word(const char *tool, const char *path)
{
	if (link(tool, path) < 0)
		return; /* some are no file's name, some stand already */
}

static int link_words(const struct world *w)
{
	char tool[128], path[128];
	size_t i;

	snprintf(tool, sizeof tool, "%s/bin/tool", w->root);
	for (i = 0; w->words[i] || i < COUNT(more_words); i++) {
		if (w->words[i]) {
			snprintf(path, sizeof path, "%s/bin/%s", w->root, w->words[i]);
			link_word(tool, path);
		}
		if (i < COUNT(more_words)) {
			snprintf(path, sizeof path, "%s/bin/%s", w->root, more_words[i]);
			link_word(tool, path);
		}
		if (!w->words[i])
			break;
	}
	return access(tool, X_OK);
}

static int open_directories(struct world *w)
{
	static const char *const names[WORLD_CWDS] = { "work", "link", "shut/inner", "gone", "." };
	char path[128];
	size_t i;

	for (i = 0; i < WORLD_CWDS; i++) {
		snprintf(path, sizeof path, "%s/%s", w->root, names[i]);
		w->cwd[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (w->cwd[i] < 0)
			return -1;
	}
	snprintf(path, sizeof path, "%s/gone", w->root);
	if (rmdir(path))
		return -1;
	snprintf(path, sizeof path, "%s/shut", w->root);
	return chmod(path, 0);
}

int world_make(struct world *w, const char *tool)
{
	char path[128];
	size_t i;

	snprintf(w->root, sizeof w->root, "/tmp/direct_test.XXXXXX");
	if (!mkdtemp(w->root) || chmod(w->root, 0755) || read_shell(w))
		goto bad;
	for (i = 0; i < COUNT(files); i++)
		if (make_file(w, &files[i]))
			goto bad;
	snprintf(path, sizeof path, "%s/bin/tool", w->root);
	if (copy_tool(tool, path) || link_words(w) || open_directories(w))
		goto bad;
	return 0;
bad:
	perror("direct_test: cannot make the files to try");
	return -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

void world_remove(struct world *w)
{
	char path[128];

	snprintf(path, sizeof path, "%s/shut", w->root);
	chmod(path, 0755);
	nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- samples */

static size_t pick(struct world *w, size_t n)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (size_t)((w->seed >> 16) % n);
}

void sample_env(struct sample *s, const char *fmt, ...)
{
	va_list ap;

	if (s->env_count == SAMPLE_ENV_MOST)
		return;
	va_start(ap, fmt);
	vsnprintf(s->env[s->env_count++], sizeof s->env[0], fmt, ap);
	va_end(ap);
}

void sample_plain(const struct world *w, struct sample *s)
{
	s->env_count = 0;
	s->cwd = 0;
	sample_env(s, "SHELL=/bin/sh");
	sample_env(s, "HOME=%s/work", w->root);
	sample_env(s, "LOGNAME=somebody");
}

static const char *const heads[] = { "tool", "tool", "tool", "script", "./tool", "../work/tool",
	"@/bin/tool", "@/bin//script", "missing", "noexec", "adir", "scriptarg", "scriptno",
	"scriptgone", "scriptcr", "empty", "badelf", "secret", "xonly", "dangling", "loop",
	"sub/tool", "@/bin/tool/", "@/bin/noexec", "@/bin/scriptno", "@/bin/scriptgone",
	"@/bin/empty", "@/bin", "@/shut/x", "./a.txt", "sub", "..", "a.b", "5x" };
static const char *const nasty_heads[] = { "A=1", "A=~", "-", "-tool", "%x", "!", "{", "(tool",
	"\\tool", "'tool'", "to*", "~/tool", "$SHELL", "#tool", "tool;", "tool|tool", "@/bin/t?ol",
	"1>x", "t\303\244" };
static const char *const plain_args[] = { "a", "-v", "--date=2024-01-01", "a:b,c", "50%", "%x",
	"@x", "+x", "x=y", "if", "echo", "done", ".", "..", "./a.txt", "A=1", "status=3",
	"status=127", "status=255", "signal=9", "signal=15", "-", "--", "=", ":", "_", "/", "x=a:b",
	"in", "2x" };
static const char *const nasty_args[] = { "*", "?.txt", "[ab].txt", "~", "~/x", "a=~", "a=b:~",
	"$HOME", "${X}", "$(tool)", "`tool`", "#x", "'q'", "\"q q\"", "a\\ b", "{a,b}", "!", "a;b",
	"|", "&", ">out", "<a.txt", "(", "&&tool", "\303\244", "\201", "\210x", "\\", "''", "\n",
	";", "$", "$x", "a\vb", "\r", "^a" };
static const char *const gaps[] = { " ", " ", " ", " ", "\t", "  ", " \t ", "\v", "\n",
	"\302\240" };
static const char *const paths[] = { "@/bin", "@/bin", "@/bin", "@/bad:@/bin", "@/shut:@/bin",
	"@/missing:@/bin/", "@/work/a.txt:@/bin", "@/bin:@/bad", "@/link:@/bin", "@//bad/.:@/bin//",
	"@/shut/inner", "/", "@/bin:@/bin" };
static const char *const nasty_paths[] = { "", "bin", "@/bin:", ":@/bin", "@/bin%func",
	"%builtin:@/bin", "@/missing::@/bin", ".:@/bin", "@/bin:..", "~/bin" };
static const char *const plain_vars[] = { "MAILTO=ops@example.org", "LC_ALL=C", "LC_ALL=C.UTF-8",
	"LANG=xx_YY", "TZ=UTC", "X=", "X9_=a b\t$c\n*", "_x=1", "CRON_JOB=gold", "TERM=dumb",
	"USER=somebody", "EDITOR=x", "E=\303\244\201\210", "A==", "P=a=b", "PATHS=x", "CRON_TZ=UTC",
	"http_proxy=x" };
static const char *const nasty_vars[] = { "PWD=/", "PWD=@/work", "PWD=@/link", "PWD=x", "OLDPWD=/",
	"IFS=a", "OPTIND=3", "OPTIND=x", "PPID=1x", "LINENO=7", "PS1=x", "PS4=y", "MAIL=x",
	"ENV=@/work/a.txt", "A.B=1", "1X=1", "noequals", "=x", "X=2", "HOME=/",
	"LD_PRELOAD=/nonexistent.so", "_=x", "BASH_FUNC_tool%%=() { :; }", "tool=() { :; }",
	"\303\244=1", "A B=1" };

/* The pool's word with @ at its start or behind a colon for the directory of the files. */
static void put(const struct world *w, char *out, size_t size, const char *word)
{
	size_t at = strlen(out);

	for (; *word && at + sizeof w->root < size; word++) {
		if (*word != '@' || word[1] != '/') {
			out[at++] = *word;
			continue;
		}
		memcpy(out + at, w->root, strlen(w->root));
		at += strlen(w->root);
	}
	out[at] = '\0';
}

bool sample_nasty(const struct world *w, struct sample *s, size_t i)
{
	char entry[256] = "";
	bool path = i >= COUNT(nasty_vars);

	if (i > COUNT(nasty_vars) + COUNT(nasty_paths))
		return false;
	sample_plain(w, s);
	if (i == COUNT(nasty_vars) + COUNT(nasty_paths))
		return true; /* no PATH at all */
	if (path)
		strcpy(entry, "PATH=");
	else
		sample_env(s, "PATH=%s/bin", w->root);
	put(w, entry, sizeof entry, path ? nasty_paths[i - COUNT(nasty_vars)] : nasty_vars[i]);
	sample_env(s, "%s", entry);
	return true;
}

#define ANY(w, pool) (pool)[pick(w, COUNT(pool))]

static const char *shell_word(struct world *w)
{
	size_t n = 0;

	while (w->words[n])
		n++;
	return w->words[pick(w, n)];
}

static void any_command(struct world *w, struct sample *s)
{
	size_t args = pick(w, 5), kind = pick(w, 16);
	char *out = s->command;

	out[0] = '\0';
	if (pick(w, 6) == 0)
		put(w, out, sizeof s->command, ANY(w, gaps));
	put(w, out, sizeof s->command,
	        kind == 0           ? ANY(w, nasty_heads)
	                : kind == 1 ? shell_word(w)
	                            : ANY(w, heads));
	if (pick(w, 100) == 0)
		args = 70;
	while (args-- > 0) {
		put(w, out, sizeof s->command, ANY(w, gaps));
		kind = pick(w, 24);
		put(w, out, sizeof s->command,
		        kind == 0           ? ANY(w, nasty_args)
		                : kind == 1 ? shell_word(w)
		                            : ANY(w, plain_args));
		if (pick(w, 60) == 0) /* two words grown together */
			put(w, out, sizeof s->command, ANY(w, nasty_args));
	}
}

static void any_path(struct world *w, struct sample *s)
{
	char path[6000] = "PATH=";
	size_t kind = pick(w, 20);

	if (kind == 0)
		return;
	if (kind == 1) { /* an element longer than any path may be */
		memset(path + 5, '/', 4999);
		path[5004] = ':';
		path[5005] = '\0';
	}
	put(w, path, sizeof path, kind == 2 ? ANY(w, nasty_paths) : ANY(w, paths));
	sample_env(s, "%s", path);
}

void sample_any(struct world *w, struct sample *s)
{
	size_t extras = pick(w, 4);
	char var[256];

	any_command(w, s);
	sample_plain(w, s);
	s->cwd = (int)(pick(w, 3) ? 0 : pick(w, WORLD_CWDS));
	any_path(w, s);
	while (extras-- > 0) {
		var[0] = '\0';
		put(w, var, sizeof var, pick(w, 16) == 0 ? ANY(w, nasty_vars) : ANY(w, plain_vars));
		sample_env(s, "%s", var);
	}
}
