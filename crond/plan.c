/* plan: as whom, with which words and which environment a job's process begins.
 * Flow: what the record says and what PAM's session adds to it -> struct spawn; settings
 * from an env-file come in between. */
#include "config.h"

#include "crond/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/core/dialect.h"
#include "crond/core/direct.h"
#include "crond/hold.h"

/* --- lists */

static int list_room(struct list *l, size_t want)
{
	size_t cap = l->cap ? l->cap : 32;
	char **at;

	if (l->cap >= want)
		return 0;
	while (cap < want)
		cap *= 2;
	at = realloc(l->at, cap * sizeof(*at));
	if (!at)
		return -1;
	l->at = at;
	l->cap = cap;
	return 0;
}

/* Pointers to the texts, NULL-terminated, with room for one more. Their number, or -1. */
static ssize_t list_fill(struct list *l, struct slice texts)
{
	const char *text;
	size_t n = 0;

	do {
		if (list_room(l, n + 2) < 0)
			return -1;
		text = run_list_next(&texts);
		l->at[n++] = (char *)(uintptr_t)text;
	} while (text);
	l->at[n] = NULL;
	return (ssize_t)n - 1;
}

/* --- environment */

static bool env_has(char *const *env, size_t count, const char *text)
{
	size_t n = strcspn(text, "=") + 1;

	for (size_t i = 0; i < count; i++)
		if (strncmp(env[i], text, n) == 0)
			return true;
	return false;
}

/* A variable of PAM's that the job's own settings leave alone may be about its mail:
 * what it looks like to both crons, and to cronie also whom it is from and goes to. */
static void mail_setting(struct run *r, const char *setting)
{
	const struct {
		const char *name;
		const char **at;
		bool address;
	} about[] = {
		{ "CONTENT_TYPE=", &r->mail_type, false },
		{ "CONTENT_TRANSFER_ENCODING=", &r->mail_encoding, false },
		{ "MAILTO=", &r->mail_to, true },
		{ "MAILFROM=", &r->mail_from, true },
	};

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++) {
		size_t n = strlen(about[i].name);

		if (strncmp(setting, about[i].name, n) == 0 &&
			(!about[i].address || r->dialect == DIALECT_CRONIE))
			*about[i].at = setting + n;
	}
	if (r->mail_to && !*r->mail_to)
		r->flags &= ~(uint32_t)RUN_MAIL;
}

/* What PAM's modules set, unless the job's own settings say otherwise. */
static int env_fill(struct hold *h)
{
	ssize_t n = list_fill(&h->env, h->run.env);
	size_t own = (size_t)n;

	if (n < 0)
		return -1;
	for (char *const *e = h->pam ? pam_for_job(h->pam)->env : NULL; e && *e; e++) {
		if (env_has(h->env.at, own, *e))
			continue;
		if (list_room(&h->env, (size_t)n + 3) < 0)
			return -1;
		mail_setting(&h->run, *e);
		h->env.at[n++] = *e;
		h->env.at[n] = NULL;
	}
	h->spawn.env = h->env.at;
	h->spawn.env_count = (size_t)n;
	return 0;
}

int plan_env_put(struct hold *h, const char *setting)
{
	size_t n = strcspn(setting, "=") + 1;

	for (size_t i = 0; i < h->spawn.env_count; i++) {
		if (strncmp(h->env.at[i], setting, n) == 0) {
			h->env.at[i] = (char *)(uintptr_t)setting;
			return 0;
		}
	}
	if (list_room(&h->env, h->spawn.env_count + 3) < 0) {
		snprintf(h->reason, sizeof(h->reason), "cannot prepare the job: out of memory");
		return -1;
	}
	h->spawn.env = h->env.at;
	h->env.at[h->spawn.env_count++] = (char *)(uintptr_t)setting;
	h->env.at[h->spawn.env_count] = NULL;
	return 0;
}

/* --- groups */

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Aligned, and in the order in which the kernel gives them back. */
static int groups_fill(struct hold *h)
{
	const struct pam_job *session = h->pam ? pam_for_job(h->pam) : NULL;
	size_t n = session ? session->group_count : h->run.group_count;

	if (n > 65536) {
		errno = EINVAL;
		return -1;
	}
	if (h->groups_cap < n || !h->groups) {
		uint32_t *at = realloc(h->groups, (n ? n : 1) * 2 * sizeof(*at));

		if (!at)
			return -1;
		h->groups = at;
		h->groups_cap = n;
	}
	if (n)
		memcpy(h->groups, session ? session->groups : h->run.groups, n * sizeof(*h->groups));
	if (n > 1)
		qsort(h->groups, n, sizeof(*h->groups), by_number);
	h->spawn.groups = h->groups;
	h->spawn.group_count = (uint32_t)n;
	h->spawn.groups_seen = h->groups + n;
	return 0;
}

/* --- all of it */

/* A plain line starts without a timer, which would cost each start two system calls. */
static uint32_t patience(const struct run *r)
{
	return r->timeout_ms && r->timeout_ms < SPAWN_PATIENCE_MS ? (uint32_t)r->timeout_ms
		: SPAWN_PATIENCE_MS;
}

int plan_make(struct hold *h, struct log *log)
{
	const struct pam_job *session = h->pam ? pam_for_job(h->pam) : NULL;
	const struct run *r = &h->run;

	h->spawn = (struct spawn){
		.run = r, .shell = !r->argv_only, .in = -1, .out = -1, .err = -1, .pidfd = -1, .door = -1,
		/* a daemon's place is taken by another copy then, whether its pid was noted or not */
		.dies_with = r->flags & (RUN_PARENT_DEATH | RUN_DAEMON) ? getpid() : 0,
		.log = r->flags & RUN_LOG_START && !(r->flags & RUN_QUIET) ? log : NULL,
		.umask = r->dress.given & DRESS_UMASK ? (mode_t)r->dress.umask :
			session ? session->umask : (mode_t)r->umask,
		.limits = session ? session->limits : NULL,
		.patience_ms = r->flags & (RUN_TASK | RUN_LEARN) ? patience(r) : 0,
		.spared = h->spawn.spared,
	};
	log_ready(log);
	return env_fill(h) < 0 || groups_fill(h) < 0 ? -1 : 0;
}

int plan_words(struct hold *h)
{
	const struct pam_job *session = h->pam ? pam_for_job(h->pam) : NULL;
	const struct run *r = &h->run;
	bool known = (!session || !*session->env) && !r->dress.env_file;

	if (!r->words.n)
		return 0;
	/* what a shell would make of these variables was not known when it was left out */
	if (!r->argv_only && !known && !direct_environment((const char *const *)h->env.at))
		return 0;
	if (list_fill(&h->words, r->words) < 0)
		return -1;
	h->spawn.words = h->words.at;
	return 0;
}
