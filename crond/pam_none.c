/* pam_none: the stand-in for launchers without PAM, which are linked statically.
 * Flow: the scheduler asks for PAM only of the other launcher; should it ask this one,
 * the run is refused rather than started without its session. */
#include "config.h"

#include <stdio.h>

#include "crond/pam.h"

void pam_prepare(const char *service, struct log *log)
{
	(void)service;
	(void)log;
}

bool pam_changed(void)
{
	return false;
}

void pam_forget(void)
{
}

struct pam *pam_begin(const struct pam_for *w, char *reason, size_t n)
{
	(void)w;
	snprintf(reason, n, "PAM: this launcher was built without it");
	return NULL;
}

const struct pam_job *pam_for_job(const struct pam *p)
{
	(void)p;
	return NULL;
}

void pam_memory_free(void)
{
}

void pam_finish(struct pam *p, const struct pam_for *w)
{
	(void)p;
	(void)w;
}
