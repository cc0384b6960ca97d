/* options_table: the one vocabulary, a row for each option.
 * Flow: parsers hand names and values to options.c, which goes by these rows; manuals, the
 * lint and cronctl show know no others. */
#include "crond/core/options_table.h"

#include <sys/resource.h>

#include "crond/core/options_value.h"

#define AT(field) .at = offsetof(struct options, field)
#define BOTH .line = true, .task = true
#define TEXT(check) .kind = &option_text, .judge = option_judge_##check
#define LIST(check) .kind = &option_list, .judge = option_judge_##check
#define FALLBACK(value) .fallback_line = (value), .fallback_task = (value)
#define LIMIT(upper, lower, what, of) \
	[OPTION_LIMIT_##upper] = { \
		.def = { OPTION_LIMIT_##upper, "limit-" lower, BOTH, .help = (what) }, \
		.kind = &option_limit_pair, AT(limits[RLIMIT_##upper]), .unit = (of) }

enum { COUNT_MOST = 100000 };

static const char *const types[] = { [JOB_TYPE_CRON] = "cron", [JOB_TYPE_DAEMON] = "daemon", NULL };
static const char *const concurrencies[] = { [CONCURRENCY_ALLOW] = "allow",
	[CONCURRENCY_FORBID] = "forbid", [CONCURRENCY_REPLACE] = "replace",
	[CONCURRENCY_QUEUE] = "queue", NULL };
static const char *const on_timeouts[] = { [ON_TIMEOUT_KILL] = "kill", [ON_TIMEOUT_ALERT] = "alert",
	NULL };
static const char *const catchups[] = { [CATCHUP_NONE] = "none", [CATCHUP_ONE] = "one",
	[CATCHUP_ALL] = "all", NULL };
static const char *const restarts[] = { [RESTART_ALWAYS] = "always",
	[RESTART_ON_FAILURE] = "on-failure", [RESTART_NEVER] = "never", NULL };
static const char *const deaths[] = { [PARENT_DEATH_LEAVE] = "leave", [PARENT_DEATH_STOP] = "stop",
	NULL };
static const char *const leftovers[] = { [LEFTOVERS_LEAVE] = "leave", [LEFTOVERS_KILL] = "kill",
	NULL };

static const struct option table[OPTIONS] = {
	/* when */
	[OPTION_SCHEDULE] = {
		.def = { OPTION_SCHEDULE, "schedule", .task = true, .single = true,
			.help = "When: 5 fields, 6 with seconds, 7 with a year, or @daily, @every 90s, @reboot." },
		TEXT(command), AT(schedule), .identity = true },
	[OPTION_SECOND] = {
		.def = { OPTION_SECOND, "second", .line = true, .single = true,
			.help = "A seconds field for the line below." },
		TEXT(line), AT(second), .identity = true },
	[OPTION_NAME] = {
		.def = { OPTION_NAME, "name", .line = true, .single = true,
			.help = "What the line below is known by, as a task is by its title." },
		TEXT(name), AT(name), .identity = true },
	[OPTION_TYPE] = {
		.def = { OPTION_TYPE, "type", .task = true, .fallback_task = "cron",
			.help = "cron: started by its schedule; daemon: kept running, without one." },
		.kind = &option_word, AT(type), .words = types },
	[OPTION_TIMEZONE] = {
		.def = { OPTION_TIMEZONE, "timezone", BOTH,
			.help = "Time zone of the schedule; the host's by default." },
		TEXT(timezone), AT(timezone), .identity = true },
	/* what */
	[OPTION_COMMAND] = {
		.def = { OPTION_COMMAND, "command", .task = true, .single = true,
			.help = "Text for the shell." },
		TEXT(command), AT(command), .identity = true },
	[OPTION_ARGV] = {
		.def = { OPTION_ARGV, "argv", .list = true, .task = true, .single = true,
			.help = "Words to execute without a shell, in place of command." },
		LIST(any), AT(argv), .identity = true, .empty = true },
	/* as whom and where */
	[OPTION_USER] = {
		.def = { OPTION_USER, "user", .task = true,
			.help = "Whom it runs as; by default the user that crond runs as." },
		TEXT(user), AT(user), .identity = true },
	[OPTION_GROUP] = {
		.def = { OPTION_GROUP, "group", BOTH,
			.help = "Its group; the user's by default." },
		TEXT(group), AT(group), .identity = true },
	[OPTION_SHELL] = {
		.def = { OPTION_SHELL, "shell", BOTH,
			.help = "What reads the command; /bin/sh, or SHELL of the crontab, by default." },
		TEXT(path), AT(shell), .identity = true },
	[OPTION_DIR] = {
		.def = { OPTION_DIR, "dir", BOTH,
			.help = "Working directory, absolute; the user's home by default." },
		TEXT(path), AT(dir), .identity = true },
	[OPTION_UMASK] = {
		.def = { OPTION_UMASK, "umask", BOTH,
			.help = "Bits, in octal, that its new files do not get." },
		.kind = &option_umask, AT(umask) },
	[OPTION_ENV] = {
		.def = { OPTION_ENV, "env", .list = true, BOTH,
			.help = "NAME=value settings for the job's environment." },
		LIST(env), AT(env), .identity = true },
	[OPTION_ENV_FILE] = {
		.def = { OPTION_ENV_FILE, "env-file", BOTH,
			.help = "A file of NAME=value lines for the environment, read as the user at each start." },
		TEXT(env_file), AT(env_file), .identity = true, .none = true },
	[OPTION_ENABLED] = {
		.def = { OPTION_ENABLED, "enabled", BOTH, FALLBACK("yes"),
			.help = "no: never started." },
		.kind = &option_flag, AT(enabled) },
	[OPTION_HOSTS] = {
		.def = { OPTION_HOSTS, "hosts", .list = true, BOTH,
			.help = "Only where one matches: address, network, interface, name or glob; '!' negates." },
		LIST(host), AT(hosts), .identity = true },
	/* how many */
	[OPTION_CONCURRENCY] = {
		.def = { OPTION_CONCURRENCY, "concurrency", BOTH, .fallback_line = "allow",
			.fallback_task = "forbid",
			.help = "When due while running: forbid skips, allow starts another, replace stops the old "
				"one, queue waits." },
		.kind = &option_word, AT(concurrency), .words = concurrencies },
	[OPTION_MAX] = {
		.def = { OPTION_MAX, "max", BOTH, .fallback_line = "none", .fallback_task = "1",
			.help = "Most runs at a time; of a daemon, how many are kept running." },
		.kind = &option_number, AT(max), .least = 1, .most = COUNT_MOST, .none = true },
	[OPTION_QUEUE_MAX] = {
		.def = { OPTION_QUEUE_MAX, "queue-max", BOTH, FALLBACK("1"),
			.help = "Most starts that wait under concurrency=queue." },
		.kind = &option_number, AT(queue_max), .least = 1, .most = COUNT_MOST },
	[OPTION_POOL] = {
		.def = { OPTION_POOL, "pool", BOTH,
			.help = "Name of a limit that several jobs share." },
		TEXT(name), AT(pool), .none = true },
	[OPTION_POOL_MAX] = {
		.def = { OPTION_POOL_MAX, "pool-max", BOTH, FALLBACK("1"),
			.help = "Most runs at a time of all jobs of the pool." },
		.kind = &option_number, AT(pool_max), .least = 1, .most = COUNT_MOST },
	/* how long, and how it ends */
	[OPTION_TIMEOUT] = {
		.def = { OPTION_TIMEOUT, "timeout", BOTH,
			.help = "Longest run." },
		.kind = &option_duration, AT(timeout_ms), .least = 1, .none = true },
	[OPTION_ON_TIMEOUT] = {
		.def = { OPTION_ON_TIMEOUT, "on-timeout", BOTH, FALLBACK("kill"),
			.help = "kill: what runs longer is stopped; alert: it is only said." },
		.kind = &option_word, AT(on_timeout), .words = on_timeouts },
	[OPTION_STOP_SIGNAL] = {
		.def = { OPTION_STOP_SIGNAL, "stop-signal", BOTH, FALLBACK("TERM"),
			.help = "The signal that asks a run to end." },
		.kind = &option_signal, AT(stop_signal) },
	[OPTION_KILL_AFTER] = {
		.def = { OPTION_KILL_AFTER, "kill-after", BOTH, FALLBACK("10s"),
			.help = "From that signal to KILL for all that is left of the run." },
		.kind = &option_duration, AT(kill_after_ms) },
	[OPTION_LEFTOVERS] = {
		.def = { OPTION_LEFTOVERS, "leftovers", BOTH, .fallback_line = "leave",
			.fallback_task = "kill",
			.help = "What becomes of processes that outlive the job's own: kill or leave." },
		.kind = &option_word, AT(leftovers), .words = leftovers },
	[OPTION_PARENT_DEATH] = {
		.def = { OPTION_PARENT_DEATH, "parent-death", BOTH, FALLBACK("leave"),
			.help = "What becomes of the job when its keeper dies: leave or stop." },
		.kind = &option_word, AT(parent_death), .words = deaths },
	[OPTION_RETRIES] = {
		.def = { OPTION_RETRIES, "retries", BOTH, FALLBACK("0"),
			.help = "How often a failed run is tried again." },
		.kind = &option_number, AT(retries), .most = 1000 },
	[OPTION_RETRY_DELAY] = {
		.def = { OPTION_RETRY_DELAY, "retry-delay", BOTH, FALLBACK("10s"),
			.help = "Before the first retry; doubled for each further one." },
		.kind = &option_duration, AT(retry_delay_ms) },
	[OPTION_RETRY_MAX_DELAY] = {
		.def = { OPTION_RETRY_MAX_DELAY, "retry-max-delay", BOTH, FALLBACK("5m"),
			.help = "Longest delay before a retry." },
		.kind = &option_duration, AT(retry_max_delay_ms) },
	[OPTION_SUCCESS_EXIT] = {
		.def = { OPTION_SUCCESS_EXIT, "success-exit", .list = true, BOTH, FALLBACK("0"),
			.help = "All exit codes that count as success, as numbers and ranges." },
		.kind = &option_exits, AT(success_exit) },
	/* late, missed, spread */
	[OPTION_START_DEADLINE] = {
		.def = { OPTION_START_DEADLINE, "start-deadline", BOTH,
			.help = "A start that would be later than this is a miss." },
		.kind = &option_duration, AT(start_deadline_ms), .least = 1, .none = true },
	[OPTION_CATCHUP] = {
		.def = { OPTION_CATCHUP, "catchup", BOTH, FALLBACK("none"),
			.help = "What is started of what was missed: none, one, all." },
		.kind = &option_word, AT(catchup), .words = catchups },
	[OPTION_CATCHUP_WINDOW] = {
		.def = { OPTION_CATCHUP_WINDOW, "catchup-window", BOTH,
			.help = "How far back catchup looks." },
		.kind = &option_duration, AT(catchup_window_ms), .least = 1, .none = true },
	[OPTION_GRACE] = {
		.def = { OPTION_GRACE, "grace", BOTH,
			.help = "A run that has not started this long after it was due is reported as missed." },
		.kind = &option_duration, AT(grace_ms), .least = 1, .none = true },
	[OPTION_JITTER] = {
		.def = { OPTION_JITTER, "jitter", BOTH,
			.help = "Each start is delayed by a random time of up to this." },
		.kind = &option_duration, AT(jitter_ms), .least = 1, .none = true },
	/* daemons */
	[OPTION_RESTART] = {
		.def = { OPTION_RESTART, "restart", .task = true, .fallback_task = "always",
			.help = "When a daemon that ended is started again: always, on-failure, never." },
		.kind = &option_word, AT(restart), .words = restarts },
	[OPTION_RESTART_DELAY] = {
		.def = { OPTION_RESTART_DELAY, "restart-delay", .task = true, .fallback_task = "1s",
			.help = "Before the first restart; doubled for each that follows soon." },
		.kind = &option_duration, AT(restart_delay_ms) },
	[OPTION_RESTART_MAX_DELAY] = {
		.def = { OPTION_RESTART_MAX_DELAY, "restart-max-delay", .task = true, .fallback_task = "5m",
			.help = "Longest delay before a restart." },
		.kind = &option_duration, AT(restart_max_delay_ms) },
	[OPTION_RESTART_LIMIT] = {
		.def = { OPTION_RESTART_LIMIT, "restart-limit", .task = true, .fallback_task = "5/10m",
			.help = "Most restarts in a time; beyond it the daemon has failed." },
		.kind = &option_restarts, AT(restart_window_ms), .none = true },
	[OPTION_WATCHDOG] = {
		.def = { OPTION_WATCHDOG, "watchdog", BOTH,
			.help = "The job must send WATCHDOG=1 to NOTIFY_SOCKET this often." },
		.kind = &option_duration, AT(watchdog_ms), .least = 10, .none = true },
	[OPTION_WATCHDOG_MISS] = {
		.def = { OPTION_WATCHDOG_MISS, "watchdog-miss", BOTH, FALLBACK("3"),
			.help = "How many of these may be missing in a row; then the run is stopped." },
		.kind = &option_number, AT(watchdog_miss), .least = 1, .most = 1000 },
	/* resources */
	[OPTION_NICE] = {
		.def = { OPTION_NICE, "nice", BOTH,
			.help = "Priority, from -20 to 19; below 0 only in root's files." },
		.kind = &option_nice, AT(nice) },
	[OPTION_IONICE] = {
		.def = { OPTION_IONICE, "ionice", BOTH,
			.help = "idle, best-effort:0 to :7, or in root's files realtime:0 to :7." },
		.kind = &option_ionice, AT(ionice) },
	[OPTION_CPU_AFFINITY] = {
		.def = { OPTION_CPU_AFFINITY, "cpu-affinity", BOTH,
			.help = "The processors it may run on, such as 0,2-3." },
		TEXT(cpus), AT(cpu_affinity) },
	[OPTION_MEMORY_MAX] = {
		.def = { OPTION_MEMORY_MAX, "memory-max", BOTH,
			.help = "Most memory of the run as a whole; needs a cgroup." },
		.kind = &option_size, AT(memory_max), .least = 1, .none = true },
	[OPTION_CPU_QUOTA] = {
		.def = { OPTION_CPU_QUOTA, "cpu-quota", BOTH,
			.help = "Most time of processors, 100% is all of one; needs a cgroup." },
		.kind = &option_quota, AT(cpu_quota), .none = true },
	[OPTION_TASKS_MAX] = {
		.def = { OPTION_TASKS_MAX, "tasks-max", BOTH,
			.help = "Most processes and threads of the run; needs a cgroup." },
		.kind = &option_count, AT(tasks_max), .least = 1, .most = UINT32_MAX, .none = true },
	LIMIT(AS, "as", "Address space of a process.", UNIT_BYTES),
	LIMIT(CORE, "core", "Size of a core file.", UNIT_BYTES),
	LIMIT(CPU, "cpu", "Processor time of a process.", UNIT_SECONDS),
	LIMIT(DATA, "data", "Data of a process.", UNIT_BYTES),
	LIMIT(FSIZE, "fsize", "Size of a file that is written.", UNIT_BYTES),
	LIMIT(LOCKS, "locks", "Number of file locks.", UNIT_COUNT),
	LIMIT(MEMLOCK, "memlock", "Memory that is locked.", UNIT_BYTES),
	LIMIT(MSGQUEUE, "msgqueue", "Bytes in message queues.", UNIT_BYTES),
	LIMIT(NICE, "nice", "Priority that may be reached: 20 less the nice value.", UNIT_COUNT),
	LIMIT(NOFILE, "nofile", "Number of open files.", UNIT_COUNT),
	LIMIT(NPROC, "nproc", "Number of the user's processes.", UNIT_COUNT),
	LIMIT(RSS, "rss", "Resident memory; without effect in Linux.", UNIT_BYTES),
	LIMIT(RTPRIO, "rtprio", "Real-time priority.", UNIT_COUNT),
	LIMIT(RTTIME, "rttime", "Processor time under a real-time policy without a pause.",
		UNIT_MICROSECONDS),
	LIMIT(SIGPENDING, "sigpending", "Number of signals that wait.", UNIT_COUNT),
	LIMIT(STACK, "stack", "Stack of a process.", UNIT_BYTES),
	[OPTION_PRE] = {
		.def = { OPTION_PRE, "pre", BOTH,
			.help = "Command before the job, as its user; if it fails the run is skipped." },
		TEXT(command), AT(pre), .none = true },
	[OPTION_POST] = {
		.def = { OPTION_POST, "post", BOTH,
			.help = "Command after the job, as its user, however it ended." },
		TEXT(command), AT(post), .none = true },
	[OPTION_ON_SUCCESS] = {
		.def = { OPTION_ON_SUCCESS, "on-success", BOTH,
			.help = "Command after a run that succeeded." },
		TEXT(command), AT(on_success), .none = true },
	[OPTION_ON_FAILURE] = {
		.def = { OPTION_ON_FAILURE, "on-failure", BOTH,
			.help = "Command after a run that did not." },
		TEXT(command), AT(on_failure), .none = true },
	/* what is kept of it */
	[OPTION_LOG] = {
		.def = { OPTION_LOG, "log", BOTH,
			.help = "yes, or the path of each run's log, with % sequences for times and ids." },
		TEXT(log), AT(log), .none = true },
	[OPTION_LOG_MAX] = {
		.def = { OPTION_LOG_MAX, "log-max", BOTH, FALLBACK("1M"),
			.help = "Most bytes of a log; of more, the beginning and the end are kept." },
		.kind = &option_size, AT(log_max), .least = 1024 },
	[OPTION_ARTIFACTS] = {
		.def = { OPTION_ARTIFACTS, "artifacts", BOTH, FALLBACK("no"),
			.help = "yes: a fresh directory for each run, which is kept." },
		.kind = &option_flag, AT(artifacts) },
	[OPTION_RETENTION] = {
		.def = { OPTION_RETENTION, "retention", .list = true, BOTH,
			.help = "How long, and how many, records, logs and artifacts are kept." },
		.kind = &option_retention, AT(retention_ms), .none = true },
	/* who is told */
	[OPTION_MAIL] = {
		.def = { OPTION_MAIL, "mail", BOTH,
			.help = "Whom its output is mailed to, as MAILTO in a crontab." },
		TEXT(mail), AT(mail), .empty = true },
	[OPTION_MAIL_FROM] = {
		.def = { OPTION_MAIL_FROM, "mail-from", BOTH,
			.help = "The sender of that mail, as MAILFROM in a crontab." },
		TEXT(mail), AT(mail_from) },
	[OPTION_ALERT] = {
		.def = { OPTION_ALERT, "alert", .list = true, BOTH,
			.help = "Who is told of failures: mail:ADDRESS or webhook:NAME." },
		LIST(alert), AT(alert), .none = true },
	[OPTION_ALERT_ON] = {
		.def = { OPTION_ALERT_ON, "alert-on", .list = true, BOTH,
			FALLBACK("failure,timeout,watchdog,missed,lost"),
			.help = "What alerts are sent for." },
		.kind = &option_results, AT(alert_on) },
	[OPTION_ALERT_AFTER] = {
		.def = { OPTION_ALERT_AFTER, "alert-after", BOTH, FALLBACK("1"),
			.help = "Failures in a row before the first alert." },
		.kind = &option_number, AT(alert_after), .least = 1, .most = COUNT_MOST },
	[OPTION_ALERT_EVERY] = {
		.def = { OPTION_ALERT_EVERY, "alert-every", BOTH, FALLBACK("1h"),
			.help = "How often it is said again while it goes on failing." },
		.kind = &option_duration, AT(alert_every_ms), .least = 1000, .none = true },
	[OPTION_OWNER] = {
		.def = { OPTION_OWNER, "owner", BOTH,
			.help = "Who looks after it; passed to alerts." },
		TEXT(line), AT(owner) },
	[OPTION_TAGS] = {
		.def = { OPTION_TAGS, "tags", .list = true, BOTH,
			.help = "Words to sort it by; passed to alerts." },
		LIST(tag), AT(tags) },
	[OPTION_DESCRIPTION] = {
		.def = { OPTION_DESCRIPTION, "description", BOTH,
			.help = "What it is for; passed to alerts." },
		TEXT(line), AT(description) },
};

const struct option *option_row(enum option_id id)
{
	return &table[id];
}
