/* lint: what is legal in a job and yet hardly meant.
 * Flow: crond -t, cronctl check and crontab -T hand in each job that they parsed. */
#include "crond/core/lint.h"

#include <inttypes.h>
#include <stdio.h>

#include "crond/base/buf.h"
#include "crond/core/dialect.h"
#include "crond/core/hosts.h"

enum { STARTS_SEEN = 64, WORD_MOST = 1024, MINUTES = 60 };

/* A Monday in no zone's change of clocks. */
#define LINT_FROM INT64_C(1768176000)

struct lint {
	const struct lint_job *job;
	const struct lint_world *world;
	const struct diag_sink *sink;
};

__attribute__((format(printf, 3, 4)))
static void warn(const struct lint *l, enum option_id about, const char *fmt, ...)
{
	struct option_place at = { l->job->line, 0 };
	char text[256];
	struct diag d;
	va_list ap;

	if (about != OPTIONS && option_place(l->job->options, about).line)
		at = option_place(l->job->options, about);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_warning(&d, at.line, at.column, "%s", text);
	l->sink->report(l->sink->arg, &d);
}

/* --- when */

static enum option_id schedule_option(const struct lint *l)
{
	return l->job->options->second ? OPTION_SECOND : OPTION_SCHEDULE;
}

/* `* 5 * * * *`: sixty starts in a minute that somebody chose. */
static void lint_seconds(const struct lint *l)
{
	const struct schedule *s = l->job->schedule;
	const uint64_t all = (UINT64_C(1) << MINUTES) - 1;

	if (s->flags & (SCHEDULE_EVERY | SCHEDULE_REBOOT) || s->second != all || s->minute == all)
		return;
	warn(l, schedule_option(l), "'*' for the second starts it 60 times in each of its minutes; 0 is once");
}

/* The shortest time between two of its next starts, in seconds; 0: there are no two. */
static int64_t shortest(const struct lint *l)
{
	const struct schedule *s = l->job->schedule;
	int64_t at = LINT_FROM, least = 0;

	if (s->flags & SCHEDULE_REBOOT)
		return 0;
	if (s->flags & SCHEDULE_EVERY)
		return s->every;
	if (!l->world->zone)
		return 0;
	for (int i = 0; i < STARTS_SEEN; i++) {
		int64_t next = schedule_next(s, l->world->zone, STEP_TASK, at);

		if (next == SCHEDULE_NEVER)
			break;
		if (i && (!least || next - at < least))
			least = next - at;
		at = next;
	}
	return least;
}

static void put_seconds(char out[32], uint64_t s)
{
	if (s % 3600 == 0)
		snprintf(out, 32, "%" PRIu64 "h", s / 3600);
	else if (s % 60 == 0)
		snprintf(out, 32, "%" PRIu64 "m", s / 60);
	else
		snprintf(out, 32, "%" PRIu64 "s", s);
}

/* What lasts until behind the next start. */
static void lint_interval(const struct lint *l)
{
	const struct options *o = l->job->options;
	bool skips = o->concurrency == CONCURRENCY_FORBID && o->max == 1 && o->timeout_ms;
	uint64_t interval = skips || o->jitter_ms ? (uint64_t)shortest(l) : 0;
	char every[32];

	if (!interval)
		return;
	put_seconds(every, interval);
	if (skips && o->timeout_ms > interval * 1000)
		warn(l, OPTION_TIMEOUT, "a run may last longer than the %s to the next start, which "
			"concurrency=forbid then skips", every);
	if (o->jitter_ms > interval * 1000)
		warn(l, OPTION_JITTER, "the delay may be longer than the %s to the next start", every);
}

static void lint_schedule(const struct lint *l)
{
	const char *never;

	if (l->job->options->type == JOB_TYPE_DAEMON)
		return;
	never = schedule_lint(l->job->schedule);
	if (never && l->job->options->kind == JOB_TASK) /* of lines the parser says it */
		warn(l, OPTION_SCHEDULE, "%s", never);
	lint_seconds(l);
	lint_interval(l);
}

/* --- what */

static const char *const builtins[] = { ".", ":", "[", "alias", "bg", "break", "case", "cd",
	"command", "continue", "echo", "eval", "exec", "exit", "export", "false", "fg", "for", "getopts",
	"hash", "if", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift",
	"test", "time", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset", "until",
	"wait", "while", "source", "declare", "let", "function", "select", NULL };

static bool is_builtin(struct slice word)
{
	for (const char *const *b = builtins; *b; b++) {
		if (slice_is(word, *b))
			return true;
	}
	return false;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* NAME=... in front of a command. */
static bool is_assignment(struct slice word)
{
	size_t n = 0;

	while (n < word.n && is_name(word.s[n]))
		n++;
	return n > 0 && n < word.n && word.s[n] == '=';
}

static struct slice next_word(struct slice *rest)
{
	struct slice word;

	while (rest->n && strchr(" \t", *rest->s)) {
		rest->s++;
		rest->n--;
	}
	word = (struct slice){ rest->s, 0 };
	while (word.n < rest->n && !strchr(" \t\n;&|<>", rest->s[word.n]))
		word.n++;
	rest->s += word.n;
	rest->n -= word.n;
	return word;
}

/* The program that a command begins with, where that is plain to see; n 0 where not. */
static struct slice program_of(struct slice command)
{
	struct slice word = next_word(&command);

	while (is_assignment(word))
		word = next_word(&command);
	for (size_t i = 0; i < word.n; i++) {
		char c = word.s[i];

		if (!is_name(c) && !strchr("/.+-@:,~", c))
			return (struct slice){ word.s, 0 };
	}
	if (word.n && (word.s[0] == '~' || is_builtin(word)))
		word.n = 0;
	return word;
}

/* The value of NAME in a list of NAME=value, or NULL. */
static const char *own_value(const char *const *list, const char *name)
{
	size_t n = strlen(name);

	for (; list && *list; list++) {
		if (strncmp(*list, name, n) == 0 && (*list)[n] == '=')
			return *list + n + 1;
	}
	return NULL;
}

static const char *value_of(const struct lint *l, const char *name)
{
	const char *own = own_value(l->job->options->env, name);

	return own ? own : crontab_env_get(l->job->env, name);
}

static bool there(const struct lint *l, struct slice dir, struct slice name)
{
	char path[WORD_MOST];
	int n = snprintf(path, sizeof(path), "%.*s%s%.*s", (int)dir.n, dir.s, dir.n ? "/" : "",
		(int)name.n, name.s);

	return n >= (int)sizeof(path) || l->world->program(l->world->arg, path);
}

static bool in_path(const struct lint *l, struct slice name, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, ":");

		if (n == 0 || path[0] != '/' || there(l, (struct slice){ path, n }, name))
			return true; /* a place that depends on where the job stands may have it */
		path += n + (path[n] == ':');
	}
	return false;
}

static void lint_program(const struct lint *l)
{
	const struct options *o = l->job->options;
	const char *path = value_of(l, "PATH"), *shell = value_of(l, "SHELL");
	struct slice word = o->argv ? slice_of(o->argv[0]) : program_of(l->job->command);
	enum option_id about = o->argv ? OPTION_ARGV : OPTION_COMMAND;
	struct slice none = { "", 0 };

	if (!l->world->program || !word.n || word.n >= WORD_MOST)
		return;
	if (word.s[0] == '/') {
		if (!there(l, none, word))
			warn(l, about, "'%.*s' is not there, or no program", (int)word.n, word.s);
		return;
	}
	/* other shells know other words; what files set may be a PATH */
	if (memchr(word.s, '/', word.n) || o->env_file || o->shell ||
		(!o->argv && shell && strcmp(shell, "/bin/sh") != 0))
		return;
	if (!path)
		path = l->world->dialect->path;
	if (!in_path(l, word, path))
		warn(l, about, "no program '%.*s' in its PATH, %s", (int)word.n, word.s, path);
}

/* --- as whom, and where */

static void lint_user(const struct lint *l)
{
	char name[256];
	struct slice user = l->job->user;

	if (!l->world->user || !user.s || user.n >= sizeof(name))
		return;
	memcpy(name, user.s, user.n);
	name[user.n] = '\0';
	if (!l->world->user(l->world->arg, name))
		warn(l, OPTION_USER, "user '%s' does not exist here", name);
}

static void lint_group(const struct lint *l)
{
	const char *group = l->job->options->group;

	if (group && l->world->group && !l->world->group(l->world->arg, group))
		warn(l, OPTION_GROUP, "group '%s' does not exist here", group);
}

static void lint_timezone(const struct lint *l)
{
	const char *zone = l->job->options->timezone;

	if (zone && l->world->timezone && !l->world->timezone(l->world->arg, zone))
		warn(l, OPTION_TIMEZONE, "time zone '%s' is not known here: the daemon will refuse it", zone);
}

static void lint_hosts(const struct lint *l)
{
	const struct options *o = l->job->options;

	if (o->hosts && l->world->self && !hosts_match(o->hosts, l->world->self))
		warn(l, OPTION_HOSTS, "it does not run here: no pattern of 'hosts' matches a name or "
			"address of this machine");
}

void lint_job(const struct lint_job *job, const struct lint_world *world,
	const struct diag_sink *sink)
{
	const struct lint l = { job, world, sink };

	options_lint(job->options, sink);
	lint_schedule(&l);
	lint_program(&l);
	lint_user(&l);
	lint_group(&l);
	lint_timezone(&l);
	lint_hosts(&l);
}
