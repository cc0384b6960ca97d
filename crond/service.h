/* service: what a service manager is told of the scheduler, by the sd_notify protocol.
 * Flow: main opens it and says when jobs can be relied on; loop says when it reloads,
 * that it lives, and that it ends. */
#ifndef CROND_SERVICE_H
#define CROND_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct crond;

enum service_state { SERVICE_STARTING, SERVICE_READY, SERVICE_RELOADING, SERVICE_STOPPING };

struct service {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un to;
	socklen_t to_len;
	int64_t every_ms; /* a sign of life at least this often; 0: none is wanted */
	enum service_state state;
	bool told; /* of this state */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: they are
 * ours, and nothing that we start shall have them. */
void service_open(struct crond *c);
/* Never waits: what finds no room is said again a second later. */
void service_tell(struct crond *c, enum service_state state);
/* A sign of life, when LATER_SERVICE has passed. */
void service_alive(struct crond *c);

#endif
