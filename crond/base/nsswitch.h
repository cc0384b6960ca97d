/* nsswitch: the sources that this host asks about accounts, groups and other hosts.
 * Flow: the scheduler asks whether accounts come from elsewhere, its launcher which modules to map,
 * crond-notify whether names of hosts are asked of a local service. */
#ifndef BASE_NSSWITCH_H
#define BASE_NSSWITCH_H

#define NSSWITCH_FILE "/etc/nsswitch.conf"

struct nsswitch_sink {
	/* One source of a database ("passwd", "files"); both last as long as the call. */
	void (*take)(void *arg, const char *database, const char *source);
	void *arg;
};

/* The sources in one line of the file, in their order; the line is taken apart. What is to be done
 * after one ([NOTFOUND=return], of any number of words) is none. */
void nsswitch_line(char *line, const struct nsswitch_sink *sink);
/* The same of all its lines. -1: the file cannot be read (where it is not there, the C library reads
 * files alone). */
int nsswitch_read(const char *path, const struct nsswitch_sink *sink);

#endif
