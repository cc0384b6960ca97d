/* event: something that somebody is to be told.
 * Flow: the scheduler encodes one from a run and its outcome, crond-notify spools it
 * and tells the targets. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/core/webhook.h"

struct arena;
struct buf;
struct diag;

enum {
	EVENT_MAGIC = 0x656e7243,
	EVENT_VERSION = 1,
	EVENT_MOST = 64 * 1024, /* bytes of a record; event_encode() never makes more */
	EVENT_ID_MOST = 200,    /* with its NUL: an id is a file's name in the spool */
};
#define EVENT_NOBODY UINT32_MAX

struct event {
	const char *id;      /* the same however often it is sent: run id and event */
	const char *event;   /* "run.failure" */
	const char *status;  /* the result's name */
	const char *job, *run_id, *host, *owner, *user, *schedule, *command, *description, *reason;
	struct slice tags;     /* NUL-separated */
	struct slice targets;  /* NUL-separated: "mail:ADDRESS", "webhook:NAME" */
	int64_t scheduled;     /* epoch seconds */
	int64_t started_ns, finished_ns, took_ns; /* 0: none */
	int exit_code;         /* -1: none */
	int signal;            /* 0: none */
	uint32_t attempt, failures; /* failures in a row, this one counted */
	struct slice stdout_tail, stderr_tail;
	bool truncated;
	bool trusted;          /* of root's file: may use any webhook; else those with users=yes */
	uint32_t uid;          /* whose job it is; EVENT_NOBODY: the record does not say */
	const char *mail_to;   /* who is written to when a target cannot be reached; NULL: nobody */
	const char *note;      /* what crond-notify adds for people: another alert reached nobody */
	/* of a digest, which stands in for others and is never encoded */
	const struct event *members;
	size_t member_count;
};

/* Texts may be NULL. What is too long is cut (tails keep their end, the lists whole
 * words) and the event marked truncated, so that the record always fits EVENT_MOST;
 * an id that is no event_id_ok() sets out->failed. */
void event_encode(const struct event *e, struct buf *out);
/* Texts and slices point into bytes; texts that were not there are NULL, id and event
 * always are. 0 or -1 with *d. */
int event_decode(struct event *e, struct slice bytes, struct diag *d);
/* Who is to hear of alerts that reach nobody: the owner where that is an address, else whom
 * the job's mail goes to (empty: nobody), else its user. */
const char *event_mail_to(const char *owner, const char *mail, const char *user);
/* The id of what becomes known of a run by that mark: one that is always the same. Characters
 * that only run ids may have become '_', and a hash of the run's id tells it from those alike. */
void event_id(char out[EVENT_ID_MOST], const char *run_id, const char *mark);
/* Letters, digits . _ - only, no dot or dash in front, shorter than EVENT_ID_MOST. */
bool event_id_ok(struct slice id);

/* What crond-notify is told of crond.conf, as one record. */
enum {
	NOTICE_MAGIC = 0x6e6e7243,
	NOTICE_VERSION = 1,
	NOTICE_MOST = 192 * 1024, /* bytes of a message on the socket; longer ones are refused */
};

/* Messages on the SEQPACKET socket between the two, first byte the type. */
enum notice_type {
	NOTICE_CONFIG = 'c',  /* to notify: a config record (first, and at each reload) */
	NOTICE_EVENT = 'e',   /* to notify: an event record */
	NOTICE_HEARTBEAT = 'b', /* to notify: the scheduler lives; a heartbeat record */
	NOTICE_PEOPLE = 'p',  /* to notify: "GROUP OWNER", ids of control-group and of a private
	                         instance's user, who may see and do all; -1: there is none */
	NOTICE_SPOOLED = 's', /* from notify: followed by the event's id: it is safe on disk */
	NOTICE_PULSE = '?',   /* to notify, and back: does it still work */
	NOTICE_LOG = 'l',     /* from notify: a line to log, see base/report.h */
};

void notice_config_encode(const struct webhook *hooks, size_t count, const char *mailer,
	const char *host, struct buf *out);
/* hooks: room for `most`; *count gets how many. Texts point into bytes, the lists of
 * headers are put in the arena. 0 or -1 with *d. */
int notice_config_decode(struct webhook *hooks, size_t most, size_t *count, const char **mailer,
	const char **host, struct arena *arena, struct slice bytes, struct diag *d);
void notice_heartbeat_encode(const char *url, uint64_t timeout_ms, struct buf *out);
/* *url points into bytes. 0 or -1 with *d. */
int notice_heartbeat_decode(const char **url, uint64_t *timeout_ms, struct slice bytes, struct diag *d);

#endif
