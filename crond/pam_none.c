/* pam: the stand-in for launchers without PAM, which are linked statically.
 * Flow: the scheduler asks for PAM only of the other launcher; should it ask this one,
 * the run is refused rather than started without its session. */
#include "config.h"

#include <stdio.h>

#include "crond/pam.h"

struct pam *pam_begin(const struct run *r, char *reason, size_t n)
{
	(void)r;
	snprintf(reason, n, "PAM: this launcher was built without it");
	return NULL;
}

char *const *pam_environment(struct pam *p)
{
	static char *const none[] = { NULL };

	(void)p;
	return none;
}

void pam_restore(struct pam *p)
{
	(void)p;
}

void pam_finish(struct pam *p)
{
	(void)p;
}
