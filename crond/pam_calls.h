/* pam_calls: what PAM's modules call in the C library, and what is ours instead.
 * Flow: in crond-launcher-pam, while modules are at work: what they say goes through our
 * log, and the limits that they set are noted for the job and leave the keeper its own. */
#ifndef CROND_PAM_CALLS_H
#define CROND_PAM_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct log;

struct pam_limits {
	struct rlimit at[RLIM_NLIMITS];
	uint32_t set; /* bit n: limit n was set */
	int nice;
	bool nice_set;
};

/* From now on; the tag is a string constant. All are kept. limits NULL: limits are set as
 * they are called for. */
void pam_calls_to(struct log *log, const char *tag, struct pam_limits *limits);

#endif
