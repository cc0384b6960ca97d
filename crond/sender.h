/* sender: is who sent a message of the run that it is about?
 * Flow: heart asks with the kernel's word on pid and uid. */
#ifndef CROND_SENDER_H
#define CROND_SENDER_H

#include <stdbool.h>
#include <sys/types.h>

/* Judged by /proc, where that is of our processes. A living one is of the run where it is in
 * the session or group of the run's main process, or descends from that or from its keeper
 * (us), and is whom the message says; in the keeper's own name only root can have sent it. Of
 * one that is gone only its user is known: the run's own, or root, is believed. */
bool sender_belongs(pid_t pid, uid_t uid, pid_t job, uid_t owner);

#endif
