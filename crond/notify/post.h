/* post: webhooks over HTTP.
 * Flow: deliver starts a transfer for a target, and takes its result when it is done.
 * The only file that knows libcurl. */
#ifndef NOTIFY_POST_H
#define NOTIFY_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diag;
struct event;
struct target;
struct transfer;
struct webhook;
struct curl_waitfd;

enum { POST_HOST = 256, POST_SHOWN = 320 };

struct post {
	void *multi;
	struct transfer *list;
	unsigned active;
};

/* A start that is told late is wrong, and that all is well is worth no mail. */
enum post_ping { POST_NO_PING, POST_PING_START, POST_PING_OK };

struct post_result {
	struct target *target; /* NULL: post_ping() */
	bool accepted;
	bool unsure;    /* not accepted, and yet it may have arrived */
	enum post_ping ping;
	bool final;     /* no further try would be accepted */
	int64_t wait_s; /* the receiver asked for so much patience; 0: it did not */
	char why[256];  /* not accepted: one line, without secrets */
};

/* A descriptor to wait for beside the transfers. */
struct post_fd {
	int fd;
	bool in, out;
};

int post_open(struct post *p);
/* Where libcurl's library for TLS looks for certificates of authorities: a file, a directory; either
 * may be NULL. */
void post_authorities(const char **file, const char **directory);
/* What of a URL may be shown ("https://example.org/...": path, query and user may be
 * secrets), and its host with port. -1 with *d: no http or https URL. */
int post_url(const char *url, char host[POST_HOST], char shown[POST_SHOWN], struct diag *d);
/* 0, or -1 with *d: the try failed before it began. */
int post_start(struct post *p, const struct webhook *hook, const struct event *e,
	struct target *t, struct diag *d);
/* Asks for the webhook's URL, which is all that is told. 0, or -1 with *d. */
int post_ping(struct post *p, const struct webhook *hook, struct diag *d);
/* Waits until something happens, at most ms, and moves the transfers on. */
void post_wait(struct post *p, const struct post_fd *fds, size_t count, int64_t ms);
/* false when no further transfer has ended. */
bool post_next(struct post *p, struct post_result *result);
void post_free(struct post *p);

#endif
