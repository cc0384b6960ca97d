/* crond: the scheduler's state, in one piece, and what its rooms offer each other.
 * Flow: main fills it, loop turns it; each group below is one file. */
#ifndef CROND_CROND_H
#define CROND_CROND_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/tree.h>
#include <sys/types.h>
#include <time.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/core/admit.h"
#include "crond/core/alerting.h"
#include "crond/core/changes.h"
#include "crond/core/conf.h"
#include "crond/core/dialect.h"
#include "crond/core/due.h"
#include "crond/core/hosts.h"
#include "crond/core/names.h"
#include "crond/core/outcome.h"
#include "crond/core/run.h"
#include "crond/core/runstate.h"
#include "crond/core/table.h"
#include "crond/backlog.h"
#include "crond/clock.h"
#include "crond/crowd.h"
#include "crond/daemon.h"
#include "crond/herald.h"
#include "crond/launch.h"
#include "crond/log.h"
#include "crond/lookup.h"
#include "crond/pending.h"
#include "crond/pools.h"
#include "crond/pulse.h"
#include "crond/removed.h"
#include "crond/service.h"
#include "crond/stop.h"
#include "crond/tree.h"
#include "crond/sources.h"
#include "crond/wait.h"

struct crond;
struct diag;
struct metrics;

/* --- what the command line and crond.conf say */

struct settings {
	const struct dialect *dialect;
	bool foreground;      /* -f */
	bool check;           /* -t */
	bool only_files;      /* FILE... were named: a private instance */
	bool system_format;   /* --system: those files have a user column */
	uint64_t letters;     /* that the command line had: bit 0 is A; judged by dialect */
	bool fqdn;            /* -n (debian): the whole host name in a mail's subject */
	bool lsb_names;       /* -l (debian) */
	bool any_table;       /* -p (cronie): of any mode and owner */
	bool keep_path;       /* -P (cronie): jobs get our PATH */
	bool cluster;         /* -c (cronie) */
	bool no_inotify;      /* -i, -c (cronie) */
	bool output_to_log;   /* -s (cronie), or there is no mailer */
	bool debug;           /* -x (cronie) */
	const char *mail_command; /* -m (cronie): "off" or a command line; NULL: the usual */
	bool root;            /* effective uid 0 */
	bool log_mask_given;
	unsigned log_mask;    /* -L (debian), else the dialect's */
	const char *config;   /* path of crond.conf */
	const char *prefix;   /* --prefix, or NULL */
	bool config_named;    /* --config: it must be there */
	bool dialect_named;   /* --dialect, or called cron */
	bool remove_dir;      /* own_dir is ours alone and goes with us */
	char own_dir[PATH_MAX];
	char *const *files;
	size_t file_count;
	struct conf conf;
	struct fault fault;   /* what was wrong with crond.conf */
	struct arena conf_arena;
	char run_dir[PATH_MAX], state_dir[PATH_MAX], log_dir[PATH_MAX], pid_file[PATH_MAX], reboot_lock[PATH_MAX];
	const char *spool_dir, *system_tab, *system_dir;
	char helpers[PATH_MAX]; /* where crond-launcher and crond-notify are */
};

/* args.c: the command line. 0; 1 and *status: end at once. */
int args_read(struct settings *s, int argc, char **argv, int *status);
/* What its letters mean in the dialect that is settled by now. 0; -1: said. */
int args_judge(struct settings *s);
/* The dialect by the name that the program is called by; named: that one is no default. */
const struct dialect *args_called(const char *argv0, bool *named);

/* place.c: from settings to paths, and the directories made. */
int place_settle(struct settings *s);             /* 0; -1: said on standard error */
/* refused, unless NULL, gets what is wrong with it. */
int place_config(struct settings *s, struct log *log, struct changes *refused, uint32_t *errors);
int place_open(struct crond *c);                  /* directories, pid file with lock */
/* A name for this boot (in a container, for this start of it), unlike any other. */
void place_boot(char *out, size_t room);
bool place_first_since_boot(struct crond *c);     /* takes the @reboot lock */
void place_close(struct crond *c);

/* --- the log's own words (say.c), in the dialect's way */

struct source;
/* (who) what (detail), and in dialect cronie why: error is errno's or 0. */
void say_error(struct crond *c, const char *who, const char *what, const char *detail, int error);
void say_startup(struct crond *c);
void say_loaded(struct crond *c);
void say_reboot(struct crond *c, bool first);
void say_ended(struct crond *c);
/* error: not 0: whose it is cannot be read. */
void say_cluster(struct crond *c, const char *spool, bool ours, int error);
/* Where tables are to be is nothing: a directory; the system's table. */
void say_no_directory(struct crond *c, const char *path, int error);
void say_no_table(struct crond *c, const char *path);
/* A whole file; false: it was said before, and nothing has changed. */
bool say_refused(struct crond *c, struct source *s, const char *what, int error);
void say_orphan(struct crond *c, struct source *s);
void say_ignored(struct crond *c, const struct source *s, bool unfinished);
void say_reload(struct crond *c, const struct source *s);
/* One error in it; first: of this reading. */
void say_fault(struct crond *c, const struct source *s, const struct diag *d, bool first);
/* d: the same for a line of a user that is not there. cronie says it when the line is due. */
void say_no_user(struct crond *c, const struct source *s, const char *name, const struct diag *d,
	bool first);
/* The daemon ends: another one holds the pid file (other: its pid as it stands there). */
void say_locked(struct crond *c, const char *other, int error);

/* --- what we were given by whoever started us (given.c) */

enum { DELAY_WHOLE = 1000000 };

int given_take(struct crond *c); /* 0; -1: memory */
/* MAILTO or MAILFROM with our own variables in it, where the dialect has that; in scratch. */
const char *given_expand(struct crond *c, const char *text);

/* --- identities (user.c) */

TAILQ_HEAD(run_queue, live_run);
struct job_user {
	SLIST_ENTRY(job_user) link;
	char *name, *home;
	uid_t uid;
	gid_t gid;
	uint32_t *groups;
	uint32_t group_count;
	uint32_t generation; /* counts changes of home */
	uint32_t epoch;      /* of the files that it was looked up in */
	int64_t checked;     /* monotonic ms */
	uint64_t taken;      /* of the run-time directory, by its own runs, in bytes (room.c) */
	uint32_t due, due_turn; /* jobs of its own files in that advance of the clock (crowd.c) */
	uint32_t sent;          /* its own runs that the launcher was sent and no keeper reported; */
	struct run_queue held;  /* what waits for these (launch.c) */
	bool gone;           /* no passwd entry any more */
	bool local;          /* of this host's files, where there are services beside them */
	bool late;           /* asked for at our start, and found after it */
};

/* One that was looked up; NULL: nobody of that name was. */
const struct job_user *user_known(const struct crond *c, const char *name);
/* The user, looked up once and kept; NULL with errno: ENOENT when there is none of that name,
 * EINPROGRESS when a service was asked and has not answered. */
const struct job_user *user_get(struct crond *c, const char *name);
const struct job_user *user_self(struct crond *c);
/* A group's number: 0, or -1 with errno as there. */
int user_group(struct crond *c, const char *name, gid_t *gid);
void user_group_soon(struct crond *c, const char *name); /* it will be needed */
/* Sees whether /etc/passwd, group or nsswitch.conf changed: what is known is then looked
 * up again when it is next needed. */
void user_refresh(struct crond *c);
/* Looks a user up again where that is due: after a change of those files, and each
 * minute where accounts come from elsewhere too. */
void user_current(struct crond *c, const struct job_user *user);
/* lookup.c has an answer: *a, which becomes empty, or NULL: no account. early: it was asked for
 * before we had begun to work; said: that there was none. Likewise: it has none (first: of this name). */
void user_answered(struct crond *c, const char *name, struct account *a, bool early, bool said);
void user_unanswered(struct crond *c, const char *name, bool first);

/* --- this host (host.c) */

void host_init(struct crond *c);
void host_addresses_changed(struct crond *c);
void host_name_changed(struct crond *c);
const struct hosts_self *host_self(struct crond *c);
RB_HEAD(zone_tree, host_zone);
/* name NULL: local; delay: seconds that everything is to be due later by. It is there until
 * `file`, and all others it was given to, are done with theirs: host_zones_free(). */
const struct zone *host_zone(struct crond *c, struct job_file *file, const char *name, int32_t delay,
	struct diag *d);
void host_zones_free(struct crond *c, struct job_file *file);
/* Reads those that are in use again; true if one is another now. */
bool host_zones_again(struct crond *c);

/* --- what jobs have learnt (state.c) */

struct job_state {
	RB_ENTRY(job_state) link;
	uint64_t identity;
	uint32_t running;  /* claimed and not over; those that wait are not counted */
	uint32_t waiting;  /* claimed starts that wait (pending.c) */
	uint32_t failures; /* in a row */
	uint32_t restarts; /* of a daemon, within its window; its manager counts */
	int64_t last_start, last_end; /* realtime ms; 0: not known */
	int64_t last_success;         /* when it ended, likewise */
	int16_t last_code;            /* exit code of the last run; -1: none */
	uint8_t last_signal;          /* 0: none */
	uint8_t last_result;          /* enum result; RESULTS: not known */
	struct alerting alerting;     /* what people were told */
	uint64_t taken; /* state_mark() of what was last counted; 0: not known */
	bool failed;   /* a daemon that was given up */
	bool recorded; /* stands in the file */
	bool paused;
	bool wanted;   /* while it is seen what can be forgotten */
	char *name;    /* as it was paused; NULL while it is not */
	LIST_HEAD(, pending) pending; /* the starts that wait, the latest first */
	const struct job *job; /* for those: as of job_of, pending.c; NULL: not known */
	uint64_t job_of;       /* one more than struct crond's tables_changed */
	uint64_t look;         /* which look over all that wait; in that: */
	uint32_t ahead;        /* how many of its starts wait in front of the next one */
	bool held;             /* one of them waits for a place: so do the others */
	bool held_late;        /* likewise one that makes up for something */
};
RB_HEAD(state_tree, job_state);
RB_PROTOTYPE(state_tree, job_state, link, state_order)

struct job_state *state_get(struct crond *c, uint64_t identity); /* made if new; NULL: memory */
struct job_state *state_find(struct crond *c, uint64_t identity); /* NULL: nothing is known */
void state_release(struct crond *c, struct job_state *s); /* dropped if it knows nothing */
/* What it knows is put on file, for a scheduler after us in this boot. */
void state_record(struct crond *c, struct job_state *s);
/* Names what became of a run: taken in once, whoever dies while that is done. */
uint64_t state_mark(const char *run_id, enum result result);
/* A run of it has ended so; keep: on file. */
struct outcome;
void state_ended(struct crond *c, struct job_state *s, const struct outcome *o, uint32_t failures,
	bool keep);
/* Off by hand, or on again: on disk before it returns, so it lasts over boots. 0; -1 with
 * errno, and nothing has changed. */
int state_pause(struct crond *c, uint64_t identity, const char *name, bool paused);
/* After a reload, now and then: what jobs that are in force no more have learnt. */
void state_forget(struct crond *c);
/* A daemon is given up, or is to be tried again; restarts: in its window. */
void state_failed(struct crond *c, uint64_t identity, bool failed, uint32_t restarts);
/* *stamp: what is on record, 0 if nothing. */
int state_open(struct crond *c, int64_t *stamp);
int state_stamp(struct crond *c, int64_t second);
/* downtime.c: the same, on disk, for jobs whose times matter over a boot; 0: nothing known. */
int64_t downtime_read(struct crond *c);
void downtime_write(struct crond *c, int64_t second);
void pauses_read(struct crond *c); /* pauses.c, from state_open() */

/* --- runs (start.c, helper.c, report.c, runs.c, outcome_in.c, adopt.c) */

struct keeper {
	RB_ENTRY(keeper) link;
	pid_t pid;
	unsigned told;     /* enum stop_stage that it knows of */
	struct live_run *run;
	struct watch *watch;
};
RB_HEAD(keeper_tree, keeper);
RB_PROTOTYPE(keeper_tree, keeper, link, keeper_order)

struct live_run {
	RB_ENTRY(live_run) link;
	TAILQ_ENTRY(live_run) queue; /* unsent or held names, or what is to be removed */
	enum { QUEUE_NONE, QUEUE_SEND, QUEUE_HELD, QUEUE_REMOVE } queued;
	enum run_state state;
	struct keeper *keeper;
	struct job_state *job;
	int64_t scheduled;
	uint32_t flags;    /* of its record: RUN_TASK...; likewise: */
	uint32_t attempt;
	struct pool *pool; /* NULL: in none */
	struct job_user *taker; /* whose share of the run-time directory it has; NULL: nobody's */
	uint64_t taken;         /* of that, in bytes */
	bool sent;              /* counted among what the taker has in the launcher's queue */
	struct pending *pending; /* not NULL: it waits, RUN_STATE_PENDING */
	uint32_t failures; /* of its job in a row, its own counted */
	unsigned looks;    /* how often adopt found it claimed and not started */
	unsigned reads;    /* how often its outcome could not be read */
	int64_t grace_until; /* by wait_awake_ms(): not started by then it is late; 0: no grace, or said */
	unsigned told;     /* as in its keeper, where we have no pidfd of that */
	enum stop_reason stopping; /* not STOP_NONE: it was asked to stop */
	int pipes[2];      /* ends of its output that we hold beside its keeper; -1: none */
	int16_t far[2];    /* the keeper's numbers for them; 0: none, or they are held */
	struct slice reported; /* its outcome, while a report of it is taken in */
	bool adopted;      /* of a scheduler before us, and not started by us */
	bool first;        /* that was of the first version, and so may be its keeper */
	bool by_schedule;  /* it had nothing to wait for: whatever it is late, we are */
	bool awaited;      /* somebody is to be told of its end */
	bool on_record;    /* the backlog has, or had, its start */
	bool speaks;       /* its job has a socket to say something on */
	struct said *said; /* what it has said, see run_said(); NULL: nothing yet */
	char id[];
};
RB_HEAD(run_tree, live_run);
RB_PROTOTYPE(run_tree, live_run, link, live_order)

/* start.c, start_run.c */
void start_due(struct crond *c, const struct due_found *found);
void start_missed(struct crond *c, const struct due_found *found, const char *why); /* missed.c */
void start_reboot_jobs(struct crond *c);
void start_reboot_late(struct crond *c); /* of users who were not known then, for want of an answer */
void start_due_job(struct crond *c, const struct job *job, const struct due_found *found);
/* Now, whatever its schedule says; its limits hold. by: who asked, as it is to stand in the
 * log ("uid 1000 (alice)"), or NULL. By hand also a job that is paused or not enabled. 0 with
 * the run's id, and d->text says what it waits for ("": it starts); -1 with the reason there. */
int start_job_now(struct crond *c, const struct job *job, enum start_cause cause, const char *by,
	char id[RUN_ID_MOST], struct diag *d);
/* report.c: all reports that are there now; how many there were. */
size_t reports_take(struct crond *c);
void reports_ready(struct crond *c); /* there are some, or it is time to look again */
/* said.c: what jobs say while they run */
/* As last heard; of an adopted run as it stands in its directory now. NULL: nothing. */
const struct said *run_said(struct crond *c, struct live_run *run);
void said_take(struct live_run *run, struct slice said); /* as a keeper reports it */
/* A name that no other run's socket has. */
enum { SAID_SOCKET_MOST = 108 };
void said_socket(struct crond *c, char name[SAID_SOCKET_MOST]);
/* outbox.c: events of keepers and of tell.c, until crond-notify has them */
RB_HEAD(outbox_tree, outbox_event);
RB_PROTOTYPE(outbox_tree, outbox_event, link, event_order)
void outbox_open(struct crond *c);
void outbox_add(struct crond *c, const char *id); /* that one is there: sees to it that it goes */
bool outbox_look(struct crond *c);   /* the same with whatever is there; is something? */
void outbox_flush(struct crond *c);  /* sends what was not sent */
void outbox_unsent(struct crond *c); /* what was sent may be lost */
void outbox_told(struct crond *c, const char *id); /* crond-notify has it */

/* mails.c: mails that wait for another try, and are lost with their keeper */
void mails_open(struct crond *c);
void mails_wait(struct crond *c); /* there is one more: looks again in some seconds */
void mails_look(struct crond *c);
/* runs.c */
struct live_run *run_new(struct crond *c, const char *id, const struct run *record);
struct live_run *run_find(struct crond *c, const char *id);
void run_event(struct crond *c, struct live_run *run, enum run_event event);
/* It is held back, and counts as waiting; it is no more, and counts as running. */
void run_hold(struct crond *c, struct live_run *run);
void run_release(struct crond *c, struct live_run *run);
/* It has ended and counts no more; its directory may stay a little longer. */
void run_over(struct crond *c, struct live_run *run);
void run_forget(struct crond *c, struct live_run *run);
void run_watch_keeper(struct crond *c, struct live_run *run, pid_t pid, int pidfd);
void run_keeper_gone(struct crond *c, struct keeper *k);
void run_unwatched(struct crond *c);
void run_sweep(struct crond *c);
/* outcome_in.c: all that is on record of a run that has ended, in one piece: it points into
 * itself. */
struct run_records {
	struct run_progress progress;
	struct run run;
	struct outcome outcome;
	struct buf run_file, outcome_file;
};
int records_read(struct crond *c, const char *id, struct run_records *r); /* 0; -1: said */
void records_free(struct run_records *r);
/* Takes in how it ended, as reported or as it stands in its directory. 0; -1: that cannot be
 * read now, and is to be tried again. */
int outcome_take(struct crond *c, struct live_run *run);
/* Writes `lost` with the run's lock in hand (fd) and takes it in, likewise. */
int outcome_lost(struct crond *c, struct live_run *run, int lock, const char *reason);
/* adopt.c */
void adopt_all(struct crond *c);
void adopt_unstarted(struct crond *c); /* looks again at what could not be judged */
void adopt_waiting(struct crond *c);   /* at our own runs that nobody reported */

/* ask.c: what its keeper is to do with it. What it comes to is seen in the outcome. */
/* Has its whole tree stopped, by its own stop-signal and kill-after; it ends as killed (or
 * whatever the reason stands for), with why and text (who; NULL: nothing to add) in its
 * outcome. Holds over our death; a run that no keeper has yet is stopped once one has it.
 * Asked again it is left to the first. 0, or -1 with errno (ESRCH: it is over already). */
int run_stop(struct crond *c, struct live_run *run, enum stop_reason why, const char *text);
/* Hands a signal to its main process. 0; -1 with errno (ESRCH: not running). */
int run_signal(struct crond *c, const struct live_run *run, int sig);
/* A keeper was seen to have it; a scheduler before us may have asked for its end. */
void run_stop_tell(struct crond *c, struct live_run *run);
void run_stop_adopt(struct crond *c, struct live_run *run);
/* What its processes use now (resident memory, their processor time; of a run in a cgroup also
 * what has ended). 0, or -1: not to be found out. A look at all processes: for people. */
int run_usage(struct crond *c, const struct live_run *run, struct tree_usage *u);
/* One of the plain signals to its keeper. 0; -1 with errno. */
int run_tell(struct crond *c, const struct live_run *run, int sig);

/* grace.c: it is on its way to a keeper, so late already; job: NULL: to be looked for. That it
 * is not started within its job's grace is told. */
void grace_begin(struct crond *c, struct live_run *run, const struct job *job, uint64_t late_ms);
void grace_look(struct crond *c);

/* overran.c: says that its timeout is over, and it goes on, where that is to be said. */
void run_overran(struct crond *c, struct live_run *run);
/* drain.c: takes hold of the pipes that its keeper reads its output from, by the keeper's
 * numbers; lets go of them. */
void drain_hold(struct crond *c, struct live_run *run, pid_t keeper, const int16_t pipes[2]);
void drain_later(struct crond *c); /* of those that still run in a moment, by run->far */
void drain_due(struct crond *c);
void drain_drop(struct live_run *run);
/* Its keeper is gone: what is in them is added, the last OUTCOME_TAIL bytes of each; what
 * comes later is read for nobody. */
void drain_begin(struct crond *c, struct live_run *run, struct buf tails[2], uint64_t *total);
/* cgroup_place.c: c->cgroup, from crond.conf. */
void cgroup_place(struct crond *c);

/* alert.c: the wire to crond-notify */
void alert_config(struct crond *c);
void alert_flush(struct crond *c);
void alert_again(struct crond *c);
void alert_ready(struct crond *c, uint32_t events);
void alert_outbox(struct crond *c); /* there are events in the outbox */
bool alert_begin(struct crond *c); /* crond-notify runs, or is started; false: not now */
bool alert_send(struct crond *c, const struct buf *notice); /* false: no room now */
void alert_ended(struct crond *c);
void alert_asked(struct crond *c);  /* somebody connects while it does not run */
void alert_close(struct crond *c);
void alert_resume(struct crond *c); /* starts it where its spool holds something */

/* heartbeat.c */
void heartbeat_turn(struct crond *c);
void heartbeat_config(struct crond *c); /* crond.conf was read (again) */

/* --- people asking (control.c and its rooms) */

struct control;

void control_open(struct crond *c); /* what goes wrong is said: jobs do not need it */
void control_close(struct crond *c);
void control_config(struct crond *c); /* crond.conf was read again */
int64_t control_group(const struct crond *c); /* whose members may see all; -1: none */
void control_accept(struct crond *c);
void control_heard(struct crond *c, struct control_client *k, uint32_t events);
bool control_busy(const struct crond *c); /* somebody waits for a turn */
void control_turn(struct crond *c);       /* one piece of work, for the next of them */
void control_rested(struct crond *c);     /* turns may be given again */
void control_expire(struct crond *c, int64_t now); /* monotonic ms: drops who is too slow */
/* A run that is awaited has ended; o NULL: how is not known. */
void control_run_over(struct crond *c, struct live_run *run, const struct outcome *o);

/* trouble.c: into the log */
void trouble_say(struct crond *c, const char *what, const char *why);

enum { FILES_RESERVED = 16 };

struct crond {
	struct settings set;
	struct log log;
	struct service service;
	struct clock clock;
	struct due due;

	/* waiting */
	int epoll;
	struct watch w_clock, w_later, w_signal, w_files, w_report, w_queue, w_old, w_notify, w_addr, w_name;
	SLIST_HEAD(, watch) ended;
	int64_t later[LATERS]; /* monotonic ms; 0: not set */
	bool stopping;
	struct stop stop;
	bool working; /* jobs may start: everything has been loaded and adopted */

	/* sources */
	struct source_tree sources;
	struct reload reload;
	struct removed removed;
	struct names tasks; /* in force */
	SLIST_HEAD(, job_user) users;
	struct stat passwd, group, nsswitch;
	uint32_t users_epoch; /* counts changes of these files */
	bool users_remote;    /* some accounts are not of these files */
	struct lookups lookups; /* of those */
	bool rebooted;        /* jobs that are due at a boot were started */
	struct zone_tree zones;
	bool zone_said; /* that the host's own cannot be read */
	struct hosts_self self;
	struct hosts_address *addresses;
	bool addresses_known;
	char host[256], fqdn[256];
	SLIST_HEAD(, directory) directories;
	size_t errors; /* that load said, for -t */
	struct options plain; /* of lines without any */
	int etc_wd;    /* for passwd, group and localtime */

	/* for jobs */
	struct slice inherited; /* NUL-separated "NAME=value" of our environment */
	const char *jobs_path;  /* NULL: the dialect's */
	char mail_type[128];    /* Content-Type, where the table sets none */
	bool no_mailer;         /* cronie: there was none at our start, the log takes its place */
	uint32_t delay_scale;   /* of RANDOM_DELAY, in DELAY_WHOLEths */

	/* runs */
	uint64_t seed; /* of this host: for `~` */
	int run_fd, runs, pid_fd, stamp_fd, state_fd;
	struct state_tree states;
	size_t state_count, states_kept, state_records, state_folded; /* records in the file, and when folded */
	struct daemon_tree daemons;
	int daemon_fd;
	bool state_said;    /* that the first of these cannot be written */
	bool daemons_wait;  /* one waits for a limit that it shares */
	bool daemons_doubt; /* one is in no file, and a file has errors */
	uint32_t daemon_places, daemon_fold_at; /* records in their file */
	struct run_tree live;
	struct run_queue unsent, removable;
	struct buf crowd;    /* of struct due_one: put off in this advance of the clock (crowd.c) */
	uint32_t due_turn;   /* counts these */
	uint32_t sent_each;  /* runs of one user's own that may be in the launcher's queue */
	struct keeper_tree keepers;
	struct pool_tree pools;
	struct pending_times pending_times;
	struct pending_orders pending, pending_late; /* the latter: START_CATCHUP */
	size_t pending_count;
	int64_t pending_order;         /* the last one's */
	uint64_t room_each;            /* of the run-time directory, for each user: bytes (room.c) */
	uint64_t pending_looks;        /* how often all that wait were looked at */
	bool places_freed;             /* a run has ended: some that wait may start */
	int64_t rate_next_us;          /* monotonic: when start-rate would have its next start */
	uint64_t tables_changed;       /* counts: jobs that were known may be gone */
	struct buf record; /* reused for each start */
	struct arena scratch;
	bool shell_adds_pwd; /* and nothing else: it can be left out */
	bool shell_waits;    /* for what it executes */
	size_t starts_since_reports;
	bool reports_paced; /* looked for now and then, not waited for */
	size_t running;                    /* runs that are not over */
	size_t catchups, catchups_waiting; /* of these, and of those that wait: RUN_CATCHUP */
	size_t waiting;                    /* those that no keeper has yet */
	size_t missed_said, missed_unsaid; /* in this advance of the clock; likewise: */
	size_t missed_records, missed_unrecorded; /* times on record; jobs that have none there */
	mode_t umask;                      /* of jobs */
	char cgroup[PATH_MAX];             /* where runs get cgroups of their own; "": nowhere */
	bool pam;                          /* the launcher with PAM is used */

	/* launcher */
	pid_t launcher;
	int shared_fd, queue_far, report_far;
	struct launch_shared *shared;
	int64_t launcher_since;
	unsigned launcher_deaths; /* of young ones, in a row */
	uint64_t log_lost_said;
	rlim_t files_soft, files_hard; /* as we were started with; the last FILES_RESERVED are for starts */

	struct control *control; /* NULL: its socket could not be made */
	struct metrics *metrics; /* metrics.c; NULL: nothing is counted */

	/* crond-history */
	struct backlog backlog;
	pid_t history;
	struct pulse history_pulse;
	struct watch w_history, w_history_asked, w_alerts_asked;
	int64_t history_since;
	unsigned history_fails;
	uint64_t history_at; /* where it keeps them, and as whom */
	bool history_full;   /* wait for room */
	bool history_said;   /* that a segment cannot be opened */

	/* crond-notify */
	pid_t notify;
	struct pulse notify_pulse;
	int64_t notify_since;
	unsigned notify_fails;
	bool notify_full;    /* wait for room */
	bool notify_behind;  /* it does not have the configuration in force yet */
	bool events_waiting; /* some event in the outbox has not been sent */
	int handled_fd;      /* downtime.c's; -1: not open */
	bool handled_said;   /* that it cannot be written */
	int outbox_wd;       /* inotify's; -1: looked at each minute; likewise: */
	int mails_wd;
	struct outbox_tree outbox;
	TAILQ_HEAD(, outbox_event) outbox_queue; /* not sent */
	size_t outbox_count, outbox_users; /* and of these of users' own jobs */
	uint64_t outbox_users_bytes;
	bool outbox_said;    /* that it is full */
	uint64_t sockets;    /* named so far */
	bool adopt_again;    /* some could not be judged yet */
	bool adopt_unread;   /* or not even be read; likewise: */
	bool adopt_said;
};

#endif
