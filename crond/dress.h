/* dress: priorities and limits of a job, as its options have them.
 * Flow: the job's process puts them on before it takes its user's identity, since raising
 * needs rights; behind what PAM's modules have set. */
#ifndef CROND_DRESS_H
#define CROND_DRESS_H

struct dress;

/* On the calling process, which may be one between vfork and exec: no memory is allocated.
 * What was set is read again. 0; -1 with errno and what it was ("limit-nofile", "nice"). */
int dress_put_on(const struct dress *d, const char **what);

#endif
