/* sources: where jobs come from: files, and the directories that these are found in.
 * Flow: reload says when to look, watch hears of it, load takes each file that is there. */
#ifndef CROND_SOURCES_H
#define CROND_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include "crond/base/buf.h"
#include "crond/core/changes.h"
#include "crond/core/job.h"
#include "crond/herald.h"

struct crond;
struct diag;

enum source_kind { SOURCE_SYSTEM, SOURCE_USER, SOURCE_TASKS };

struct source {
	RB_ENTRY(source) link;
	enum source_kind kind;
	char *path;
	char *owner;            /* of a user's table: its name; "*system*" otherwise */
	struct stat seen_as;    /* what the last reading saw */
	bool tried;
	bool fresh;             /* it had changed just before: times alone do not say enough */
	bool read_before;
	bool in_place;          /* found by the scan under way */
	bool removed;           /* that it was taken away is what was heard of it last */
	bool good;              /* the last reading gave what is in force */
	bool absent_user;       /* waits for its owner to appear */
	bool lacks_user;        /* names users that do not exist */
	bool awaits;            /* names users that a service has not answered about */
	bool names;             /* has jobs with names */
	bool clashed;           /* has one that another file named before */
	bool faulty;            /* some of it was refused */
	bool is_link;           /* what it leads to changes unseen */
	bool unread;            /* the system could not: tried again each minute */
	bool restless;          /* to be looked at whenever somebody asks for a reload */
	bool dirty;             /* waits to be looked at */
	TAILQ_ENTRY(source) dirty_link;
	int64_t rest_until; /* monotonic ms: it took long to read; 0: it did not */
	int64_t gone_since;     /* monotonic ms; 0: it is there */
	struct directory *directory;
	struct job_file *jobs;  /* in force; NULL: none */
	uint64_t fault_told;    /* what people were told of last */
	uint64_t complaint;     /* hash of what was last said about it: said once */
};
RB_HEAD(source_tree, source);
/* load.c: may a look-up that failed with this error go well the next time? */
bool load_passes(int error);
RB_PROTOTYPE(source_tree, source, link, source_order)

/* A directory that sources are found in, whole or for one name. */
struct directory {
	SLIST_ENTRY(directory) link;
	enum source_kind kind;
	char *path;
	char *only;       /* one file name; NULL: all that the dialect reads */
	int wd;           /* inotify's; -1: not watched */
	int above;        /* the nearest one above it, where it is not there; -1: not watched */
	size_t above_length; /* of its path here, the slash counted */
	bool watch;       /* wanted */
	bool via_link;    /* its path may lead elsewhere one day */
	bool tells;       /* its file system is one whose changes are all made here */
	bool intact;      /* it was looked at, and all that changed since was heard of */
	bool seen;        /* could be read once: if it vanishes, what it gave stays in force */
	bool failed;      /* is there, and could not be read: tried again each minute */
	dev_t dev;        /* which one it was when it was read last */
	ino_t ino;
	bool complained;
	bool in_place;    /* named by the configuration that is being read */
	enum { OURS_UNKNOWN, OURS_YES, OURS_NO, OURS_UNREAD } ours; /* in a cluster (-c) */
};

/* A task that is not in its file any more; back: it was found in another one. */
struct reload_left {
	uint64_t identity;
	bool back;
	char name[JOB_NAME_MOST];
};

struct reload {
	struct changes changes; /* of the one under way */
	size_t files_refused;   /* likewise */
	bool lacking;           /* there was no memory for one of them */
	struct fault fault;     /* of the file that is being read */
	struct buf left;        /* likewise: struct reload_left, one behind the other */
	TAILQ_HEAD(, source) dirty;
	int64_t dirty_since;    /* monotonic ms; 0: nothing waits for a quiet time */
	bool asked;             /* somebody asked for one, which reads what is heard of */
	bool awaits;  /* some source does */
	bool at_once; /* what rests is read as well */
	size_t restless, gone;  /* sources that are */
	size_t jobs;            /* in force */
};

/* trust.c: in the classic words why a file is not to be read; NULL: it may be. */
const char *trust_file(struct crond *c, struct source *s, const struct stat *st); /* open */
/* A system table may be a symlink where the link is root's too. */
const char *trust_link(const struct crond *c, const struct source *s);
/* load.c: one source's bytes into jobs in force. */
void load_source(struct crond *c, struct source *s);
void load_drop(struct crond *c, struct source *s);
/* What a file says of a task counts; not so for a moment after it moved to another file. */
bool load_in_force(const struct crond *c, const struct job *job);
/* One thing wrong with a file: into the log, or on standard error under -t. */
void load_say(struct crond *c, struct source *s, const struct diag *d);
/* sources.c, as settings and configuration have them. */
void reload_directories(struct crond *c);
/* Names that one file gives up may be what another was refused for. */
void sources_clashed_again(struct crond *c, const struct source *by);
void source_settle(struct crond *c, struct source *s, bool settled);
/* reload.c: sources compared with what is there now. */
void reload_first(struct crond *c);
/* Somebody asks for it: a signal's name, or who. *out, if not NULL, gets what was done and is
 * to be freed with changes_free(). */
void reload_asked(struct crond *c, const char *why, struct changes *out);
void reload_all(struct crond *c);     /* everything */
void reload_gone(struct crond *c);    /* those that were seen to go */
void reload_settled(struct crond *c); /* those that were heard of */
void reload_poll(struct crond *c);    /* unwatched ones */
/* One file's event; removed: it was taken away, or went elsewhere. */
void reload_name(struct crond *c, struct directory *d, const char *name, bool removed);
void reload_directory(struct crond *c, struct directory *d);              /* it may have come */
void reload_users(struct crond *c);                                       /* accounts changed */
void reload_awaited(struct crond *c); /* a service has answered about users that sources await */
/* watch.c */
void watch_open(struct crond *c);
void watch_directory(struct crond *c, struct directory *d);
/* Can it change without an event? Then it is looked at each minute. */
bool watch_lacks(const struct directory *d);
/* Nothing that was heard of any directory is relied on. */
void watch_distrust(struct crond *c);
void watch_link(struct crond *c, struct source *s); /* is it one? */
void watch_read(struct crond *c);
/* Until what is not watched is to be looked at. */
int64_t watch_poll_ms(void);

/* sources.c */
/* The source of that path, or NULL; made if new, NULL: memory. */
struct source *source_find(struct crond *c, const char *path);
struct source *source_get(struct crond *c, struct directory *d, const char *name);
void source_drop(struct crond *c, struct source *s);
/* Its file is not there (any more). */
void source_gone(struct crond *c, struct source *s);
/* May a file of this name be one? */
bool source_wanted(struct crond *c, const struct directory *d, const char *name);
/* Looks at it: it may be there, changed, or gone. */
void source_take(struct crond *c, struct source *s);
/* It took long to read and is not to be read again for a while. */
bool source_rests(const struct crond *c, const struct source *s);
/* To be looked at by sources_take(). */
void source_look(struct crond *c, struct source *s);
/* All that source_look() was called for. */
void sources_take(struct crond *c);
/* Those that were seen to go. */
void sources_gone(struct crond *c);
/* There was no memory for a file or directory: said, and all are looked for again. */
void sources_lacking(struct crond *c, const char *path);
/* One file, by its name in a directory; all of a directory. */
void directory_file(struct crond *c, struct directory *d, const char *name);
void directory_scan(struct crond *c, struct directory *d);

#endif
