/* pam: the session that a job runs in, where the system uses PAM.
 * Flow: the keeper opens it before the job and closes it after. */
#include "config.h"

#include "crond/pam.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/core/dialect.h"
#include "crond/core/jobenv.h"
#include "crond/core/run.h"
#include "crond/log.h"
#include "crond/pam_calls.h"
#include "crond/pam_fence.h"
#include "crond/pam_ready.h"
#include "crond/rundir.h"
#include "crond/tree.h"

enum {
	SWEEPS_MOST = 20,
	GROUPS_MOST = 65536,
	PAGE = 4096,
	STACK_KEPT = 8192,
	STACK_USED = 256 * 1024
};

struct pam {
	pam_handle_t *handle;
	bool credentials, session;
	struct pam_for who;
	struct pam_fence fence;
	struct pam_late late;
	struct pam_limits limits;
	struct pam_job job;
	char **env;
	gid_t *groups;
};

static const struct dialect *dialect_of(const struct run *r)
{
	return dialect_get(r->dialect < DIALECTS ? (enum dialect_id)r->dialect : DIALECT_DEBIAN);
}

/* --- modules that do not come back */

/* So that whoever finds this keeper gone knows that the job was never started, and why. */
static void step_mark(const struct pam_for *w, enum run_session step, enum run_session_end how)
{
	w->progress->session = (uint16_t)step;
	w->progress->session_end = (uint16_t)how;
	rundir_mark(w->lock, w->progress);
}

/* Whom the modules have started, as far as they are still ours. */
static void sweep(void)
{
	for (int i = 0; i < SWEEPS_MOST && tree_signal(&(struct tree){ getpid(), -1 }, SIGKILL) > 0; i++)
		;
}

/* Both in a signal handler, with the module's frames below: this process is done for. */
static void late_open(void *arg)
{
	const struct pam *p = arg;

	p->who.progress->session_s = PAM_PATIENCE_S;
	step_mark(&p->who, (enum run_session)p->who.progress->session, RUN_SESSION_LATE);
	sweep();
	_exit(1);
}

static void late_close(void *arg)
{
	const struct pam *p = arg;
	const struct run *r = p->who.run;

	log_line(p->who.log, LOG_ERR, dialect_of(r)->job_tag, getpid(), 0,
	        "(%.64s) ERROR (%s: PAM: closing the session: no answer within %d s)", r->user,
	        r->id, PAM_PATIENCE_S);
	if (p->who.may_sweep)
		sweep();
	_exit(1);
}

/* Nor can it write down how the run ended. */
static void __attribute__((noreturn)) rights_lost(const struct pam *p)
{
	step_mark(&p->who, (enum run_session)p->who.progress->session, RUN_SESSION_RIGHTS);
	_exit(1);
}

/* --- talk */

/* Nobody is there to answer. cronie's has an ear for what modules only say. */
static int converse(
        int n, const struct pam_message **messages, struct pam_response **answers, void *arg)
{
	const struct pam *p = arg;
	const struct dialect *d = dialect_of(p->who.run);
	int rc = PAM_SUCCESS;

	*answers = NULL;
	if (d->id != DIALECT_CRONIE)
		return PAM_CONV_ERR;
	for (int i = 0; i < n; i++) {
		const struct pam_message *m = messages[i];

		if (m->msg_style != PAM_ERROR_MSG && m->msg_style != PAM_TEXT_INFO)
			rc = PAM_CONV_ERR;
		else if (m->msg)
			log_classic(
			        p->who.log, d->job_tag, getpid(), 0, "CRON", "pam_message", m->msg);
	}
	if (rc == PAM_SUCCESS)
		*answers = calloc(n > 0 ? (size_t)n : 1, sizeof(**answers));
	return *answers ? PAM_SUCCESS : PAM_CONV_ERR;
}

static int handle_make(struct pam *p)
{
	const struct run *r = p->who.run;
	const char *service = r->pam_service ? r->pam_service : dialect_of(r)->pam_service;
	struct pam_conv conversation = { .conv = converse, .appdata_ptr = p };
	int rc;

	p->handle = pam_ready_take(service);
	if (!p->handle)
		rc = pam_start(service, r->user, &conversation, &p->handle);
	else if ((rc = pam_set_item(p->handle, PAM_CONV, &conversation)) == PAM_SUCCESS)
		rc = pam_set_item(p->handle, PAM_USER, r->user);
	if (rc == PAM_SUCCESS)
		rc = pam_set_item(p->handle, PAM_TTY, "cron");
	return rc;
}

/* --- groups */

static int groups_get(struct pam *p)
{
	int n = getgroups(0, NULL);

	free(p->groups);
	p->groups = n >= 0 ? malloc(((size_t)n + 1) * sizeof(*p->groups)) : NULL;
	if (!p->groups || getgroups(n, p->groups) != n)
		return -1;
	p->job.groups = p->groups;
	p->job.group_count = (size_t)n;
	return 0;
}

/* Modules add to the groups of the process that they find: it is to have the user's then. */
static int groups_set(struct pam *p)
{
	const struct run *r = p->who.run;
	size_t n = r->group_count;

	if (!(r->flags & RUN_IDENTITY))
		return groups_get(p);
	if (n > GROUPS_MOST)
		return -1;
	p->groups = malloc((n + 1) * sizeof(*p->groups));
	if (!p->groups)
		return -1;
	if (n)
		memcpy(p->groups, r->groups, n * sizeof(*p->groups));
	/* without the capability root's own jobs keep the groups that we were given */
	if ((kernel_groups_set(n, p->groups) != 0 && (errno != EPERM || r->uid != geteuid())) ||
	        kernel_gid_set(r->gid) != 0)
		return -1;
	pam_setcred(p->handle, PAM_REINITIALIZE_CRED | PAM_SILENT);
	return groups_get(p);
}

/* --- the session */

/* cronie's: pam_systemd judges the session by it. */
static void session_class(struct pam *p, const struct run *r)
{
	const char *value = jobenv_value(r->env, "XDG_SESSION_CLASS");
	char text[128];

	if (value && r->dialect == DIALECT_CRONIE &&
	        snprintf(text, sizeof(text), "XDG_SESSION_CLASS=%s", value) < (int)sizeof(text))
		pam_putenv(p->handle, text);
}

static int session_open(struct pam *p)
{
	int rc;

	step_mark(&p->who, RUN_SESSION_ACCOUNT, RUN_SESSION_DIED);
	rc = pam_acct_mgmt(p->handle, PAM_SILENT);
	if (rc != PAM_SUCCESS)
		return rc;
	step_mark(&p->who, RUN_SESSION_CREDENTIALS, RUN_SESSION_DIED);
	rc = pam_setcred(p->handle, PAM_ESTABLISH_CRED | PAM_SILENT);
	if (rc != PAM_SUCCESS)
		return rc;
	p->credentials = true;
	session_class(p, p->who.run);
	step_mark(&p->who, RUN_SESSION_OPEN, RUN_SESSION_DIED);
	rc = pam_open_session(p->handle, PAM_SILENT);
	if (rc != PAM_SUCCESS)
		return rc;
	p->session = true;
	if (pam_fence_rights() < 0)
		rights_lost(p);
	if (groups_set(p) < 0)
		return PAM_CRED_ERR;
	p->env = pam_getenvlist(p->handle);
	return p->env ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* What a cron says of it, in its own words. */
static void say_refused(const struct pam *p, enum run_session step, const char *why)
{
	const struct run *r = p->who.run;
	const struct dialect *d = dialect_of(r);

	if (d->id != DIALECT_CRONIE) {
		log_line(p->who.log, LOG_ERR, d->job_tag, getpid(), 0, "%s", why);
		return;
	}
	log_classic(p->who.log, d->daemon_tag, getpid(), 0, r->user, "PAM ERROR", why);
	log_line(p->who.log, LOG_INFO, d->daemon_tag, getpid(), 0,
	        "(%.64s) FAILED to %s (%s)", r->user,
	        step == RUN_SESSION_OPEN ? "open PAM security session" : "authorize user with PAM",
	        why);
}

static void job_take(struct pam *p)
{
	p->job.env = p->env;
	p->job.limits = &p->limits;
	p->job.umask = p->fence.umask;
}

static void pam_close(struct pam *p)
{
	int rc = PAM_SUCCESS;

	if (p->credentials)
		pam_setcred(p->handle, PAM_DELETE_CRED | PAM_SILENT);
	if (p->session)
		rc = pam_close_session(p->handle, PAM_SILENT);
	if (p->handle)
		pam_end(p->handle, rc);
}

static void pam_free(struct pam *p)
{
	for (char **e = p->env; e && *e; e++)
		free(*e);
	free(p->env);
	free(p->groups);
	free(p);
}

static int begin(struct pam *p, char *reason, size_t n)
{
	enum run_session step;
	int rc;

	step_mark(&p->who, RUN_SESSION_START, RUN_SESSION_DIED);
	rc = handle_make(p);
	if (rc == PAM_SUCCESS)
		rc = session_open(p);
	step = (enum run_session)p->who.progress->session;
	if (rc != PAM_SUCCESS) {
		const char *why = pam_strerror(p->handle, rc);

		snprintf(reason, n, "%s: %s", run_session_name(step), why);
		say_refused(p, step, why);
		pam_close(p);
	}
	if (pam_fence_down(&p->fence) < 0)
		rights_lost(p);
	step_mark(&p->who, RUN_SESSION_NONE, RUN_SESSION_DIED);
	return rc == PAM_SUCCESS ? 0 : -1;
}

struct pam *pam_begin(const struct pam_for *w, char *reason, size_t n)
{
	struct pam *p = calloc(1, sizeof(*p));
	const struct dialect *d = dialect_of(w->run);

	if (!p) {
		snprintf(reason, n, "PAM: out of memory");
		return NULL;
	}
	p->who = *w;
	p->late = (struct pam_late){ .late = late_open, .arg = p, .seconds = PAM_PATIENCE_S };
	/* cronie's takes its name as a job's keeper only when the session is open */
	pam_calls_to(w->log, d->id == DIALECT_CRONIE ? d->daemon_tag : d->job_tag, &p->limits);
	pam_fence_up(&p->fence, &p->late, (mode_t)w->run->umask);
	if (begin(p, reason, n) < 0) {
		pam_free(p);
		return NULL;
	}
	job_take(p);
	return p;
}

const struct pam_job *pam_for_job(const struct pam *p)
{
	return &p->job;
}

/* musl has no such function, and less to give back. */
extern int malloc_trim(size_t pad) __attribute__((weak));

/* Below our own frames are those of the modules, which have returned. Where the stack ends
 * within the range the rest of it is a gap. */
void pam_memory_free(void)
{
	uintptr_t end =
	        ((uintptr_t)__builtin_frame_address(0) - STACK_KEPT) & ~(uintptr_t)(PAGE - 1);

	if (malloc_trim)
		malloc_trim(0);
	madvise((void *)(end - STACK_USED), STACK_USED, MADV_DONTNEED);
}

void pam_finish(struct pam *p, const struct pam_for *w)
{
	struct pam_fence fence;

	if (!p)
		return;
	p->who = *w;
	p->late = (struct pam_late){ .late = late_close, .arg = p, .seconds = PAM_PATIENCE_S };
	pam_calls_to(w->log, dialect_of(w->run)->job_tag, &p->limits);
	pam_fence_time(&fence, &p->late);
	pam_close(p);
	pam_fence_time_end(&fence);
	pam_free(p);
}
