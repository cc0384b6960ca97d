/* pam: the session that a job runs in, where the system uses PAM.
 * Flow: the keeper opens it before the job and closes it after. */
#include "config.h"

#include "crond/pam.h"

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <syslog.h>

#include "crond/core/dialect.h"
#include "crond/core/run.h"

struct pam {
	pam_handle_t *handle;
	bool credentials, session;
	char **env;
	struct rlimit limits[RLIM_NLIMITS];
	int priority;
};

/* Nobody is there to answer. */
static int converse(int n, const struct pam_message **messages, struct pam_response **answers,
	void *arg)
{
	(void)n;
	(void)messages;
	(void)answers;
	(void)arg;
	return PAM_CONV_ERR;
}

static void limits_save(struct pam *p)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (getrlimit((__rlimit_resource_t)i, &p->limits[i]) < 0)
			p->limits[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	p->priority = getpriority(PRIO_PROCESS, 0);
}

static int session_open(struct pam *p)
{
	int rc = pam_acct_mgmt(p->handle, PAM_SILENT);

	if (rc != PAM_SUCCESS)
		return rc;
	rc = pam_setcred(p->handle, PAM_ESTABLISH_CRED | PAM_SILENT);
	if (rc != PAM_SUCCESS)
		return rc;
	p->credentials = true;
	rc = pam_open_session(p->handle, PAM_SILENT);
	p->session = rc == PAM_SUCCESS;
	return rc;
}

struct pam *pam_begin(const struct run *r, char *reason, size_t n)
{
	static const struct pam_conv conversation = { .conv = converse };
	struct pam *p = calloc(1, sizeof(*p));
	enum dialect_id dialect = r->dialect < DIALECTS ? (enum dialect_id)r->dialect : DIALECT_DEBIAN;
	int rc;

	if (!p) {
		snprintf(reason, n, "PAM: out of memory");
		return NULL;
	}
	limits_save(p);
	/* Modules write to the log on their own; people filter for the name a cron has there. */
	openlog(dialect_get(dialect)->job_tag, LOG_PID, LOG_CRON);
	rc = pam_start(r->pam_service ? r->pam_service : "cron", r->user, &conversation, &p->handle);
	if (rc != PAM_SUCCESS) {
		snprintf(reason, n, "PAM: %s", pam_strerror(p->handle, rc));
		free(p);
		return NULL;
	}
	pam_set_item(p->handle, PAM_TTY, "cron");
	rc = session_open(p);
	if (rc == PAM_SUCCESS) {
		p->env = pam_getenvlist(p->handle);
		return p;
	}
	snprintf(reason, n, "PAM: %s", pam_strerror(p->handle, rc));
	pam_restore(p);
	pam_finish(p);
	return NULL;
}

char *const *pam_environment(struct pam *p)
{
	static char *const none[] = { NULL };

	return p->env ? p->env : none;
}

void pam_restore(struct pam *p)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		setrlimit((__rlimit_resource_t)i, &p->limits[i]);
	setpriority(PRIO_PROCESS, 0, p->priority);
}

void pam_finish(struct pam *p)
{
	int rc = PAM_SUCCESS;

	if (!p)
		return;
	if (p->session)
		rc = pam_close_session(p->handle, PAM_SILENT);
	if (p->credentials)
		rc = pam_setcred(p->handle, PAM_DELETE_CRED | PAM_SILENT);
	pam_end(p->handle, rc);
	for (char **e = p->env; e && *e; e++)
		free(*e);
	free(p->env);
	free(p);
}
